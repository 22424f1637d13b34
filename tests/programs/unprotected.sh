#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # expanded by inner shells, and by others
# `unprotected`: children that no preloaded object gets into are refused, told of, or let go, as the policy says.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
if sanitized; then
    skip 'children with an emptied environment lose the options of its runtime' unprotected.sh
    done_testing
fi
enter_net
scratch
mkdir sub
as_user mkdir -p "$USER_HOME/.local/state/sockade"
EVENTS=$USER_HOME/.local/state/sockade/events.jsonl

printf '#include <stdio.h>\nint main(void) { puts("ran"); return 5; }\n' >static.c
${CC:-cc} -static -o static static.c 2>/dev/null || { skip 'no static libc here' "${0##*/}"; done_testing; }
printf '#!%s/static\n' "$PWD" >script
cp static sub/tool
chmod 755 script
ln -s static link

policy() { # policy NAME TEXT
    echo "version = 1; $2" >"$1.conf"
}
policy warn ''
policy warn2 'unprotected = "warn";'
policy deny 'unprotected = "deny";'
policy allow 'unprotected = "allow";'
policy all 'unprotected = "allow"; log = { what = "all"; };'
policy none 'log = { what = "none"; };'
policy closed 'default = { outbound = "deny"; };'
policy loose 'default = { outbound = "deny"; }; unprotected = "allow";'
policy audit 'mode = "audit"; unprotected = "deny";'
policy off 'mode = "off"; unprotected = "deny";'
policy broken 'no such thing'
policy entry "programs = ( { exe = \"$PYTHON\"; unprotected = \"deny\"; } );"

# attempt POLICY CMD...: runs it, and sets STATUS, OUT, ERR and EVENT, the last event
attempt() {
    attempt_policy=$SCRATCH/$1.conf
    shift
    rm -f "$EVENTS"
    capture shimmed "$attempt_policy" env "$@" # by a program that is shimmed
    EVENT=$(tail -n 1 "$EVENTS" 2>/dev/null)
}
runs() { # runs NAME VERDICT: it ran, with that event ("": none)
    is "$STATUS $OUT$ERR" '5 ran' "$1: runs"
    event "$1" "$2"
}
refused() { # refused NAME
    like "$ERR" 'Permission denied' "$1: refused"
    unlike "$OUT" ran "$1: does not run"
    event "$1" deny
}
event() {
    if [ -z "$2" ]; then
        is "$EVENT" '' "$1: no event"
    else
        like "$EVENT" "\"target\":\"[^\"]*(static|script|link|tool)\",\"verdict\":\"$2\",\"rule\":\"unprotected\",.*\"layer\":\"user\",\"reason\":\"it is statically linked" \
            "$1: an event, $2"
    fi
}
attempt warn ./static
runs 'by default' warn
like "$EVENT" '"op":"execv' 'the event names the call'
attempt warn2 ./static
runs warn warn
attempt deny ./static
refused deny
is "$STATUS" 126 'deny: the shell says so'
attempt allow ./static
runs allow ''
attempt all ./static
runs 'allow, and a log of everything' allow
attempt none ./static
runs 'warn, without a log' ''
attempt closed ./static
refused 'a policy that is closed'
attempt loose ./static
runs 'a closed policy that allows it' ''
attempt audit ./static
runs 'a policy that observes' would-deny
attempt off ./static
runs 'a policy that is off' ''
capture shimmed "$SCRATCH/broken.conf" env ./static
like "$ERR" 'Permission denied' 'a policy that failed closed: refused'
capture shimmed "$SCRATCH/broken.conf" env env SOCKADE_ON_ERROR=allow ./static
like "$ERR" 'Permission denied' 'also where the child would be let go'
capture shimmed "$SCRATCH/broken.conf" env true
is "$STATUS" 0 'what can be shimmed is started all the same'

attempt deny ./script
refused 'a script with a static interpreter'
attempt deny ./link
refused 'a link to one'
attempt deny env PATH="$PWD/sub:/usr/bin:/bin" tool
refused 'one along PATH'
printf 'text\n' >sub/not-there
attempt deny env PATH="$PWD/nowhere:$PWD/sub:/usr/bin:/bin" not-there
is "$EVENT" '' 'what cannot be executed is no event'
# A folder of PATH whose name is longer than any in use: what stands there is a file that nobody looked at.
long=$PWD/$(printf '%0200d/%0200d/%0200d/%0200d/%0200d/%0200d' 1 2 3 4 5 6)
mkdir -p "$long"
chmod -R a+rx "${long%%/0*}/0"*
cp static "$long/far"
attempt deny env PATH="$long:/usr/bin:/bin" far
unlike "$OUT" ran 'behind a very long name: does not run'
like "$EVENT" '"target":"far","verdict":"deny",.*"reason":"it cannot be read' 'behind a very long name: refused'
attempt deny env PATH="$long/nowhere:$long:$PATH" true
is "$STATUS$ERR$EVENT" 0 'what is not there is passed over'
attempt deny sh -c './static'
refused 'by a shell'
attempt deny "$PYTHON" -c 'import subprocess; subprocess.run(["./static"])'
refused "by python's subprocess"
attempt deny "$PYTHON" -c 'import os; os.posix_spawn("./static", ["x"], {})'
refused 'by posix_spawn'
attempt deny "$PYTHON" -c 'import os; os.posix_spawnp("tool", ["x"], {"PATH": "sub"})'
unlike "$OUT" ran 'PATH is that of the caller'
attempt deny env PATH="$PWD/sub" "$PYTHON" -c 'import os; os.posix_spawnp("tool", ["x"], {})'
refused 'by posix_spawnp'
attempt deny "$PYTHON" -c 'import os; os.execve(os.open("static", os.O_RDONLY), ["x"], {})'
refused 'by fexecve'
attempt deny "$PYTHON" -c 'import os; os.system("./static")'
refused 'by system'
attempt entry ./static
runs "another program's entry" warn
attempt entry "$PYTHON" -c 'import os; os.execv("./static", ["x"])'
refused "a program's own entry"

