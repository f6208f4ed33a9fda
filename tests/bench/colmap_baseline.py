#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What COLMAP's image retrieval scores on the photographs that bovw is measured on.

Its own SIFT on the processor, a vocabulary tree of the training images alone, and
vocab_tree_retriever: Hamming embedding, five words for each feature of a query, and
"vote and verify" geometry. Protocol "groups", as in opencv_baseline.py. Seconds are
processor time of one thread (--threads); those of a query are without start-up.

Needs colmap (Debian: apt-get install colmap). What is made stays in --cache, so that
a run that was stopped goes on; a folder of files is kept for each feature limit.

  tests/bench/colmap_baseline.py --data PHOTOS --truth PHOTOS/groups.tsv \\
      --train PHOTOS/distractors --cache CACHE
"""
import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import urllib.parse

from common import evaluate, image_paths, print_table, read_truth

QUERY = re.compile(r"Querying for image (.*) \[\d+/\d+\]")
RESULT = re.compile(r" +image_id=\d+, image_name=(.*), score=\S+$")


def parse_arguments():
    p = argparse.ArgumentParser(description="image retrieval with COLMAP")
    p.add_argument("--data", required=True, help="folder of the images to search")
    p.add_argument("--truth", required=True, help="TSV: image group family set")
    p.add_argument("--train", required=True, nargs="+", metavar="DIR",
                   help="folders below --data whose images train the vocabulary")
    p.add_argument("--cache", required=True, metavar="DIR", help="keep all files here")
    p.add_argument("-k", type=int, default=65536, help="words (65536)")
    p.add_argument("--nfeatures", type=int, default=8192, help="per image (8192)")
    p.add_argument("--max-side", type=int, default=1024, help="pixels (1024)")
    p.add_argument("--verify", type=int, default=100, metavar="N",
                   help="verify the first N images (100; 0: all of the ranking)")
    p.add_argument("--every", type=int, default=1, metavar="N",
                   help="ask for each N-th image of the ground truth alone (1)")
    p.add_argument("--against", metavar="RUN",
                   help="also measure this TREC run (of bovw eval -o) on the same queries")
    p.add_argument("--run", metavar="NAME",
                   help="write the rankings to NAME.plain.trec and NAME.verified-N.trec")
    p.add_argument("--threads", type=int, default=1)
    return p.parse_args()


class Colmap:
    """Runs COLMAP's commands, each of which makes one file, unless the file is there."""

    def __init__(self, folder, n_threads):
        self.folder = folder
        self.n_threads = n_threads

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, product, command, prints=False, **options):
        """The seconds it took (of a resumed one: the last part). The product is what it
        prints or the file that options call PART."""
        target = self.path(product)
        if not os.path.exists(target):
            line = ["colmap", command]
            for name, value in options.items():
                line += [f"--{name}", str(value).replace("PART", target + ".part")]
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            self.run(line, target + ".log", target + ".part" if prints else None)
            seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            with open(target + ".seconds", "w") as f:
                print(f"{seconds:.2f}", file=f)
            os.rename(target + ".part", target)
        with open(target + ".seconds") as f:
            return float(f.read())

    def run(self, line, log_path, output_path):
        environment = dict(os.environ, OMP_THREAD_LIMIT=str(self.n_threads))
        with open(log_path, "w") as log, open(output_path or os.devnull, "w") as output:
            code = subprocess.run(line, stdout=output if output_path else log, stderr=log,
                                  env=environment).returncode
        if code != 0:
            sys.exit(f"{' '.join(line)}: failed, see {log_path}")

    def write_list(self, name, images):
        """The path of a file with one image a line, which a later run must repeat."""
        path = self.path(name)
        text = "".join(image + "\n" for image in images)
        if os.path.exists(path):
            with open(path) as f:
                if f.read() != text:
                    sys.exit(f"{path}: made of other photographs; use another cache")
        with open(path, "w") as f:
            f.write(text)
        return path


def extract(colmap, args):
    """Features of the training images in train.db, of all images in all.db."""
    names = image_paths(args.data)
    folders = tuple(os.path.relpath(t, args.data).rstrip("/") + "/" for t in args.train)
    lists = {"train": [n for n in names if n.startswith(folders)], "all": names}
    for name, images in lists.items():
        started = colmap.path(f"{name}.db.part")
        if name == "all" and not any(map(os.path.exists, (started, started[:-5]))):
            shutil.copy(colmap.path("train.db"), started + ".copy")
            os.rename(started + ".copy", started)
        seconds = colmap.make(
            f"{name}.db", "feature_extractor", database_path="PART", image_path=args.data,
            image_list_path=colmap.write_list(f"{name}.txt", images),
            **{"SiftExtraction.use_gpu": 0, "SiftExtraction.num_threads": args.threads,
               "SiftExtraction.max_num_features": args.nfeatures,
               "SiftExtraction.max_image_size": args.max_side})
        print(f"features: {name}.db, {len(images)} images, {seconds:.1f} s", flush=True)
    return names


