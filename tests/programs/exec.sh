#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # expanded by inner shells, and by others
# Every way out: real programs that start others with an environment that is emptied, rebuilt or cleaned of us.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need curl curl
if sanitized; then
    skip 'children with an emptied environment lose the options of its runtime' exec.sh
    done_testing
fi
enter_net
scratch
add_addresses 192.0.2.1
http_server 127.0.0.1 8080
http_server 192.0.2.1 8080
cat >policy.conf <<END
version = 1;
deny_to = [ "192.0.2.1" ];
END
CURL=$(command -v curl)
denied=http://192.0.2.1:8080/
allowed=http://127.0.0.1:8080/

# both NAME CMD... URL is put behind: the child is refused one address and reaches the other
both() {
    name=$1
    shift
    capture shimmed "$SCRATCH/policy.conf" "$@" "$denied"
    unlike "$OUT$ERR" served "$name: the child is refused"
    like "$OUT$ERR" '192\.0\.2\.1.*(Connection|connect|Connect)|Permission denied' "$name: and says so"
    capture shimmed "$SCRATCH/policy.conf" "$@" "$allowed"
    is "$OUT" served "$name: another is allowed"
}

both 'curl itself' "$CURL" -sS
both 'env -i' env -i "$CURL" -sS
both 'env -u LD_PRELOAD' env -u LD_PRELOAD -u SOCKADE_POLICY -u SOCKADE_PINNED "$CURL" -sS
both 'env -i twice' env -i env -i "$CURL" -sS
both 'env -i with another preload' env -i LD_PRELOAD=libm.so.6 "$CURL" -sS
both 'a script that execs env -i' sh -c 'unset LD_PRELOAD; exec env -i "$@"' sh "$CURL" -sS
both 'a script that unsets everything' sh -c 'unset LD_PRELOAD SOCKADE_POLICY SOCKADE_PINNED HOME; "$@"' sh "$CURL" -sS
both 'setsid, nohup, nice, timeout' setsid nohup nice timeout 9 env -i "$CURL" -sS
both xargs sh -c 'echo "$@" | env -i xargs env -i' sh "$CURL" -sS
both 'find -exec' sh -c 'find / -maxdepth 0 -exec env -i "$@" \;' sh "$CURL" -sS
if command -v bash >/dev/null; then
    both 'bash -c' bash -c 'exec env -i "$@"' bash "$CURL" -sS
    both 'exec -c of bash' bash -c 'exec -c "$@"' bash "$CURL" -sS
    both 'bash -i' bash --norc -i -c 'LD_PRELOAD= "$@"' bash "$CURL" -sS
fi
if command -v busybox >/dev/null; then
    both 'busybox env -i' busybox env -i "$CURL" -sS
    both 'busybox sh' busybox sh -c 'env -i "$@"' sh "$CURL" -sS
fi
if command -v make >/dev/null; then
    printf 'all:\n\t@env -i %s -sS $(URL)\nbare:\n\t@%s -sS $(URL)\nunexport LD_PRELOAD\n' "$CURL" "$CURL" >Makefile
    both make sh -c 'make -s -j2 all URL="$1"' sh
    both 'make without the variable' sh -c 'env -i PATH=/usr/bin:/bin make -s -j2 bare URL="$1"' sh
fi

cat >ways.py <<'END'
import os, subprocess, sys
way, command = sys.argv[1], sys.argv[2:]
if way == "execve":
    os.execve(command[0], command, {})
if way == "execvpe":
    os.execvpe("curl", command, {"PATH": "/usr/bin:/bin"})
if way == "clear":
    os.environ.clear()
    os.execv(command[0], command)
if way == "system":
    os.environ.clear()
    sys.exit(os.waitstatus_to_exitcode(os.system(" ".join(command))))
if way == "subprocess":
    sys.exit(subprocess.run(command, env={}).returncode)
if way == "shell":
    sys.exit(subprocess.run(" ".join(command), shell=True, env={}).returncode)
if way == "preexec":
    sys.exit(subprocess.run(command, env={}, preexec_fn=lambda: None, close_fds=False).returncode)