# Other reasons.
reason() { # reason NAME PATTERN CMD...: refused for it
    name=$1 pattern=$2
    shift 2
    attempt deny "$@"
    like "$ERR" 'Permission denied|cannot execute|Exec format' "$name: refused"
    like "$EVENT" "\"verdict\":\"deny\".*\"reason\":\"[^\"]*$pattern" "$name: the reason"
}
sample=$(command -v env)
cp "$sample" foreign && printf '\363\0' | dd of=foreign bs=1 seek=18 conv=notrunc 2>/dev/null
reason 'another architecture' 'another architecture' ./foreign
if grep -q -a /lib64/ld-linux-x86-64.so.2 "$sample"; then
    sed 's#/lib64/ld-linux-x86-64.so.2#/lib/ld-musl-x86_64.so.1\x00\x00\x00#' "$sample" >musl && chmod 755 musl
    reason musl musl ./musl
fi
cp "$sample" hidden && chmod 0111 hidden
reason 'a file that cannot be read' 'cannot be read' ./hidden
attempt deny "$(readelf -l "$sample" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')" "$sample" A=1
like "$OUT" '^A=1' 'the dynamic loader is no static program'
attempt deny ./no-such-file
is "$EVENT" '' 'what is not there is no event'
attempt deny sh -c 'ulimit -n 3; exec ./static'
unlike "$OUT" ran 'without a descriptor to look with: refused'
like "$ERR" 'Too many open files|File descriptor' 'with its own errno'
attempt warn sh -c 'ulimit -n 3; exec ./static'
is "$OUT" ran 'or let go'

# What gains a user makes the loader ignore us; under no_new_privs it gains none.
if [ "$TEST_UID" -eq 0 ] && [ "${TEST_INSIDE:-1}" -eq 0 ]; then
    plainly() { # plainly POLICY CMD...: as a user who may gain privileges
        plain_policy=$SCRATCH/$1.conf
        shift
        rm -f "$EVENTS"
        capture env HOME="$USER_HOME" setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- timeout 10 \
            env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$plain_policy" env "$@"
        EVENT=$(tail -n 1 "$EVENTS" 2>/dev/null)
    }
    cp "$(command -v id)" suid && chown 0:0 suid && chmod 4755 suid
    cp "$(command -v id)" sgid && chown 0:0 sgid && chmod 2755 sgid
    plainly warn ./suid -u
    is "$STATUS $OUT" '0 0' 'a set-user-id program runs, and gains'
    like "$EVENT" '"target":"./suid","verdict":"warn".*set-user-id' 'and is told of'
    for file in suid sgid; do
        plainly deny ./$file -u
        is "$STATUS" 126 "$file under deny: refused"
        like "$EVENT" "\"target\":\"./$file\",\"verdict\":\"deny\".*set-user-id" "$file under deny: the event"
        attempt deny ./$file -u
        is "$STATUS $OUT" '0 65534' "$file under no_new_privs: gains nothing, and is reached"
        is "$EVENT" '' "$file under no_new_privs: no event"
    done
    chown 65534:65534 suid && chmod 4755 suid
    plainly deny ./suid -u
    is "$STATUS $OUT" '0 65534' 'a set-user-id program of our own gains nothing'
    cp "$(command -v env)" capped
    if setcap cap_net_raw=ep capped 2>/dev/null; then
        for world in plainly attempt; do
            $world deny ./capped sh -c 'grep -c libsockade /proc/self/maps'
            like "$STATUS $OUT" '^0 [1-9]' "$world: a file with capabilities goes through its loader"
            is "$EVENT" '' "$world: no event"
        done
        printf '#!%s sh\necho "$0 $1"\n' "$PWD/capped" >by-capped && chmod 755 by-capped
        attempt deny ./by-capped x
        is "$OUT" './by-capped x' 'so is a script that it interprets'
        attempt deny env PATH="$PWD:/usr/bin:/bin" capped A=1
        like "$OUT" '^A=1' 'so is one along PATH'
        attempt deny "$PYTHON" -c 'import os; os.execv("capped", ["name", "A=1"])'
        like "$OUT" '^A=1' 'so is one by a bare name'
        attempt deny "$PYTHON" -c 'import os
