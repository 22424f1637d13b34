# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016 # single quotes are for the shells inside
# A container made by hand, and what `sockade run` has to be as its entry point.
#
# Sourced after lib.sh and net.sh, inside enter_net. A root file system gets what a runtime adds (/proc, /dev,
# /dev/shm), and programs are started in it as pid 1 the way Kubernetes' "restricted" has it: a read-only root without
# /tmp, no capability, no_new_privs, a user without an entry in passwd.
#
# The root is a mount point; it holds sh, util-linux and python3, the empty folders proc, dev and config, and the
# command and the object where INSTALLED says.

CONTAINER_UID=12345
CONTAINER_DROP="setpriv --reuid=$CONTAINER_UID --regid=$CONTAINER_UID --clear-groups --bounding-set=-all --inh-caps=-all
    --no-new-privs --"
# A second user namespace gives another number, and no capability over the first one's things.
[ "$TEST_INSIDE" -eq 0 ] || CONTAINER_DROP="unshare --user --map-user=$CONTAINER_UID --map-group=$CONTAINER_UID --
    setpriv --bounding-set=-all --inh-caps=-all --no-new-privs --"
: "${INSTALLED:=/app/sockade}"
ENTRY="$INSTALLED run --policy /config/policy.conf --"

# container_begin ROOT: all of it is read-only then but /dev/shm
container_begin() {
    CONTAINER_ROOT=$1
    CONFIG=$SCRATCH/config
    mount -t tmpfs -o mode=755 tmpfs "$1/dev" && mkdir "$1/dev/shm" || return 1
    for node in null zero full random urandom; do
        : >"$1/dev/$node" && mount --bind "/dev/$node" "$1/dev/$node" || return 1
    done
    ln -s /proc/self/fd "$1/dev/fd"
    mount -o remount,bind,ro "$1/dev" && mount -t tmpfs -o mode=1777,nosuid,nodev,noexec tmpfs "$1/dev/shm" &&
        mkdir "$CONFIG" && mount --bind "$CONFIG" "$1/config" && mount -o remount,bind,ro "$1/config" &&
        mount -o remount,bind,ro "$1"
}

# Becomes pid 1 there: that root is all it sees, and /proc has its own processes.
CONTAINER_ENTER='
    cd "$1" && mount -t proc proc proc && pivot_root . . && umount -l . && cd / || exit 120
    shift
    exec env -i PATH=/usr/local/bin:/usr/bin:/bin ${ASAN_OPTIONS:+"ASAN_OPTIONS=$ASAN_OPTIONS"} "$@"'

# as_admin [NAME=VALUE]... COMMAND...: with the rights of whoever starts containers
as_admin() {
    unshare --mount --pid --fork --kill-child --ipc --uts -- sh -c "$CONTAINER_ENTER" sh "$CONTAINER_ROOT" "$@"
}

# contained COMMAND...: as pid 1, by the ordinary user
# shellcheck disable=SC2086 # several words
contained() {
    as_admin $CONTAINER_DROP "$@"
}

# both NAME COMMAND...: bare and behind the entry point it ends in the same way and says the same
# shellcheck disable=SC2086
both() {
    both_name=$1
    shift
    capture contained "$@"
    both_bare="$STATUS $OUT $ERR"
    capture contained $ENTRY "$@"
    is "$STATUS $OUT $ERR" "$both_bare" "$both_name ($(printf '%s' "$both_bare" | tr -s '\n\t' ' '))"
}

# A shell's background processes ignore SIGINT unless told otherwise.
# signalled SIGNAL,... COMMAND...: these come from outside once it says "ready"; prints how it ends and what it said
# shellcheck disable=SC2086
signalled() {
    signalled_by=$(echo "$1" | tr , ' ')
    shift
    : >"$SCRATCH/said"
    (exec env --default-signal unshare --mount --pid --fork --kill-child --ipc --uts -- \
        sh -c "$CONTAINER_ENTER" sh "$CONTAINER_ROOT" $CONTAINER_DROP "$@") >"$SCRATCH/said" 2>&1 &
    signalled_outer=$!
    wait_for 10 grep -q ready "$SCRATCH/said"
    read -r signalled_pid _ <"/proc/$signalled_outer/task/$signalled_outer/children"
    for signal in $signalled_by; do
        kill -s "$signal" "$signalled_pid"
        sleep 0.05
    done
    wait "$signalled_outer" 2>/dev/null
    echo "$?: $(tr '\n' ' ' <"$SCRATCH/said")"
}

# signals NAME SIGNAL,... COMMAND...: the same bare and behind the entry point
# shellcheck disable=SC2086
signals() {
    signals_name=$1 signals_sent=$2
    shift 2
    signals_bare=$(signalled "$signals_sent" "$@")
    is "$(signalled "$signals_sent" $ENTRY "$@")" "$signals_bare" "$signals_name ($signals_bare)"
}

