#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: an index with signatures ranks by he and asmk, from the command line to the measures, however
# it was filled; an index without them says what to do.
. "$LIB"

scenes photos 6
small words.vocab photos
expect 0 "$BOVW" info words.vocab
has out "signatures: 128 bits"
expect 0 "$BOVW" extract -q -o photos.feat photos

for list in he64 he128 asmk he128,asmk; do
    expect 0 "$BOVW" index create -q -v words.vocab --signatures $list $list.bovw photos.feat
    expect 0 "$BOVW" info --check $list.bovw
    has out "signatures: $list"
done
expect 0 "$BOVW" index create -q -v words.vocab default.bovw photos.feat
expect 0 "$BOVW" info default.bovw
has out "signatures: he128"
expect 0 "$BOVW" index create -q -v words.vocab --signatures none plain.bovw photos.feat
expect 0 "$BOVW" info plain.bovw
has out "signatures: none"

# Each view finds the other of its scene.
for args in "he64 he" "he128 he" "he128 he --he-bits 64" "asmk asmk" "he128,asmk asmk"; do
    set -- $args
    for i in 1 2 3 4 5 6; do
        expect 0 "$BOVW" query $1.bovw photos/s$i-a.pgm -n 2 --format tsv --score "${@:2}"
        has out "s$i-a.pgm" "s$i-b.pgm"
    done
    expect 0 "$BOVW" query $1.bovw photos/s1-a.pgm -n 2 --verify 5 --format tsv --score "${@:2}"
    has out "s1-b.pgm"
done

# The same whether it was filled at once or image by image, by threads, by kernel.
expect 0 "$BOVW" index create -q -v words.vocab --signatures he128,asmk slow.bovw
expect 0 "$BOVW" index add -q --batch 2 slow.bovw photos/s3-a.pgm photos/s1-a.pgm
expect 0 "$BOVW" index add -q --batch 3 --threads 1 slow.bovw photos
expect 0 "$BOVW" index check slow.bovw
expect 0 "$BOVW" index create -q -v words.vocab --signatures he128,asmk fast.bovw \
    photos/s3-a.pgm photos/s1-a.pgm photos
for score in tfidf he asmk; do
    expect 0 "$BOVW" query fast.bovw photos.feat -n 0 --verify 4 --format tsv --score $score
    cp out expected
    expect 0 "$BOVW" query slow.bovw photos.feat -n 0 --verify 4 --format tsv --score $score \
        --threads 3 --kernel portable
    same out expected
done

# Evaluation says how it ranked.
{ printf 'image\tgroup\tfamily\tset\n'
  for i in 1 2 3 4 5 6; do printf 's%s-a.pgm\t%s\t%s\tall\ns%s-b.pgm\t%s\t%s\tall\n' $i $i $i $i $i $i; done
} >photos/groups.tsv
for score in tfidf he asmk; do
    expect 0 "$BOVW" eval fast.bovw --truth groups:photos/groups.tsv --features photos.feat --score $score
    has out "100.00" "--score $score"
done
expect 0 "$BOVW" eval fast.bovw --truth groups:photos/groups.tsv --features photos.feat \
    --score tfidf --tf root --assign 3
has out "--tf root" "--assign 3"

# What is not there is said, and so is what is wrong.
expect 1 "$BOVW" query plain.bovw photos/s1-a.pgm --score he
has err "plain.bovw" "--signatures he64"
expect 1 "$BOVW" query he64.bovw photos/s1-a.pgm --score asmk
has err "--signatures asmk"
expect 1 "$BOVW" query he64.bovw photos/s1-a.pgm --score he --he-bits 128
has err "--signatures he128"
expect 2 "$BOVW" query he64.bovw photos/s1-a.pgm --score best
has err "tfidf, he, asmk"
expect 2 "$BOVW" index create -v words.vocab --signatures he32 new.bovw photos.feat
has err "he32" "he64"
[ ! -e new.bovw ] || fail "a folder was made"