def search(colmap, label, queries, args, **options):
    """File of what the retriever prints, and its seconds a query: those of a run with
    all queries without those of a run with one."""
    seconds = []
    for kind, images in (("start", queries[:1]), ("all", queries)):
        seconds.append(colmap.make(
            f"{args.k}-{label}-{args.every}-{kind}.txt", "vocab_tree_retriever", prints=True,
            database_path=colmap.path("all.db"),
            vocab_tree_path=colmap.path(f"{args.k}.index"),
            query_image_list_path=colmap.write_list(f"queries-{args.every}-{kind}.txt", images),
            **options))
    each = (seconds[1] - seconds[0]) / max(1, len(queries) - 1)
    print(f"search, {label}: {1000 * each:.1f} ms a query", flush=True)
    return colmap.path(f"{args.k}-{label}-{args.every}-all.txt")


def read_rankings(path):
    """Pairs of query and images, best first, from what the retriever printed."""
    query, images = None, []
    with open(path) as f:
        for line in f:
            asked, found = QUERY.match(line), RESULT.match(line)
            if asked:
                if query is not None:
                    yield query, images
                query, images = asked.group(1), []
            elif found:
                images.append(found.group(1))
    if query is not None:
        yield query, images


def read_run(path, queries):
    """The same from a TREC run, of these queries."""
    images = {query: [] for query in queries}
    with open(path) as f:
        for line in f:
            qid, _, docno, _, score, _ = line.split()
            query = urllib.parse.unquote(qid)
            if query in images:
                images[query].append((-float(score), urllib.parse.unquote(docno)))
    for query in queries:
        yield query, [image for _, image in sorted(images[query], key=lambda x: x[0])]


def followed_by(first, others):
    """The rankings of first, each followed by what only the other ranking has."""
    for (query, images), (other_query, more) in zip(first, others):
        assert query == other_query
        known = set(images)
        yield query, images + [image for image in more if image not in known]


def write_run(path, rankings):
    """Pass the rankings on and write them as a TREC run."""
    with open(path, "w") as f:
        for query, images in rankings:
            for i, image in enumerate(images):
                qid, docno = (urllib.parse.quote(name, safe="/") for name in (query, image))
                print(f"{qid} Q0 {docno} {i + 1} {len(images) - i} colmap", file=f)
            yield query, images


def report(label, rankings, truth, args):
    if args.run:
        rankings = write_run(f"{args.run}.{label}.trec", rankings)
    print(f"ranking: {label}")
    print_table(evaluate(truth, rankings))


def main(args):
    if not shutil.which("colmap"):
        print("colmap is not installed: skipped", file=sys.stderr)
        return
    truth = read_truth(args.truth)
    queries = [row["image"] for row in truth][::args.every]
    folder = f"{args.cache}/nfeatures-{args.nfeatures}-max-side-{args.max_side}"
    os.makedirs(folder, exist_ok=True)
    colmap = Colmap(folder, args.threads)

    names = extract(colmap, args)
    seconds = colmap.make(f"{args.k}.tree", "vocab_tree_builder", num_visual_words=args.k,
                          database_path=colmap.path("train.db"), vocab_tree_path="PART")
    print(f"training: {args.k} words, {seconds:.1f} s", flush=True)
    seconds = colmap.make(f"{args.k}.index", "vocab_tree_retriever",
                          database_path=colmap.path("all.db"),
                          vocab_tree_path=colmap.path(f"{args.k}.tree"),
                          output_index_path="PART")
    print(f"indexing: {seconds:.1f} s", flush=True)

    plain = search(colmap, "plain", queries, args)
    report("plain", read_rankings(plain), truth, args)
    n_verified = args.verify or len(names)
    label = f"verified-{n_verified}"
    verified = search(colmap, label, queries, args, num_images=n_verified,
                      num_images_after_verification=n_verified)
    rankings = followed_by(read_rankings(verified), read_rankings(plain))
    report(label, rankings, truth, args)
    if args.against:
        print(f"ranking: {args.against}")
        print_table(evaluate(truth, read_run(args.against, queries)))


if __name__ == "__main__":
    main(parse_arguments())