os.waitpid(os.posix_spawn("capped", ["name", "sh", "-c", "grep -c libsockade /proc/self/maps"], {}), 0)'
        like "$OUT" '^[1-9]' 'by posix_spawn too, and without environment'
        attempt deny "$PYTHON" -c 'import os; os.execve(os.open("capped", os.O_RDONLY), ["name", "A=1"], {})'
        like "$OUT" '^A=1' 'by descriptor too'
        cp "$PYTHON" capable-python && setcap cap_net_raw=ep capable-python
        attempt deny ./capable-python -c 'import sys; print(sys.orig_argv[0])'
        is "$OUT" ./capable-python 'it keeps its name'
        cp static capped-static && setcap cap_net_raw=ep capped-static
        attempt deny ./capped-static
        is "$STATUS" 126 'a static one cannot go through a loader'
        capture as_user env LD_PRELOAD="$LIBSOCKADE" env ./capped-static
        like "$ERR" 'Operation not permitted' 'and without a policy fails as it does without us'
        capture as_user env LD_PRELOAD="$LIBSOCKADE" env ./capped sh -c 'grep -c libsockade /proc/self/maps'
        like "$OUT" '^[1-9]' 'without a policy, under no_new_privs: through the loader'
    else
        skip 'no file capabilities here' 'a program with file capabilities'
    fi
    # A process whose ids differ starts nothing that the loader lets us into.
    attempt_ids='import os, sys
os.setresuid(65534, 0, 0)
os.execv("/bin/true", ["true"])'
    capture env HOME="$USER_HOME" LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/deny.conf" "$PYTHON" -c "$attempt_ids"
    like "$ERR" 'Permission ?[dD]enied|PermissionError' 'real and effective user differ: refused'
else
    skip 'only root can make a file of another owner' 'a set-user-id program that would gain'
    skip 'only root can give them' 'a program with file capabilities'
fi

# What binfmt_misc hands to an interpreter: each user namespace has its own since Linux 6.7.
printf 'MAGIC\n' >odd && chmod 755 odd
cat >registered.sh <<END
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && echo ":odd:M::MAGIC::\$1:" >/proc/sys/fs/binfmt_misc/register || exit 77
LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/deny.conf" sh -c ./odd
END
capture unshare -Urm sh registered.sh "$PWD/static"
if [ "$STATUS" -eq 77 ]; then
    skip 'no binfmt_misc in a user namespace here' 'a static interpreter of binfmt_misc'
else
    is "$STATUS $OUT" '126 ' 'a static interpreter of binfmt_misc'
    capture unshare -Urm sh registered.sh /bin/cat
    is "$STATUS $OUT" '0 MAGIC' 'one that can be reached'
fi

# Where our object cannot be reached any more; what is dynamic would run without it.
mkdir -p root/bin root/lib64
cp "$sample" root/bin/env
ldd "$sample" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "root/${library%/*}" && cp "$library" "root/$library"
done
for policy in warn deny; do
    rm -f "$HOME/.local/state/sockade/events.jsonl"
    capture env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$SCRATCH/$policy.conf" chroot root /bin/env -i A=1 /bin/env
    if [ $policy = warn ]; then like "$OUT" '^A=1' 'chroot, warn: runs'; else is "$STATUS" 126 'chroot, deny: refused'; fi
done
capture env LD_PRELOAD="$LIBSOCKADE" chroot root /bin/env -i A=1 /bin/env
is "$(echo "$OUT" | grep -v SOCKADE_HOME)" 'A=1' 'chroot, no policy: nobody is told to load what is not there'

# sockade run's own target is refused whatever the policy says.
capture as_user "$SOCKADE" run --policy "$SCRATCH/allow.conf" -- ./static
is "$STATUS" 125 "sockade run's own target"
capture as_user "$SOCKADE" run --policy "$SCRATCH/deny.conf" -- sh -c 'exec ./static'
like "$ERR" 'Permission denied' 'its children follow the policy'
# A program with a dynamic loader and the note that Go's linker writes: it makes its system calls itself. It is told by that.
cat >go.c <<'END_OF_FILE'
#include <stdio.h>
__asm__(".pushsection .note.go.buildid, \"a\", @note\n .balign 4\n .long 4, 5, 4\n .asciz \"Go\\0\"\n .asciz \"abcd\"\n .balign 4\n .popsection");
int main(void) { puts("ran"); return 5; }
END_OF_FILE
${CC:-cc} -o go go.c
attempt deny ./go
like "$EVENT $ERR" '"verdict":"deny".*it is built by Go.*Permission denied' "a dynamically linked Go program: refused"
attempt warn ./go
is "$STATUS $OUT" '5 ran' 'a dynamically linked Go program: runs by default'
like "$EVENT" '"verdict":"warn".*it is built by Go' 'a dynamically linked Go program: told of'
capture as_user env SOCKADE_POLICY="$SCRATCH/warn.conf" "$SOCKADE" run -- ./go
is "$STATUS $OUT" '125 ' 'a dynamically linked Go program: not by sockade run'
like "$ERR" 'is built by Go' 'a dynamically linked Go program: sockade run says why'
done_testing
