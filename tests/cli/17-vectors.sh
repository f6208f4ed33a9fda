# Goal: pictures become vectors, vectors become better ones, and a run can be measured, for every
# method. The same bytes for any threads; what does not fit is told.
. "$LIB"

scenes photos 8
expect 0 "$BOVW" extract -q -o photos.feat photos
expect 0 "$BOVW" vocab train -q -k 8 --iterations 8 -o 8.vocab photos.feat
expect 0 "$BOVW" gmm train -k 4 --dim 8 -o 4.gmm photos.feat
has err "4 Gaussians in 8 dimensions on"

# Every way, from pictures as from their features.
for method in vlad bow fisher; do
    encoder=8.vocab
    [ $method = fisher ] && encoder=4.gmm
    expect 0 "$BOVW" vlad --method $method -v $encoder -o $method.npy photos.feat
    has err "$method.npy: 16 vectors of" "names in $method.names"
    lines $method.names 16
    expect 0 "$BOVW" vlad -q --method $method -v $encoder --threads 1 -o other.npy \
        --names other.txt photos
    same $method.npy other.npy
    same $method.names other.txt
    rm other.npy other.txt
done
[ "$(wc -c <vlad.npy)" -eq $((128 + 16 * 8 * 128 * 4)) ] || fail "size of vlad.npy"
[ "$(wc -c <bow.npy)" -eq $((128 + 16 * 8 * 4)) ] || fail "size of bow.npy"
[ "$(wc -c <fisher.npy)" -eq $((128 + 16 * 2 * 4 * 8 * 4)) ] || fail "size of fisher.npy"

# The other view of a scene comes first, for most of them.
printf 'image\tgroup\n' >truth.tsv
sed -nE 's|^(photos/(s[0-9]+)-.*)$|\1\t\2|p' vlad.names >>truth.tsv
measure() {
    expect 0 "$BOVW" compare --truth groups:truth.tsv "$1"
    awk '$1 == "all" { print int($4) }' out
}
expect 0 "$BOVW" rank --db vlad.npy --db-names vlad.names -o vlad.trec
before=$(measure vlad.trec)
[ "$before" -ge 60 ] || fail "VLAD: mAP $before"
for how in "l1 bow" "intersection bow" "euclidean fisher"; do
    expect 0 "$BOVW" rank --db "${how#* }.npy" --db-names vlad.names --measure "${how% *}" \
        -o run.trec
    [ "$(measure run.trec)" -ge 40 ] || fail "$how: mAP $(measure run.trec)"
done
# A histogram has all of itself in common with itself.
expect 0 "$BOVW" rank --db bow.npy --db-names bow.names --measure intersection -n 1
awk '$5 < 0.9999 || $5 > 1.0001 || $1 != $3 { exit 1 }' out || fail "$(cat out)"

# Metrics. Whitened by a metric or by rank itself, it is the same ranking.
expect 0 "$BOVW" metric learn --method whiten --dim 5 -o w.metric vlad.npy
has err "w.metric: from 1024 to 5 dimensions: whiten, power 1, on 16 vectors"
expect 0 "$BOVW" metric apply -m w.metric -o white.npy vlad.npy
expect 0 "$BOVW" rank --db white.npy --db-names vlad.names
cut -d ' ' -f 1-4 out >one
expect 0 "$BOVW" rank --db vlad.npy --db-names vlad.names --whiten 5
cut -d ' ' -f 1-4 out >two
same one two
for method in pca whiten lw triplet siamese; do
    labels="--names vlad.names --truth groups:truth.tsv"
    case $method in pca | whiten) labels= ;; esac
    # shellcheck disable=SC2086
    expect 0 "$BOVW" metric learn -q --method $method $labels --dim 6 --epochs 3 -o a.metric vlad.npy
    # shellcheck disable=SC2086
    expect 0 "$BOVW" metric learn -q --method $method $labels --dim 6 --epochs 3 --threads 1 \
        -o b.metric vlad.npy
    same a.metric b.metric
    expect 0 "$BOVW" info --check a.metric
    has out "kind: metric" "from: 1024 dimensions" "to: 6 dimensions" "learned: $method"
    expect 0 "$BOVW" metric apply -q -m a.metric -o a.npy vlad.npy
    expect 0 "$BOVW" rank --db a.npy --db-names vlad.names -o a.trec
    # What was learned from is found, where labels were.
    [ -z "$labels" ] || [ "$(measure a.trec)" -ge "$before" ] || fail "$method: $(measure a.trec)"
    rm a.metric b.metric a.npy
