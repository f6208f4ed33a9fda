# SPDX-License-Identifier: MIT
"""What the scripts here share: names of images, the protocol "groups", and rows.

The protocol is described in datasets/README.md, rows in rows.h.
"""
import csv
import json
import os

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".ppm")


def image_paths(root):
    """Every image below root, named relative to it, sorted."""
    paths = []
    for folder, _, files in os.walk(root):
        paths += [os.path.relpath(os.path.join(folder, f), root) for f in files
                  if f.lower().endswith(SUFFIXES)]
    return sorted(paths)


def read_truth(path):
    """The lines of the ground truth, as dicts; family and set are optional columns."""
    with open(path, newline="") as f:
        truth = list(csv.DictReader(f, delimiter="\t"))
    for row in truth:
        row["family"] = row.get("family") or row["group"]
        row["set"] = row.get("set") or "-"
    return truth


def average_precision(judged, n_relevant):
    """Trapezoid AP of a ranking; judged tells which of its images are relevant."""
    total, found = 0.0, 0
    for rank, relevant in enumerate(judged):
        if relevant:
            before = found / rank if rank else 1.0
            found += 1
            total += (before + found / (rank + 1)) / 2
    return total / n_relevant


def evaluate(truth, rankings):
    """AP of each query by set, from pairs of query and its images, best first.

    A relevant image that a ranking leaves out counts as never found.
    """
    row_of = {row["image"]: row for row in truth}
    by_set = {}
    for query, images in rankings:
        asked = row_of[query]
        n_relevant = sum(row["group"] == asked["group"] for row in truth) - 1
        if n_relevant == 0:
            continue
        judged = []
        for image in images:
            row = row_of.get(image)
            relevant = row is not None and row["group"] == asked["group"]
            ignored = row is not None and not relevant and row["family"] == asked["family"]
            if image != query and not ignored:
                judged.append(relevant)
        ap = average_precision(judged, n_relevant)
        by_set.setdefault(asked["set"], []).append(ap)
    return by_set


def print_table(by_set):
    """Lines of set, number of queries and mAP in percent, then the same over all."""
    print("set\tqueries\tmAP")
    everything = [ap for name in sorted(by_set) for ap in by_set[name]]
    for name, aps in [(n, by_set[n]) for n in sorted(by_set)] + [("all", everything)]:
        print(f"{name}\t{len(aps)}\t{100 * sum(aps) / max(1, len(aps)):.2f}", flush=True)


def write_row(table, values):
    """Append a row, a dict of column and value, to the file that BENCH_JSON names."""
    if os.environ.get("BENCH_JSON"):
        with open(os.environ["BENCH_JSON"], "a") as f:
            f.write(json.dumps({"table": table, **values}) + "\n")
