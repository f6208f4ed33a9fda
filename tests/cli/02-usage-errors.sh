# Goal: wrong usage ends with status 2 and a message that says what is wrong,
# before anything is read or written.
. "$LIB"

# refused TEXT ARGUMENT...
refused() {
    local text=$1
    shift
    expect 2 "$BOVW" "$@"
    has err "$text" "bovw"
    [ -s out ] && fail "usage error prints to standard output: $*"
    return 0
}

refused "-o FILE is missing" extract photos
refused "PATH is missing" extract -o x.feat
refused "standard output" extract -o - photos
refused "-k N is missing" vocab train -o x.vocab photos
refused "-o FILE is missing" vocab train -k 5 photos
refused "fewer than" vocab train -k 500 --sample 100 -o x.vocab photos
refused "INDEX is missing" index create
refused "INDEX is missing" index add
refused "PATH is missing" index add x.bovw
refused "INDEX is missing" index list
refused "one INDEX only" index check a.bovw b.bovw
refused "FILE is missing" info
refused "INDEX is missing" query
refused "PATH is missing" query x.bovw
refused "two pictures" match a.jpg
refused "two pictures only" match a.jpg b.jpg c.jpg
refused "the vocabulary" match -v x.vocab --max-side 100 a.jpg b.jpg
refused "--truth KIND:PATH is missing" eval x.bovw
refused "unrecognized option" query --no-such-option
refused "option requires an argument" query x.bovw a.jpg -n

# Numbers: the option, the value and the range are named.
for bad in "" abc 5x -1 +5 " 5" 1.5 0x10 99999999999999999999999; do
    refused "-n: \"$bad\" is not a whole number from 0 to 4294967295" query x a -n "$bad"
done
refused '--threads: "1025" is not a whole number from 0 to 1024' query x a --threads 1025
refused '--max-side: "15" is not a whole number from 16 to 8192' extract --max-side 15
refused '--first-octave: "-2" is not a whole number from -1 to 3' extract --first-octave -2
refused '-k: "0" is not a whole number from 1' vocab train -k 0
for bad in "" nan inf -1 256 1,5 "1 "; do
    refused "--peak: \"$bad\" is not a number from 0 to 255" extract --peak "$bad"
done
for bad in "" 1,2,3 1,2,3,4,5 1,2,0,4 1,2,3,-4 a,b,c,d 1,2,3,nan "1 2 3 4"; do
    refused "--region: \"$bad\" is not X,Y,W,H" query x a --region "$bad"
done
refused '--format: "xml" is not one of table, tsv, json, trec' query x a --format xml
refused '--detector: "mser" is not one of dog, hessian' extract --detector mser
refused '--kernel: "mmx" is not one of auto' query x a --kernel mmx

[ -z "$(find . -type f ! -name out ! -name err)" ] || fail "something was written"

# An extractor that has not what is asked for is one failure, not one a picture.
scenes two 1
expect 1 "$BOVW" extract -o two.feat two --extractor vlfeat --detector hessian
lines err 1
has err "vlfeat" "hessian"
[ -e two.feat ] && fail "a failed extract leaves a file"
exit 0
