#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a reviewer need not look for: direction of includes, banned calls, printing outside the
# command line, libraries outside the files that wrap them, licence lines, layout.
#   tools/lint.sh [FOLDER]      the project's root; exit 1 on an error, warnings are only printed
set -uo pipefail
cd "${1:-$(dirname "$0")/..}" || exit 2
shopt -s nullglob

sources=(src/*/*.[ch])
headers=(include/bovw/*.h)
errors=0

# Print the lines on standard input as errors of one kind.
errors() {
    local found
    found=$(cat)
    [ -z "$found" ] && return
    printf '%s\n' "$found" | sed "s|^|error: $1: |"
    errors=$((errors + $(printf '%s\n' "$found" | wc -l)))
}

# file:line:text without comments and the insides of string and character literals.
code() {
    awk '
    FNR == 1 { comment = 0 }
    {
        out = ""; n = length($0); quote = ""
        for (i = 1; i <= n; i++) {
            c = substr($0, i, 1); two = substr($0, i, 2)
            if (comment) { if (two == "*/") { comment = 0; i++ } }
            else if (quote != "") {
                if (c == "\\") i++
                else if (c == quote) { quote = ""; out = out c }
            }
            else if (two == "/*") { comment = 1; i++ }
            else if (two == "//") break
            else if ($0 !~ /^#include/ && (c == "\"" || c == "\047")) { quote = c; out = out c }
            else out = out c
        }
        if (out ~ /[^ \t]/) print FILENAME ":" FNR ":" out
    }' "$@"
}

lint_layers() {
    # A file may include its own layer and lower ones; vectors stands beside index and search.
    awk '
    BEGIN {
        n = split("base io features vocabulary index search eval report cli", layer)
        for (i = 1; i <= n; i++) rank[layer[i]] = i
        n = split("status base monitor base image io features features vocabulary vocabulary" \
                  " index index search search verify search vectors vectors lsi vectors lsh vectors" \
                  " eval eval compare eval pairs search encoder vectors metric vectors" \
                  " report report bovw cli", pair)
        for (i = 1; i < n; i += 2) public[pair[i]] = pair[i + 1]
    }
    function may(from, to) {
        if (from == to) return 1
        if (from == "vectors") return rank[to] <= rank["vocabulary"]
        if (to == "vectors") return rank[from] >= rank["eval"]
        return rank[to] <= rank[from]
    }
    FNR == 1 {
        split(FILENAME, part, "/")
        from = part[2]
        if (part[1] == "include") { name = part[3]; sub(/\.h$/, "", name); from = public[name] }
        if (!(from in rank) && from != "vectors")
            print FILENAME ": belongs to no layer that lint.sh knows"
    }
    match($0, /^ *# *include *"[^"]*"/) {
        path = $0; sub(/^[^"]*"/, "", path); sub(/".*/, "", path)
        if (split(path, part, "/") < 2) {
            print FILENAME ":" FNR ": include \"" path "\" by its folder"
            next
        }
        to = part[1]
        if (to == "bovw") { name = part[2]; sub(/\.h$/, "", name); to = public[name] }
        if (!(to in rank) && to != "vectors")
            print FILENAME ":" FNR ": " path " belongs to no layer that lint.sh knows"
        else if (!may(from, to))
            print FILENAME ":" FNR ": " from " must not include " path " (" to ")"
    }' "$@"
}

# pattern of an included header, where it may stand
confined="vl/ src/(features/sift_vlfeat|vectors/fisher)\.c
stb/ src/io/[a-z_]*\.c
streamvbyte src/index/[a-z_]*\.c
xxhash src/base/hash\.c
roaring src/index/bitmap\.c
libexif/ src/io/[a-z_]*\.c
lapack src/vectors/lapack\.c"
lint_libraries() {
    local library place
    while read -r library place; do
        grep -nE "^ *# *include *[<\"]$library" "$@" /dev/null | grep -vE "^$place:" |
            awk -v place="$place" '{ print $0 "  (only in " place ")" }'
    done <<<"$confined"
}

if [ ${#sources[@]} = 0 ]; then
    echo "lint: no sources below $(pwd)" >&2
    exit 2
fi
stripped=$(code "${sources[@]}" "${headers[@]}")

errors layer < <(lint_layers "${sources[@]}" "${headers[@]}")
errors "banned call" < <(
    # They overflow, hide errors, or make a run unrepeatable.
    grep -E ':.*\<(gets|sprintf|vsprintf|strcpy|strcat|strtok|atoi|atol|atof|rand|srand|random|srandom|drand48|tmpnam|mktemp)\(' \
        <<<"$stripped"
)
errors "the library prints or exits" < <(
    grep -v '^src/cli/' <<<"$stripped" |
        grep -E ':.*(\<(printf|vprintf|puts|putchar|perror|exit|_exit|abort|getenv)\(|\<(stdin|stdout|stderr)\>)'
)
errors library < <(lint_libraries "${sources[@]}" "${headers[@]}")
errors licence < <(
    for file in src/*/*.c tests/*/*.c "${headers[@]}"; do
        head -n 5 "$file" | grep -q 'SPDX-License-Identifier: MIT' ||
            echo "$file: no SPDX line at the top"
    done
)
errors "path of one machine" < <(
    grep -nE '(^|[^[:alnum:]_.])/(home|tmp|root)/' "${sources[@]}" "${headers[@]}"
    # A root as short as /src would be found in paths that are relative.
    [[ $(pwd -P) != /*/* ]] ||
        grep -rnIF "$(pwd -P)/" . --exclude-dir=.git --exclude-dir='build*'
)

if command -v clang-format >/dev/null; then
    errors format < <(
        clang-format --dry-run --Werror "${sources[@]}" "${headers[@]}" tests/*/*.[ch] 2>&1 |
            sed -nE 's/^([^:]+):[0-9]+:[0-9]+: (error|warning):.*/\1: not formatted (make format)/p' | sort -u
    )
else
    echo "lint: no clang-format here; layout not checked"
fi

# A body runs from "{" to "}" in column 0.
awk '
FNR == 1 { if (lines > 700) print "warning: " file ": " lines " lines"; file = FILENAME; start = 0 }
{ lines = FNR }
/^\{/ { start = FNR }
/^\}/ {
    if (start && FNR - start > 100)
        print "warning: " FILENAME ":" start ": function of " FNR - start " lines"
    start = 0
}
END { if (lines > 700) print "warning: " file ": " lines " lines" }' "${sources[@]}"

if [ $errors != 0 ]; then
    echo "lint: $errors errors"
    exit 1
fi
echo "lint: nothing to say about $((${#sources[@]} + ${#headers[@]})) files"