# How the policy comes in, as Kubernetes mounts a ConfigMap: the file's name is a link through one that is swapped.
policy_version() {
    mkdir -p "$CONFIG/..$1"
    cat >"$CONFIG/..$1/policy.conf"
    chmod -R a+rX "$CONFIG"
    ln -s "..$1" "$CONFIG/..new"
    mv -T "$CONFIG/..new" "$CONFIG/..data"
    [ -L "$CONFIG/policy.conf" ] || ln -s ..data/policy.conf "$CONFIG/policy.conf"
}

# Tells each time when what may be reached changes.
WATCH='import socket, sys, time
def outcome(peer):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((peer, 9))
        return "+"
    except PermissionError:
        return "-"
before, end = None, time.monotonic() + 30
while before != "--" and time.monotonic() < end:
    now = outcome("127.0.0.2") + outcome("127.0.0.3")
    if now != before:
        print(now, flush=True)
    before = now
    time.sleep(0.02)'

CONNECT='import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect((sys.argv[1], 9))'

# What the process finds, and what it can write to.
container_place() {
    both 'no capabilities, no_new_privs, its own number as pid 1' sh -c 'id -u; id -g; echo $$
        grep -E "^(Cap|NoNew)" /proc/self/status'
    like "$OUT" '^CapEff:.0000000000000000$' 'as the most restricted container has it'
    both 'no user of that number' python3 -c 'import pwd, os
try: pwd.getpwuid(os.getuid())
except KeyError: print("unknown")'
    is "$OUT" unknown 'is known'
    if sanitized; then
        skip 'a sanitizer has signal handlers of its own' 'a container: descriptors and signals'
    else
        both 'descriptors and signals' sh -c 'ls /proc/self/fd | wc -l; umask
            grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
    fi
    # shellcheck disable=SC2086
    capture contained $ENTRY find / -xdev ! -type l -writable -not -path '/proc/*'
    is "$OUT" '' 'nothing of the root can be written to'
    capture contained sh -c 'for file in / /tmp /var/tmp /run /config /dev /dev/shm /app; do
        (echo >$file/test-write) 2>/dev/null && { echo $file; rm $file/test-write; }; done'
    is "$OUT" /dev/shm 'nothing but /dev/shm takes a file'
    # shellcheck disable=SC2086
    capture contained $ENTRY sh -c 'ls -d /dev/shm/*; stat -c %a /dev/shm/sockade-*'
    is "$OUT" "/dev/shm/sockade-$CONTAINER_UID
700" 'where the image stands'
}

# shellcheck disable=SC2086
container_codes() {
    codes='begin="unshare --mount-proc --pid --fork --kill-child --"
        for code in $(seq 0 255); do $begin "$@" sh -c "exit $code"; echo $?; done'
    is "$(as_admin sh -c "$codes" sh $CONTAINER_DROP $ENTRY 2>&1)" "$(seq 0 255)" 'all 256 exit codes'
    is "$(as_admin sh -c "$codes" sh $CONTAINER_DROP 2>&1)" "$(seq 0 255)" 'as bare'
    capture contained $ENTRY nowhere
    is "$STATUS" 127 'a program that is not there: 127'
    capture contained $ENTRY /config/policy.conf
    is "$STATUS" 126 'one that cannot be executed: 126'
    capture contained $ENTRY
    is "$STATUS" 125 'no program at all: 125'
    like "$ERR" 'name a program' 'and says so'
    capture contained "$INSTALLED" run --policy /config/nowhere.conf -- echo started
    is "$STATUS$OUT" 125 'a policy that is not there: 125, and nothing starts'
}

