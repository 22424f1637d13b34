#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade doctor PROGRAM`, a folder, and `--pid`: what preloading reaches, what not, why, and what to do.
. "${0%/*}/../lib.sh"
. "$TESTS/net.sh"
scratch
cd "$USER_HOME" || exit 1
chmod 755 .
mine() { as_user tee "$1" >/dev/null; as_user chmod 755 "$1"; }
doctor() { capture as_user "$SOCKADE" doctor "$@"; }

# judged EXIT-CODE PATTERN PROGRAM...
judged() {
    judged_code=$1 judged_pattern=$2
    shift 2
    doctor "$@"
    is "$STATUS" "$judged_code" "doctor $*: exit $judged_code"
    like "$OUT" "$judged_pattern" "doctor $*: $judged_pattern"
}
remedy() { printf '%s\n' "$OUT" | sed -n "s/^ *run: //p" | head -n 1; }

# A program as root has it: copies of a dynamic one.
cp /bin/true tool
judged 0 'ok +program +.*/tool: protected \((64|32)-bit, /.*ld' "$PWD/tool"
judged 0 'ok +program +/.*/sh' sh
judged 1 'problem +program +nowhere-at-all: not found' nowhere-at-all
mine plain <tool && as_user chmod 644 plain
judged 1 'problem +program +\./plain: it cannot be executed' ./plain
capture as_user sh -c "$(remedy)"
judged 0 'ok +program +\./plain: protected' ./plain

# Scripts: a chain, none, a carriage return, no interpreter, and one that has itself.
printf '#!/bin/sh\ntrue\n' | mine script
judged 0 'ok +program +\./script, run by /bin/sh: protected' ./script
printf '#!%s/script\n' "$PWD" | mine chain
judged 0 'ok +program +\./chain, run by /bin/sh: protected' ./chain
printf 'true\n' | mine bare
judged 0 'ok +program +\./bare, run by /bin/sh: protected' ./bare
printf '#!/no/such/interpreter\n' | mine lost
judged 1 'problem +program +\./lost: not protected: its interpreter cannot be executed \(/no/such/interpreter: No such file' ./lost
like "$OUT" 'do: install /no/such/interpreter, or correct the first line of \./lost' 'what to do'
printf '#!/bin/sh\r\ntrue\r\n' | mine dos
judged 1 'its interpreter cannot be executed \(/bin/sh\\x0d: No such file' ./dos
capture as_user sh -c "$(remedy)"
judged 0 'ok +program +\./dos, run by /bin/sh' ./dos
printf '#!%s/round\n' "$PWD" | mine round
judged 1 'not protected: too many interpreters in a row' ./round
mine 'a name with '"'"'quotes' <tool
as_user chmod 311 "a name with 'quotes"
if [ "$TEST_UID" -ne 0 ] || ! as_user test -r "a name with 'quotes"; then
    judged 1 'not protected: cannot be read \(Permission denied\), so nobody can tell' "./a name with 'quotes"
    capture as_user sh -c "$(remedy)"
    judged 0 "ok +program +\\./a name with 'quotes: protected" "./a name with 'quotes"
fi
printf 'line\nfeed' | mine "$(printf 'line\nfeed')"
doctor "$(printf './line\nfeed')"
like "$OUT" 'ok +program +\./line\\nfeed, run by /bin/sh' 'a name with a line feed stays on its line'

