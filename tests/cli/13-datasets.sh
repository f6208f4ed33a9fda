# Goal: the recipes of the public data sets, from archives to figures, on
# miniatures with the layout of the real ones: fetch from a local mirror, unpack,
# check, index, evaluate.
. "$LIB"

tools=$(dirname "$LIB")/../../tools
for program in tar unzip zip sha256sum; do
    command -v $program >/dev/null || {
        echo "SKIPPED: no $program: recipes of data sets not tested"
        exit 0
    }
done

scenes scenes 6
small my.vocab scenes
mkdir mirror

# fetch STATUS NAME: from the mirror into a folder of that name.
fetch() {
    expect "$1" "$tools/fetch-dataset" --from mirror "$2" "$2"
}
# measure NAME: the row "all", or each set's.
measure() {
    expect 0 "$tools/run-dataset" "$1" "$1" my.vocab --verify 10
    cp out "$1.out"
}
row() {
    awk -v set="$2" -v column="$3" '$1 == set { print $column }' "$1.out"
}
# Pack the files of the folder new below a folder of this name.
pack() {
    mv new "$2"
    tar -czf "mirror/$1" "$2"
    rm -rf "$2"
}

# ---- oxford5k: pictures and ground truth, each in one archive -----------------------

mkdir new
for i in 1 2 3 4 5 6; do
    cp scenes/s$i-a.pgm "new/hall_00000$i.jpg"
    cp scenes/s$i-b.pgm "new/hall_00001$i.jpg"
