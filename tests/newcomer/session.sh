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
columns=104

# type_on_terminal COMMAND...: what stands on the screen in the end, with its colours
type_on_terminal() {
    cat >prompt.sh <<'END'
PS1='\n\[\e[1;32m\]$\[\e[0m\] '
PROMPT_COMMAND='tmux -S "$TERMINAL" wait-for -S idle'
cd
clear
END
    export TERMINAL="$USER_HOME/.terminal"
    as_user env LC_ALL=C.UTF-8 tmux -u -S "$TERMINAL" -f /dev/null new-session -d -x $columns -y 200 \
        "bash --noprofile --rcfile $SCRATCH/prompt.sh"
    for command; do
        as_user timeout 60 tmux -S "$TERMINAL" wait-for idle
        as_user tmux -S "$TERMINAL" send-keys -l "$command"
        as_user tmux -S "$TERMINAL" send-keys Enter
    done
    as_user timeout 60 tmux -S "$TERMINAL" wait-for idle
    sleep 0.2 # the prompt that follows is drawn
    as_user env LC_ALL=C.UTF-8 tmux -u -S "$TERMINAL" capture-pane -e -p >screen
    as_user tmux -S "$TERMINAL" kill-server
    # The last prompt has no command yet.
    sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' screen | sed '$d'
}

type_on_terminal \
    'sockade run --deny-to 169.254.169.254 -- curl -sS http://169.254.169.254/latest/credentials' \
    'busybox ping -c 2 www.example.com' \
    'sockade run -- busybox ping -c 2 www.example.com' >session
"$PYTHON" "$TESTS/newcomer/draw.py" 'Sockade in a terminal' $columns <session >"$PICTURES/session.svg"
is $? 0 "$PICTURES/session.svg is drawn"
done_testing
