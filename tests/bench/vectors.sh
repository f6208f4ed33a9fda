#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What global vectors reach on data with groups, row by row: the table of datasets/README.md.
#   tests/bench/vectors.sh DATA SCORED.feat DISTRACTORS.feat [NAME=DEEP.npy]...
# DATA has groups.tsv, and deep/names.txt for the deep vectors, whose rows name the same images.
# BOVW names the program, WORK the folder for what is made (about 1 GB; kept, and used again).
#
# Vocabulary, mixture, principal components and whitening are learned on the distractors alone.
# lw, triplet and siamese are learned on groups: families are dealt into two halves by the parity of
# a checksum of their name, each half is ranked by what was learned on the other, and the two halves
# of the run are measured as one. Deep vectors are whitened by those of the distractors' names.
set -euo pipefail
data=$1 scored=$2 distractors=$3
shift 3
bovw=${BOVW:-build/bovw}
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"

# The queries of each half.
awk -F '\t' 'NR > 1 { print $3 }' "$data/groups.tsv" | sort -u | while IFS= read -r family; do
    printf '%s\t%d\n' "$family" $(($(printf %s "$family" | cksum | cut -d ' ' -f 1) % 2))
done >"$work/halves"
for half in 0 1; do
    awk -F '\t' -v half=$half 'NR == FNR { of[$1] = $2; next } FNR == 1 || of[$3] == half' \
        "$work/halves" "$data/groups.tsv" >"$work/half$half.tsv"
done

# measured TITLE RUN BYTES: a row of the table.
measured() {
    "$bovw" compare -q --truth "groups:$data/groups.tsv" "$2" 2>/dev/null |
        awk -v title="$1" -v bytes="$3" '
            NF > 3 && $1 ~ /^(paris|products|scenes|all)$/ { m[$1] = $4 }
            END { printf "| %s | %s | %s | %s | %s | %d |\n", title, m["paris"], m["products"],
                         m["scenes"], m["all"], bytes }'
}

# Bytes of a vector in a file.
bytes_of() {
    echo $((($(stat -c %s "$1") - 128) / $(wc -l <"$2")))
}

# only TABLE: of a run on standard input, the queries that the table lists.
only() {
    awk -v list="$1" '
        BEGIN { while ((getline line <list) > 0) { split(line, f, "\t"); wanted[f[1]] = 1 } }
        $1 in wanted'
}

# plain TITLE VECTORS NAMES [rank's options]
plain() {
    local title=$1 vectors=$2 names=$3
    shift 3
    "$bovw" rank -q --db "$vectors" --db-names "$names" "$@" -o - |
        only "$data/groups.tsv" >"$work/run"
    measured "$title" "$work/run" "$(bytes_of "$vectors" "$names")"
}

# mapped TITLE VECTORS NAMES TRAINING [learn's options]: learned without labels.
mapped() {
    local title=$1 vectors=$2 names=$3 training=$4
    shift 4
    "$bovw" metric learn -q --force "$@" -o "$work/m.metric" "$training"
    "$bovw" metric apply -q --force -m "$work/m.metric" -o "$work/m.npy" "$vectors"
    plain "$title" "$work/m.npy" "$names"
}

# learned TITLE VECTORS NAMES [learn's options]: on the other half.
learned() {
    local title=$1 vectors=$2 names=$3 half
    shift 3
    for half in 0 1; do
        "$bovw" metric learn -q --force --names "$names" --truth "groups:$work/half$half.tsv" \
            "$@" -o "$work/m.metric" "$vectors"
        "$bovw" metric apply -q --force -m "$work/m.metric" -o "$work/m.npy" "$vectors"
        "$bovw" rank -q --db "$work/m.npy" --db-names "$names" -o - |
            only "$work/half$((1 - half)).tsv" >"$work/run$half"
    done
    cat "$work/run0" "$work/run1" >"$work/run"
    measured "$title" "$work/run" "$(bytes_of "$work/m.npy" "$names")"
}

# make FILE COMMAND...: where it is not there.
make_once() {
    [ -e "$1" ] || "${@:2}"
}

# rows_of TITLE VECTORS NAMES TRAINING DIM: all of one kind of vectors.
rows_of() {
    plain "$1" "$2" "$3"
    mapped "$1, pca to $5" "$2" "$3" "$4" --method pca --dim "$5"
    mapped "$1, whiten to $5" "$2" "$3" "$4" --method whiten --dim "$5"
    mapped "$1, whiten --power 0.5 to $5" "$2" "$3" "$4" --method whiten --power 0.5 --dim "$5"
    learned "$1, lw" "$2" "$3" --method lw
    learned "$1, lw to $5" "$2" "$3" --method lw --dim "$5"
    learned "$1, triplet to $5" "$2" "$3" --method triplet --dim "$5"
    learned "$1, siamese to $5" "$2" "$3" --method siamese --dim "$5"
}

echo "| vectors | paris | products | scenes | all | bytes |"
echo "|---|---|---|---|---|---|"
make_once "$work/64.vocab" "$bovw" vocab train -q -k 64 --sample 500000 -o "$work/64.vocab" "$distractors"
make_once "$work/64.gmm" "$bovw" gmm train -q -k 64 -o "$work/64.gmm" "$distractors"
for method in vlad fisher; do
    encoder=$work/64.vocab
    [ $method = vlad ] || encoder=$work/64.gmm
    make_once "$work/$method.npy" "$bovw" vlad -q --method $method -v "$encoder" \
        -o "$work/$method.npy" "$scored" "$distractors"
    make_once "$work/$method-train.npy" "$bovw" vlad -q --method $method -v "$encoder" \
        -o "$work/$method-train.npy" "$distractors"
    rows_of $method "$work/$method.npy" "$work/$method.names" "$work/$method-train.npy" 512
done

# The rows of the distractors, which groups.tsv does not list, are the last.
names=$data/deep/names.txt
for deep in "$@"; do
    name=${deep%%=*} file=${deep#*=}
    n=$(awk -F '\t' 'NR == FNR { listed[$1] = 1; next } !($1 in listed)' "$data/groups.tsv" "$names" | wc -l)
    dim=$(head -c 128 "$file" | LC_ALL=C sed -nE "s/.*'shape': \([0-9]+, ([0-9]+)\).*/\1/p")
    all=$(wc -l <"$names")
    {
        head -c 128 "$file" | LC_ALL=C sed -E "s/\($all, /($(printf "%-${#all}d" "$n"), /"
        tail -c $((n * dim * 4)) "$file"
    } >"$work/deep-train.npy"
    rows_of "$name" "$file" "$names" "$work/deep-train.npy" 256
done
