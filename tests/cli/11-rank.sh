# Goal: the vectors of another model become a run. The ranking is worked by
# hand, is the same from every kind of file and for any threads, and malformed
# files are told.
. "$LIB"

# a and b point the same way, c almost, d stands across, e is nothing.
printf 'a.jpg\ndir/b.jpg\nwith blank.jpg\nd.jpg\ne.jpg\n' >names
printf '\2\0\0\0\4\0\2\0\0\0\10\0\2\0\0\0\4\1\2\0\0\0\0\5\2\0\0\0\0\0' >v.bvecs
{ printf '\223NUMPY\1\0\76\0'
  printf "{'descr': '<f2', 'fortran_order': True, 'shape': (5, 2), }   \n"
  # 4 8 4 0 0, then 0 0 1 5 0
  printf '\0\104\0\110\0\104\0\0\0\0''\0\0\0\0\0\74\0\105\0\0'; } >v.npy

expect 0 "$BOVW" rank --db v.bvecs --db-names names -o bytes.trec
expect 0 "$BOVW" rank --db v.npy --db-names names
same out bytes.trec
expect 0 "$BOVW" rank --db v.npy --db-names names --threads 1 --kernel portable
same out bytes.trec
lines bytes.trec 25
cat >want <<'END'
d.jpg Q0 d.jpg 1 1 bovw-rank
d.jpg Q0 with%20blank.jpg 2 0.242535621 bovw-rank
d.jpg Q0 a.jpg 3 0 bovw-rank
d.jpg Q0 dir/b.jpg 4 0 bovw-rank
d.jpg Q0 e.jpg 5 0 bovw-rank
END
grep '^d.jpg' bytes.trec >got
same got want
[ "$(awk '$1 == "a.jpg" { print $3, $5 }' bytes.trec | head -n 3 | tr '\n' ' ')" = \
    "a.jpg 1 dir/b.jpg 1 with%20blank.jpg 0.970142484 " ] || fail "$(cat bytes.trec)"

# Distances, their sign turned; queries of their own; the first two.
printf 'q\n' >query
printf '\2\0\0\0\7\0' >q.bvecs
expect 0 "$BOVW" rank --db v.bvecs --db-names names --queries q.bvecs --query-names query \
    --measure euclidean -n 2
cat >want <<'END'
q Q0 dir/b.jpg 1 -1 bovw-rank
q Q0 a.jpg 2 -3 bovw-rank
END
same out want

# Learned from the database: around (1, 5), with variances 2 and 1/2. Shrunk by
# 17/18 they are 31/24 and 29/24 (worked out in test_vectors.c); whitened, the
# vectors are the four directions.
printf 'e\nw\nn\ns\n' >cross
printf '\2\0\0\0\11\11\2\0\0\0\5\11\2\0\0\0\7\12\2\0\0\0\7\10' >cross.bvecs
expect 0 "$BOVW" rank --db cross.bvecs --db-names cross --measure mahalanobis
[ "$(awk '$1 == "e" && $3 != "e" { printf "%s %.5f\n", $3, $5 }' out | sort | tr '\n' ' ')" = \
    "n -1.98100 s -1.98100 w -3.51953 " ] || fail "$(cat out)"
expect 0 "$BOVW" rank --db cross.bvecs --db-names cross --whiten 2
[ "$(awk '$1 == "n" && $3 ~ /[ns]/ { printf "%s %.5f ", $3, $5 }' out)" = \
    "n 1.00000 s -1.00000 " ] || fail "$(cat out)"
expect 0 "$BOVW" rank --db cross.bvecs --db-names cross --whiten 1 --measure euclidean \
    --queries v.bvecs --query-names names -n 1
lines out 5

# Measured like any other run: a finds b first, b finds a, c is alone with d.
printf 'image\tgroup\na.jpg\tx\nb.jpg\tx\nwith blank.jpg\ty\nd.jpg\ty\n' >truth.tsv
expect 0 "$BOVW" compare --truth groups:truth.tsv bytes.trec
# a: b first. b: a first. blank: a, b, then d: 1/3. d: blank first.
[ "$(awk '$1 == "all" { print $2, $4, $5 }' out)" = "4 79.17 83.33" ] || fail "$(cat out)"
has err "1 query is not in the ground truth"

refused() {
    local reason=$1
    shift
    expect 1 "$BOVW" rank "$@" -o never.trec
    has err "$reason"
    [ -e never.trec ] && fail "a failed rank leaves a file"
}
printf 'a\nb\n' >short
refused "short: 2 names for 5 vectors" --db v.npy --db-names short
printf 'a\nb\n\nc\nd\n' >empty
refused "empty: line 3: empty" --db v.npy --db-names empty
printf 'a\nb\nc\nd\nb\n' >twice
refused "twice: line 5: name 'b' is in line 2 already" --db v.npy --db-names twice
sed "s/(5, 2)/(5, 3)/" v.npy >bad.npy
refused "bad.npy: npy: 20 bytes of elements where the shape (5, 3) needs 30" \
    --db bad.npy --db-names names
sed "s/<f2/<i8/" v.npy >bad.npy
refused "bad.npy: npy header: elements must be" --db bad.npy --db-names names
head -c 15 v.npy >bad.npy
refused "bad.npy: npy: cut off in its header" --db bad.npy --db-names names
head -c 28 v.bvecs >bad.bvecs
refused "bad.bvecs: 28 bytes are not whole vectors" --db bad.bvecs --db-names names
refused "names: not a file of vectors" --db names --db-names names
refused "missing.npy: No such file" --db missing.npy --db-names names
printf '\3\0\0\0\7\0\1' >q.bvecs
refused "v.npy has 2 dimensions, q.bvecs has 3" --db v.npy --db-names names \
    --queries q.bvecs --query-names query
printf '\1\0\0\0\0\0\300\177' >nan.fvecs
refused "nan.fvecs: row 0: value 0 is not finite" --db nan.fvecs --db-names query
refused "cross.bvecs: 2 dimensions cannot be whitened to 3" --db cross.bvecs --db-names cross \
    --whiten 3
expect 2 "$BOVW" rank --db cross.bvecs --db-names cross --whiten 0
expect 2 "$BOVW" rank --db cross.bvecs --db-names cross --whiten 2 --measure mahalanobis
expect 2 "$BOVW" rank --db v.npy
expect 2 "$BOVW" rank --db v.npy --db-names names --queries v.npy
expect 2 "$BOVW" rank --db v.npy --db-names names --measure hamming
expect 2 "$BOVW" rank --db v.npy --db-names names more
exit 0
