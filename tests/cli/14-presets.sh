# Goal: without a vocabulary of one's own the one that ships is used, and the
# presets search in the ways that they say, and say so.
. "$LIB"

scenes photos 6
cat >groups.tsv <<'END'
image	group	family	set
END
for i in 1 2 3 4 5 6; do
    printf 'photos/s%d-a.pgm\tscene%d\tfamily%d\tall\nphotos/s%d-b.pgm\tscene%d\tfamily%d\tall\n' \
        $i $i $i $i $i $i >>groups.tsv
done

expect 0 "$BOVW" index create -q photos.bovw photos
expect 0 "$BOVW" info photos.bovw
has out "words: 20000" "signatures: he128"

for preset in baseline fast best; do
    expect 0 "$BOVW" eval photos.bovw --truth groups:groups.tsv --preset $preset
    has out "--preset $preset --score"
    for i in 1 2 3 4 5 6; do
        expect 0 "$BOVW" query photos.bovw photos/s$i-a.pgm -n 2 --format tsv --preset $preset
        has out "s$i-a.pgm" "s$i-b.pgm"
    done
    cp out $preset.tsv
done

# Each is what it says.
expect 0 "$BOVW" query photos.bovw photos/s6-a.pgm -n 2 --format tsv
same out baseline.tsv
expect 0 "$BOVW" query photos.bovw photos/s6-a.pgm -n 2 --format tsv --score he
same out fast.tsv
expect 0 "$BOVW" query photos.bovw photos/s6-a.pgm -n 2 --format tsv --score he --verify 200 --expand 10
same out best.tsv

# What follows a preset changes it; the number of results is not part of one.
expect 0 "$BOVW" query photos.bovw photos/s6-a.pgm -n 2 --preset best --verify 0 --expand 0 --format tsv
same out fast.tsv
expect 2 "$BOVW" query photos.bovw photos/s6-a.pgm --preset deep
has err "deep" "baseline, fast, best"

# Without signatures the reason is said.
expect 0 "$BOVW" index create -q --signatures none plain.bovw photos
expect 1 "$BOVW" query plain.bovw photos/s1-a.pgm --preset best
has err "--signatures"

# What is written says how it was found.
expect 0 "$BOVW" query photos.bovw photos/s6-a.pgm -n 2 --preset best --format json
has out '"search":"--preset best --score he' "--verify 200" "--expand 10 -n 2"
expect 0 "$BOVW" query photos.bovw photos/s6-a.pgm -n 2 --preset best --format trec
has out " bovw-best"
