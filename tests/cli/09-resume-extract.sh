# Goal: an extraction that is killed continues, and its file has the bytes of
# one that was never interrupted.
. "$LIB"

scenes photos 8
began=$(now_ms)
expect 0 "$BOVW" extract --threads 1 -q -o whole.feat photos
whole_ms=$(($(now_ms) - began))

# The first run gets a quarter of the time that it needs at most, each later one more.
n_killed=0
for attempt in $(seq 1 12); do
    "$BOVW" extract --threads 1 -q -o killed.feat photos 2>err &
    pid=$!
    sleep_at_most $((attempt * whole_ms / 4))
    kill -KILL $pid 2>/dev/null
    got=0
    wait $pid 2>/dev/null || got=$?
    case $got in
    137)
        n_killed=$((n_killed + 1))
        [ -e killed.feat ] && break # between the rename and the end
        ;;
    0) break ;;
    *)
        cat err
        fail "extract after a kill: exit status $got"
        ;;
    esac
done
[ "$n_killed" -ge 1 ] || fail "no run was killed"
if [ ! -e killed.feat ]; then
    expect 0 "$BOVW" extract -q -o killed.feat photos
fi
same whole.feat killed.feat
[ -e killed.feat.part ] && fail "the .part file stays"

# What an unfinished file is called, and one that was begun with other options.
head -c 3000 whole.feat >begun.feat.part
expect 1 "$BOVW" info begun.feat.part
has err "begun.feat.part"
expect 0 "$BOVW" extract -o begun.feat photos
same whole.feat begun.feat
exit 0