done

# Pairs are groups.
awk -F '\t' 'NR > 1 { if ($2 in seen) print seen[$2] " " $1; seen[$2] = $1 }' truth.tsv >pairs.txt
echo "photos/s1-a.pgm missing.pgm" >>pairs.txt
expect 0 "$BOVW" metric learn --method lw --names vlad.names --pairs pairs.txt -o p.metric vlad.npy
has err "pairs.txt: 1 pair with an image that has no vector" "on 16 vectors of 8 groups"
expect 0 "$BOVW" metric learn -q --method lw --names vlad.names --truth groups:truth.tsv \
    -o t.metric vlad.npy
same p.metric t.metric

expect 0 "$BOVW" info 4.gmm
has out "kind: Gaussian mixture" "gaussians: 4" "dimensions: 8" "features: dog-sift"

# What does not fit.
refused() {
    local reason=$1
    shift
    expect 1 "$BOVW" "$@"
    has err "$reason"
}
refused "vlad.npy: exists already" vlad -v 8.vocab -o vlad.npy photos.feat
refused "4.gmm: not a bovw VOCA file" vlad -v 4.gmm -o never.npy photos.feat
refused "8.vocab: not a bovw GMIX file" vlad --method fisher -v 8.vocab -o never.npy photos.feat
refused "given twice" vlad -v 8.vocab -o never.npy photos.feat photos.feat
refused "8.vocab: not a bovw METR file" metric apply -m 8.vocab -o never.npy vlad.npy
refused "bow.npy has 8 dimensions, the metric was learned on 1024" \
    metric apply -m w.metric -o never.npy bow.npy
refused "vectors or more, not 16" metric learn --method pca --dim 16 -o never.metric vlad.npy
refused "names for 16 vectors" metric learn --method lw --names pairs.txt \
    --truth groups:truth.tsv -o never.metric vlad.npy
printf 'photos/s1-a.pgm 0 photos/s1-b.pgm 1\n' >qrels
refused "has no groups" metric learn --method lw --names vlad.names --truth qrels:qrels \
    -o never.metric vlad.npy
head -c 500 w.metric >cut.metric
refused "cut.metric: has 500 bytes" metric apply -m cut.metric -o never.npy vlad.npy
[ -e never.npy ] || [ -e never.names ] || [ -e never.metric ] && fail "a failure leaves a file"

expect 2 "$BOVW" vlad -v 8.vocab photos.feat
expect 2 "$BOVW" vlad -v 8.vocab -o - photos.feat
expect 2 "$BOVW" vlad -v 8.vocab -o never.npy --method hog photos.feat
expect 2 "$BOVW" vlad -v 8.vocab -o never.npy --method bow --normalise intra photos.feat
expect 2 "$BOVW" gmm train -k 0 -o never.gmm photos.feat
expect 2 "$BOVW" metric learn -o never.metric vlad.npy
expect 2 "$BOVW" metric learn --method lw -o never.metric vlad.npy
expect 2 "$BOVW" metric learn --method pca --pairs pairs.txt -o never.metric vlad.npy
expect 2 "$BOVW" metric learn --method pca --power 2 -o never.metric vlad.npy
expect 2 "$BOVW" metric apply -m w.metric vlad.npy
exit 0
