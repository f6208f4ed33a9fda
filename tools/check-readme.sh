#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Compile the library example of README.md and run it as "example INDEX PICTURE" on made-up
# pictures: it must succeed and print the picture's own name, which is in the index.
#   CC=... CFLAGS=... LDLIBS=... tools/check-readme.sh BUILD
# The example is the ```c block after the line <!-- example.c --> of README.md.
set -euo pipefail
build=$1 work=$1/readme

if [ ! -f README.md ] || ! grep -q '^<!-- example\.c -->' README.md; then
    echo "readme: README.md has no <!-- example.c -->" >&2
    exit 1
fi
rm -rf "$work"
mkdir -p "$work/photos"
awk '/^<!-- example\.c -->/ { wanted = 1 }
     /^```/ && inside { exit }
     inside
     /^```c$/ && wanted { inside = 1 }' README.md >"$work/example.c"
# shellcheck disable=SC2086 # flags are words
$CC $CFLAGS "$work/example.c" "$build/libbovw.a" $LDLIBS -o "$work/example"

# Grey rectangles on each other: corners and blobs enough for a few hundred features.
for seed in 1 2 3 4 5 6; do
    LC_ALL=C awk -v seed=$seed 'BEGIN {
        srand(seed); side = 256
        for (r = 0; r < 150; r++) {
            x0 = int(rand() * side); y0 = int(rand() * side); grey = 16 + int(rand() * 220)
            w = 4 + int(rand() * 50); h = 4 + int(rand() * 50)
            for (y = y0; y < y0 + h && y < side; y++)
                for (x = x0; x < x0 + w && x < side; x++) pixel[y * side + x] = grey
        }
        printf "P5\n%d %d\n255\n", side, side
        for (i = 0; i < side * side; i++) printf "%c", i in pixel ? pixel[i] : 128
    }' >"$work/photos/$seed.pgm"
done

bovw=$build/bovw
"$bovw" vocab train --quiet -k 100 -o "$work/small.vocab" "$work/photos"
"$bovw" index create --quiet -v "$work/small.vocab" "$work/photos.bovw" "$work/photos"
"$work/example" "$work/photos.bovw" "$work/photos/3.pgm" >"$work/example.out"
if ! head -n 1 "$work/example.out" | grep -q '3\.pgm'; then
    echo "readme: the example did not find the picture that it was given; it printed:" >&2
    cat "$work/example.out" >&2
    exit 1
fi
echo "readme: the library example compiles, runs and finds its picture"
