#!/bin/sh
# SPDX-License-Identifier: MIT
# What people see: `sockade log` and its summary in a real terminal (tmux, 100 columns), its page in a real browser. The pictures
# go to $BUILD/screenshots; the README's are from there (KEEP=doc/ puts them into that folder).
# shellcheck disable=SC2016 # single quotes: an inner shell expands them
. "${0%/*}/../lib.sh"
pictures=$(cd "$ROOT" && mkdir -p "${BUILD:-build}/screenshots" && cd "${BUILD:-build}/screenshots" && pwd)
scratch
for program in chromium tmux; do
    command -v $program >/dev/null || { skip "no $program here" 'pictures of log'; done_testing; }
done
can_in_net || { skip 'no network namespace to be had here' 'pictures of log'; done_testing; }
export TZ=UTC PYTHONDONTWRITEBYTECODE=1
PYTHON=/usr/bin/python3
"$PYTHON" "$TESTS/programs/log_events.py" 10000 >events.jsonl
ln -s "$SOCKADE" sockade

# terminal NAME ROWS COMMAND: its capture is NAME.ansi
terminal() {
    cat >"$1.sh" <<END
export PATH="\$PWD:\$PATH" LC_ALL=C.UTF-8 TERM=tmux-256color
clear
printf '\033[32m$\033[0m %s\n' '$3'
$3
touch $1.ended
exec sleep 60
END
    tmux -S "$SCRATCH/$1.socket" -f /dev/null new-session -d -x 100 -y "$2" "sh $1.sh" \; set-option -g status off
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ ! -e "$1.ended" ] || break
        sleep 0.2
    done
    sleep 0.3
    tmux -S "$SCRATCH/$1.socket" capture-pane -e -p >"$1.ansi"
    tmux -S "$SCRATCH/$1.socket" capture-pane -p >"$1.text"
    tmux -S "$SCRATCH/$1.socket" kill-server
}
terminal log-summary 30 'sockade log --summary events.jsonl'
terminal log-lines 20 'sockade log --verdict refused --lines 5 events.jsonl'
like "$(cat log-summary.text)" '^node +to 10\.20\.4\.11:5432/tcp +allow +2489 +09:0[0-9:]+ +16:38:47  (█){16,}$' 'a row with its bar, in 100 columns'
like "$(cat log-summary.text)" '^9994 events from ' 'the whole summary fits into 30 lines'
is "$("$PYTHON" -c 'print(max(len(line.rstrip()) for line in open("log-summary.text", encoding="utf-8")) <= 100)')" True 'no line is wider'
like "$(cat log-summary.ansi)" "$(printf '\033')\\[31m.*deny" 'what was denied is red'
like "$(cat log-lines.ansi)" "$(printf '\033')\\[31m.*deny" 'in the lines too'
like "$(cat log-lines.text)" '^    to allow  \{ action = "allow"; ' 'with the line to add'

"$PYTHON" "$TESTS/long/ansi_page.py" 'sockade log --summary' <log-summary.ansi >log-summary.html
"$PYTHON" "$TESTS/long/ansi_page.py" 'sockade log' <log-lines.ansi >log-lines.html
"$SOCKADE" log --html log-page.html events.jsonl
cat >shoot.py <<'END'
import os, sys
from browser import Browser

here, out = os.getcwd(), sys.argv[1]
for dark in (False, True):
    with Browser(1240, 1000, dark) as browser:
        browser.open(f"file://{here}/log-page.html")
        browser.wait("document.documentElement.dataset.shown === '10000'")
        browser.screenshot(f"{out}/log-page{'-dark' if dark else ''}.png", 1238)
        if dark:
            continue
        browser.open(f"file://{here}/log-page.html#q=metadata")
        browser.wait("document.documentElement.dataset.shown === '615'")
        browser.run("document.querySelector('#events tr.event').click()")
        browser.screenshot(f"{out}/log-page-search.png", 1238)
        for name in "log-summary", "log-lines":
            browser.open(f"file://{here}/{name}.html")
            browser.call("Emulation.setDefaultBackgroundColorOverride", color={"r": 0, "g": 0, "b": 0, "a": 0})
            width, height = browser.run("(box => [Math.ceil(box.width), Math.ceil(box.height)])(document.body.getBoundingClientRect())")
            browser.size = width, height
            browser.screenshot(f"{out}/{name}.png", height)
END
capture in_net env PYTHONPATH="$TESTS/long" timeout 120 "$PYTHON" shoot.py "$pictures"
is "$STATUS $ERR" '0 ' 'the pictures are taken'
for name in log-summary log-lines log-page log-page-dark log-page-search; do
    # A picture of 24 bits a pixel that is empty has hardly more than its header.
    size=$(stat -c %s "$pictures/$name.png" 2>/dev/null || echo 0)
    [ "$size" -gt 15000 ] && [ "$(head -c 4 "$pictures/$name.png" | tail -c 3)" = PNG ]
    ok $? "$name.png ($size bytes)"
    case ${KEEP:+$name} in log-summary | log-lines | log-page) cp "$pictures/$name.png" "$ROOT/$KEEP/" ;; esac
done
done_testing
