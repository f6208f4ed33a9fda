# Goal: vocabularies in groups and vocabulary trees from training to search:
# they find what a flat one finds, and the same with any kernel and threads.
. "$LIB"

scenes photos 5
expect 0 "$BOVW" extract -o photos.feat photos

# first VOCABULARY: the views of the scenes, each with the other at rank 2.
check() {
    expect 0 "$BOVW" index create --threads 2 -v "$1.vocab" "$1.bovw" photos.feat
    expect 0 "$BOVW" query "$1.bovw" photos.feat -n 2 --format tsv
    cp out "$1.tsv"
    lines "$1.tsv" 20
    for i in 1 2 3 4 5; do
        has "$1.tsv" "$(printf 'photos/s%d-a.pgm\t2\t' $i)" "$(printf 'photos/s%d-b.pgm\t2\t' $i)"
    done
    [ "$(awk '$2 == 2 && substr($1, 1, 10) == substr($5, 1, 10)' "$1.tsv" | wc -l)" -ge 8 ] ||
        fail "$1: $(cat "$1.tsv")"
    expect 0 "$BOVW" query --threads 3 --kernel portable "$1.bovw" photos.feat -n 2 --format tsv
    same out "$1.tsv"
}

expect 0 "$BOVW" vocab train -k 300 --groups 25 --recall 0.9 -o groups.vocab photos.feat
has err "in 25 groups of which" "recall 0.9"
expect 0 "$BOVW" info --check groups.vocab
has out "words: 300" "groups: 25, " "in 25 groups of which" "recall 0.9"
expect 0 "$BOVW" vocab train --threads 3 --kernel portable -k 300 --groups 25 --recall 0.9 \
    -o again.vocab photos.feat
same groups.vocab again.vocab
check groups
expect 0 "$BOVW" info groups.bovw
has out "groups: 25, "

expect 0 "$BOVW" vocab train --tree 7^3 -o tree.vocab photos.feat
expect 0 "$BOVW" info tree.vocab
has out "tree: 3 levels" "leaves of a tree 7^3"
expect 0 "$BOVW" vocab train --threads 3 --kernel portable --tree 7^3 -o again.vocab --force photos.feat
same tree.vocab again.vocab
check tree

# Without groups nothing is held out, and words are found exactly.
expect 0 "$BOVW" vocab train -k 300 -o auto.vocab photos.feat
expect 0 "$BOVW" vocab train -k 300 --groups none -o none.vocab photos.feat
same auto.vocab none.vocab
expect 0 "$BOVW" info auto.vocab
has out "groups: none"

# All groups searched are an exact search: the rankings of a flat vocabulary.
expect 0 "$BOVW" vocab train -k 300 --groups 25 --recall 1 -o all.vocab photos.feat
check all
check auto
cut -f 1,2,5 all.tsv >all.names
cut -f 1,2,5 auto.tsv >auto.names
same all.names auto.names

for bad in "-k 300 --groups 301" "-k 300 --groups 1" "-k 300 --groups many" "--tree 10" "--tree x^2" \
    "--tree 1^2" "--tree 10^" "--tree 10^25" "-k 300 --tree 10^2" "--groups 5 --tree 10^2" \
    "-k 300 --recall 0" "-k 300 --recall 1.1" "--recall 0.9"; do
    expect 2 "$BOVW" vocab train $bad -o bad.vocab photos.feat
    [ -e bad.vocab ] && fail "$bad made a vocabulary"
done
expect 1 "$BOVW" vocab train --tree 1000^3 -o bad.vocab photos.feat
has err "words are not in"
exit 0
