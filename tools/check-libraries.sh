#!/bin/sh
# SPDX-License-Identifier: MIT
# Say in one line what is missing to build: the compiler $CC, or which of the headers.
#   CC=cc tools/check-libraries.sh HEADER...
CC=${CC:-cc}
if ! command -v "${CC%% *}" >/dev/null; then
    echo "there is no C compiler ($CC): run \`make deps\`" >&2
    exit 1
fi
missing=
for header in stdio.h "$@"; do
    # shellcheck disable=SC2086 # the flags are words
    printf '#include <%s>\n' "$header" | $CC ${CPPFLAGS-} -w -E -x c - >/dev/null 2>&1 ||
        missing="$missing $header"
done
[ -z "$missing" ] && exit 0
echo "missing to build bovw:$missing: run \`make deps\`" >&2
exit 1