container_signals() {
    if sanitized; then
        skip 'a sanitizer has signal handlers of its own' 'a container: faults'
    else
        both 'dead by a fault' python3 -c 'import ctypes; ctypes.string_at(1)'
        both 'dead by abort' python3 -c 'import os; os.abort()'
        both 'how a child died by a fault' sh -c 'sh -c "kill -SEGV \$\$"; echo $?'
    fi
    both 'its own signals do not end pid 1' sh -c 'kill -TERM $$; kill -KILL $$; echo on; exit 3'
    both 'how a child died' sh -c 'sh -c "kill -TERM \$\$"; echo $?; sh -c "kill -KILL \$\$"; echo $?'
    handled='for signal in HUP INT QUIT USR1 USR2 TERM; do trap "echo $signal" $signal; done
        trap "exit 42" CONT; echo ready; while :; do sleep 0.02; done'
    signals 'signals that are handled' HUP,INT,QUIT,USR1,USR2,TERM,CONT sh -c "$handled"
    signals 'signals that a shell does not ask for' TERM,INT,HUP sh -c 'echo ready; sleep 0.5; exit 9'
    signals 'INT to Python' INT python3 -c 'import time; print("ready", flush=True); time.sleep(5)'
    signals 'TERM to exec in a shell' TERM sh -c 'trap "" TERM; echo ready; exec sleep 0.4'
    signals KILL KILL sh -c 'echo ready; sleep 5'
    # A pid 1 that waits for its own child alone: what that leaves behind becomes its child and stays a zombie.
    orphans='import glob, os, time
if os.fork() == 0:
    for delay in (0, 0, 0.1):
        if os.fork() == 0:
            time.sleep(delay)
            os._exit(0)
    os._exit(0)
os.wait()
def states():
    return "".join(sorted(open(f).read().rpartition(")")[2].split()[0] for f in glob.glob("/proc/[0-9]*/stat")))
end = time.monotonic() + 5
while states().count("Z") < 3 and time.monotonic() < end:
    time.sleep(0.02)
print(states())'
    both 'zombies' python3 -c "$orphans"
    both 'a shell as pid 1 reaps' sh -c '(sleep 0.1 &); sleep 0.3; wait; cat /proc/[0-9]*/stat | grep -c ") Z "; echo'
}

# shellcheck disable=SC2086
container_policy() {
    capture contained $ENTRY python3 -c "$CONNECT" 127.0.0.2
    like "$ERR" PermissionError 'the policy holds'
    alone='exec env -i ${ASAN_OPTIONS:+"ASAN_OPTIONS=$ASAN_OPTIONS"} python3 -c "$1" 127.0.0.2'
    capture contained $ENTRY sh -c "$alone" sh "$CONNECT"
    like "$ERR" PermissionError 'and for a child without an environment'
    for home in HOME=/ HOME=/nowhere HOME= XDG_RUNTIME_DIR=/nowhere; do
        capture as_admin $home $CONTAINER_DROP $ENTRY python3 -c "$CONNECT" 127.0.0.2
        like "$ERR" PermissionError "$home changes nothing"
        unlike "$ERR" sockade: 'without a word'
    done
    capture as_admin $CONTAINER_DROP "$INSTALLED" run -- python3 -c "$CONNECT" 127.0.0.2
    is "$STATUS$ERR" 0 'without --policy and HOME there is none'

    # An image from when the container was built needs no place to write at all.
    capture contained "$INSTALLED" run --policy /built.image -- python3 -c "$CONNECT" 127.0.0.2
    like "$ERR" PermissionError 'an image from when the container was built'
    capture as_admin sh -c 'mount -o remount,bind,ro /dev/shm && exec "$@"' sh $CONTAINER_DROP \
        "$INSTALLED" run --policy /built.image -- sh -c 'python3 -c "$1" 127.0.0.2' sh "$CONNECT"
    like "$ERR" PermissionError 'also where nothing at all can be written to'
    capture as_admin sh -c 'mount -o remount,bind,ro /dev/shm && exec "$@"' sh $CONTAINER_DROP \
        "$INSTALLED" run --policy /config/policy.conf --deny-to 127.0.0.9 -- echo started
    is "$STATUS$OUT" 125 'a text cannot be compiled there: 125, and nothing starts'
    like "$ERR" 'compile|image' 'which is told'
}

# shellcheck disable=SC2086
container_edits() {
    contained $ENTRY python3 -c "$WATCH" >"$SCRATCH/watched" 2>&1 &
    watcher=$!
    wait_for 10 grep -q . "$SCRATCH/watched"
    echo 'version = 1; deny_to = [ "127.0.0.3" ];' | policy_version 2
    wait_for 10 grep -q '^+-' "$SCRATCH/watched"
    echo 'version = 1; deny_to = [ "127.0.0.2", ' | policy_version 3
    sleep 1.2
    echo 'version = 1; deny_to = [ "127.0.0.2-127.0.0.3" ];' | policy_version 4
    wait "$watcher"
    is "$(cat "$SCRATCH/watched")" '-+
+-
--' 'a policy that is swapped by its link is followed, a broken one is not'
    echo 'version = 1; deny_to = [ "127.0.0.2" ];' | policy_version 5
}

container_cases() {
    echo 'version = 1; deny_to = [ "127.0.0.2" ];' | policy_version 1
    # Whether anything of this can be done here.
    capture contained true
    [ "$STATUS" -eq 0 ] || { note ' why' "$ERR"; skip 'no container can be made here' "${0##*/}"; done_testing; }
    container_place
    container_codes
    container_signals
    container_policy
    container_edits
}