# ELF files of all kinds: the header of a dynamic program is changed.
patched() { # patched NAME OFFSET BYTES
    cp tool "$1" && printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
patched foreign 18 '\363\000'
judged 1 'not protected: of another architecture \(64-bit, RISC-V\)' ./foreign
patched endian 5 '\002'
judged 1 'not protected: of another architecture' ./endian
head -c 40 tool | mine short
judged 1 'not protected: damaged' ./short
patched headers 54 '\001\000'
judged 1 'not protected: damaged' ./headers
loader=$(readelf -l tool | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
replace() { # replace NAME LOADER-OF-THE-SAME-LENGTH
    "$PYTHON" -c 'import sys
bytes = open("tool", "rb").read()
open(sys.argv[1], "wb").write(bytes.replace(sys.argv[2].encode(), sys.argv[3].encode()[:len(sys.argv[2])]))' "$1" "$loader" "$2"
    chmod 755 "$1"
}
replace orphan "$(printf '%s' "$loader" | tr 'l' 'q')"
judged 1 "not protected: its dynamic loader is missing \\(/qib" ./orphan
replace musl "$(printf '%-80s' /lib/ld-musl-x86_64.so.1 | tr ' ' '/')"
judged 1 'not protected: linked with musl' ./musl
if printf 'int main(void) { return 0; }\n' | gcc -static -x c - -o static 2>/dev/null; then
    judged 1 'not protected: statically linked' ./static
    like "$OUT" 'do: use a build of it that is linked dynamically' 'and what to do'
else
    skip 'the compiler links nothing statically here' 'a static program'
fi
if [ "$(uname -m)" = x86_64 ] && [ -e "${LIBSOCKADE%/*}/32/libsockade.so" ]; then
    printf 'int main(void) { return 0; }\n' | gcc -m32 -x c - -o narrow
    judged 0 'ok +program +\./narrow: protected \(32-bit' ./narrow
    mkdir alone && cp "$SOCKADE" "$LIBSOCKADE" alone/
    capture as_user alone/sockade doctor ./narrow
    like "$OUT" 'not protected: 32-bit, for which there is no object' 'an object of one width only'
fi

# A dynamic program with the note that Go's linker writes.
printf '.section .note.go.buildid,"a",@note\n.long 4, 4, 4\n.asciz "Go\\0"\n.long 1\n' >note.s
printf 'int main(void) { return 0; }\n' >main.c
if gcc -o go main.c note.s 2>/dev/null; then
    judged 1 'not protected: built by Go' ./go
fi

# Privileges.
if [ "$TEST_UID" -eq 0 ]; then
    cp tool root && chown 0:0 root && chmod 4755 root
    judged 0 'warning +program +\./root: set-user-id or set-group-id: under .sockade run. it is protected' ./root
    capture as_user env "PATH=${SOCKADE%/*}:$PATH" sh -c "$(remedy)"
    is "$STATUS" 0 'which it is'
    cp tool able
    if setcap cap_net_raw+ep able 2>/dev/null; then
        judged 0 'ok +program +\./able: carries capabilities: started through its loader' ./able
    else
        skip 'the file system takes no capabilities' 'a program with file capabilities'
    fi
fi

# What a program names.
printf '#!/bin/sh\nif true; then ./x; fi\nPATH=x env "%s/orphan" --help\ncat /etc/passwd | %s/foreign\n# %s/short\n' \
    "$PWD" "$PWD" "$PWD" | mine starts
judged 0 'warning +may start +.*/orphan: not protected: its dynamic loader is missing' ./starts
like "$OUT" 'warning +may start +.*/foreign: not protected: of another architecture' 'each of them'
unlike "$OUT" '/short' 'but not what a comment names'
printf '#!/bin/sh\ncat /etc/passwd | sort\n' | mine fine
judged 0 'ok +may start +it names 2 other programs, which can all be protected' ./fine

# A folder.
mkdir folder && cp tool foreign orphan short script folder/ && cp foreign folder/second && touch folder/text
judged 1 'ok +folder +folder: 2 of 6 programs can be protected' folder
like "$OUT" 'problem +programs +2 are of another architecture: foreign, second' 'what they have in common'
like "$OUT" 'problem +program +folder/orphan: not protected: its dynamic loader is missing' 'single ones'
capture as_user "$SOCKADE" doctor --json folder
is "$(printf '%s' "$OUT" | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["problems"])')" 3 'and as JSON'
judged 0 'ok +folder +/: ' /

# Running programs.
printf 'version = 1;\ndeny_to = [ "192.0.2.1" ];\n' >policy.conf
background "$SOCKADE" run --policy "$PWD/policy.conf" -- sh -c 'trap "kill \$!" TERM; sleep 60 & wait'
process=$SERVER
has_sleep() { "$SOCKADE" doctor --pid "$process" | grep -q '/sleep) is under'; }
wait_for 10 has_sleep
doctor --pid "$process"
like "$OUT" "ok +process +$process \\(/.*sh\\) is under Sockade, by .*libsockade.so" 'a process under Sockade'
like "$OUT" "ok +policy +$process decides by .*policy.conf, by .*\\.image" 'and its policy'
like "$OUT" 'ok +process +[0-9]+ \(/.*sleep\) is under Sockade' 'and its child'
is "$STATUS" 0 'all is well with it'
stop_servers
background sleep 60
wait_for 10 grep -qx sleep "/proc/$SERVER/comm"
judged 1 "problem +process +$SERVER \\(.*\\) is not under Sockade" --pid "$SERVER"
judged 1 'problem +process +there is no process 4194305' --pid 4194305
judged 2 '^$' --pid x
[ "$TEST_UID" -ne 0 ] || judged 1 'problem +process +1 cannot be looked at: Permission denied' --pid 1
done_testing
