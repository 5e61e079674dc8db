#!/bin/sh
# check_page.sh: the page of `hornpipe profile --html` in a real browser without a network: headless Chromium reads it
# without a complaint, lays it out, and draws it.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build/hornpipe profile examples/digits_cnn.keras --rows 256 --seconds 0.1 --html "$work/page.html" >"$work/table"
browse() {
    timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --enable-logging=stderr \
        --proxy-server=127.0.0.1:9 --window-size=1300,900 "$@" "file://$work/page.html" 2>"$work/log"
}
browse --dump-dom >"$work/dom"
browse --screenshot="$work/page.png" >"$work/out"
if grep 'CONSOLE' "$work/log"; then
    echo "check_page: the browser complains"
    exit 1
fi
steps=$(grep -c '<tr><td>.*class="share"' "$work/dom")
calls=$(grep -c '<rect ' "$work/dom")
bytes=$(wc -c <"$work/page.png")
if [ "$steps" -lt 5 ] || [ "$calls" -lt "$steps" ] || [ "$bytes" -lt 20000 ]; then
    echo "check_page: $steps steps, $calls calls and a picture of $bytes bytes: too little"
    exit 1
fi
echo "check_page: $steps steps, $calls calls, a picture of $bytes bytes"
