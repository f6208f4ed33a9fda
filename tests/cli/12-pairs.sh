# Goal: the list of pairs for structure from motion is what a search for every
# picture finds, each pair once, without the pictures.
. "$LIB"

scenes photos 8
small my.vocab photos
expect 0 "$BOVW" extract -q -o photos.feat photos
expect 0 "$BOVW" index create -q --batch 5 -v my.vocab photos.bovw photos.feat
expect 0 "$BOVW" index list photos.bovw
cut -f 1 out >names

# The first n of each search that are not the picture itself, in the index's order.
wanted() {
    expect 0 "$BOVW" query photos.bovw photos.feat -n 0 --format tsv
    awk -F '\t' -v n="$1" '
        FILENAME == "names" { place[$1] = FNR; name[FNR] = $1; next }
        $1 == $5 { next }
        ++count[$1] <= n {
            a = place[$1]; b = place[$5]
            if (a > b) { t = a; a = b; b = t }
            if (!seen[a, b]++) printf "%d %d %s %s\n", a, b, name[a], name[b]
        }' names out | sort -k 1,1n -k 2,2n | cut -d ' ' -f 3-
}
mv photos gone # nothing is looked up
for n in 1 3 50; do
    wanted $n >want
    expect 0 "$BOVW" pairs photos.bovw -n $n -o pairs.txt
    same want pairs.txt
    has err "pairs of 16 images"
    [ "$(tr ' ' '\n' <pairs.txt | sort -u | wc -l)" -eq 16 ] || fail "an image has no partner"
    expect 0 "$BOVW" pairs photos.bovw -n $n --threads 1
    same want out
    expect 0 "$BOVW" pairs photos.bovw -n $n --threads 5
    same want out
done
# The two views of each scene are a pair.
expect 0 "$BOVW" pairs photos.bovw -n 3 --root photos/
for i in 1 2 3 4 5 6 7 8; do
    has out "s$i-a.pgm s$i-b.pgm"
done
lacks out "photos/"

expect 1 "$BOVW" pairs photos.bovw --root pictures
has err "image photos/s1-a.pgm is not in the folder pictures"
expect 1 "$BOVW" pairs photos.bovw --root photo
mkdir blank
picture "blank/a b.pgm" 1
expect 0 "$BOVW" index create -q -v my.vocab blank.bovw blank
expect 1 "$BOVW" pairs blank.bovw -o never.txt
has err "a b.pgm: a list of pairs cannot hold a name with white space"
[ -e never.txt ] && fail "a failed list leaves a file"
expect 0 "$BOVW" index create -q -v my.vocab empty.bovw
expect 0 "$BOVW" pairs empty.bovw
lines out 0
expect 1 "$BOVW" pairs photos.bovw -o nowhere/pairs.txt
expect 1 "$BOVW" pairs missing.bovw
expect 2 "$BOVW" pairs photos.bovw -n 0
expect 2 "$BOVW" pairs
exit 0
