#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade run`: exit codes, what the program inherits, and what is refused before anything starts.
# shellcheck disable=SC2016 # single quotes are for the inner shell
. "${0%/*}/../lib.sh"
scratch
run() { capture as_user "$SOCKADE" run "$@"; }
mine() { cp "$1" "$2" && chmod 755 "$2"; }

# refused CODE PATTERN NAME: how the last run ended
refused() {
    is "$STATUS" "$1" "$3: exit $1"
    like "$ERR" "$2" "$3: says why"
    is "$OUT" '' "$3: nothing was started"
}

cd "$USER_HOME" || exit 1

# Exit codes are the program's own, or ours.
for code in 0 1 2 7 124 125 126 127 128 255; do
    run -- sh -c "exit $code"
    is "$STATUS" $code "exit $code is passed on"
done
run nowhere-to-be-found && refused 127 "'nowhere-to-be-found': not found along PATH" 'a program that is not there'
run ./nowhere && refused 127 "'./nowhere': not found" 'a path that is not there'
run '' && refused 127 'not found' 'an empty name'
run / && refused 126 'Is a directory' 'a folder'
run /etc/passwd && refused 126 'Permission denied' 'a file without the execute bit'
run && refused 125 'name a program' 'no program'
run --polcy x true && refused 125 "did you mean '--policy'" 'an unknown option'
run --policy && refused 125 'needs a value' 'an option without its value'
run --audit=yes true && refused 125 'takes no value' 'a flag with a value'

# Options end at the program.
run sh -c 'echo "$@"' sh --audit --deny-to nonsense
is "$OUT" '--audit --deny-to nonsense' 'options behind the program are the program'"'"'s'
run -- sh -c 'echo "$0 $*"' -- -x
is "$OUT" '-- -x' '-- ends our options once'

# The same process, and nothing of ours left in it.
capture as_user sh -c 'echo $$; exec "$0" run sh -c "echo \$\$"' "$SOCKADE"
is "$(echo "$OUT" | uniq | wc -l)" 1 'it is the same process'
inherited='ls -l /proc/self/fd | grep -c "[0-9] ->"; grep ^Sig[BIC] /proc/self/status; umask; ulimit -a'
capture as_user sh -c "$inherited"
bare=$OUT
run sh -c "$inherited"
if sanitized; then
    skip 'a sanitizer has signal handlers of its own' 'descriptors, signals, umask and limits are as they were'
else
    is "$OUT" "$bare" 'descriptors, signals, umask and limits are as they were'
fi
run grep NoNewPrivs /proc/self/status
is "$OUT" 'NoNewPrivs:	1' 'no_new_privs is set'
run --keep-privileges grep NoNewPrivs /proc/self/status
is "$OUT" "$(as_user grep NoNewPrivs /proc/self/status)" 'and not with --keep-privileges'

# What the loader is told.
run sh -c 'echo "$LD_PRELOAD"'
value=$(preload_value)
is "$OUT" "$value" 'LD_PRELOAD is the object beside the command'
capture as_user env LD_PRELOAD=libc.so.6 "$SOCKADE" run sh -c 'echo "$LD_PRELOAD"'
is "$OUT" "$value:libc.so.6" 'what stood in LD_PRELOAD stays'
run "$SOCKADE" run sh -c 'echo "$LD_PRELOAD"'
is "$OUT" "$value" 'a nested run does not name it twice'
run grep -c libsockade.so /proc/self/maps
[ "${OUT:-0}" -gt 0 ]
ok $? 'the object is mapped'

# Finding the program.
mkdir first second
printf '#!/bin/sh\necho second\n' >second/tool && chmod 755 second/tool
echo nothing >first/tool && chmod 644 first/tool
capture as_user env PATH="$PWD/first:$PWD/second:$PATH" "$SOCKADE" run tool
is "$OUT" second 'what cannot be executed is passed over along PATH'
capture as_user env PATH="$PWD/first:/usr/bin:/bin" "$SOCKADE" run tool
refused 126 'Permission denied' 'unless nothing else is found'
capture as_user sh -c 'cd second && PATH=:/usr/bin:/bin "$0" run tool' "$SOCKADE"
is "$OUT" second 'an empty part of PATH is the current folder'

# Scripts.
printf 'echo "plain $1"\n' >plain && chmod 755 plain
run ./plain x
is "$OUT" 'plain x' 'a script without interpreter line is run by the shell'
printf '#! /bin/sh -e\nfalse\necho on\n' >strict && chmod 755 strict
run ./strict
is "$STATUS" 1 'the argument of an interpreter line holds'
printf '#!/no/such/interpreter\n' >lost && chmod 755 lost
run ./lost && refused 126 "'/no/such/interpreter'" 'a missing interpreter'
printf '#!%s/circle\n' "$PWD" >circle && chmod 755 circle
run ./circle && refused 126 'interpreters in a row' 'a script that interprets itself'

