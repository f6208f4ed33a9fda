# Goal: the same bytes in every file and the same rankings, whatever the number
# of threads and the kernel.
. "$LIB"

scenes photos 5
printf 'image\tgroup\n' >photos/truth.tsv
for i in 1 2 3 4 5; do
    printf 's%d-a.pgm\t%d\ns%d-b.pgm\t%d\n' $i $i $i $i >>photos/truth.tsv
done

# make NAME OPTION...: everything that bovw makes, in the folder NAME.
make() {
    local to=$1
    shift
    mkdir "$to"
    expect 0 "$BOVW" extract "$@" -o "$to/photos.feat" photos
    expect 0 "$BOVW" vocab train "$@" -k 300 -o "$to/my.vocab" "$to/photos.feat"
    expect 0 "$BOVW" index create "$@" -v "$to/my.vocab" --batch 5 "$to/photos.bovw" photos
    expect 0 "$BOVW" query "$@" "$to/photos.bovw" photos -n 0 --verify 8 --format trec
    cp out "$to/run"
    expect 0 "$BOVW" eval "$@" "$to/photos.bovw" --truth groups:photos/truth.tsv \
        --features "$to/photos.feat" -o "$to/eval.run"
    grep -E '^(set|all)' out >"$to/measures"
    expect 0 "$BOVW" match "$@" photos/s1-a.pgm photos/s1-b.pgm -o "$to/matches.png"
    cp out "$to/match"
}

make reference --threads 1 --kernel portable
make two --threads 2 --kernel portable
make auto --threads 2
make five --threads 5 --kernel auto
same_tree reference two
same_tree reference auto
same_tree reference five

# Another seed is another vocabulary, or the comparison above says nothing.
expect 0 "$BOVW" vocab train --seed 2 -k 300 -o other.vocab reference/photos.feat
cmp -s other.vocab reference/my.vocab && fail "the seed changes nothing"
exit 0
