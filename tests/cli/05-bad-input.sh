# Goal: bad input gives one clear line with the file's name and the right exit
# status, and the rest of the batch is done.
. "$LIB"

scenes photos 3
small my.vocab photos
cp -r photos good
expect 0 "$BOVW" index create -q -v my.vocab good.bovw good

# ---- pictures -----------------------------------------------------------------

# A real JPEG, cut short.
expect 0 "$BOVW" match photos/s1-a.pgm photos/s1-b.pgm -o whole.jpg
head -c $(($(wc -c <whole.jpg) / 2)) whole.jpg >photos/cut.jpg
head -c 20000 photos/s1-a.pgm >photos/cut.pgm
: >photos/empty.jpg
echo "this is a text" >photos/text.jpg
printf 'P5\n1 1\n255\n\177' >photos/tiny.pgm
printf 'P5\n30000 30000\n255\n' >photos/huge.pgm
{ printf 'P5\n64 64\n255\n'; head -c 4096 /dev/zero; } >photos/black.pgm
bad="photos/cut.jpg photos/cut.pgm photos/empty.jpg photos/text.jpg photos/tiny.pgm photos/huge.pgm"
n_bad=6
extra=""
if [ "$(id -u)" -ne 0 ]; then
    mkdir photos/closed
    chmod 000 photos/closed
    extra="photos/closed"
    n_bad=7
fi

# named: each bad input has one line, and nothing else is skipped.
named() {
    local name
    for name in $bad $extra missing.jpg; do
        [ "$(grep -cF "skipped $name: " err)" -eq 1 ] || { cat err; fail "$name is not named once"; }
    done
    [ "$(grep -c skipped err)" -eq $((n_bad + 1)) ] || { cat err; fail "other inputs were skipped"; }
}

expect 3 "$BOVW" extract -o photos.feat photos missing.jpg
named
has err "7 images"
expect 0 "$BOVW" info --check photos.feat
has out "images: 7"
expect 3 "$BOVW" extract -q --force -o photos.feat photos missing.jpg
named

expect 3 "$BOVW" index create -v my.vocab photos.bovw photos missing.jpg
named
has err "added 7 images"
expect 0 "$BOVW" index check photos.bovw

expect 3 "$BOVW" vocab train -k 50 -o other.vocab photos missing.jpg
named

expect 3 "$BOVW" query good.bovw photos missing.jpg --format tsv -n 1
named
[ "$(cut -f 1 out | sort -u | wc -l)" -eq 6 ] || fail "queries: $(cat out)"
has err "photos/black.pgm: no features"

# Nothing at all could be read.
expect 1 "$BOVW" query good.bovw missing.jpg
has err "skipped missing.jpg: No such file" "no pictures"
expect 1 "$BOVW" query good.bovw photos/text.jpg
has err "skipped photos/text.jpg" "no query picture could be read"
expect 1 "$BOVW" extract -o none.feat missing.jpg
[ -e none.feat ] && fail "a feature file of nothing"
expect 1 "$BOVW" index create -v my.vocab none.bovw missing.jpg
[ -e none.bovw ] && fail "an index of nothing"
mkdir nothing
expect 1 "$BOVW" index add good.bovw nothing
has err "no pictures"

expect 1 "$BOVW" match photos/s1-a.pgm photos/cut.jpg
has err "photos/cut.jpg"
lines err 1
expect 1 "$BOVW" match photos/s1-a.pgm photos/s1-b.pgm -o nowhere/x.png
has err "nowhere/x.png: cannot write: No such file or directory"

# A name that is there with other content.
mkdir same
picture same/x.pgm 11
expect 0 "$BOVW" index create -q -v my.vocab same.bovw same
picture same/x.pgm 12
picture same/y.pgm 13
expect 3 "$BOVW" index add same.bovw same
has err "skipped same/x.pgm: " "other content" "added 1 image"

# ---- our own files -------------------------------------------------------------

# one_line NAME: a single line that names the file.
one_line() {
    lines err 1
    has err "$1"
}