if way == "posix_spawn":
    pid = os.posix_spawn(command[0], command, {})
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
if way == "fexecve":
    os.execve(os.open(command[0], os.O_RDONLY), command, {})
END
for way in execve execvpe clear system subprocess shell preexec posix_spawn fexecve; do
    both "python: $way" "$PYTHON" ways.py "$way" "$CURL" -sS
done
both 'perl: %ENV = (), exec' perl -e '%ENV = (); exec { $ARGV[0] } @ARGV' "$CURL" -sS
both 'perl: %ENV = (), system' perl -e '%ENV = (); system(@ARGV); exit $? >> 8' "$CURL" -sS
both 'perl: system by the shell' perl -e '%ENV = (); system("@ARGV 2>&1")' "$CURL" -sS
both 'perl: a pipe' perl -e '%ENV = (); open(P, "-|", @ARGV); print <P>' "$CURL" -sS
if command -v awk >/dev/null; then
    both 'awk: system' sh -c 'exec env -i /usr/bin/awk "BEGIN { exit system(\"$*\") }"' sh "$CURL" -sS
fi

# What children find is what the first one found: a policy at the default path too.
mkdir -p "$USER_HOME/.config/sockade"
cp policy.conf "$USER_HOME/.config/sockade/policy.conf"
capture as_user timeout 10 env LD_PRELOAD="$LIBSOCKADE" env -i "$CURL" -sS "$denied"
unlike "$OUT" served 'the policy of the home folder holds without HOME'
capture as_user timeout 10 "$SOCKADE" run --deny-to 127.0.0.1 -- env -i "$CURL" -sS "$allowed"
unlike "$OUT" served 'rules of the command line hold in children without environment'
like "$(cat "$USER_HOME/.local/state/sockade/events.jsonl")" '"exe":"[^"]*curl","op":"connect".*"verdict":"deny"' \
    'events of children without HOME stand where those of the others do'

# An environment that has all that it needs is not touched; one of another program's gets us behind its own.
capture shimmed "$SCRATCH/policy.conf" env -i A=1 env
is "$(echo "$OUT" | sed 's/=.*//' | tr '\n' ' ')" 'A LD_PRELOAD SOCKADE_PINNED SOCKADE_POLICY SOCKADE_HOME ' \
    'what a child gets beside its own'
capture shimmed "$SCRATCH/policy.conf" env -i LD_PRELOAD=libm.so.6 env
like "$OUT" "^LD_PRELOAD=libm.so.6:$LIBSOCKADE\$" 'the object comes behind another one'
capture shimmed "$SCRATCH/policy.conf" env env env
is "$(echo "$OUT" | grep -c '^LD_PRELOAD')" 1 'and never twice'
capture as_user env LD_PRELOAD="$LIBSOCKADE" env -i A=1 env
like "$OUT" "^LD_PRELOAD=$LIBSOCKADE\$" 'without a policy children keep the object too'

# However the object was named.
value="$SCRATCH/install/"'$LIB/libsockade.so'
for folder in "lib/$(${CC:-gcc} -print-multiarch 2>/dev/null)" lib64 lib; do
    mkdir -p "install/$folder"
    cp "$LIBSOCKADE" "install/$folder/libsockade.so"
done
capture as_user env LD_PRELOAD="$value" env -i env
like "$OUT" "^LD_PRELOAD=.*/\\\$LIB/libsockade.so\$" "a value with the loader's \$LIB stays one"
capture as_user env LD_LIBRARY_PATH="${LIBSOCKADE%/*}" LD_PRELOAD=libsockade.so env -i env
like "$OUT" "^LD_PRELOAD=$LIBSOCKADE\$" 'a name that was found along LD_LIBRARY_PATH becomes a path'
capture as_user "$SOCKADE" run env -i env
is "$(printf '%s\n' "$OUT" | grep ^LD_PRELOAD=)" "LD_PRELOAD=$(preload_value)" 'sockade run without a policy'

# The object by a relative name, and a folder that changes.
cp "$LIBSOCKADE" here.so
capture as_user env LD_PRELOAD=./here.so sh -c 'cd / && exec env -i grep -c here.so /proc/self/maps'
like "$OUT" '^[1-9]' 'an object by a relative name is found from another folder'
done_testing
