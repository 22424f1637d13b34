#!/bin/sh
# SPDX-License-Identifier: MIT
# An ordinary user and nothing but LD_PRELOAD: the policy in ~/.config is found, and without any nothing is noticed.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
http_server 127.0.0.1 8080

preloaded() { # preloaded CMD...: no variable but LD_PRELOAD
    as_user timeout 10 env LD_PRELOAD="$LIBSOCKADE" "$@"
}
cat >connect.py <<'END'
import errno, os, socket, sys
print(errno.errorcode.get(socket.socket().connect_ex(("127.0.0.1", 8080)), "connected"))
END

# No policy anywhere.
capture preloaded "$PYTHON" connect.py
is "$OUT$ERR" connected 'no policy: allowed, and nothing on stderr'
as_user env | sort >bare.txt
preloaded env | sort | grep -v '^LD_PRELOAD=' >preloaded.txt
is "$(cat preloaded.txt)" "$(grep -v '^LD_PRELOAD=' bare.txt)" 'no policy: the environment is unchanged'
is "$(as_user find "$USER_HOME" -mindepth 1)" '' 'no policy: nothing was written'

rule() { # rule ERRNO
    echo 'version = 1;'
    echo "rules = ( { name = \"mine\"; action = \"deny\"; to = \"127.0.0.1\"; port = 8080; errno = \"$1\"; } );"
}
mkdir sockade .config .config/sockade
rule ENETRESET | tee policy.conf sockade.conf sockade/policy.conf .config/sockade/policy.conf >.sockade
capture preloaded "$PYTHON" connect.py
is "$OUT$ERR" connected 'no policy: the current folder means nothing'

# A policy of one's own.
as_user mkdir -p "$USER_HOME/.config/sockade"
rule EHOSTDOWN | as_user tee "$USER_HOME/.config/sockade/policy.conf" >/dev/null
capture preloaded "$PYTHON" connect.py
is "$OUT$ERR" EHOSTDOWN 'policy.conf in ~/.config/sockade is found by itself'
like "$(cat "$USER_HOME/.local/state/sockade/events.jsonl")" \
    '"rule":"mine","at":"[^"]*/\.config/sockade/policy\.conf:2","layer":"user"' 'its event is in ~/.local/state'
is "$(stat -c %a "$USER_HOME/.cache/sockade" "$USER_HOME/.local/state/sockade" "$USER_HOME"/.local/state/sockade/*)" \
    "$(printf '700\n700\n600')" 'what was written is for its owner only'

as_user mkdir -p "$USER_HOME/elsewhere/sockade"
rule ENETDOWN | as_user tee "$USER_HOME/elsewhere/sockade/policy.conf" >/dev/null
capture as_user env XDG_CONFIG_HOME="$USER_HOME/elsewhere" LD_PRELOAD="$LIBSOCKADE" "$PYTHON" connect.py
is "$OUT$ERR" ENETDOWN 'XDG_CONFIG_HOME is heeded'
rule ENETRESET >named.conf
capture shimmed "$SCRATCH/named.conf" "$PYTHON" connect.py
is "$OUT$ERR" ENETRESET 'SOCKADE_POLICY stands in place of it'

# Children inherit the policy that the first process found: a new HOME does not set them free.
capture preloaded sh -c "HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent '$PYTHON' connect.py"
is "$OUT$ERR" EHOSTDOWN 'a child with another HOME stays under the policy'
capture preloaded sh -c "SOCKADE_POLICY='$SCRATCH/named.conf' '$PYTHON' connect.py"
like "$OUT" 'EHOSTDOWN|ENETRESET' 'a child that names its own policy adds it'
echo 'version = 1;' >empty.conf
capture preloaded sh -c "SOCKADE_POLICY='$SCRATCH/empty.conf' '$PYTHON' connect.py"
is "$OUT$ERR" EHOSTDOWN 'and loosens nothing by it'
capture preloaded sh -c "rm -r '$USER_HOME/.config' '$USER_HOME/.cache'; '$PYTHON' connect.py"
is "$OUT" EACCES 'a pinned policy that is gone fails closed'
is "$(printf '%s\n' "$ERR" | grep -c .)" 1 'with one line on stderr'
done_testing
