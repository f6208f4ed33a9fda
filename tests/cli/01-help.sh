# Goal: help that works. Every command prints its help to standard output with
# status 0, names its options in it and has an example; an unknown command is
# refused with a suggestion.
. "$LIB"

# command: options that its help must name
while IFS=: read -r name options; do
    # shellcheck disable=SC2086
    expect 0 "$BOVW" $name --help
    has out "Usage: bovw $name" "Example" "--threads" "--seed" "--quiet" "--verbose"
    for option in $options; do
        has out "$option"
    done
    [ -s err ] && fail "$name --help prints to standard error"
    cp out first
    # shellcheck disable=SC2086
    expect 0 "$BOVW" help $name
    same out first
done <<'END'
extract:-o, --force --max-side --max-features --first-octave --peak --edge --detector --plain-sift --upright
vocab train:-k, -o, --force --iterations --sample --max-side --max-features
index create:-v, --batch
index add:--batch --update
index remove:@LIST
index compact:
index list:
index check:
index info:--check
info:--check
query:-n, --verify --region --format --html table tsv json trec
match:-v, -o, --ratio --max-side
eval:-n, --verify --truth -o, --json --features groups
compare:--truth --json --measure --groups --worst oxford
pairs:-n, -o, --root
vlad:-v, -o, --names --force --method --normalise vlad bow fisher
gmm train:-k, -o, --force --dim --iterations --sample
metric learn:-o, --method --dim --names --truth --pairs --power --shrinkage --margin --epochs lw triplet siamese
metric apply:-m, -o, --raw
rank:--db --db-names --queries --query-names --measure -n, -o,
fuse:--method --weights --k -n, -o,
END

# A default in the text is the one that the program uses.
expect 0 "$BOVW" query --help
has out "(default 20)"
expect 0 "$BOVW" eval --help
has out "(default 0)"

expect 0 "$BOVW" help
has out Making Searching Measuring Inspecting "vocab train" "index create" eval info
cp out first
expect 0 "$BOVW" --help
same out first
expect 0 "$BOVW" help index
has out "index create" "index add" "index check"
lacks out "vocab train"

expect 0 "$BOVW" --version
has out "bovw " OpenMP portable
[ "$(head -n 1 out | wc -w)" -eq 2 ] || fail "first line of --version is not name and version"

expect 2 "$BOVW"
has err "Usage: bovw COMMAND"
[ -s out ] && fail "bovw alone prints to standard output"
expect 2 "$BOVW" index
has err "index create"
expect 2 "$BOVW" qurey
has err 'no command "qurey"' '"query"'
lines err 1
expect 2 "$BOVW" index ad
has err '"index add"'
expect 2 "$BOVW" xyzzy-frobnicate
lacks err "did you mean"
expect 2 "$BOVW" help qurey
has err '"query"'
exit 0
