#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade run`: a policy on the spot, by options alone or over a text.
# shellcheck disable=SC2016 # single quotes are for the inner shell
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
run() { capture as_user "$SOCKADE" run "$@"; }
mine() { as_user tee "$1" >/dev/null; }
# says ENDPOINT OUTCOME NAME RUN-OPTION...: what holds for a program under `run`
says() {
    says_endpoint=$1 says_wanted=$2 says_name=$3
    shift 3
    run "$@" -- "$SOCKADE" explain --to "$says_endpoint"
    like "$(echo "$OUT$ERR" | tail -n 1)" "^$says_wanted" "$says_name"
}
connect='import socket, sys
socket.create_connection((sys.argv[1], 9), 1)'

# --closed: what no rule allows.
says 192.0.2.1:80/tcp denied '--closed refuses' --closed
says 127.0.0.1:80/tcp allowed 'but not loopback' --closed
says 192.0.2.1:80/tcp allowed 'nor what --allow-to names' --closed --allow-to 192.0.2.1:80/tcp
says 192.0.2.1:81/tcp denied 'another port is refused then' --closed --allow-to 192.0.2.1:80/tcp
run --closed -- "$SOCKADE" explain --on 0.0.0.0:8080/tcp
is "$STATUS" 1 '--closed is about listening too'
mine open.conf <<'END_OF_POLICY'
version = 1;
default = { outbound = "allow"; };
log = { what = "none"; };
rules = ( { name = "web"; action = "allow"; to = "192.0.2.1"; port = 80; proto = "tcp"; } );
programs = ( { exe = "/*/python3*"; default = { outbound = "allow"; }; log = { to = "syslog"; what = "none"; }; } );
END_OF_POLICY
says 192.0.2.2:80/tcp denied '--closed goes before the text'"'"'s default' --policy open.conf --closed
says 192.0.2.1:80/tcp allowed 'and leaves its rules' --policy open.conf --closed
run --policy open.conf --closed -- python3 -c "$connect" 192.0.2.1
like "$ERR" PermissionError 'and before that of a program'

# --deny-family.
run --deny-family inet6 -- python3 -c 'import socket; socket.socket(socket.AF_INET6)'
like "$ERR" 'Address family not supported' '--deny-family'
run --deny-family inet6 -- python3 -c 'import socket; socket.socket(socket.AF_INET); print("four")'
is "$OUT" four 'the other one is left alone'
run --deny-family inet66 -- echo started
is "$STATUS$OUT" 125 'a family that is none starts nothing'
like "$ERR" "did you mean 'inet6'" 'with the nearest name'

# --log: seen at once, also where the text wants none.
run --policy open.conf --closed --log stderr -- python3 -c "$connect" 192.0.2.1
like "$ERR" '"verdict":"deny".*"rule":"default"' '--log stderr'
run --audit --deny-to 127.0.0.2 --log stderr -- python3 -c "$connect" 127.0.0.2
like "$ERR" '"verdict":"would-deny"' '--audit --log stderr shows what would be refused'
like "$ERR" ConnectionRefused 'which is not refused'
run --closed --log file:here.jsonl -- python3 -c "$connect" 192.0.2.1
like "$(cat here.jsonl)" '"dst":"192.0.2.1","port":9' '--log file: by a relative path'
run --closed --log file:~/there.jsonl -- python3 -c "$connect" 192.0.2.1
like "$(cat there.jsonl)" '"dst":"192.0.2.1"' 'in the home folder'
for wrong in sdterr: events.jsonl:file:events.jsonl /x/y:file:/x/y file:: file:/x/:; do
    run --log "${wrong%%:*}" -- echo started
    [ "${wrong#file:}" = "$wrong" ] || run --log "${wrong%:}" -- echo started
    is "$STATUS$OUT" 125 "--log ${wrong%:} starts nothing"
    like "$ERR" "file:PATH|write 'file:" 'and says what it takes'
done

# What a person mistypes.
for pair in '80 any:80' ':80 any:80' '10.0.0.1/8 10.0.0.0/8' '10.0.0.0/8:22/tpc tcp' 'lopback loopback' \
    '2001:db8::1:443 [2001:db8::1]:443'; do
    run --deny-to "${pair% *}" -- echo started
    is "$STATUS$OUT" 125 "--deny-to ${pair% *} starts nothing"
    [ "${ERR#*"${pair#* }"}" != "$ERR" ]
    ok $? 'and says what to write' || note err "$ERR"
done

# Options over a text follow its edits, --closed and --log included.
printf 'version = 1;\n' | mine own.conf
cat >edited.py <<'END_OF_PROGRAM'
import socket, time
def refused():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
    except PermissionError:
        return True
    except OSError:
        pass
    return False
print(refused(), end=" ")
with open("own.conf", "w") as text:
    text.write('version = 1; rules = ( { action = "allow"; to = "192.0.2.1"; } );\n')
end = time.monotonic() + 10
while refused() and time.monotonic() < end:
    time.sleep(0.1)
print(refused())
END_OF_PROGRAM
run --policy own.conf --closed --log stderr -- python3 edited.py
is "$OUT" 'True False' 'a rule that is written into the text meanwhile holds'
done_testing
