# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# How `make demo` shows things: sourced by demo.sh and demo_ping.sh. Colours on a terminal, unless NO_COLOR says no.

bold='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') green=$(printf '\033[1;32m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
fi

# heading NUMBER TEXT
heading() {
    printf '\n%s%s%s%s\n' "$bold" "${1:+$1. }" "$2" "$plain"
}

# prompt COMMAND: as it would be typed
prompt() {
    printf '\n%s$%s %s\n' "$green" "$plain" "$1"
}

# shown COMMAND: what a person would type, and what comes of it; sets $status, and leaves the words in the file output.
# What knows colours is run once more for a terminal.
shown() {
    prompt "$1"
    eval "$1" >output 2>&1 </dev/null
    status=$?
    case $1 in
    'sockade log'* | 'sockade explain'*) [ -z "$bold" ] || { eval "$1"; return; } ;;
    esac
    if [ $status -eq 0 ]; then cat output; else sed "s/.*/$red&$plain/" output; fi
}

fail() {
    echo "demo: $*" >&2
    [ ! -s output ] || sed 's/^/demo: it said: /' output >&2
    exit 1
}
