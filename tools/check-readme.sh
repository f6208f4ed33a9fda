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

# shellcheck source=tests/cli/lib.sh
. tests/cli/lib.sh
scenes "$work/photos" 4

bovw=$build/bovw
"$bovw" vocab train --quiet -k 100 -o "$work/small.vocab" "$work/photos"
"$bovw" index create --quiet -v "$work/small.vocab" "$work/photos.bovw" "$work/photos"
"$work/example" "$work/photos.bovw" "$work/photos/s3-b.pgm" >"$work/example.out"
if ! head -n 1 "$work/example.out" | grep -q 's3-b\.pgm'; then
    echo "readme: the example did not find the picture that it was given; it printed:" >&2
    cat "$work/example.out" >&2
    exit 1
fi
echo "readme: the library example compiles, runs and finds its picture"
