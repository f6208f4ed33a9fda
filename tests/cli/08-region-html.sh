# Goal: a query by a part of the picture finds what is in that part, and the
# page is one self-contained file that shows it.
. "$LIB"

scenes photos 6
small my.vocab photos
expect 0 "$BOVW" index create -q -v my.vocab photos.bovw photos

# Left half scene 2, right half scene 5.
beside both.pgm photos/s2-b.pgm photos/s5-b.pgm

first() {
    expect 0 "$BOVW" query photos.bovw both.pgm --format tsv -n 1 --verify 12 --region "$1"
    cut -f 5 out
}
[ "$(first 0,0,192,144)" = photos/s2-b.pgm ] || fail "left half: $(cat out)"
[ "$(first 192,0,192,144)" = photos/s5-b.pgm ] || fail "right half: $(cat out)"

# A region around everything is the same as none.
expect 0 "$BOVW" query photos.bovw both.pgm --format trec
cp out whole
expect 0 "$BOVW" query photos.bovw both.pgm --format trec --region -10,-10,500,500
same whole out

# The parts have fewer features than the whole.
n_features() {
    sed 's/.*"n_features":\([0-9]*\).*/\1/' out
}
expect 0 "$BOVW" query photos.bovw both.pgm --format json
whole=$(n_features)
expect 0 "$BOVW" query photos.bovw both.pgm --format json --region 0,0,192,144
[ "$(n_features)" -gt 0 ] && [ "$(n_features)" -lt "$whole" ] || fail "$(n_features) of $whole"

# Nothing inside: no results, and it is said.
expect 0 "$BOVW" query photos.bovw both.pgm --format tsv --region 1000,1000,10,10
[ -s out ] && fail "results of nothing"
has err "both.pgm: no features inside the region"

# ---- the page --------------------------------------------------------------------

expect 0 "$BOVW" query photos.bovw both.pgm photos/s1-a.pgm --region 0,0,192,144 --verify 12 \
    -n 4 --html page.html --format tsv
has page.html "<html" "</html>" "both.pgm" "s1-a.pgm" "s2-b.pgm" "data:image/" "--region" "bovw 0" \
    'class="region"' "region 192 × 144 pixels from (0, 0)"
n=$(grep -oF 'data:image/' page.html | wc -l)
[ "$n" -ge 5 ] || fail "$n pictures for 2 queries of 4 results"

# Indexed pictures that are gone: their names are still there.
mkdir gone
mv photos/s2-b.pgm gone/
expect 0 "$BOVW" query photos.bovw both.pgm --html gone.html -n 3 --verify 12 --region 0,0,192,144
has gone.html "s2-b.pgm" "no picture: No such file or directory"

# A failed query leaves no page, and an old one as it was.
echo old >old.html
expect 1 "$BOVW" query photos.bovw missing.pgm --html old.html
[ "$(cat old.html)" = old ] || fail "the page was touched"
expect 1 "$BOVW" query photos.bovw both.pgm --html nowhere/page.html
has err "nowhere/page.html"
[ -z "$(find . -name '*.tmp')" ] || fail "leftovers: $(find . -name '*.tmp')"
exit 0
