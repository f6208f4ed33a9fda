# Shared by the scripts of this folder: `. "$LIB"`.
set -u

fail() {
    echo "FAILED: $*"
    exit 1
}

# expect STATUS COMMAND...: run it, keep its output in the files out and err,
# and fail on any other exit status.
expect() {
    local wanted=$1 got=0
    shift
    "$@" >out 2>err </dev/null || got=$?
    if [ "$got" -ne "$wanted" ]; then
        cat out err
        fail "exit status $got, not $wanted: $*"
    fi
}

# has FILE TEXT...: every TEXT occurs in FILE, as it stands.
has() {
    local file=$1 text
    shift
    for text in "$@"; do
        grep -qF -e "$text" "$file" || {
            head -c 5000 "$file"
            fail "\"$text\" is not in $file"
        }
    done
}

lacks() {
    if grep -qF -e "$2" "$1"; then
        head -c 5000 "$1"
        fail "\"$2\" is in $1"
    fi
}

# lines FILE N: FILE has N lines.
lines() {
    local n
    n=$(wc -l <"$1")
    if [ "$n" -ne "$2" ]; then
        cat "$1"
        fail "$1 has $n lines, not $2"
    fi
}

same() {
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

# same_tree A B: the same files with the same bytes.
same_tree() {
    diff -r "$1" "$2" || fail "$1 and $2 differ"
}

# picture FILE SEED [DX DY [ZOOM]]: a textured grey picture, 192 x 144. The
# same SEED is the same scene; DX, DY and ZOOM move the camera. Blobs of
# random place, size and contrast, by a generator that is alike in every awk.
picture() {
    awk -v seed="$2" -v dx="${3:-0}" -v dy="${4:-0}" -v zoom="${5:-1}" '
        function draw() { state = (state * 16807) % 2147483647; return state / 2147483647 }
        BEGIN {
            w = 192; h = 144; state = 1000 + 7919 * seed
            for (i = 0; i < 20; i++) draw()
            for (b = 0; b < 400; b++) {
                # World coordinates reach beyond the picture, for moved cameras.
                x = (draw() * 1.5 - 0.25) * w; y = (draw() * 1.5 - 0.25) * h
                r = 1.5 + 5 * draw() * draw(); a = (draw() < 0.5 ? -1 : 1) * (40 + 60 * draw())
                x = (x - w / 2) * zoom + w / 2 + dx; y = (y - h / 2) * zoom + h / 2 + dy
                r *= zoom; reach = int(2.5 * r) + 1
                for (v = int(y) - reach; v <= y + reach; v++) {
                    if (v < 0 || v >= h) continue
                    for (u = int(x) - reach; u <= x + reach; u++)
                        if (u >= 0 && u < w)
                            grey[v * w + u] += a * exp(-((u - x) ^ 2 + (v - y) ^ 2) / (r * r))
                }
            }
            printf "P5\n%d %d\n255\n", w, h
            for (i = 0; i < w * h; i++) {
                g = int(128 + grey[i]); if (g < 1) g = 1; if (g > 254) g = 254
                printf "%c", g
            }
        }' >"$1"
}

# beside OUT A B: two pictures of picture() in one, A on the left.
beside() {
    { printf 'P5\n384 144\n255\n'
      for row in $(seq 0 143); do
          tail -c +$((16 + row * 192)) "$2" | head -c 192
          tail -c +$((16 + row * 192)) "$3" | head -c 192
      done; } >"$1"
}

# scenes FOLDER N: N scenes with two views each, sI-a.pgm and sI-b.pgm.
scenes() {
    local i
    mkdir -p "$1"
    for i in $(seq 1 "$2"); do
        picture "$1/s$i-a.pgm" "$i"
        picture "$1/s$i-b.pgm" "$i" $((5 + i)) $((4 - i)) 1.15
    done
}

# small VOCABULARY PATH...: train a vocabulary that is enough for scenes.
small() {
    local out=$1
    shift
    expect 0 "$BOVW" vocab train -k 200 --iterations 8 -q -o "$out" "$@"
}

# now_ms: a clock in milliseconds.
now_ms() {
    date +%s%3N
}

# sleep_at_most MS: a random time up to MS milliseconds.
sleep_at_most() {
    local ms=$((RANDOM % ($1 + 1)))
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
}
