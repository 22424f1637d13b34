# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests of reloads need beside lib.sh and net.sh: the program that answers questions, under a policy.
#
# Sourced after those; then reloading_begin, in place of enter_net and scratch.

reloading_begin() {
    enter_net
    scratch
    helper reload_probe
    export XDG_RUNTIME_DIR="$USER_HOME/run"
    mkfifo ask answer
}
folders() { # the places of images, made anew
    rm -rf "$USER_HOME/run" "$USER_HOME/.cache" "$USER_HOME/.local" /dev/shm/sockade-*
    as_user mkdir "$USER_HOME/run"
}

text() { # text ERRNO: the policy as text
    echo "version = 1; rules = ( { action = \"deny\"; to = \"127.0.0.1\"; port = 9; errno = \"$1\"; } );"
}
write() { # write FILE ERRNO: by rename
    text "$2" >"$1.new" && mv "$1.new" "$1"
}
# shellcheck disable=SC2086 # no word, or one
start() { # start USER-WORDS...: the probe under policy.conf, or under $policy
    HOME=$USER_HOME "$@" timeout 60 env LD_PRELOAD="$LIBSOCKADE" ${policy-SOCKADE_POLICY=$SCRATCH/policy.conf} \
        "$SCRATCH/reload_probe" <ask >answer 2>probe.err &
    probe=$!
    exec 8>ask 9<answer
}
say() { # say WORDS: one question, its answer in $answer
    echo "$*" >&8
    answer=
    read -r answer <&9 || answer=gone
}
stop() {
    exec 8>&- 9<&-
    wait "$probe"
}
expect() { # expect QUESTION ANSWER NAME
    say "$1"
    is "$answer" "$2" "$3"
}
# settle QUESTION ANSWER NAME: within three seconds (one, and what a loaded machine adds)
settle() {
    settle_left=30
    while say "$1" && [ "$answer" != "$2" ] && [ $((settle_left -= 1)) -gt 0 ]; do sleep 0.1; done
    is "$answer" "$2" "$3"
}
reload() {
    capture as_user "$SOCKADE" reload --policy "$SCRATCH/policy.conf"
}
errors() {
    grep -sc '"op":"reload","verdict":"error"' "$USER_HOME/.local/state/sockade/events.jsonl" || :
}
