#!/bin/sh
# The peers that need nothing but pictures: tests/bench/peers.sh PICTURE...
# Those that are not installed are skipped with a word, like everything without pictures.
[ $# -gt 0 ] || { echo "peers: name some pictures to compare extraction with"; exit 0; }
command -v python3 >/dev/null || { echo "peers: no python3: skipped"; exit 0; }
exec python3 "$(dirname "$0")/extract_peers.py" --bovw "$(dirname "$BENCH_JSON")/bovw" "$@"
