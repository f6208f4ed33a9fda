# Goal: images are removed and replaced, and the index is made small again, as a
# user does it: by name, by list, killed at random moments, on a full disk, and
# with readers meanwhile. Whatever was done, it ranks like an index that is made
# of what is left.
. "$LIB"

scenes photos 8
small my.vocab photos
expect 0 "$BOVW" index create -q -v my.vocab --signatures he128,asmk photos.bovw photos

# ranks_like A B: the same rankings, by every score, with verification and expansion.
ranks_like() {
    local score
    for score in tfidf he asmk; do
        expect 0 "$BOVW" query "$1" photos -n 0 --format tsv --score $score --verify 5 --expand 3
        cp out a.tsv
        expect 0 "$BOVW" query "$2" photos -n 0 --format tsv --score $score --verify 5 --expand 3
        same a.tsv out
    done
}

# fresh INDEX: make fresh.bovw of the images of INDEX, in its order.
fresh() {
    rm -rf fresh.bovw
    expect 0 "$BOVW" index list "$1"
    cut -f 1 out >names
    expect 0 "$BOVW" index create -q -v my.vocab --signatures he128,asmk fresh.bovw @names
    expect 0 "$BOVW" index list fresh.bovw
    cp out fresh.list
    expect 0 "$BOVW" index list "$1"
    same out fresh.list
}

value() {
    "$BOVW" info "$1" | sed -n "s/^$2: //p"
}

# ---- by name and by list ---------------------------------------------------------

expect 0 "$BOVW" index remove photos.bovw photos/s1-a.pgm s2-b.pgm
has err "removed 2 images" "it has 14 images" "would free"
expect 0 "$BOVW" index check photos.bovw
expect 0 "$BOVW" info photos.bovw
has out "images: 14" "removed images: 2" "reclaimable bytes: about "
fresh photos.bovw
ranks_like photos.bovw fresh.bovw
lacks names s1-a

printf '# two of them, and one that is not there\nphotos/s3-a.pgm\n\nphotos/s4-a.pgm\r\nnobody.pgm\n' >list
expect 3 "$BOVW" index remove photos.bovw @list
has err "skipped nobody.pgm: photos.bovw has no image of this name" "removed 2 images" "it has 12 images"
expect 0 "$BOVW" index list photos.bovw
grep s5 out | cut -f 1 | "$BOVW" index remove -q photos.bovw @- || fail "a list on standard input"
[ "$(value photos.bovw images)" -eq 10 ] || fail "images: $(value photos.bovw images)"

# Nothing of what is named is there: nothing is done.
generation=$(value photos.bovw generation)
expect 1 "$BOVW" index remove photos.bovw nobody.pgm photos/s1-a.pgm
has err "skipped nobody.pgm" "skipped photos/s1-a.pgm" "photos.bovw: no image was removed"
expect 1 "$BOVW" index remove photos.bovw @missing.list
has err "missing.list: No such file"
[ "$(value photos.bovw generation)" -eq "$generation" ] || fail "a generation of nothing"
expect 2 "$BOVW" index remove photos.bovw
has err "NAME is missing"
expect 2 "$BOVW" index compact
expect 2 "$BOVW" index compact photos.bovw other.bovw
expect 1 "$BOVW" index compact missing.bovw
has err "missing.bovw: No such file"

# An end of a path that several have is no name.
mkdir -p more
cp photos/s1-a.pgm more/s1-b.pgm
expect 0 "$BOVW" index add -q photos.bovw more
expect 1 "$BOVW" index remove photos.bovw s1-b.pgm
has err "nor just one whose path ends with it"

# ---- updates --------------------------------------------------------------------

cp photos/s7-a.pgm kept.pgm
picture photos/s7-a.pgm 40
expect 3 "$BOVW" index add photos.bovw photos/s7-a.pgm photos/s7-b.pgm
has err "skipped photos/s7-a.pgm: an image of this name but with other content" "--update"
expect 0 "$BOVW" index add --update photos.bovw photos/s7-a.pgm photos/s7-b.pgm
has err "1 image was replaced" "1 image was there already" "added 0 images"
expect 0 "$BOVW" index list photos.bovw
tail -n 1 out | grep -q s7-a || fail "an image that was replaced is not the last"
expect 0 "$BOVW" index check photos.bovw
fresh photos.bovw
ranks_like photos.bovw fresh.bovw
expect 0 "$BOVW" index add --update photos.bovw photos/s7-a.pgm
has err "1 image was there already"
cp kept.pgm photos/s7-a.pgm

# ---- compact --------------------------------------------------------------------

cp -r photos.bovw loose.bovw
before=$(value photos.bovw bytes)
expect 0 "$BOVW" index compact photos.bovw
has err "segments of " " MB became "
[ "$(value photos.bovw bytes)" -lt "$before" ] || fail "nothing was freed"
[ "$(value photos.bovw 'removed images')" -eq 0 ] || fail "removed images are still there"
[ "$(value photos.bovw segments)" -eq 1 ] || fail "segments are left"
expect 0 "$BOVW" index check photos.bovw
ranks_like photos.bovw loose.bovw
expect 0 "$BOVW" index compact -q photos.bovw
[ -s err ] && fail "--quiet: $(cat err)"

