# Goal: runs of any systems under one ground truth. What compare prints is what
# eval prints, and what an evaluator of its own in numpy computes; runs are told
# apart, fused, and refused where they are damaged.
. "$LIB"

scenes photos 8
small my.vocab photos
expect 0 "$BOVW" index create -q -v my.vocab photos.bovw photos
{
    printf 'image\tgroup\tfamily\tset\n'
    for i in 1 2 3 4 5 6 7 8; do
        printf 's%d-a.pgm\t%d\tf%d\tpart%d\ns%d-b.pgm\t%d\t\tpart%d\n' \
            $i $((i / 2)) $((i / 3)) $((i % 2)) $i $((i / 2)) $((i % 2))
    done
} >photos/truth.tsv
truth=groups:photos/truth.tsv
expect 0 "$BOVW" eval photos.bovw --truth $truth --json -o words.trec
cp out eval.json
expect 0 "$BOVW" eval photos.bovw --truth $truth --verify 5 -o verified.trec
# Another system: the names' lengths and letters, in a shuffled file.
for q in photos/s?-?.pgm; do
    for image in photos/s?-?.pgm; do
        printf '%s %s\n' "$q" "$image"
    done
done | awk '{ h = (index($1, "-") * NR * 7919) % 101; print substr($1, 8), "Q0", substr($2, 8), 0, h / 7, "hash" }' |
    sort -k 5 >hash.trec

expect 0 "$BOVW" compare --truth $truth words.trec verified.trec hash.trec --groups
has out "part0" "part1" "all" "mAP-rect" "recall@100" "mAP against words.trec" "wins" \
    "mAP by group" "differs most from words.trec" "interval 95 %"
cp out text
expect 0 "$BOVW" compare --truth $truth words.trec verified.trec hash.trec --groups --threads 1
same out text
expect 0 "$BOVW" compare --truth $truth words.trec hash.trec --worst 0 --seed 2
lacks out "differs most"
expect 0 "$BOVW" compare --truth $truth words.trec
lacks out "against"
expect 0 "$BOVW" compare --truth $truth words.trec --measure P@1 hash.trec --worst 1
has out "P@1 against words.trec" "P@1 of the queries"
expect 0 "$BOVW" compare --truth $truth words.trec words.trec
has out "+0.00    +0.00 to   +0.00    1.0000       0       0      16"
"$BOVW" compare --truth $truth - <words.trec >out 2>err || fail "compare -: $(cat err)"
expect 0 "$BOVW" compare --truth $truth words.trec verified.trec hash.trec --json
lines out 1
cp out compare.json

# A run that lacks a query is told; one that has more, too.
grep -v '^s1-a' words.trec >less.trec
echo "other Q0 s1-a.pgm 1 1 t" >>less.trec
expect 0 "$BOVW" compare --truth $truth words.trec less.trec
has err "less.trec: lacks 1 of 16 queries, which count as 0" \
    "less.trec: 1 query is not in the ground truth"

# ---- fusion ----------------------------------------------------------------------

expect 0 "$BOVW" fuse words.trec hash.trec -o both.trec
expect 0 "$BOVW" fuse words.trec hash.trec
same out both.trec
has both.trec "bovw-fuse"
expect 0 "$BOVW" fuse words.trec hash.trec --method sum --weights 1,0 -n 3 -o words3.trec
# All of the weight on one run is that run.
awk '{ print $1, $3, $4 }' words3.trec >fused
awk '$4 <= 3 { print $1, $3, $4 }' words.trec >alone
same fused alone
expect 0 "$BOVW" fuse words.trec words.trec --method sum -o twice.trec
expect 0 "$BOVW" compare --truth $truth words.trec twice.trec
has out "+0.00    +0.00 to   +0.00    1.0000       0       0      16"
expect 1 "$BOVW" fuse words.trec hash.trec --weights 1
has err '--weights: "1" is not 2 numbers'
expect 1 "$BOVW" fuse words.trec hash.trec --weights 1,-1
has err "weight 2 is -1"
expect 2 "$BOVW" fuse words.trec
expect 2 "$BOVW" fuse words.trec hash.trec --method best

# ---- damaged input ---------------------------------------------------------------

sed '3s/ [0-9.]* bovw$/ nan bovw/' words.trec >bad.trec
expect 1 "$BOVW" compare --truth $truth words.trec bad.trec
has err "bad.trec: line 3: the score is not a finite number"
[ -s out ] && fail "a failed comparison prints something"
sed '2s/ Q0//' words.trec >bad.trec
expect 1 "$BOVW" fuse words.trec bad.trec -o never.trec
has err "bad.trec: line 2: want six words"
[ -e never.trec ] && fail "a failed fusion leaves a file"
{ cat words.trec; head -n 1 words.trec; } >bad.trec
expect 1 "$BOVW" compare --truth $truth bad.trec
has err "bad.trec: line $(wc -l <bad.trec): image " "is in line 1 already"
awk '{ $5 = 1000 - $5; print }' words.trec >bad.trec
expect 1 "$BOVW" compare --truth $truth bad.trec
has err "bad.trec: line " "the best must have the highest score"
expect 1 "$BOVW" compare --truth $truth missing.trec
has err "missing.trec: No such file"
expect 2 "$BOVW" compare words.trec
has err "--truth KIND:PATH is missing"
expect 2 "$BOVW" compare --truth $truth
expect 2 "$BOVW" compare --truth $truth --measure best words.trec

# ---- the same figures from another evaluator ---------------------------------------

python=
for p in python3 /usr/bin/python3; do
    command -v $p >/dev/null && $p -c 'import numpy' 2>/dev/null && python=$p && break
done
if [ -z "$python" ]; then
    echo "SKIPPED: no python3 with numpy: figures not compared with another evaluator"
    exit 0
fi
# qrels say the same of the same data, and have ignored images of their own.
awk -F '\t' 'NR > 1 { image[NR] = $1; group[NR] = $2 }
    END { for (q in image) for (i in image)
        if (q != i && group[q] == group[i]) print image[q], 0, image[i], 1
        else if (q == i || (q * i) % 7 == 0) print image[q], 0, image[i], -1
        else print image[q], 0, image[i], 0 }' photos/truth.tsv >qrels
expect 0 "$BOVW" compare --truth qrels:qrels words.trec verified.trec hash.trec --json
cp out qrels.json
here=$(dirname "$LIB")
$python "$here/evaluator.py" groups photos/truth.tsv words.trec verified.trec hash.trec >groups.txt ||
    fail "evaluator"
$python "$here/evaluator.py" qrels qrels words.trec verified.trec hash.trec >qrels.txt ||
    fail "evaluator"
$python - <<'END' || fail "compare, eval and the evaluator disagree"
import json
def figures(path):
    row = [s for s in json.load(open(path))["sets"] if s["set"] == "all"][0]
    return row.get("runs", [row])
for name in ("groups", "qrels"):
    theirs = [tuple(map(float, line.split())) for line in open(name + ".txt")]
    ours = figures({"groups": "compare.json", "qrels": "qrels.json"}[name])
    assert len(theirs) == len(ours) == 3
    for t, o in zip(theirs, ours):
        assert abs(t[0] - o["mAP"]) < 1e-6 and abs(t[1] - o["mAP-rect"]) < 1e-6, (name, t, o)
        assert 5 < t[0] < t[1] <= 100, t
first = figures("eval.json")[0]
again = figures("compare.json")[0]
for measure in ("mAP", "mAP-rect", "P@1", "P@10", "recall@100"):
    assert abs(first[measure] - again[measure]) < 1e-6, measure
END
exit 0
