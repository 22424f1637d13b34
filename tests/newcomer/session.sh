#!/bin/sh
# SPDX-License-Identifier: MIT
# Draws the pictures of README.md: types commands on a real terminal (tmux's), in the world of tests/newcomer/world.sh,
# and draws what stands on its screen then. `make pictures` runs it.
#
# usage: session.sh FOLDER      writes FOLDER/session.svg
[ $# -eq 0 ] || { mkdir -p "$1" && PICTURES=$(cd "$1" && pwd) && export PICTURES; }
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/world.sh"
need tmux tmux
enter_net
scratch
make_world
columns=100

# on_terminal COMMAND...: a command of tmux
on_terminal() {
    as_user env LC_ALL=C.UTF-8 tmux -u -S "$USER_HOME/.terminal" -f /dev/null "$@"
}

# prompted NUMBER: whether so many prompts came, and the last one waits for a command
prompted() {
    [ "$(wc -l <"$USER_HOME/.prompts")" -eq "$1" ] && [ "$(on_terminal capture-pane -p | grep . | tail -n 1)" = '$' ]
}

# type_on_terminal COMMAND...: what stands on the screen in the end, with its colours
type_on_terminal() {
    cat >prompt.sh <<'END'
PS1='\n\[\e[1;32m\]$\[\e[0m\] '
PROMPT_COMMAND='echo >>~/.prompts'
cd
clear
END
    as_user touch "$USER_HOME/.prompts"
    on_terminal new-session -d -x $columns -y 200 "bash --noprofile --rcfile $SCRATCH/prompt.sh"
    prompts=1
    for command; do
        wait_for 60 prompted $prompts || echo "(no prompt before: $command)"
        on_terminal send-keys -l "$command"
        on_terminal send-keys Enter
        prompts=$((prompts + 1))
    done
    wait_for 60 prompted $prompts || echo '(no prompt in the end)'
    on_terminal capture-pane -e -p >screen
    on_terminal kill-server
    # The last prompt has no command.
    sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' screen | sed '$d'
}

type_on_terminal \
    'sockade learn --output git.conf -- git clone -q http://git.example.com/tools.git' \
    "sed -n '/^default/,\$p' git.conf" \
    'sockade run --policy git.conf -- git clone -q http://git.example.com/tools.git again && ls again' \
    'sockade run --policy git.conf -- curl -sS http://tracker.example.net/' \
    'sockade log' \
    'busybox ping -c 1 www.example.com' \
    'sockade run -- busybox ping -c 1 www.example.com | head -n 2' >session
"$PYTHON" "$TESTS/newcomer/draw.py" 'Sockade in a terminal' $columns <session >"$PICTURES/session.svg"
is $? 0 "$PICTURES/session.svg is drawn"
done_testing
