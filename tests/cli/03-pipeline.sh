# Goal: from pictures to a ranked list and its measures. Every scene's other
# view is found first, straight from pictures and through a feature file.
. "$LIB"

scenes photos 8

expect 0 "$BOVW" extract -o photos.feat photos
has err "16 images" "features"
[ -e photos.feat.part ] && fail "extract left its .part file"
expect 1 "$BOVW" extract -o photos.feat photos
has err "photos.feat: exists already" "--force"
expect 0 "$BOVW" extract --force -q -o photos.feat photos
[ -s err ] && fail "--quiet prints something"

expect 0 "$BOVW" vocab train -k 200 -o my.vocab photos.feat
has err "iteration 1" "200 words"
expect 1 "$BOVW" vocab train -k 200 -o my.vocab photos.feat
has err "my.vocab: exists already"

expect 0 "$BOVW" index create -v my.vocab photos.bovw photos
has err "added 16 images"
expect 1 "$BOVW" index create -v my.vocab photos.bovw photos
has err "photos.bovw" "index add"
cp "$BOVW" alone # without the vocabulary that ships beside it
expect 1 ./alone index create fresh.bovw photos
has err "no vocabulary given" "vocab train"
[ -e fresh.bovw ] && fail "a failed create leaves a folder"

# From features, an image more in two steps, the ranking is the same.
expect 0 "$BOVW" index create -v my.vocab two.bovw
has err "empty"
expect 0 "$BOVW" index add two.bovw --batch 5 photos.feat
expect 0 "$BOVW" index add two.bovw photos
has err "16 images were there already" "added 0 images"
expect 0 "$BOVW" index check two.bovw
expect 0 "$BOVW" query photos.bovw photos -n 0 --format tsv --verify 5
cp out one
expect 0 "$BOVW" query two.bovw photos.feat -n 0 --format tsv --verify 5
same one out

# The picture itself is first, its other view second.
expect 0 "$BOVW" query photos.bovw photos -n 2 --format tsv --verify 5
lines out 32
for i in 1 2 3 4 5 6 7 8; do
    for view in a:b b:a; do
        name=photos/s$i-${view%:*}.pgm
        [ "$(awk -F '\t' -v n="$name" '$1 == n && $2 == 1 { print $5 }' out)" = "$name" ] ||
            fail "$name is not first for itself"
        [ "$(awk -F '\t' -v n="$name" '$1 == n && $2 == 2 { print $5 }' out)" = \
            "photos/s$i-${view#*:}.pgm" ] || fail "$name: other view is not second"
    done
done

# A query that the index does not have, and one from standard input.
picture new.pgm 3 -6 2 0.9
expect 0 "$BOVW" query photos.bovw new.pgm -n 1 --format tsv --verify 5
has out "photos/s3-"
"$BOVW" query photos.bovw - -n 1 --format tsv <new.pgm >out 2>err || fail "query -"
has out "photos/s3-"
printf '# a comment\n\nnew.pgm\nphotos/s1-a.pgm\n' >list
expect 0 "$BOVW" query photos.bovw @list -n 1 --format tsv
lines out 2

expect 0 "$BOVW" index list photos.bovw
lines out 16
[ "$(head -n 1 out | cut -f 1-3)" = "$(printf 'photos/s1-a.pgm\t192\t144')" ] ||
    fail "index list: $(head -n 1 out)"
[ "$(cut -f 5 out | sort -u | wc -l)" -eq 16 ] || fail "content ids are not distinct"

expect 0 "$BOVW" info photos.bovw
has out "kind: index" "images: 16" "words: 200"
expect 0 "$BOVW" index info --check photos.bovw
has err "no damage"
expect 0 "$BOVW" info --check photos.feat
has out "kind: feature file" "images: 16"
expect 0 "$BOVW" info my.vocab
has out "kind: vocabulary" "words: 200" "features: dog-sift"

# Two views of a scene agree, two scenes do not.
expect 0 "$BOVW" match photos/s2-a.pgm photos/s2-b.pgm -o matches.png
[ "$(awk '$1 == "inliers" { print $2 }' out)" -ge 15 ] || fail "few inliers: $(cat out)"
has out "transform"
head -c 4 matches.png | grep -q PNG || fail "matches.png is no PNG"
expect 0 "$BOVW" match photos/s2-a.pgm photos/s2-b.pgm -v my.vocab
[ "$(awk '$1 == "inliers" { print $2 }' out)" -ge 15 ] || fail "few inliers: $(cat out)"
expect 0 "$BOVW" match photos/s2-a.pgm photos/s3-b.pgm
[ "$(awk '$1 == "inliers" { print $2 }' out)" -lt 8 ] || fail "inliers of two scenes"

# Every view is found, so every measure of the first ranks is full.
{
    printf 'image\tgroup\tset\n'
    for i in 1 2 3 4 5 6 7 8; do
        printf 's%d-a.pgm\t%d\t%s\ns%d-b.pgm\t%d\t%s\n' $i $i "part$((i % 2))" $i $i "part$((i % 2))"
    done
} >photos/truth.tsv
expect 0 "$BOVW" eval photos.bovw --truth groups:photos/truth.tsv --verify 16 -o run.trec
has out "mAP" "P@1" "recall@100" "part0" "part1" "seconds per query" "vocabulary"
[ "$(awk '$1 == "all" { print $2, $3, $4, $5 }' out)" = "16 100.00 100.00 100.00" ] ||
    fail "measures: $(cat out)"
[ "$(cut -d ' ' -f 1 run.trec | sort -u | wc -l)" -eq 16 ] || fail "run.trec lacks queries"
expect 0 "$BOVW" eval photos.bovw --truth groups:photos/truth.tsv --verify 16 --json \
    --features photos.feat
has out '"mAP":100.0' '"set":"part1"' '"threads":'
lines out 1

# A query without a picture counts as 0 and is named.
printf 's9-a.pgm\t9\tpart1\ns9-b.pgm\t9\tpart1\n' >>photos/truth.tsv
expect 3 "$BOVW" eval photos.bovw --truth groups:photos/truth.tsv --verify 16
has err "skipped s9-a.pgm" "skipped s9-b.pgm"
[ "$(awk '$1 == "all" { print $2, $3 }' out)" = "18 88.89" ] || fail "measures: $(cat out)"
exit 0
