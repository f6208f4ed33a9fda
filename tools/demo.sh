#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Search real photographs: the sample pictures of Debian's opencv-doc package, several of which
# show one scene twice. One view is indexed among the others, the other is the query.
# Everything stays below build/demo; what is there already is not made again.
#   BOVW=build/bovw tools/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."
bovw=${BOVW:-build/bovw}
demo=build/demo
photos=$demo/photos queries=$demo/queries
features=$demo/photos.feat vocabulary=$demo/demo.vocab index=$demo/photos.bovw
indexed=$demo/.indexed # newer than the vocabulary once the index is whole

# Drawings, masks, text and other pictures that are no photographs.
no_photographs='Blender_|HappyFish|LinuxLogo|WindowsLogo|aloeGT|blox|cards|chessboard|detect_blob|
digits|ellipses|gradient|imageText|mask|ml\.|notes|opencv-logo|pca_test|pic[0-9]|plant\.png|polygon|
peilin_|smarties|starry_night|stanford|templ|tmpl|text_|scenetext_(char|word)|input\.|LR_|
[0-9]+\.png|.*_(mask|result)\.'
no_photographs=${no_photographs//$'\n'/}

# query and the picture of the same thing that should come first
pairs='graf1.png graf3.png
leuvenA.jpg leuvenB.jpg
aloeL.jpg aloeR.jpg
box.png box_in_scene.png
left.jpg right.jpg
basketball1.png basketball2.png
rubberwhale1.png rubberwhale2.png'

# Download the package with the pictures into $demo, as apt-get's own user need not be able to.
download() {
    echo "Downloading Debian's opencv-doc (its sample photographs) into $demo, without installing it"
    if ! command -v apt-get >/dev/null; then
        echo "No apt-get here: put Debian's opencv-doc_*.deb into $demo and run this again" >&2
        exit 1
    fi
    local as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    local get="apt-get -q -o APT::Sandbox::User=root download opencv-doc"
    (cd $demo && $get >download.log 2>&1) && return
    # The package lists may be missing or out of date.
    $as_root apt-get -q update >>$demo/download.log 2>&1 || true
    (cd $demo && $get >>download.log 2>&1) && return
    tail -n 5 $demo/download.log >&2
    exit 1
}

# Sort the photographs of the package into $photos and $queries.
unpack() {
    local package=$1 examples=$demo/examples file name
    rm -rf $examples $photos $queries $photos.new $features
    mkdir -p $examples $photos.new $queries
    dpkg-deb --fsys-tarfile "$package" |
        tar -x -C $examples --strip-components=6 ./usr/share/doc/opencv-doc/examples
    find $examples \( -name '*.jpg.gz' -o -name '*.png.gz' \) -exec gunzip {} +
    find $examples \( -name '*.jpg' -o -name '*.png' \) -size +4k | LC_ALL=C sort |
        while read -r file; do
            name=$(basename "$file")
            [[ $name =~ ^($no_photographs) ]] || cp -p "$file" $photos.new/
        done
    local query answer
    while read -r query answer; do
        if [ -f "$photos.new/$query" ] && [ -f "$photos.new/$answer" ]; then
            mv "$photos.new/$query" $queries/
        fi
    done <<<"$pairs"
    rm -rf $examples
    mv $photos.new $photos # last: its presence says that all is unpacked
}

# Say what is run, and run it.
run() {
    echo "\$ $*"
    "$@"
}

mkdir -p $demo
if [ ! -d $photos ]; then
    package=$(find $demo -maxdepth 1 -name 'opencv-doc_*.deb' | head -n 1)
    [ -n "$package" ] || download
    unpack "$(find $demo -maxdepth 1 -name 'opencv-doc_*.deb' | head -n 1)"
fi
echo "$(find $photos -type f | wc -l) photographs in $photos, $(find $queries -type f | wc -l) queries in $queries"
echo

# A newer program may have changed the formats.
[ $features -nt "$bovw" ] || rm -rf $features
[ -e $features ] || run "$bovw" extract -o $features $photos
[ $vocabulary -nt $features ] || run "$bovw" vocab train --force -k 10000 --iterations 10 -o $vocabulary $features
if [ ! $indexed -nt $vocabulary ] || [ ! -d $index ]; then
    rm -rf $index $indexed
    run "$bovw" index create -v $vocabulary $index $features
    touch $indexed
fi
echo

run "$bovw" query $index $queries -n 3 --verify 20 --html $demo/results.html | tee $demo/rankings.txt
echo
run "$bovw" match $queries/graf1.png $photos/graf3.png -v $vocabulary -o $demo/matches.png

found=0 asked=0
while read -r query answer; do
    [ -f "$queries/$query" ] || continue
    asked=$((asked + 1))
    first=$(awk -v q="/$query:" 'index($1, q) { asked = 1 }
                                 asked && $1 == 1 { print $NF; exit }' $demo/rankings.txt)
    if [ "${first##*/}" = "$answer" ]; then
        found=$((found + 1))
    else
        echo "note: for $query, $answer did not come first"
    fi
done <<<"$pairs"

cat <<TEXT

$found of $asked queries found the other view of their scene first.
  result page:   $demo/results.html
  match picture: $demo/matches.png

To search your own photographs:
  $bovw index create my.bovw FOLDER
  $bovw query my.bovw PICTURE --preset best --html results.html
TEXT
