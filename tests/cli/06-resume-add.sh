# Goal: an index add that is killed at random moments leaves an index that
# opens, checks clean, and completes on re-run to the rankings of one that was
# never interrupted. A polite stop says what was kept.
. "$LIB"

scenes photos 8
small my.vocab photos
expect 0 "$BOVW" index create -q -v my.vocab whole.bovw photos
expect 0 "$BOVW" query whole.bovw photos -n 0 --format tsv --verify 5
cp out whole.tsv

n_images() {
    "$BOVW" info "$1" | sed -n 's/^images: //p'
}

# ---- killed --------------------------------------------------------------------

# The first run gets a quarter of the time that it needs at most, each later one more.
began=$(now_ms)
expect 0 "$BOVW" index create -q -v my.vocab timed.bovw
expect 0 "$BOVW" index add --batch 1 --threads 1 -q timed.bovw photos
whole_ms=$(($(now_ms) - began))
expect 0 "$BOVW" index create -q -v my.vocab killed.bovw
n_killed=0
for attempt in $(seq 1 12); do
    "$BOVW" index add --batch 1 --threads 1 -q killed.bovw photos 2>err &
    pid=$!
    sleep_at_most $((attempt * whole_ms / 4))
    kill -KILL $pid 2>/dev/null
    got=0
    wait $pid 2>/dev/null || got=$?
    case $got in
    137) n_killed=$((n_killed + 1)) ;;
    0) break ;;
    *)
        cat err
        fail "index add after a kill: exit status $got"
        ;;
    esac
    expect 0 "$BOVW" index check killed.bovw
    last=${now:-0}
    now=$(n_images killed.bovw)
    [ "$now" -ge "$last" ] || fail "images went from $last to $now"
done
echo "$n_killed runs were killed"
[ "$n_killed" -ge 1 ] || fail "no run was killed"
expect 0 "$BOVW" index add --batch 1 -q killed.bovw photos
[ "$(n_images killed.bovw)" -eq 16 ] || fail "images: $(n_images killed.bovw)"
expect 0 "$BOVW" index check killed.bovw
expect 0 "$BOVW" query killed.bovw photos -n 0 --format tsv --verify 5
same whole.tsv out
[ -z "$(find killed.bovw -name '*.tmp')" ] || fail "leftovers: $(ls killed.bovw)"

# ---- stopped --------------------------------------------------------------------

# catches PID NUMBER: does the process handle this signal?
catches() {
    local mask
    mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
    [ $((0x$mask >> ($2 - 1) & 1)) -eq 1 ]
}

# The list comes through a pipe that we hold open, so the signal arrives when
# the command is surely at work.
start() {
    rm -f pipe
    mkfifo pipe
    "$BOVW" index add stopped.bovw @- <pipe 2>err &
    pid=$!
    exec 3>pipe
    for _ in $(seq 1 600); do
        catches $pid 15 && return
        sleep 0.1
    done
    fail "index add does not handle SIGTERM"
}

if [ -r /proc/self/status ]; then
    expect 0 "$BOVW" index create -q -v my.vocab stopped.bovw
    start
    kill -TERM $pid
    echo photos >&3
    exec 3>&-
    got=0
    wait $pid || got=$?
    [ $got -eq 1 ] || fail "stopped: exit status $got"
    has err "stopped; " "in the index" "continues"
    expect 0 "$BOVW" index check stopped.bovw
    [ "$(n_images stopped.bovw)" -lt 16 ] || fail "it was not stopped"

    # The second signal ends it at once.
    start
    kill -TERM $pid
    for _ in $(seq 1 600); do
        catches $pid 15 || break
        sleep 0.1
    done
    kill -TERM $pid
    got=0
    wait $pid || got=$?
    exec 3>&-
    [ $got -eq 143 ] || fail "second signal: exit status $got"

    expect 0 "$BOVW" index add -q stopped.bovw photos
    expect 0 "$BOVW" query stopped.bovw photos -n 0 --format tsv --verify 5
    same whole.tsv out
fi

# ---- one writer -------------------------------------------------------------------

if command -v flock >/dev/null; then
    expect 1 flock whole.bovw/LOCK "$BOVW" index add whole.bovw photos
    has err "whole.bovw: another process is writing"
    expect 0 flock whole.bovw/LOCK "$BOVW" index check whole.bovw
fi
exit 0
