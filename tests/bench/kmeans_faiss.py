#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""k-means of `bovw vocab train` beside that of FAISS: the same descriptors, words,
iterations and threads.

bovw draws the descriptors from the feature files and seeds with k-means++; FAISS gets
the very same ones as floats, and seeds with random ones, as it does by default. What
reading and signatures take does not count. The error is the mean squared distance of
--judges of the descriptors to the nearest centroid, found by FAISS for both. Without
python3-faiss bovw is timed alone.

  tests/bench/kmeans_faiss.py --bovw build/bovw photos.feat
  tests/bench/kmeans_faiss.py --bovw build/bovw -n 1000000 -k 100000 -i 1 photos.feat
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

from common import write_row

try:
    import numpy
except ImportError:
    sys.exit("numpy is not installed for this Python: k-means is skipped")
try:
    import faiss
except ImportError:
    faiss = None

DIM = 128


def parse_arguments():
    p = argparse.ArgumentParser(description="k-means of bovw and FAISS")
    p.add_argument("features", nargs="+", metavar="FEATURES", help="files of bovw extract")
    p.add_argument("--bovw", metavar="PROGRAM", default="build/bovw")
    p.add_argument("-n", type=int, default=500000, help="descriptors (500000)")
    p.add_argument("-k", type=int, default=20000, help="words (20000)")
    p.add_argument("-i", "--iterations", type=int, default=5, help="at least 2 (5)")
    p.add_argument("--threads", type=int, default=os.cpu_count(), help="(all)")
    p.add_argument("--judges", type=int, default=50000,
                   help="descriptors that the error is measured with (50000)")
    p.add_argument("--peers", default="bovw,faiss", help="which to run (bovw,faiss)")
    return p.parse_args()


def read_descriptors(paths):
    """A list with an array (n, 128) of bytes for each image, in order."""
    images = []
    for path in paths:
        data = numpy.memmap(path, dtype=numpy.uint8, mode="r")
        index = int(data[16:24].view("<u8")[0])
        for offset in data[index:].view("<u8").tolist():
            head = data[offset:offset + 64]
            n, name_bytes = int(head[4:8].view("<u4")[0]), int(head[16:20].view("<u4")[0])
            first = offset + 64 + (name_bytes + 15) // 16 * 16 + 16 * n
            images.append(data[first:first + DIM * n].reshape(n, DIM))
    return images


def mix(x):
    """random_mix() of src/base/random.h."""
    x = x + numpy.uint64(0x9e3779b97f4a7c15)
    x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xbf58476d1ce4e5b9)
    x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94d049bb133111eb)
    return x ^ (x >> numpy.uint64(31))


def draw_sample(images, n):
    """What `bovw vocab train --sample n` draws with seed 1."""
    places = numpy.concatenate([
        (numpy.uint64(i) << numpy.uint64(32)) | numpy.arange(len(d), dtype=numpy.uint64)
        for i, d in enumerate(images)])
    priorities = mix(mix(numpy.array([1], numpy.uint64)) ^ places)
    if n < len(priorities):
        kept = numpy.sort(numpy.argpartition(priorities, n)[:n])
    else:
        kept = numpy.arange(len(priorities))
    sample = numpy.empty((len(kept), DIM), numpy.uint8)
    starts = numpy.cumsum([0] + [len(d) for d in images])
    ends = numpy.searchsorted(kept, starts)
    for i, d in enumerate(images):
        here = slice(ends[i], ends[i + 1])
        sample[here] = d[kept[here] - starts[i]]
    return sample


def read_centroids(path):
    """Section 2 of a vocabulary."""
    data = numpy.fromfile(path, numpy.uint8)
    for entry in data[64:64 + 32 * int(data[16:20].view("<u4")[0])].reshape(-1, 32):
        if entry[:4].view("<u4")[0] == 2:
            offset, n_bytes = (int(v) for v in entry[8:24].view("<u8"))
            return data[offset:offset + n_bytes].reshape(-1, DIM)
    raise ValueError(path)


def run_bovw(args, folder):
    """Centroids, seconds of seeding, seconds of the iterations."""
    out = f"{folder}/vocab"
    line = [args.bovw, "vocab", "train", "-k", str(args.k), "--sample", str(args.n),
            "--iterations", str(args.iterations), "--threads", str(args.threads), "-o", out,
            *args.features]
    ends = []
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        for text in process.stderr:
            now = time.perf_counter()
            if ": training on " in text:
                begun = now
            if re.search(r": iteration \d+: ", text):
                ends.append(now)
    if process.returncode != 0:
        sys.exit("bovw failed")
    # All iterations take the same time, so that where they began is known.
    iteration = (ends[-1] - ends[0]) / max(1, len(ends) - 1)
    seeded = ends[0] - iteration
    return read_centroids(out), seeded - begun, ends[-1] - seeded, len(ends)


def run_faiss(args, sample):
    kmeans = faiss.Kmeans(DIM, args.k, niter=args.iterations, seed=1,
                          min_points_per_centroid=1, max_points_per_centroid=1 << 30)
    start = time.perf_counter()
    kmeans.train(sample)
    return kmeans.centroids, 0.0, time.perf_counter() - start, args.iterations


def error_of(centroids, judges):
    index = faiss.IndexFlatL2(DIM)
    index.add(numpy.ascontiguousarray(centroids, numpy.float32))
    return float(index.search(judges, 1)[0].mean())


def main(args):
    sample = draw_sample(read_descriptors(args.features), args.n)
    args.n = len(sample)
    print(f"k-means: {args.n} descriptors, {args.k} words, {args.iterations} iterations, "
          f"{args.threads} threads")
    print(f"{'peer':6}  {'seeding_s':>10}  {'iteration_s':>11}  {'all_s':>10}  {'error':>9}",
          flush=True)
    if not faiss:
        print("FAISS is not installed for this Python: skipped", file=sys.stderr)
    else:
        faiss.omp_set_num_threads(args.threads)
        chosen = numpy.random.default_rng(1).choice(args.n, min(args.n, args.judges), False)
        judges = sample[chosen].astype(numpy.float32)
    total, error = {}, {}
    for peer in args.peers.split(","):
        if peer == "bovw":
            with tempfile.TemporaryDirectory() as folder:
                found = run_bovw(args, folder)
        elif faiss:
            found = run_faiss(args, sample.astype(numpy.float32))
        else:
            continue
        centroids, seeding, iterations, n_iterations = found
        total[peer] = seeding + iterations
        error[peer] = error_of(centroids, judges) if faiss else 0.0
        write_row("kmeans", {"peer": peer, "descriptors": args.n, "words": args.k,
                             "iterations": n_iterations, "threads": args.threads,
                             "seeding s": round(seeding, 2),
                             "s/iteration": round(iterations / n_iterations, 3),
                             "s": round(total[peer], 2), "error": round(error[peer], 1)})
        print(f"{peer:6}  {seeding:10.1f}  {iterations / n_iterations:11.2f}  "
              f"{total[peer]:10.1f}  {error[peer]:9.1f}", flush=True)
    if len(total) == 2:
        print(f"bovw takes {total['bovw'] / total['faiss']:.3f} of FAISS's time, its error "
              f"is {error['bovw'] / error['faiss']:.4f} of FAISS's")


if __name__ == "__main__":
    main(parse_arguments())
