# Goal: the output formats that scripts read. Columns, order and names are
# exact, also for names with blanks, percent signs, quotes and bytes that are
# no UTF-8; table, tsv, json and trec agree with each other.
. "$LIB"

mkdir photos
picture "photos/a view.pgm" 1
picture 'photos/100%.pgm' 1 4 3 1.1
picture 'photos/"q".pgm' 2
picture "$(printf 'photos/\351t\351.pgm')" 2 -4 3 1.1
small my.vocab photos
expect 0 "$BOVW" index create -q -v my.vocab photos.bovw photos

tab=$(printf '\t')
expect 0 "$BOVW" query photos.bovw "photos/a view.pgm" --format tsv --verify 4
cp out tsv
grep -qvE "^photos/a view\.pgm${tab}[1-4]${tab}[0-9]+\.[0-9]{6}${tab}[0-9]+${tab}photos/.+\$" tsv &&
    fail "tsv: $(cat tsv)"
[ "$(cut -f 2 tsv | tr '\n' ' ')" = "1 2 3 4 " ] || fail "ranks: $(cat tsv)"
sort -t "$tab" -k 3,3nr -c tsv || fail "scores are not in descending order"
[ "$(sed -n 2p tsv | cut -f 5)" = "photos/100%.pgm" ] || fail "second: $(cat tsv)"

expect 0 "$BOVW" query photos.bovw "photos/a view.pgm" --format trec --verify 4
cp out trec
has trec "photos/a%20view.pgm Q0 photos/a%20view.pgm 1 " "photos/a%20view.pgm Q0 photos/100%25.pgm 2 "
[ "$(awk 'NF != 6 || $6 != "bovw"' trec)" = "" ] || fail "trec: $(cat trec)"
lines trec "$(wc -l <tsv)"

expect 0 "$BOVW" query photos.bovw "photos/a view.pgm" --format json --verify 4
cp out json
lines json 1
has json '{"query":"photos/a view.pgm","n_features":' '"seconds":{"extraction":' \
    '{"rank":1,"image":"photos/a view.pgm","score":' '"image":"photos/100%.pgm"' \
    '"image":"photos/\"q\".pgm"' '"image":"photos/%E9t%E9.pgm"' '"verified":true' '"transform":['
if command -v python3 >/dev/null; then
    python3 - <<'END' || fail "json and tsv disagree"
import json
line = json.loads(open("json").read())
rows = [r.split("\t") for r in open("tsv", encoding="latin-1").read().splitlines()]
assert len(line["results"]) == len(rows)
for hit, row in zip(line["results"], rows):
    assert hit["rank"] == int(row[1]) and hit["inliers"] == int(row[3])
    assert abs(hit["score"] - float(row[2])) < 1e-3
    assert len(hit.get("transform", [0] * 9)) == 9
    assert (hit["model"] == "none") == ("transform" not in hit)
END
fi

expect 0 "$BOVW" query photos.bovw "photos/a view.pgm" --verify 4
has out "photos/a view.pgm: " " features" "rank" "score" "inliers" "image"
lines out $(($(wc -l <tsv) + 2))

# Two queries: two lines of json, in the order given.
expect 0 "$BOVW" query photos.bovw 'photos/"q".pgm' 'photos/100%.pgm' --format json
lines out 2
sed -n 1p out | grep -qF '"query":"photos/\"q\".pgm"' || fail "order of queries"

# -o writes the same bytes; -n bounds the results.
expect 0 "$BOVW" query photos.bovw "photos/a view.pgm" --format tsv --verify 4 -o file.tsv
same tsv file.tsv
[ -s out ] && fail "-o prints to standard output too"
expect 0 "$BOVW" query photos.bovw "photos/a view.pgm" -n 1 --format tsv
lines out 1

# A reader that stops early, and a full disk.
"$BOVW" query photos.bovw photos photos photos -n 0 --format tsv 2>err | head -n 1 >out
lines out 1
[ -s err ] && fail "message after a closed pipe: $(cat err)"
if [ -w /dev/full ]; then
    got=0
    "$BOVW" index list photos.bovw >/dev/full 2>err || got=$?
    [ "$got" -eq 1 ] || fail "full disk: exit status $got"
    has err "No space left"
    got=0
    "$BOVW" query photos.bovw photos --format tsv >/dev/full 2>err || got=$?
    [ "$got" -eq 1 ] || fail "full disk: exit status $got"
    has err "No space left"
fi
exit 0
