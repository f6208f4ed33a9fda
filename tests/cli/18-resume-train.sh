# Goal: a training that is killed at random moments continues, and its vocabulary
# has the bytes of one that was never interrupted, in memory and from a file.
. "$LIB"

scenes photos 8
expect 0 "$BOVW" extract -q -o photos.feat photos

# The slowest kernel and many words, so that there is time to be killed.
slow=("$BOVW" vocab train --threads 1 --kernel portable -k 500 photos.feat)

began=$(now_ms)
expect 0 "${slow[@]}" -q -o whole.vocab
whole_ms=$(($(now_ms) - began))
[ -e whole.vocab.training ] && fail "whole.vocab.training stays"

# Each run gets a little longer: the first ones end before there is anything to
# continue from, the later ones in the middle of it.
n_killed=0
n_continued=0
for attempt in $(seq 1 40); do
    "${slow[@]}" -o killed.vocab 2>err &
    pid=$!
    sleep_at_most $((whole_ms / 4 + attempt * whole_ms / 20))
    kill -KILL $pid 2>/dev/null
    got=0
    wait $pid 2>/dev/null || got=$?
    grep -q 'continuing after iteration' err && n_continued=$((n_continued + 1))
    case $got in
    137) n_killed=$((n_killed + 1)) ;;
    0) break ;;
    *)
        cat err
        fail "vocab train after a kill: exit status $got"
        ;;
    esac
    [ -e killed.vocab ] && rm killed.vocab # between the rename and the end: once more
done
echo "$n_killed runs were killed, $n_continued had something to continue from"
[ "$n_killed" -ge 1 ] || fail "no run was killed"
[ -e killed.vocab ] || expect 0 "${slow[@]}" -q -o killed.vocab
same whole.vocab killed.vocab
[ -z "$(find . -name 'killed.vocab.training.*')" ] || fail "leftovers: $(ls)"

# ---- stopped --------------------------------------------------------------------

# catches PID NUMBER: does the process handle this signal?
catches() {
    local mask
    mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
    [ $((0x$mask >> ($2 - 1) & 1)) -eq 1 ]
}
stopped=
if [ -r /proc/self/status ]; then
    for attempt in $(seq 1 20); do
        rm -f stopped.vocab stopped.vocab.training
        "${slow[@]}" -o stopped.vocab 2>err &
        pid=$!
        for _ in $(seq 1 6000); do
            [ -e stopped.vocab.training ] && break
            kill -0 $pid 2>/dev/null || break
            sleep 0.01
        done
        kill -TERM $pid 2>/dev/null
        got=0
        wait $pid || got=$?
        [ $got -eq 1 ] && stopped=yes && break # else it was too late
    done
    [ "$stopped" ] || fail "no run was stopped"
    has err "stopped; what is done is in stopped.vocab.training, the same command continues"

    expect 1 "${slow[@]}" -o stopped.vocab --seed 2
    has err "stopped.vocab.training: begun for 500 words and seed 1"
    "$BOVW" extract -q -o fewer.feat photos/s1-a.pgm photos/s2-a.pgm photos/s3-a.pgm
    expect 1 "$BOVW" vocab train -k 500 -o stopped.vocab fewer.feat
    has err "stopped.vocab.training: begun with other descriptors"
    head -c 3000 stopped.vocab.training >cut.vocab.training
    expect 1 "${slow[@]}" -o cut.vocab
    has err "cut.vocab.training: has 3000 bytes"

    # Other threads, another kernel, the sample in a file: the same bytes.
    n=$("$BOVW" info photos.feat | sed -n 's/^features: \([0-9]*\)$/\1/p')
    least=$(((96 * 1024 * 1024 + n * 20 + 500 * 1820) / 1000 + 1))
    expect 0 "$BOVW" vocab train -k 500 -o stopped.vocab --threads 2 \
        --max-memory ${least}K photos.feat
    has err "of memory at most, and a file of about" "continuing after iteration"
    same whole.vocab stopped.vocab
    [ -e stopped.vocab.training ] && fail "stopped.vocab.training stays"
fi

# ---- memory ---------------------------------------------------------------------

# Less memory than it takes is refused before anything is done.
expect 1 "${slow[@]}" -o little.vocab --max-memory 50M
has err "GB of memory at least" "0.05 GB are allowed"
expect 2 "${slow[@]}" -o little.vocab --max-memory 50
has err "--max-memory" "800M or 4G"
exit 0