done
# The query shows two scenes; its box is around the left one.
beside new/hall_000020.jpg scenes/s2-a.pgm scenes/s5-a.pgm
(cd new && tar -czf ../mirror/oxbuild_images-v1.tgz ./*.jpg)
mkdir gt
echo "oxc1_hall_000020 -1 -1 192 145" >gt/hall_1_query.txt
printf 'hall_000020\nhall_000002\n' >gt/hall_1_good.txt
echo hall_000012 >gt/hall_1_ok.txt
echo hall_000003 >gt/hall_1_junk.txt
echo "oxc1_hall_000001 0 0 192 144" >gt/hall_2_query.txt
echo hall_000001 >gt/hall_2_good.txt
echo hall_000011 >gt/hall_2_ok.txt
: >gt/hall_2_junk.txt
tar -czf mirror/gt_files_170407.tgz gt
rm -rf gt

fetch 3 oxford5k
has err "oxford5k/jpg: 13 pictures of 5063" "oxford5k/gt: 2 pictures of 55"
lines oxford5k/FETCHED 2
grep -qE '^[0-9a-f]{64}  gt_files_170407.tgz  [0-9]+ bytes$' oxford5k/FETCHED || fail "FETCHED"
measure oxford5k
[ "$(row oxford5k all 2),$(row oxford5k all 3)" = 2,100.00 ] || fail "$(cat oxford5k.out)"
has oxford5k/run.trec "hall_1 Q0 oxford5k/jpg/hall_000020.jpg 2 " \
    "hall_2 Q0 oxford5k/jpg/hall_000001.jpg 1 "
# Only what is in the box is searched for: scene 5 is not.
n_in=$(awk '$1 == "hall_1" && $3 ~ /hall_00000[25]/ { print $3, int($5) }' oxford5k/run.trec |
    sed 's/.*hall_//' | tr '\n' ' ')
case $n_in in
"000002.jpg "*) ;;
*) fail "order: $n_in" ;;
esac
[ "$(echo "$n_in" | cut -d ' ' -f 4)" -eq 0 ] || fail "the box has no effect: $n_in"
# The same from features, and under compare.
expect 0 "$BOVW" eval oxford5k/photos.bovw --truth oxford:oxford5k/gt/ --verify 10 \
    --features oxford5k/photos.feat -o features.trec
same oxford5k/run.trec features.trec
expect 0 "$BOVW" compare --truth oxford:oxford5k/gt oxford5k/run.trec
[ "$(awk '$1 == "all" { print $2, $4 }' out)" = "2 100.00" ] || fail "$(cat out)"

# Again: nothing is fetched or unpacked twice. A removed archive is.
rm oxford5k/jpg/hall_000003.jpg
fetch 3 oxford5k
has err "12 pictures of 5063"
lacks err "from mirror"
rm oxford5k/archives/gt_files_170407.tgz
fetch 3 oxford5k
has err "gt_files_170407.tgz from mirror"
# Damage is told.
rm oxford5k/jpg/hall_000001.jpg
fetch 1 oxford5k
has err "no picture oxford5k/jpg/hall_000001.jpg"
echo "no archive" >mirror/gt_files_170407.tgz
rm -r oxford5k
fetch 1 oxford5k
has err "gt_files_170407.tgz: cannot unpack"
rm mirror/gt_files_170407.tgz
rm -r oxford5k
fetch 1 oxford5k
has err "mirror/gt_files_170407.tgz: no such file"

# ---- roxford5k: the same pictures, a pickle ------------------------------------------

python=
command -v python3 >/dev/null && python=python3
if [ -n "$python" ]; then
    $python - <<'END'
import pickle
names = ["hall_00000%d" % i for i in range(1, 7)] + ["hall_00001%d" % i for i in range(2, 7)]
# hall_000001 and hall_000011 are the two views of one scene, the second the query
gnd = [{"easy": [0], "hard": [1], "junk": [2], "bbx": [-1.0, -1, 192, 144]}]
pickle.dump({"imlist": names, "qimlist": ["hall_000011"], "gnd": gnd},
            open("mirror/gnd_roxford5k.pkl", "wb"), protocol=2)
import os
class Evil:
    def __reduce__(self):
        return os.mkdir, ("pwned",)
pickle.dump(Evil(), open("evil.pkl", "wb"))
END
    fetch 3 roxford5k
    measure roxford5k
    # Easy: the other view is found first once the query itself is taken out.
    [ "$(row roxford5k easy 3)" = 100.00 ] || fail "$(cat roxford5k.out)"
    [ "$(row roxford5k medium 2)" = 1 ] || fail "$(cat roxford5k.out)"
    has roxford5k.out "mP@10"
    [ -z "$(row roxford5k all 2)" ] || fail "a mean over sets that share rankings"
    expect 0 "$BOVW" compare --truth revisited:roxford5k/gnd_roxford5k.json roxford5k/run.trec --json
    has out '"set":"easy"' '"set":"hard"' '"mP@5":'
    lacks out '"set":"all"'
    expect 1 "$tools/revisited-to-json" evil.pkl evil.json
    has err "refused: "
    [ -e evil.json ] || [ -e pwned ] && fail "a pickle ran a program"
else
    echo "SKIPPED: no python3: revisited-to-json not tested"
fi
rm -r new

# ---- paris6k: pictures in folders of landmarks ------------------------------------------

for part in 1 2; do
    mkdir -p new
    for i in $((3 * part - 2)) $((3 * part - 1)) $((3 * part)); do
        mkdir -p new/l$i
        cp scenes/s$i-a.pgm new/l$i/paris_l${i}_000001.jpg
        cp scenes/s$i-b.pgm new/l$i/paris_l${i}_000002.jpg
    done
    pack paris_$part-v1.tgz paris
done
mkdir new
echo "paris_l4_000002 0 0 192 144" >new/l4_1_query.txt
printf 'paris_l4_000001\nparis_l4_000002\n' >new/l4_1_good.txt
: >new/l4_1_ok.txt
: >new/l4_1_junk.txt
(cd new && tar -czf ../mirror/paris_120310.tgz ./*.txt)
rm -r new
fetch 3 paris6k
measure paris6k
[ "$(row paris6k all 2),$(row paris6k all 3)" = 1,100.00 ] || fail "$(cat paris6k.out)"

# ---- holidays ---------------------------------------------------------------------------

for part in 1 2; do
    mkdir new
    for i in $((3 * part - 2)) $((3 * part - 1)) $((3 * part)); do
        cp scenes/s$i-a.pgm new/100${i}00.jpg
        cp scenes/s$i-b.pgm new/100${i}01.jpg
    done
    pack jpg$part.tar.gz jpg
done
fetch 3 holidays
has err "holidays/jpg: 12 pictures of 1491"
measure holidays
[ "$(row holidays all 2),$(row holidays all 3)" = 6,100.00 ] || fail "$(cat holidays.out)"

# ---- ukbench -----------------------------------------------------------------------------

mkdir full
for i in 1 2; do
    for view in 0 1 2 3; do
        picture full/ukbench0000$((4 * i - 4 + view)).jpg $i $view $((2 * view)) 1.0$view
    done
done
mkdir thumbnails
cp full/ukbench00000.jpg thumbnails/other00000.jpg
zip -qr mirror/ukbench.zip full thumbnails
rm -r full thumbnails
fetch 3 ukbench
measure ukbench
has ukbench.out "N-S"
[ "$(row ukbench all 2),$(row ukbench all 8)" = 8,4.00 ] || fail "$(cat ukbench.out)"

# ---- copydays ----------------------------------------------------------------------------

mkdir new
for i in 1 2 3; do
    cp scenes/s$i-a.pgm new/200${i}00.jpg
done
pack copydays_original.tar.gz copydays_original
mkdir new
for i in 1 2 3; do
    cp scenes/s$i-b.pgm new/200${i}01.jpg
done
pack copydays_strong.tar.gz copydays_strong
fetch 3 copydays
mkdir -p copydays/crops/10
cp scenes/s2-b.pgm copydays/crops/10/200200.jpg
measure copydays
[ "$(row copydays strong 2),$(row copydays strong 3)" = 3,100.00 ] || fail "$(cat copydays.out)"
[ "$(row copydays crops/10 2),$(row copydays crops/10 3)" = 1,100.00 ] || fail "$(cat copydays.out)"

# ---- cbir --------------------------------------------------------------------------------

mkdir dataset
cp scenes/s1-a.pgm dataset/4571.jpg
cp scenes/s1-b.pgm dataset/1.jpg
cp scenes/s2-a.pgm dataset/2.jpg
zip -qr mirror/cbir-dataset.zip dataset
fetch 3 cbir
has err "cbir/jpg: 3 pictures of 4738"
measure cbir
has cbir.out "cbir/jpg/1.jpg"
[ -s cbir/results.html ] || fail "no page"

expect 1 "$tools/fetch-dataset" nonsense there
has err 'no data set "nonsense"' ukbench
expect 2 "$tools/fetch-dataset" ukbench
expect 2 "$tools/run-dataset" ukbench ukbench
exit 0
