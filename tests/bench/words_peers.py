#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""FAISS on the words and descriptors of bench_words, beside its figures.

    BENCH_JSON=rows bench_words -o FOLDER [VOCABULARY FEATURES]
    BENCH_JSON=rows words_peers.py FOLDER

Exact search (IndexFlatL2) with the same number of threads; on one thread the
inverted file (IndexIVFFlat, as many lists as bovw has groups) and the graph
(IndexHNSWFlat), each with more and more effort until 98 of 100 nearest words are
found. The time to make them is not counted, but said; with --keep they stay in
FOLDER for the next run on the same words. "x bovw" is how many times as long as
bovw it took: up to 1 FAISS is faster.
"""
import argparse
import ctypes
import json
import math
import os
import time
import zlib

from common import write_row

# FAISS's threads and those of its OpenBLAS would wait for each other at full speed.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
try:
    import faiss
    import numpy as np
except ImportError:
    faiss = None

WANTED = 0.98
N_EXACT = 2048


def set_threads(n):
    """Of FAISS, and of the OpenBLAS that it multiplies with."""
    faiss.omp_set_num_threads(n)
    try:
        ctypes.CDLL("libopenblas.so.0").openblas_set_num_threads(n)
    except (OSError, AttributeError):
        print("(the threads of FAISS's BLAS are not known)")


def read(path):
    return np.fromfile(path, np.uint8).reshape(-1, 128).astype(np.float32)


def rows_of_bovw():
    """Rows that bench_words wrote, or none."""
    path = os.environ.get("BENCH_JSON")
    if not path or not os.path.exists(path):
        return []
    with open(path) as f:
        rows = [json.loads(line) for line in f]
    return [r for r in rows if r["table"] in ("words-exact", "words")]


def microseconds(index, queries, repeat=3):
    best, distances = math.inf, None
    for _ in range(repeat):
        start = time.perf_counter()
        distances, _ = index.search(queries, 1)
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / len(queries), distances[:, 0]


def show(table, row):
    print("  ".join(f"{str(v):>14}" for v in row.values()), flush=True)
    write_row(table, row)


def exact(words, queries, ours):
    print("\nFAISS, the nearest word, exactly")
    for row in [r for r in ours if r["table"] == "words-exact"]:
        set_threads(row["threads"])
        index = faiss.IndexFlatL2(128)
        index.add(words[:row["words"]])
        n = N_EXACT if row["words"] <= 100000 else N_EXACT // 8
        us, _ = microseconds(index, queries[:n], 3 if row["words"] <= 100000 else 1)
        show("words-exact", {"words": row["words"], "method": "FAISS flat",
                             "threads": row["threads"], "us/descriptor": round(us, 2),
                             "x bovw": round(us / row["us/descriptor"], 2)})
    set_threads(os.cpu_count())


def make(name, index, words, folder):
    path = folder and os.path.join(
        folder, f"{name.replace(' ', '-')}-{zlib.crc32(words.data):08x}.index")
    if path and os.path.exists(path):
        return faiss.read_index(path)
    start = time.process_time()
    if not index.is_trained:
        index.train(words[::4])
    index.add(words)
    print(f"{name}: made in {time.process_time() - start:.0f} s of processor time")
    if path:
        faiss.write_index(index, path)
    return index


def approximate(name, index, efforts, set_effort, words, queries, nearest, ours, folder):
    index = make(name, index, words, folder)
    set_threads(1)
    for effort in efforts:
        set_effort(index, effort)
        us, found = microseconds(index, queries)
        recall = float(np.mean(found <= nearest + 0.5))
        show("words", {"words": len(words), "method": name, "effort": effort,
                       "at once": len(queries), "recall@1": round(recall, 4),
                       "us/descriptor": round(us, 2),
                       "x bovw": round(us / ours, 2) if recall >= WANTED else None})
        if recall >= WANTED:
            break
    set_threads(os.cpu_count())


def main(args):
    if faiss is None:
        print("words: python3-faiss is not installed: skipped")
        return
    words = read(os.path.join(args.folder, "words.u8"))
    queries = read(os.path.join(args.folder, "queries.u8"))[:N_EXACT]
    nearest = np.fromfile(os.path.join(args.folder, "nearest.u32"), np.uint32)
    nearest = nearest[:N_EXACT].astype(np.float32)
    rows = rows_of_bovw()
    exact(words, queries, rows)
    grouped = [r["us/descriptor"] for r in rows if r["table"] == "words"
               and r["method"] == "bovw groups" and r["recall@1"] >= WANTED]
    ours = grouped[0] if grouped else math.nan
    folder = args.folder if args.keep else None
    n_lists = int(2 * math.sqrt(len(words)))
    print("\nFAISS, the nearest word, approximately, one thread")
    approximate("FAISS IVF", faiss.IndexIVFFlat(faiss.IndexFlatL2(128), 128, n_lists),
                [8, 16, 24, 32, 40, 48, 64, 96, 128],
                lambda index, n: setattr(index, "nprobe", n), words, queries, nearest, ours,
                folder)
    if args.links > 0:
        approximate(f"FAISS HNSW{args.links}", faiss.IndexHNSWFlat(128, args.links),
                    [16, 32, 64, 96, 128, 192, 256, 384, 512],
                    lambda index, n: setattr(index.hnsw, "efSearch", n), words, queries,
                    nearest, ours, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where bench_words left words.u8, queries.u8, nearest.u32")
    parser.add_argument("--links", type=int, default=32,
                        help="of a word in the graph (32); 0: no graph, which takes long to make")
    parser.add_argument("--keep", action="store_true", help="keep what is made in FOLDER")
    main(parser.parse_args())
