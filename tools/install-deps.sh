#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Install the Debian packages that bovw needs, those that are missing.
#   tools/install-deps.sh           to build and test
#   tools/install-deps.sh --demo    to build only
#   tools/install-deps.sh --dev     also clang, clang-format and the sanitizers, for lint and CI
set -euo pipefail

build="gcc make libc6-dev libvlfeat-dev libstb-dev"
build="$build libstreamvbyte-dev libroaring-dev libxxhash-dev libexif-dev libjansson-dev"
build="$build liblapacke-dev libopenblas-dev"
unit="libcmocka-dev python3-numpy"
dev="g++ clang clang-format libclang-rt-dev libomp-dev"

case "${1:-}" in
"") wanted="$build $unit" why="to build and test bovw" ;;
--demo) wanted=$build why="to build bovw" ;;
--dev) wanted="$build $unit $dev" why="to build, test and lint bovw" ;;
*)
    sed -n '3,6s/^# //p' "$0" >&2
    exit 2
    ;;
esac

if ! command -v apt-get >/dev/null; then
    echo "No apt-get here. Needed $why, under their Debian names: $wanted" >&2
    exit 0
fi

missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing $why; install as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

# apt-get, silent unless it fails.
apt() {
    local said
    said=$($as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" 2>&1) || {
        printf '%s\n' "$said" | tail -n 20 >&2
        return 1
    }
}

echo "Installing$missing, $why (apt-get${as_root:+ with sudo})"
apt update || echo "apt-get update failed; trying with the package lists at hand" >&2
# shellcheck disable=SC2086 # one word a package
apt install --no-install-recommends $missing