expect 1 "$BOVW" query missing.bovw photos/s1-a.pgm
one_line missing.bovw
expect 1 "$BOVW" query photos photos/s1-a.pgm
one_line photos
expect 1 "$BOVW" index create -v photos/text.jpg x.bovw
one_line photos/text.jpg
expect 1 "$BOVW" index create -v missing.vocab x.bovw
one_line missing.vocab
expect 1 "$BOVW" info photos/text.jpg
one_line photos/text.jpg
expect 1 "$BOVW" info good.bovw/000001.segment
one_line good.bovw/000001.segment

# patch FILE OFFSET BYTE
patch() {
    printf "\\x$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# Another version of each file: both numbers are told.
cp my.vocab new.vocab
patch new.vocab 8 09
expect 1 "$BOVW" info new.vocab
one_line new.vocab
has err "version 9" "1"
cp photos.feat new.feat
patch new.feat 8 09
expect 1 "$BOVW" query good.bovw new.feat
one_line new.feat
has err "version 9"
cp -r good.bovw new.bovw
sed -i -E 's/"version": *[0-9]+/"version": 9/' new.bovw/MANIFEST
expect 1 "$BOVW" query new.bovw photos/s1-a.pgm
one_line new.bovw
has err "version 9"
cp -r good.bovw segment.bovw
patch segment.bovw/000001.segment 8 09
expect 1 "$BOVW" query segment.bovw photos/s1-a.pgm
one_line segment.bovw/000001.segment
has err "version 9"

# A vocabulary that does not belong.
cp -r good.bovw mixed.bovw
cp other.vocab mixed.bovw/vocabulary
expect 1 "$BOVW" query mixed.bovw photos/s1-a.pgm
one_line mixed.bovw
has err vocabulary

# Features that were made with other options.
expect 0 "$BOVW" extract -q -o plain.feat --plain-sift good
expect 1 "$BOVW" query good.bovw plain.feat
one_line plain.feat
has err "root=0" "root=1"
expect 1 "$BOVW" index add good.bovw plain.feat
one_line plain.feat
expect 1 "$BOVW" vocab train -k 10 -o x.vocab photos.feat plain.feat
one_line plain.feat

# Damage and files cut short.
for file in MANIFEST vocabulary 000001.segment weights.1; do
    rm -rf damaged.bovw
    cp -r good.bovw damaged.bovw
    size=$(wc -c <"damaged.bovw/$file")
    byte=$(dd if="damaged.bovw/$file" bs=1 skip=$((size / 2)) count=1 2>/dev/null | od -An -tu1)
    patch "damaged.bovw/$file" $((size / 2)) "$(printf %02x $((byte ^ 255)))"
    expect 1 "$BOVW" index check damaged.bovw
    one_line "damaged.bovw/$file"
    cp "good.bovw/$file" damaged.bovw/
    truncate -s $((size - 1)) "damaged.bovw/$file"
    expect 1 "$BOVW" query damaged.bovw photos/s1-a.pgm
    one_line "damaged.bovw/$file"
    rm "damaged.bovw/$file"
    expect 1 "$BOVW" query damaged.bovw photos/s1-a.pgm
    one_line "damaged.bovw"
done
cp photos.feat damaged.feat
patch damaged.feat $(($(wc -c <damaged.feat) / 2)) 55
patch damaged.feat $(($(wc -c <damaged.feat) / 2 + 1)) aa
expect 1 "$BOVW" info --check damaged.feat
one_line damaged.feat
expect 3 "$BOVW" query good.bovw damaged.feat
has err "skipped photos/"

# Ground truth.
expect 1 "$BOVW" eval good.bovw --truth groups:missing.tsv
one_line missing.tsv
expect 1 "$BOVW" eval good.bovw --truth nonsense:x
one_line nonsense
has err groups
printf 'image\tgroup\ns1-a.pgm\n' >short.tsv
expect 1 "$BOVW" eval good.bovw --truth groups:short.tsv
one_line short.tsv
has err "line 2"
exit 0
