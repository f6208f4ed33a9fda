#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Goal: a query grows by the verified images that it finds, and several pictures of one object are one
# query; what was done is said, and it is the same every time.
. "$LIB"

scenes photos 6
small words.vocab photos
expect 0 "$BOVW" extract -q -o photos.feat photos
expect 0 "$BOVW" index create -q -v words.vocab --signatures he128,asmk photos.bovw photos.feat
expect 0 "$BOVW" index create -q -v words.vocab --signatures he128,asmk slow.bovw
for i in 3 1 2 4 6 5; do
    expect 0 "$BOVW" index add -q slow.bovw photos/s$i-a.pgm photos/s$i-b.pgm
done

for score in tfidf he asmk; do
    args="-n 0 --verify 12 --score $score"
    expect 0 "$BOVW" query photos.bovw photos.feat $args --format tsv
    cp out plain
    expect 0 "$BOVW" query photos.bovw photos.feat $args --format tsv --expand 3
    cp out expanded
    cmp -s plain expanded && fail "$score: expansion changes nothing"

    # Views of a scene still find each other first, with the same inliers.
    for i in 1 2 3 4 5 6; do
        awk -F '\t' -v q="photos/s$i-a.pgm" '$1 == q && $2 <= 2 { print $5, $4 }' plain | sort >plain.first
        awk -F '\t' -v q="photos/s$i-a.pgm" '$1 == q && $2 <= 2 { print $5, $4 }' expanded | sort >first
        same plain.first first
        has first "s$i-a.pgm" "s$i-b.pgm"
    done

    expect 0 "$BOVW" query photos.bovw photos.feat $args --format tsv --expand 0
    same out plain
    expect 0 "$BOVW" query photos.bovw photos.feat $args --format tsv --expand 3 --threads 3 --kernel portable
    same out expanded
    # Images are numbered otherwise there, and equal scores come by number.
    expect 0 "$BOVW" query slow.bovw photos.feat $args --format tsv --expand 3
    cut -f 1,3- out | sort >slow.sorted
    cut -f 1,3- expanded | sort >expanded.sorted
    same slow.sorted expanded.sorted
done

# A region around everything is the same as none.
expect 0 "$BOVW" query photos.bovw photos/s2-a.pgm --format tsv --verify 12 --expand 3
cp out whole
expect 0 "$BOVW" query photos.bovw photos/s2-a.pgm --format tsv --verify 12 --expand 3 --region -10,-10,500,500
same out whole

expect 0 "$BOVW" query photos.bovw photos/s2-a.pgm --format json --verify 12 --expand 3
has out '"expansion":'
expect 0 "$BOVW" query photos.bovw photos/s2-a.pgm --verify 12 --expand 3 --html page.html
has page.html "expanded in"

# Evaluation says that it did, and how long it took.
{ printf 'image\tgroup\n'
  for i in 1 2 3 4 5 6; do printf 's%s-a.pgm\t%s\ns%s-b.pgm\t%s\n' $i $i $i $i; done
} >photos/groups.tsv
expect 0 "$BOVW" eval photos.bovw --truth groups:photos/groups.tsv --verify 12 --expand 5
has out "100.00" "--expand 5" "expansion"
expect 0 "$BOVW" eval photos.bovw --truth groups:photos/groups.tsv --verify 12 --expand 5 --json
has out '"expansion":' '--expand 5'

# ---- several pictures ----------------------------------------------------------------

for score in tfidf he asmk; do
    expect 0 "$BOVW" query photos.bovw photos/s4-a.pgm photos/s2-a.pgm --together -n 4 --score $score \
        --verify 12 --format tsv
    lines out 4
    [ "$(cut -f 1 out | sort -u)" = photos/s4-a.pgm ] || fail "label: $(cat out)"
    cut -f 5 out | sort >names
    printf 'photos/s%s.pgm\n' 2-a 2-b 4-a 4-b >wanted
    same names wanted

    # One picture together is that picture.
    expect 0 "$BOVW" query photos.bovw photos/s4-a.pgm --format trec --verify 12 --score $score
    cp out plain
    expect 0 "$BOVW" query photos.bovw photos/s4-a.pgm --format trec --verify 12 --score $score --together
    same out plain
done
expect 0 "$BOVW" query photos.bovw photos --together --verify 12 --expand 4
has out "photos/s1-a.pgm and 11 more: "
expect 0 "$BOVW" query photos.bovw photos/s4-a.pgm photos/s2-a.pgm --together --format json
lines out 1
has out '"n_images":2'
printf x >bad.jpg
expect 3 "$BOVW" query photos.bovw bad.jpg photos/s2-a.pgm --together --format tsv -n 1
has out "photos/s2-a.pgm"
has err "bad.jpg"
expect 1 "$BOVW" query photos.bovw bad.jpg --together

# ---- what is wrong --------------------------------------------------------------------

expect 2 "$BOVW" query photos.bovw photos/s2-a.pgm --expand 3
has err "--verify"
expect 2 "$BOVW" eval photos.bovw --truth groups:photos/groups.tsv --expand 3
expect 2 "$BOVW" query photos.bovw photos/s2-a.pgm --verify 3 --expand many
