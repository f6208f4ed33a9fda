#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An evaluator that shares nothing with bovw: both forms of average precision from
matrices, by numpy alone. It prints the mean of each in percent.

    evaluator.py groups TABLE RUN...      the groups protocol, all queries
    evaluator.py qrels QRELS RUN...
"""
import csv
import sys
from urllib.parse import unquote

import numpy as np


def read_run(path):
    run = {}
    for line in open(path, encoding="latin-1"):
        query, _, image, rank, score, _ = line.split()
        run.setdefault(unquote(query, "latin-1"), []).append(
            (-np.float32(score), int(rank), unquote(image, "latin-1")))
    return {query: [image for _, _, image in sorted(rows, key=lambda r: r[:2])]
            for query, rows in run.items()}


def read_groups(path):
    rows = list(csv.DictReader(open(path, encoding="latin-1"), delimiter="\t"))
    queries = {}
    for row in rows:
        good = {r["image"] for r in rows if r["group"] == row["group"]} - {row["image"]}
        family = row.get("family")
        bad = {r["image"] for r in rows if family and r.get("family") == family}
        if good:
            queries[row["image"]] = good, (bad - good) | {row["image"]}
    return queries


def read_qrels(path):
    queries = {}
    for line in open(path, encoding="latin-1"):
        query, _, image, relevance = line.split()
        good, junk = queries.setdefault(unquote(query), (set(), set()))
        if int(relevance) > 0:
            good.add(unquote(image))
        if int(relevance) < 0:
            junk.add(unquote(image))
    return {q: v for q, v in queries.items() if v[0]}


def average_precisions(ranking, good, junk):
    kept = [image for image in ranking if image not in junk]
    hit = np.array([image in good for image in kept], dtype=bool)
    found = np.cumsum(hit)
    precision = found / np.arange(1, len(kept) + 1)
    before = np.concatenate(([1.0], precision[:-1]))
    return (np.sum((before + precision)[hit]) / 2 / len(good),
            np.sum(precision[hit]) / len(good))


class Names:
    """Finds the name itself, or the only one that ends with it."""

    def __init__(self, names):
        self.names, self.ends = set(names), {}
        for name in self.names:
            for at in [i for i, c in enumerate(name) if c == "/"]:
                self.ends[name[at:]] = None if name[at:] in self.ends else name

    def find(self, name):
        return name if name in self.names else self.ends.get("/" + name) or name


def evaluate(truth, run):
    queries = Names(run)
    images = Names(image for ranking in run.values() for image in ranking)
    values = []
    for query, (good, junk) in truth.items():
        ranking = run.get(queries.find(query), [])
        values.append(average_precisions(ranking, {images.find(g) for g in good},
                                         {images.find(j) for j in junk}))
    return np.mean(values, axis=0)


kind, path, *runs = sys.argv[1:]
truth = {"groups": read_groups, "qrels": read_qrels}[kind](path)
for name in runs:
    print("%.9f %.9f" % tuple(100 * evaluate(truth, read_run(name))))
