#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast others extract SIFT features from the photographs that bovw is timed on.

OpenCV (cv2.SIFT_create, which doubles the picture first, as bovw does), COLMAP's
feature_extractor on the processor (VLFeat's SIFT, doubled too) and, given --bovw,
`bovw extract`, all from files, scaled to the same longer side. Peers that are not
installed are left out. Printed is the least of --repeat runs: wall time, processor
time, and the latter by feature. COLMAP and bovw share pictures out among threads;
OpenCV works with all of them at one picture.

  tests/bench/extract_peers.py --bovw build/bovw PHOTOS/scenes
  tests/bench/extract_peers.py --threads 1 --repeat 3 @list
"""
import argparse
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

from common import image_paths, write_row

try:
    import cv2
except ImportError:
    cv2 = None


def parse_arguments():
    p = argparse.ArgumentParser(description="speed of SIFT extraction")
    p.add_argument("paths", nargs="+", metavar="PATH", help="photograph, folder or @list")
    p.add_argument("--threads", default="1,2", metavar="N,N", help="numbers (1,2)")
    p.add_argument("--nfeatures", type=int, default=2000,
                   help="per image (2000; 0: no limit)")
    p.add_argument("--max-side", type=int, default=1024, help="pixels (1024)")
    p.add_argument("--repeat", type=int, default=1, help="runs, the fastest counts (1)")
    p.add_argument("--bovw", metavar="PROGRAM", help="time `bovw extract` too")
    return p.parse_args()


def list_images(paths):
    images = []
    for path in paths:
        if path.startswith("@"):
            with open(path[1:]) as f:
                images += f.read().split("\n")
        elif os.path.isdir(path):
            images += [os.path.join(path, name) for name in image_paths(path)]
        else:
            images.append(path)
    return [os.path.abspath(i) for i in images if i]


def run(*line):
    return subprocess.run(line, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout


def run_opencv(images, n_threads, args, _):
    """Each returns the number of features."""
    cv2.setNumThreads(n_threads)
    sift = cv2.SIFT_create(nfeatures=args.nfeatures)
    n_features = 0
    for path in images:
        grey = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        scale = args.max_side / max(grey.shape)
        if scale < 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        n_features += len(sift.detectAndCompute(grey, None)[0])
    return n_features


def colmap_version():
    """COLMAP's name and version, or None where it is not installed."""
    return run("colmap", "help").split(" --")[0].strip() if shutil.which("colmap") else None


def run_colmap(images, n_threads, args, folder):
    root = os.path.commonpath([os.path.dirname(path) for path in images])
    with open(f"{folder}/list", "w") as f:
        f.writelines(os.path.relpath(path, root) + "\n" for path in images)
    run("colmap", "feature_extractor", "--database_path", f"{folder}/db",
        "--image_path", root, "--image_list_path", f"{folder}/list",
        "--SiftExtraction.use_gpu", "0",
        "--SiftExtraction.num_threads", str(n_threads),
        "--SiftExtraction.max_image_size", str(args.max_side),
        "--SiftExtraction.max_num_features", str(args.nfeatures or 1 << 30))
    with sqlite3.connect(f"{folder}/db") as db:
        return db.execute("SELECT SUM(rows) FROM descriptors").fetchone()[0]


def run_bovw(images, n_threads, args, folder):
    with open(f"{folder}/list", "w") as f:
        f.writelines(path + "\n" for path in images)
    run(args.bovw, "extract", "--threads", str(n_threads), "--max-side", str(args.max_side),
        "--max-features", str(args.nfeatures), "-o", f"{folder}/feat", f"@{folder}/list")
    told = run(args.bovw, "info", f"{folder}/feat")
    return int(re.search(r"^features: (\d+)$", told, re.MULTILINE).group(1))


def processor_seconds():
    own, children = (resource.getrusage(who) for who in
                     (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def measure(peer, images, n_threads, args):
    """Wall seconds, processor seconds, number of features."""
    with tempfile.TemporaryDirectory() as folder:
        wall, processor = time.perf_counter(), processor_seconds()
        n_features = peer(images, n_threads, args, folder)
        return time.perf_counter() - wall, processor_seconds() - processor, n_features


def main(args):
    images = list_images(args.paths)
    peers = {}
    if cv2:
        peers[f"OpenCV {cv2.__version__}"] = run_opencv
    else:
        print(f"OpenCV is not installed for {sys.executable}: skipped", file=sys.stderr)
    if colmap_version():
        peers[colmap_version()] = run_colmap
    else:
        print("COLMAP is not installed: skipped", file=sys.stderr)
    if args.bovw:
        peers["bovw"] = run_bovw
    print(f"{len(images)} images, at most {args.nfeatures or 'all'} features, "
          f"{args.max_side} pixels\npeer\tthreads\tfeatures/image\tms/image\tCPU ms/image\t"
          "CPU us/feature")
    for n_threads in map(int, args.threads.split(",")):
        for name, peer in peers.items():
            runs = [measure(peer, images, n_threads, args) for _ in range(args.repeat)]
            wall, processor, n_features = (min(values) for values in zip(*runs))
            row = {"peer": name, "threads": n_threads,
                   "features/image": round(n_features / len(images)),
                   "ms/image": round(1000 * wall / len(images), 1),
                   "CPU ms/image": round(1000 * processor / len(images), 1),
                   "CPU us/feature": round(1e6 * processor / max(1, n_features), 1)}
            print(*row.values(), sep="\t", flush=True)
            write_row("extract-peers", row)


if __name__ == "__main__":
    main(parse_arguments())