# What preloading cannot reach.
printf 'int main(void) { return 0; }\n' >static.c
if ${CC:-cc} -static -o static static.c 2>/dev/null; then
    run ./static && refused 125 "'./static' is statically linked" 'a static program'
    printf '#!%s/static\n' "$PWD" >script && chmod 755 script
    run ./script && refused 125 'static. is statically linked' 'a script with a static interpreter'
else
    skip 'no static libc here' 'a static program is refused'
fi
sample=$(command -v env) # any dynamic program that is no builtin of the shell
mine "$sample" foreign && printf '\363\0' | dd of=foreign bs=1 seek=18 conv=notrunc 2>/dev/null
run ./foreign && refused 125 'another architecture .64-bit, machine 243' 'a program of another machine'
mine "$sample" small && printf '\1' | dd of=small bs=1 seek=4 conv=notrunc 2>/dev/null
run ./small && refused 125 'another architecture .32-bit' 'a 32-bit program'
if grep -q -a /lib64/ld-linux-x86-64.so.2 "$sample"; then
    LC_ALL=C sed 's#/lib64/ld-linux-x86-64.so.2#/lib/ld-musl-x86_64.so.1\x00\x00\x00#' "$sample" >musl && chmod 755 musl
    run ./musl && refused 125 'musl' 'a program for musl'
    LC_ALL=C sed 's#/lib64/ld-linux-x86-64.so.2#/lib64/ld-linux-x86-64.so.0#' "$sample" >loaderless && chmod 755 loaderless
    run ./loaderless && refused 126 "its dynamic loader '/lib64/ld-linux-x86-64.so.0'" 'a loader that is not there'
else
    skip 'another architecture' 'a program for musl is refused'
fi
broken=0
for size in 4 5 16 20 52 63 64 100 400 800; do
    head -c $size "$sample" >short && chmod 755 short
    run ./short
    [ "$STATUS" -eq 125 ] || [ "$STATUS" -eq 126 ] || broken="$broken $size:$STATUS"
done
is "$broken" 0 'a program that is cut short is refused'
mine "$sample" hidden && chmod 111 hidden
[ "$TEST_UID" -ne 0 ] || chown 0:0 hidden
run ./hidden && refused 125 'cannot be read' 'a program that cannot be read'

# Privileges of files.
if [ "$TEST_UID" -eq 0 ]; then
    mine "$(command -v sh)" suid && chown 0:0 suid && chmod 4755 suid
    run --keep-privileges ./suid -c 'echo on' && refused 125 'set-user-id' 'a set-user-id program that would gain'
    run ./suid -c 'id -u; grep -c libsockade /proc/$$/maps'
    is "$(echo "$OUT" | head -n 1)" 65534 'without --keep-privileges it runs and gains nothing'
    like "$(echo "$OUT" | tail -n 1)" '^[1-9]' 'and the object is mapped'
    capture "$SOCKADE" run --keep-privileges ./suid -c 'echo on'
    is "$OUT" on 'a set-user-id program of our own gains nothing and is started'
    capped=$SCRATCH/capped
    cp "$(command -v sh)" "$capped"
    if setcap cap_net_raw+ep "$capped" 2>/dev/null; then
        run "$capped" -c 'echo "$0"; readlink /proc/$$/exe; grep -c libsockade /proc/$$/maps; grep CapEff /proc/$$/status'
        is "$(echo "$OUT" | sed -n 1p)" "$capped" 'a program with file capabilities keeps its name'
        like "$(echo "$OUT" | sed -n 2p)" '/ld[^/]*$' 'it is started through the loader'
        like "$(echo "$OUT" | sed -n 3p)" '^[1-9]' 'the object is mapped'
        like "$(echo "$OUT" | sed -n 4p)" '0000000000000000$' 'the capabilities are dropped'
        printf '#!%s -u\necho "$0 $1 $-"\n' "$capped" >by-capped && chmod 755 by-capped
        run ./by-capped x
        like "$OUT" '^./by-capped x .*u' 'so is a script that it interprets, with its arguments'
    else
        skip 'no file capabilities here' 'a program with file capabilities'
    fi
else
    skip 'only root can make such a file' 'a set-user-id program that would gain'
    skip 'only root can make such a file' 'a program with file capabilities'
fi

# Our own place.
if [ "$TEST_UID" -eq 0 ]; then copy=$SCRATCH; else copy=$PWD; fi
mkdir "$copy/a b" && cp "$SOCKADE" "$LIBSOCKADE" "$copy/a b" && chmod 755 "$copy/a b"
capture as_user "$copy/a b/sockade" run true
refused 125 'LD_PRELOAD cannot hold a path with a space' 'an object whose path has a space'
mkdir "$copy/torn" && cp "$SOCKADE" "$copy/torn" && echo torn >"$copy/torn/libsockade.so"
capture as_user "$copy/torn/sockade" run true
refused 125 'no shared object' 'an object that is none'
done_testing
