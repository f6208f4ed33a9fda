#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes the corpora that fuzzing starts from: small files of every kind, made by the
# program itself. BOVW=build/bovw tests/fuzz/seeds.sh; findings are added by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."
bovw=$(realpath "${BOVW:-build/bovw}")
corpus=$(realpath tests/fuzz)/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for target in tests/fuzz/fuzz_*.c; do
    mkdir -p "$corpus/$(basename "$target" .c)"
done

# tagged NUMBER FILE: the contents of standard input after one byte.
tagged() {
    { printf "\\$(printf %o "$1")"; cat; } >"$2"
}

# npy ORDER TYPE ROWS COLUMNS: a numpy file, its data from standard input.
npy() {
    local head="{'descr': '$2', 'fortran_order': $1, 'shape': ($3, $4), }"
    printf '\223NUMPY\1\0v\0%-117s\n' "$head"
    cat
}

cp tests/data/pictures/* "$corpus/fuzz_image/"
for kind in 'P5 4 3 255' 'P6 2 2 255' 'P4 8 2'; do
    { printf '%s\n' "$kind"; printf 'abcdefghijklmnop'; } >"$corpus/fuzz_image/${kind%% *}.pnm"
done
printf 'GIF89a\2\0\2\0\200\0\0\0\0\0\377\377\377,\0\0\0\0\2\0\2\0\0\2\2\204Q\0;' >"$corpus/fuzz_image/two.gif"
printf 'BM\106\0\0\0\0\0\0\0\66\0\0\0\50\0\0\0\2\0\0\0\2\0\0\0\1\0\30\0\0\0\0\0\20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0aaabbb\0\0cccddd\0\0' \
    >"$corpus/fuzz_image/two.bmp"
printf '\0\0\2\0\0\0\0\0\0\0\0\0\2\0\2\0\30\0aaabbbcccddd' >"$corpus/fuzz_image/two.tga"
printf '\377\330\377\341\0\42Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0' |
    cat - <(tail -c +3 tests/data/pictures/grey.jpg) >"$corpus/fuzz_image/turned.jpg"

printf 'dog-sift first-octave=-1 peak=1 edge=10 max-side=1024 max-features=2000 root=1' >"$corpus/fuzz_options/default"
printf 'hessian-affine-sift first-octave=0 peak=0.5 edge=5 max-side=64 max-features=0 root=0 upright=1' >"$corpus/fuzz_options/other"
printf 'he128,asmk' >"$corpus/fuzz_options/signatures"

head -c 24 /dev/zero | npy False '<f4' 2 3 | tagged 0 "$corpus/fuzz_vectors/float32"
head -c 48 /dev/zero | npy True '>f8' 2 3 | tagged 0 "$corpus/fuzz_vectors/float64"
head -c 12 /dev/zero | npy False '<f2' 2 3 | tagged 0 "$corpus/fuzz_vectors/float16"
printf '\2\0\0\0\0\0\200?\0\0\0@\2\0\0\0\0\0\0\0\0\0\200\277' | tagged 1 "$corpus/fuzz_vectors/fvecs"
printf '\3\0\0\0abc\3\0\0\0def' | tagged 2 "$corpus/fuzz_vectors/bvecs"

printf 'a.jpg\nb/c d.jpg\n' | tagged 2 "$corpus/fuzz_names/two"
printf '# a list\n\nx.png\nnames\n' | tagged 1 "$corpus/fuzz_names/list"

printf 'a.jpg Q0 b.jpg 1 0.5 x\na.jpg Q0 c%%20d.jpg 2 0.25 x\nb Q0 a.jpg 1 -1e3 x\n' >"$corpus/fuzz_run/two"

printf 'image\tgroup\tfamily\tset\na.jpg\tg\tf\ts\nx/b.jpg\tg\tf\ts\nc.jpg\th\tf\tt\n' | tagged 0 "$corpus/fuzz_truth/groups"
printf 'q1 0 a.jpg 1\nq1 0 b%%20c.jpg -1\nq2 0 a.jpg 2\n' | tagged 1 "$corpus/fuzz_truth/qrels"
printf '{"imlist":["a","b","c"],"qimlist":["q"],"gnd":[{"easy":[0],"hard":[1],"junk":[2],"bbx":[1,2,30,40]}]}' |
    tagged 2 "$corpus/fuzz_truth/revisited"
printf '100000.jpg\n100001.jpg\n100100.jpg\n100101.jpg\n' | tagged 3 "$corpus/fuzz_truth/holidays"
printf 'oxc1_a 1 2 30 40\n\0a\nb\n\0c\n\0d\n' | tagged 4 "$corpus/fuzz_truth/oxford"

# Two pictures of 32 x 32, a few features of each, two words.
for i in 1 2; do
    { printf 'P5 32 32 255\n'; for ((p = 0; p < 1024; p++)); do
        printf "\\$(printf %o $((((p / 5 * p * i * 7 + p % 32 * (p / 32)) >> 2) % 256)))"; done; } >"$work/$i.pgm"
done
cd "$work"
"$bovw" extract -q --max-features 4 --peak 0 -o f.feat 1.pgm 2.pgm
"$bovw" vocab train -q -k 2 -o v.vocab f.feat
cp f.feat "$corpus/fuzz_features/two.feat"
cp v.vocab "$corpus/fuzz_vocabulary/two.vocab"