# Small batches merge by themselves, into what one large batch gives.
expect 0 "$BOVW" index create -q -v my.vocab small.bovw photos --batch 1
[ "$(value small.bovw segments)" -le 2 ] || fail "segments: $(value small.bovw segments)"
expect 0 "$BOVW" index create -q -v my.vocab large.bovw photos
expect 0 "$BOVW" index compact -q small.bovw
cmp small.bovw/*.segment large.bovw/*.segment || fail "a merged segment has other bytes"

# ---- killed ---------------------------------------------------------------------

# What each killed command may leave is what was there before, or what it does.
expect 0 "$BOVW" index create -q -v my.vocab --signatures he128,asmk start.bovw photos --batch 3
began=$(now_ms)
cp -r start.bovw timed.bovw
expect 0 "$BOVW" index remove -q --threads 1 timed.bovw s1-a.pgm
expect 0 "$BOVW" index compact -q timed.bovw
took=$((($(now_ms) - began) / 2 + 1))
n_killed=0
for attempt in $(seq 1 40); do
    rm -rf killed.bovw
    cp -r start.bovw killed.bovw
    case $((attempt % 3)) in
    0) command="remove killed.bovw s1-a.pgm s8-b.pgm" counts="16 14" ;;
    1) command="compact killed.bovw" counts="16" ;;
    2)
        picture photos/s7-a.pgm $((50 + attempt))
        command="add --update --batch 1 killed.bovw photos/s7-a.pgm" counts="16"
        ;;
    esac
    # shellcheck disable=SC2086
    "$BOVW" index $command -q --threads 1 2>err &
    pid=$!
    sleep_at_most "$took"
    kill -KILL $pid 2>/dev/null
    got=0
    wait $pid 2>/dev/null || got=$?
    case $got in
    137) n_killed=$((n_killed + 1)) ;;
    0) ;;
    *)
        cat err
        fail "index $command: exit status $got"
        ;;
    esac
    expect 0 "$BOVW" index check killed.bovw
    case " $counts " in
    *" $(value killed.bovw images) "*) ;;
    *) fail "index $command, killed: $(value killed.bovw images) images" ;;
    esac
    # The same command finishes, and sweeps what was left.
    got=0
    # shellcheck disable=SC2086
    "$BOVW" index $command -q 2>err || got=$?
    [ $got -eq 0 ] || [ "$((attempt % 3))" -eq 0 ] || { cat err; fail "again: exit status $got"; }
    expect 0 "$BOVW" index check killed.bovw
    [ "$(value killed.bovw images)" -eq "${counts##* }" ] || fail "again: $(value killed.bovw images) images"
    [ -z "$(find killed.bovw -name '*.tmp')" ] || fail "leftovers: $(ls killed.bovw)"
done
cp kept.pgm photos/s7-a.pgm
echo "$n_killed of 40 runs were killed"
[ "$n_killed" -ge 1 ] || fail "no run was killed"

# ---- a full disk, a closed folder --------------------------------------------------

# limited KB COMMAND...: files may not grow beyond that.
limited() {
    local kb=$1
    shift
    (trap '' XFSZ; ulimit -f "$kb"; exec "$@")
}
rm -rf full.bovw
cp -r start.bovw full.bovw
expect 1 limited 8 "$BOVW" index compact full.bovw
has err "full.bovw/" ".segment: cannot write"
lines err 1
expect 1 limited 1 "$BOVW" index remove full.bovw s1-a.pgm
has err "full.bovw/"
expect 0 "$BOVW" index check full.bovw
ranks_like full.bovw start.bovw
expect 0 "$BOVW" index compact -q full.bovw
[ -z "$(find full.bovw -name '*.tmp')" ] || fail "leftovers: $(ls full.bovw)"
if [ "$(id -u)" -ne 0 ]; then
    chmod a-w full.bovw
    expect 1 "$BOVW" index remove full.bovw s1-a.pgm
    has err "full.bovw/" "Permission denied"
    chmod u+w full.bovw
fi
if command -v flock >/dev/null; then
    for command in "remove full.bovw s1-a.pgm" "compact full.bovw"; do
        # shellcheck disable=SC2086
        expect 1 flock full.bovw/LOCK "$BOVW" index $command
        has err "full.bovw: another process is writing"
    done
fi

# ---- damage ------------------------------------------------------------------------

rm -rf damaged.bovw
cp -r start.bovw damaged.bovw
expect 0 "$BOVW" index remove -q damaged.bovw s1-a.pgm
set_file=$(echo damaged.bovw/*.removed.*)
cp "$set_file" set
head -c 100 set >"$set_file"
expect 1 "$BOVW" query damaged.bovw photos/s1-a.pgm
has err "$set_file"
rm "$set_file"
expect 1 "$BOVW" index check damaged.bovw
has err "$set_file: No such file"
cp set "$set_file"
expect 0 "$BOVW" index check damaged.bovw

# ---- readers --------------------------------------------------------------------------

# Queries while the index is written to: each finds a whole generation.
rm -rf busy.bovw
cp -r start.bovw busy.bovw
(
    for _ in 1 2 3 4 5 6; do
        "$BOVW" index remove -q busy.bovw s1-a.pgm s2-a.pgm
        "$BOVW" index add -q --batch 1 busy.bovw photos/s1-a.pgm photos/s2-a.pgm
        "$BOVW" index compact -q busy.bovw
    done
) 2>writer.err &
writer=$!
n=0
while kill -0 $writer 2>/dev/null; do
    expect 0 "$BOVW" index list busy.bovw
    case $(wc -l <out) in
    14 | 15 | 16) ;;
    *) fail "a reader saw $(wc -l <out) images" ;;
    esac
    n=$((n + 1))
done
wait $writer || { cat writer.err; fail "the writer failed"; }
[ -s writer.err ] && { cat writer.err; fail "the writer complained"; }
echo "$n readers"
expect 0 "$BOVW" index check busy.bovw
exit 0
