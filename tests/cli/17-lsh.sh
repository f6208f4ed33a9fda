# Goal: search by hashing finds what the exact search finds: all of it where every
# bucket is looked into, the wanted share where it is planned; the same for any threads
# and directory; the curve and the page are of what was measured.
. "$LIB"

# 1,500 vectors of 8 bytes in clusters, and 80 queries among them.
vectors() {
    awk -v n="$1" -v seed="$2" '
        function draw() { state = (state * 16807) % 2147483647; return state / 2147483647 }
        BEGIN {
            state = 12345
            for (c = 0; c < 60; c++) for (d = 0; d < 8; d++) centre[c, d] = 30 + 180 * draw()
            state = 1000 + seed
            for (i = 0; i < n; i++) {
                c = int(60 * draw())
                printf "\\10\\0\\0\\0"
                for (d = 0; d < 8; d++) printf "\\%o", centre[c, d] + 24 * draw()
            }
        }'
}
printf "$(vectors 1500 1)" >db.bvecs
printf "$(vectors 80 2)" >q.bvecs
seq 1500 >names
seq -f 'q%g' 80 >qnames
rank() {
    expect 0 "$BOVW" rank --db db.bvecs --db-names names --queries q.bvecs \
        --query-names qnames "$@"
}

for measure in cosine euclidean; do
    rank --measure $measure -n 10 -o exact.trec
    lines exact.trec 800
    # All 32 buckets of five planes; cells so wide that there are three.
    every="--hashes 5 --tables 1 --probes 32"
    [ $measure = cosine ] || every="--hashes 1 --tables 2 --probes 3 --width 1e9"
    rank --measure $measure -n 10 --search lsh $every -o all.trec
    same exact.trec all.trec
    has err "1500.0 candidates"

    rank --measure $measure -n 10 --search lsh --recall 0.9 --curve curve.tsv \
        --html page.html -o some.trec
    has err "hashes" "queries held out: recall@10 0."
    awk 'NR == FNR { known[$1, $3, $5]; next } ($1, $3, $5) in known { n++ }
        END { exit !(n >= 0.85 * 800 && n <= 800) }' exact.trec some.trec ||
        fail "too few of the nearest: $(cat err)"
    # Recall and candidates only rise with the probes, and with the tables.
    head -n 1 curve.tsv | grep -q "^tables	probes	recall	candidates	share$" ||
        fail "$(cat curve.tsv)"
    awk 'NR > 2 && $1 == tables && ($3 < recall || $4 < candidates) { exit 1 }
        NR > 1 && ($3 < 0 || $3 > 1 || $5 > 1) { exit 1 }
        { tables = $1; recall = $3; candidates = $4 }' curve.tsv || fail "$(cat curve.tsv)"
    [ "$(wc -l <curve.tsv)" -gt 9 ] || fail "$(cat curve.tsv)"
    has page.html "Recall over the share" "recall@10" "bytes a vector" "prefers-color-scheme" \
        "--recall 0.9" "<path class=\"s0\""
    lacks page.html "://"

    cp some.trec first.trec
    cp curve.tsv first.tsv
    for directory in lsi hash sorted; do
        rank --measure $measure -n 10 --search lsh --recall 0.9 --curve curve.tsv -q \
            --directory $directory --threads 1 --kernel portable -o some.trec
        # What a bucket costs is part of the plan: only lsi, the default, must agree.
        [ $directory != lsi ] || { same first.trec some.trec; same first.tsv curve.tsv; }
    done
done

# One plan, three directories: the same run.
for directory in lsi hash sorted; do
    rank -n 5 --search lsh --hashes 10 --tables 2 --probes 1 --directory $directory \
        -o $directory.trec
done
same lsi.trec hash.trec
same lsi.trec sorted.trec
# Another seed, other planes.
rank -n 5 --search lsh --hashes 10 --tables 2 --probes 1 --seed 2 -o other.trec
cmp -s lsi.trec other.trec && fail "the seed does nothing"

# The database as its own queries, a recall that one bucket does not give.
expect 0 "$BOVW" rank --db q.bvecs --db-names qnames --search lsh -n 3 --tables 1 \
    --recall 0.99 --probes 1
has err "is not certain"

expect 2 "$BOVW" rank --db q.bvecs --db-names qnames --recall 0.9
has err "--recall goes with --search lsh"
expect 2 "$BOVW" rank --db q.bvecs --db-names qnames --search lsh --width 3
has err "--width goes with euclidean"
expect 2 "$BOVW" rank --db q.bvecs --db-names qnames --search kd
expect 2 "$BOVW" rank --db q.bvecs --db-names qnames --search lsh --directory tree
expect 2 "$BOVW" rank --db q.bvecs --db-names qnames --search lsh --recall 1
expect 2 "$BOVW" rank --db q.bvecs --db-names qnames --search lsh --hashes 33
expect 1 "$BOVW" rank --db q.bvecs --db-names qnames --search lsh --html no/such.html -o x
[ -e x ] && fail "a failed rank leaves a file"
exit 0
