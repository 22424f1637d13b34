#!/bin/sh
# SPDX-License-Identifier: MIT
# Rules for one program: by the name it was started with, the file behind it, and what a #! line names; and a policy
# that only observes.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need curl curl
enter_net
scratch
http_server 127.0.0.1 8080

cat >connect.py <<'END'
import errno, socket
print(errno.errorcode.get(socket.socket().connect_ex(("127.0.0.1", 8080)), "connected"))
END
mkdir -p venv/bin bin
ln -s "$PYTHON" venv/bin/python3
ln -s "$PYTHON" python-by-another-name
for script in report other; do
    printf '#!%s\n' "$PYTHON" | cat - connect.py >bin/$script
    chmod 755 bin/$script
done
printf '#!/usr/bin/env python3\n' | cat - connect.py >bin/by-env
chmod 755 bin/by-env
real=$(readlink -f "$PYTHON")

policy() { # policy EXE
    cat >policy.conf <<END
version = 1;
programs = ( { exe = "$1"; rules = ( { name = "mine"; action = "deny"; to = "127.0.0.1"; errno = "EHOSTDOWN"; } ); } );
END
}
refused() { # refused NAME CMD...
    name=$1
    shift
    capture shimmed "$SCRATCH/policy.conf" "$@"
    is "$OUT$ERR" EHOSTDOWN "$name"
}
allowed() {
    name=$1
    shift
    capture shimmed "$SCRATCH/policy.conf" "$@"
    is "$OUT$ERR" connected "$name"
}

policy "$SCRATCH/venv/bin/python*"
refused 'a virtual environment: its python' "$SCRATCH/venv/bin/python3" connect.py
refused 'a virtual environment: by a relative name' venv/bin/python3 connect.py
refused 'a virtual environment: through PATH' env PATH="$SCRATCH/venv/bin:/bin" python3 connect.py
refused 'a virtual environment: a script in it' env PATH="$SCRATCH/venv/bin:/usr/bin:/bin" bin/by-env
allowed "a virtual environment: the system's python is another program" "$PYTHON" connect.py

policy "$SCRATCH/bin/report"
refused 'a script by its own name' "$SCRATCH/bin/report"
refused 'a script by a relative name' bin/report
allowed 'its neighbour' "$SCRATCH/bin/other"
allowed 'its interpreter with another script' "$PYTHON" connect.py

policy "$real"
refused 'an interpreter holds for its scripts' "$SCRATCH/bin/report"
refused 'the file behind a link' "$SCRATCH/python-by-another-name" connect.py
refused 'the file itself' "$real" connect.py
loader=$(ldd "$real" | sed -n 's/^[^/]*\(\/[^ ]*ld-[^ ]*\).*/\1/p' | head -n 1)
if "$loader" --help 2>/dev/null | grep -q -e --preload; then
    capture as_user env SOCKADE_POLICY="$SCRATCH/policy.conf" "$loader" --preload "$LIBSOCKADE" "$real" connect.py
    is "$OUT$ERR" EHOSTDOWN 'the file through the dynamic loader'
else
    skip "the loader knows no --preload" 'the file through the dynamic loader'
fi

# The example that observes: everything works, and the log says what would have been.
policy=$ROOT/examples/audit.conf
add_addresses 192.0.2.1
http_server 192.0.2.1 8081
capture as_user "$SOCKADE" run --policy "$policy" -- curl -sS http://192.0.2.1:8081/
is "$STATUS $OUT$ERR" '0 served' 'audit: what would be refused works'
event=$(cat "$USER_HOME/.local/state/sockade/audit.jsonl")
like "$event" '"dst":"192.0.2.1","port":8081,"proto":"tcp","verdict":"would-deny"' 'audit: the log says what would be'
like "$event" '"hint":"\{ action = \\"allow\\"; to = \\"192.0.2.1\\"' 'audit: and the line to add'
capture as_user "$SOCKADE" run --audit --deny-to 192.0.2.1 -- curl -sS http://192.0.2.1:8081/
is "$STATUS $OUT" '0 served' 'run --audit observes'
capture as_user "$SOCKADE" run --deny-to 192.0.2.1 -- curl -sS http://192.0.2.1:8081/
is "$STATUS" 7 'run --deny-to refuses'
done_testing
