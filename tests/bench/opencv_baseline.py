#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The floor that bovw has to beat: image search as an afternoon's OpenCV script.

SIFT of grey images (cv2.SIFT_create), a k-means vocabulary, tf-idf cosine in numpy,
measured under the "groups" protocol: every listed image is a query once, the other
images of its group are relevant, the query itself and other groups of its family
are ignored, AP in the trapezoid form. Seconds are processor time of all threads.

Needs python3-opencv and python3-numpy; with libopenblas0 numpy is about 30 times faster.

  tests/bench/opencv_baseline.py --data PHOTOS --truth PHOTOS/groups.tsv \\
      --train PHOTOS/distractors -k 1000
"""
import argparse
import os
import time

from common import evaluate, image_paths, print_table, read_truth


def parse_arguments():
    p = argparse.ArgumentParser(description="bag of visual words with OpenCV and numpy")
    p.add_argument("--data", required=True, help="folder of the images to search")
    p.add_argument("--truth", required=True, help="TSV: image group family set")
    p.add_argument("--train", required=True, nargs="+", metavar="DIR",
                   help="folders below --data whose images train the vocabulary")
    p.add_argument("-k", type=int, default=1000, help="words (1000)")
    p.add_argument("--nfeatures", type=int, default=2000, help="SIFT features (2000)")
    p.add_argument("--max-side", type=int, default=1024, help="pixels (1024)")
    p.add_argument("--sample", type=int, default=200000,
                   help="descriptors that train the vocabulary (200000)")
    p.add_argument("--iterations", type=int, default=10, help="of k-means (10)")
    p.add_argument("--kmeans", choices=("cv2", "numpy"),
                   help="default: cv2 up to 2000 words, numpy above")
    p.add_argument("--assign", choices=("exact", "flann"), default="exact")
    p.add_argument("--root", action="store_true", help="RootSIFT")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--cache", metavar="FILE.npz", help="keep the features here")
    return p.parse_args()


def extract_one(path, sift, max_side):
    grey = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if grey is None:
        return np.zeros((0, 128), np.uint8)
    scale = max_side / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, descriptors = sift.detectAndCompute(grey, None)
    if descriptors is None:
        return np.zeros((0, 128), np.uint8)
    return descriptors.astype(np.uint8)  # OpenCV's SIFT are whole numbers, 0 to 255


def extract(root, names, args):
    """All descriptors (n, 128), where each image's begin (images + 1,), seconds."""
    if args.cache and os.path.exists(args.cache):
        kept = np.load(args.cache)
        if kept["names"].tolist() == names:
            return kept["descriptors"], kept["starts"], float(kept["seconds"])
    sift = cv2.SIFT_create(nfeatures=args.nfeatures)
    began = time.process_time()
    each = [extract_one(os.path.join(root, n), sift, args.max_side) for n in names]
    seconds = time.process_time() - began
    starts = np.concatenate([[0], np.cumsum([len(d) for d in each])])
    descriptors = np.concatenate(each)
    if args.cache:
        np.savez(args.cache, names=np.array(names), descriptors=descriptors,
                 starts=starts, seconds=seconds)
    return descriptors, starts, seconds


def to_float(descriptors, root):
    x = descriptors.astype(np.float32)
    if root:
        x = np.sqrt(x / np.maximum(x.sum(1, keepdims=True), 1)) * 512
    return x


def nearest(x, centres, block=2000):
    """Nearest centre of each row: |c|^2 / 2 - x.c, one matrix product a block."""
    half = (centres * centres).sum(1) / 2
    words = np.empty(len(x), np.int32)
    for i in range(0, len(x), block):
        words[i:i + block] = np.argmin(half - x[i:i + block] @ centres.T, axis=1)
    return words


