#!/bin/bash
# SPDX-License-Identifier: MIT
# Run every tests/cli/NN-*.sh, each in an empty folder of its own.
#
#   BOVW=build/bovw tests/cli/run.sh [NN-name.sh...]
#
# BOVW is the program (default: build/bovw of this tree). A script fails by
# ending with another status than 0; its output is shown then. KEEP=1 leaves
# the folders and says where they are.
set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
export LIB=$here/lib.sh
export TESTDATA=$here/../data
BOVW=$(realpath "${BOVW:-$here/../../build/bovw}") || exit 1
export BOVW
if [ ! -x "$BOVW" ]; then
    echo "run.sh: no program at $BOVW" >&2
    exit 1
fi

base=$(mktemp -d) || exit 1
if [ "${KEEP:-}" ]; then
    trap 'echo "folders: $base"' EXIT
else
    trap 'chmod -R u+rwx "$base"; rm -rf "$base"' EXIT
fi

scripts=("$@")
if [ ${#scripts[@]} -eq 0 ]; then
    scripts=("$here"/[0-9][0-9]-*.sh)
fi

n_passed=0
n_failed=0
for script in "${scripts[@]}"; do
    name=$(basename "$script" .sh)
    mkdir "$base/$name" || exit 1
    if (cd "$base/$name" && exec bash "$here/$name.sh") >"$base/$name.log" 2>&1; then
        echo "PASS $name"
        grep '^SKIPPED' "$base/$name.log" | sed 's/^/    /'
        n_passed=$((n_passed + 1))
    else
        echo "FAIL $name"
        tail -n 60 "$base/$name.log" | cut -c 1-500 | sed 's/^/    /'
        n_failed=$((n_failed + 1))
    fi
done
echo "cli: $n_passed passed, $n_failed failed"
[ "$n_failed" -eq 0 ] && [ "$n_passed" -gt 0 ]
