# Goal: the pages of query, eval and compare are whole, well-formed, self-contained files that
# run one script and nothing else, whatever the names of the pictures are.
. "$LIB"

# page FILE: well-formed, nothing loaded, the only script is the one that its policy allows.
page() {
    has "$1" "<!DOCTYPE html>" "</html>" "How this page was made" "bovw 0" "default-src 'none'"
    for outside in '://' 'src="' '@import' 'href="http' '<iframe' '<link rel="style'; do
        lacks "$1" "$outside"
    done
    # What background pictures and markers are.
    grep -o 'url([^)]\{0,12\}' "$1" | grep -v -e '^url(data:image/' -e '^url(#dot' &&
        fail "$1 loads something"
    [ "$(grep -c '<script' "$1")" = 1 ] || fail "$1 has not one script"
    sed -n '/^<script>/,/<\/script>$/p' "$1" | sed '1s/^<script>//;s/<\/script>$//' >script.js
    sum=$(head -c -1 script.js | sha256sum | cut -d ' ' -f 1 | sed 's/../\\x&/g')
    hash=$(printf "$sum" | base64)
    has "$1" "script-src 'sha256-$hash'" # PAGE_SCRIPT_SHA256 in src/report/page_script.h
    balanced "$1"
}

# balanced FILE: every element is closed in order; attributes hold no "<".
balanced() {
    sed '/^<script>/,/<\/script>$/d' "$1" | tr -d '\n' | sed 's/</\n</g' | awk '
        NR > 1 {
            match($0, /^<\/?[!a-zA-Z0-9]+/)
            name = substr($0, 2, RLENGTH - 1)
            tag = $0
            gsub(/"[^"]*"/, "", tag)
            if (index(tag, ">") == 0) { print "no end: " substr($0, 1, 80); exit 1 }
            sub(/>.*/, "", tag)
            if (name ~ /^(meta|link|wbr|br|input|!DOCTYPE)$/ || tag ~ /\/$/) next
            if (name !~ /^\//) { open[++n] = name; next }
            if (n == 0 || "/" open[n] != name) {
                print name " closes " open[n] ": " substr($0, 1, 80); bad = 1; exit 1 }
            n--
        }
        END { if (bad || n != 0) { print n " open"; exit 1 } }' ||
        fail "$1 is not well-formed"
}

# count FILE TEXT
count() {
    grep -oF -e "$2" "$1" | wc -l
}

scenes photos 8
# Names that would be markup, script or style where they are not escaped.
hostile='</style><script>alert(1)</script>"onload="x(1)'"' &amp; )}"
mkdir -p "photos/$(dirname "$hostile")"
mv photos/s1-b.pgm "photos/$hostile.pgm"
small my.vocab photos
expect 0 "$BOVW" index create -q -v my.vocab photos.bovw photos
{
    printf 'image\tgroup\tset\n'
    printf '%s\t1\t<b>one\n' s1-a.pgm "$hostile.pgm"
    for i in 2 3 4 5 6 7 8; do
        printf 's%d-%s.pgm\t%d\ttwo\n' $i a $i $i b $i
    done
} >photos/truth.tsv
truth=groups:photos/truth.tsv

# ---- query -----------------------------------------------------------------------

expect 0 "$BOVW" query photos.bovw photos --verify 16 -n 4 --html query.html --format tsv
page query.html
has query.html "16 queries" "64 results shown" "$("$BOVW" info my.vocab | awk '/^id|vocabulary/ { print $NF; exit }')" \
    "bovw query photos.bovw photos --verify 16 -n 4 --html query.html --format tsv" \
    'class="pair"' "&lt;script&gt;alert(1)"
lacks query.html "class=\"mark\""
[ "$(count query.html 'background-image:url(data:')" = 16 ] ||
    fail "$(count query.html 'background-image:url(data:') of 16 pictures inlined"

# As many matches are drawn as were verified, up to 80, by words and by signatures.
expect 0 "$BOVW" index create -q -v my.vocab --signatures he64 signed.bovw photos
expect 0 "$BOVW" query signed.bovw photos --verify 16 -n 4 --html signed.html --format tsv
page signed.html
for html in query.html signed.html; do
    [ "$(count $html 'class="pair"')" -gt 20 ] || fail "$html has $(count $html 'class="pair"') pairs"
    grep -o '[0-9]* of the matches drawn' $html | grep -v '^80 ' && fail "$html lacks matches"
done

# Several pictures as one query, expanded.
expect 0 "$BOVW" query photos.bovw photos/s2-a.pgm photos/s2-b.pgm photos/s3-a.pgm --together \
    --verify 16 --expand 2 -n 4 --html together.html --format tsv
page together.html
has together.html "1 query" "s2-a.pgm and 2 more" "expanded in" "--expand 2"

# ---- eval ------------------------------------------------------------------------

expect 0 "$BOVW" eval photos.bovw --truth $truth --verify 16 -o verified.trec --html eval.html
cp out eval.txt
page eval.html
has eval.html "Evaluation of photos.bovw" "16 queries" "correct</span>" "wrong</span>" \
    "ignored</span>" "Mean precision over recall" "--truth $truth" "&lt;b&gt;one"
# The measures of the page are those that are printed.
map=$(awk '$1 == "all" { print $3 }' eval.txt)
has eval.html "<tr class=\"all\"><th scope=\"row\" class=\"text\">all</th><td>16</td><td>$map</td>"
[ "$(count eval.html 'background-image:url(data:')" = 16 ] || fail "pictures of eval.html"
expect 0 "$BOVW" eval photos.bovw --truth $truth --verify 16
sed 's/^seconds.*//' out >plain.txt
sed 's/^seconds.*//' eval.txt >paged.txt
same plain.txt paged.txt
expect 2 "$BOVW" eval photos.bovw --truth $truth --html -
has err "standard output has the measures"

# A query that is gone counts as it does in the measures, and says why it is not shown.
mv photos/s3-a.pgm gone.pgm
expect 3 "$BOVW" eval photos.bovw --truth $truth --html eval.html
map=$(awk '$1 == "all" { print $3 }' out)
page eval.html
has eval.html "<td>16</td><td>$map</td>" "no picture: No such file or directory" "No results."
mv gone.pgm photos/s3-a.pgm

# ---- compare ---------------------------------------------------------------------

expect 0 "$BOVW" eval photos.bovw --truth $truth -o 'words <i>.trec'
expect 0 "$BOVW" compare --truth $truth 'words <i>.trec' verified.trec --html compare.html
cp out compare.txt
page compare.html
has compare.html "Comparison of runs" "words &lt;i&gt;.trec" "verified.trec" "change" \
    "bootstrap interval of 95 %" "seed 1"
[ "$(count compare.html 'background-image:url(data:')" = 16 ] || fail "pictures of compare.html"
for value in $(awk '$1 == "all" && /trec/ { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+\.[0-9][0-9]$/) print $i }' compare.txt); do
    has compare.html ">$value<"
done
expect 0 "$BOVW" compare --truth $truth 'words <i>.trec' verified.trec --html again.html --threads 1
sed -e 's/again.html --threads 1/compare.html/' again.html >same.html
same same.html compare.html
cp compare.html old.html
echo damaged >bad.trec
expect 1 "$BOVW" compare --truth $truth verified.trec bad.trec --html old.html
same old.html compare.html
expect 2 "$BOVW" compare --truth $truth a b c d e f g h i --html nine.html
has err "at most 8 runs"
exit 0