def lloyd(x, k, n_iterations, rng):
    centres = x[rng.choice(len(x), k, replace=False)].copy()
    for _ in range(n_iterations):
        words = nearest(x, centres)
        order = np.argsort(words, kind="stable")
        used, first = np.unique(words[order], return_index=True)
        counts = np.diff(np.append(first, len(x)))
        centres[used] = np.add.reduceat(x[order], first) / counts[:, None]
    return centres


def train(descriptors, starts, names, args):
    chosen = [i for i, n in enumerate(names)
              if any(n.startswith(os.path.relpath(t, args.data).rstrip("/") + "/")
                     for t in args.train)]
    rows = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in chosen])
    rng = np.random.default_rng(args.seed)
    if len(rows) > args.sample:
        rows = rng.choice(rows, args.sample, replace=False)
    x = to_float(descriptors[np.sort(rows)], args.root)
    print(f"vocabulary: {args.k} words from {len(x)} descriptors of {len(chosen)} images")
    began = time.process_time()
    if (args.kmeans or ("cv2" if args.k <= 2000 else "numpy")) == "cv2":
        cv2.setRNGSeed(args.seed)
        stop = (cv2.TERM_CRITERIA_MAX_ITER, args.iterations, 0)
        _, _, centres = cv2.kmeans(x, args.k, None, stop, 1, cv2.KMEANS_PP_CENTERS)
    else:
        centres = lloyd(x, args.k, args.iterations, rng)
    return centres, time.process_time() - began


def quantise(descriptors, starts, centres, args):
    """Word counts of every image, (images, words)."""
    flann = None
    if args.assign == "flann":
        flann = cv2.FlannBasedMatcher({"algorithm": 1, "trees": 4}, {"checks": 64})
        flann.add([centres])
        flann.train()
    n_images = len(starts) - 1
    counts = np.zeros((n_images, len(centres)), np.float32)
    began = time.process_time()
    for i in range(n_images):
        x = to_float(descriptors[starts[i]:starts[i + 1]], args.root)
        if len(x) == 0:
            continue
        if flann:
            words = np.array([m.trainIdx for m in flann.match(x)])
        else:
            words = nearest(x, centres)
        counts[i] = np.bincount(words, minlength=len(centres))
    return counts, time.process_time() - began


def tfidf(counts):
    n_images = len(counts)
    idf = np.log(n_images / np.maximum(1, (counts > 0).sum(0))).astype(np.float32)
    counts *= idf
    counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-12)
    return counts


def search(vectors, names, queries):
    """The ranking of every query, pairs of query and images, and the seconds."""
    index = {n: i for i, n in enumerate(names)}
    rows = np.array([index[q] for q in queries])
    began = time.process_time()
    orders = []
    for i in range(0, len(rows), 256):
        scores = vectors[rows[i:i + 256]] @ vectors.T
        orders += list(np.argsort(-scores, axis=1, kind="stable"))
    seconds = time.process_time() - began
    return ((q, [names[i] for i in o]) for q, o in zip(queries, orders)), seconds


def main(args):
    names = image_paths(args.data)
    descriptors, starts, seconds = extract(args.data, names, args)
    print(f"extraction: {len(names)} images, {len(descriptors)} features, {seconds:.1f} s, "
          f"{1000 * seconds / len(names):.1f} ms an image")
    centres, seconds = train(descriptors, starts, names, args)
    print(f"training: {seconds:.1f} s")
    counts, seconds = quantise(descriptors, starts, centres, args)
    print(f"quantisation ({args.assign}): {seconds:.1f} s, "
          f"{1e6 * seconds / max(1, len(descriptors)):.2f} us a feature")
    truth = read_truth(args.truth)
    rankings, seconds = search(tfidf(counts), names, [row["image"] for row in truth])
    print(f"search: {seconds:.1f} s, {1000 * seconds / len(truth):.2f} ms a query")
    print_table(evaluate(truth, rankings))


if __name__ == "__main__":
    arguments = parse_arguments()
    # The number of threads of a BLAS library must be set before numpy loads it.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    import cv2
    import numpy as np
    cv2.setNumThreads(arguments.threads)
    main(arguments)
