#!/bin/sh
# SPDX-License-Identifier: MIT
# Where events go, and what may be wrong with that place: no harm comes to the program, which ends and says the same as
# without the object, nor to any file of its own. The policy refuses with what the kernel would say, so nothing differs.
# shellcheck disable=SC2016 # single quotes: an inner shell expands them
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
helper refused_often
cp refused_often "$USER_HOME/refused_often"
cd "$USER_HOME" || exit 1
policies=0

# policy WHERE [SETTING...]: a new policy that logs there; its image is compiled by a first start
policy() {
    to=$1
    shift
    policies=$((policies + 1))
    policy=$SCRATCH/policy-$policies.conf
    cat >"$policy" <<END
version = 1;
log = { to = "$to"; $* };
rules = ( { name = "mine"; action = "deny"; to = "127.0.0.1"; port = 8081; errno = "ECONNREFUSED"; } );
END
    shimmed "$policy" true
}

# same NAME SNIPPET: the snippet ends and says the same, preloaded and bare; in at most ten seconds
same() {
    for world in bare shimmed; do
        [ $world = bare ] || world="shimmed $policy"
        # shellcheck disable=SC2086 # two words
        $world sh -c "$2" >"$SCRATCH/said.${world%% *}" 2>"$SCRATCH/err.${world%% *}" </dev/null
        echo "status $?" >>"$SCRATCH/said.${world%% *}"
    done
    is "$(cat "$SCRATCH/said.shimmed")" "$(cat "$SCRATCH/said.bare")" "$1"
}

# events FILE: how many valid lines it has; says `broken` where one is not JSON by itself
events() {
    "$PYTHON" -c 'import json, sys
lines = open(sys.argv[1], "rb").read().split(b"\n")
print(len([json.loads(line.decode()) for line in lines[:-1]]) if lines[-1] == b"" else "broken")' "$1" 2>/dev/null ||
        echo broken
}

# Standard error.
policy stderr
same 'stderr: the program' './refused_often 3'
is "$(cat "$SCRATCH/err.bare")" '' 'stderr: nothing without the object'
is "$(events "$SCRATCH/err.shimmed")" 3 'stderr: a line for each'
like "$(cat "$SCRATCH/err.shimmed")" '"op":"connect","dst":"127.0.0.1","port":8081,"proto":"tcp","verdict":"deny","rule":"mine"' \
    'stderr: which says what was refused'
same 'stderr whose reader has left' '{ sleep 0.2; ./refused_often 3; echo $?; } 2>&1 >said | true; cat said'
mkfifo pipe
same 'stderr is a full pipe that nobody reads' "exec 3<>pipe; '$PYTHON' -c 'import os
os.set_blocking(3, False)
try:
    while True: os.write(3, b\"x\" * 4096)
except BlockingIOError: pass'; ./refused_often 3 2>&3"
same 'stderr is closed' './refused_often 3 2>&-'
same "stderr is replaced by the program's own file" './refused_often -r own 3; cat own'
same 'stderr is closed, and its number taken' './refused_often -o own 3 2>&-; cat own'
same 'all three are closed, and their numbers taken' './refused_often -o a -o b -o c 3 <&- >&- 2>&-; cat a b c'
same 'stderr is /dev/full' './refused_often 3 2>/dev/full'
same 'stderr may not grow' '(ulimit -f 0; ./refused_often 3 2>grown) | cat; cat grown'

# Files.
policy file:~/logs/here/events.jsonl
same 'a file in folders that are not there' './refused_often 3'
is "$(events logs/here/events.jsonl)" 3 'a file: a line for each'
is "$(stat -c %a logs logs/here logs/here/events.jsonl | tr '\n' ' ')" '700 700 600 ' 'a file: for its owner only'
is "$(cat "$SCRATCH/err.shimmed")" '' 'a file: nothing on stderr'
same 'all three are closed' './refused_often 3 <&- >&- 2>&-'
same 'all three are closed, and their numbers taken: a file' './refused_often -o a -o b -o c 3 <&- >&- 2>&-; cat a b c'
is "$(events logs/here/events.jsonl)" 9 'a file: whatever is closed'
same 'files may not grow' '(ulimit -f 0; ./refused_often 3) | cat'
is "$(events logs/here/events.jsonl)" 9 'files may not grow: no event'
rm logs/here/events.jsonl
same 'files may grow a little' '(ulimit -f 1; ./refused_often 30) | cat'
unlike "$(events logs/here/events.jsonl)" '^(0|30|broken)$' 'files may grow a little: whole lines only'

# wrong NAME: 3 connections under the policy are refused as ever; what stands at the place is as it was
wrong() {
    same "$1" './refused_often 3'
    is "$(cat "$SCRATCH/err.shimmed")" '' "$1: nothing on stderr"
}
policy file:~/odd
echo precious >target
ln -s target odd
wrong 'a symbolic link'
is "$(cat target)" precious 'a symbolic link: is not followed'
rm odd
mkfifo odd
wrong 'a fifo that nobody reads'
rm odd
mkdir odd
wrong 'a folder'
rmdir odd
ln target odd
wrong 'a file with two links'
is "$(cat target)" precious 'a file with two links: is not written'
rm odd
"$PYTHON" -c 'import socket; socket.socket(socket.AF_UNIX).bind("odd")'
wrong 'a socket'
rm odd
as_user touch odd
chmod 0 odd
wrong 'a file that may not be written'
rm -f odd
policy file:/dev/full
wrong '/dev/full'
policy file:/proc/version
wrong 'a file of /proc'
policy file:~/target/below
wrong 'a folder that is a file'
policy "file:~/$(printf '%0300d' 0)"
wrong 'a name that is too long'
same 'no home' 'unset HOME; ./refused_often 3'

# A full disk.
mount -t tmpfs -o size=16k,mode=777 tmpfs /mnt || ok 1 'a small disk'
policy file:/mnt/events.jsonl 'limit = 1000000;'
same 'a disk that fills' './refused_often 200'
count=$(events /mnt/events.jsonl)
unlike "$count" '^(0|200|broken)$' 'a disk that fills: whole lines only'
same 'a full disk' './refused_often 3'
is "$(events /mnt/events.jsonl)" "$count" 'a full disk: no more'
umount /mnt

# Names of files.
policy file:~/by-%u-%p
same '%u and %p' './refused_often 2'
set -- by-*
uid=$(as_user id -u)
like "$1" "^by-$uid-[0-9]+\$" '%u is the user, %p the process'
rm -f by-*
same 'a forked process' './refused_often 2; (./refused_often 1)'
is "$(find . -name 'by-*' | wc -l)" 2 '%p: a file for each process'

small=-s
! sanitized || small='' # whose frames are larger
same 'a thread with a small stack' "./refused_often $small 2"
policy "file:~/$(printf 'deep/%.0s' 1 2 3 4 5 6 7 8 9)by-%p"
same 'a thread with a small stack, and folders to make' "./refused_often $small 2"
is "$(find deep -type f | wc -l)" 1 'and its events are there'

# max_size
policy file:~/turned.jsonl 'max_size = "4K"; limit = 1000000;'
same 'a file that is turned over' './refused_often 100'
like "$(events turned.jsonl) $(events turned.jsonl.1)" '^[1-9][0-9]* [1-9][0-9]*$' 'two files of whole lines'
[ "$(stat -c %s turned.jsonl)" -le 4096 ] && [ "$(stat -c %s turned.jsonl.1)" -le 4096 ]
ok $? 'neither is larger than max_size'
is "$(find . -name 'turned*' | wc -l)" 2 'and there is no third'

# A limit: what was left out is counted by the next line that is not.
policy file:~/limited.jsonl 'limit = 5;'
same 'a limit' './refused_often -p 1100 200 1 1'
like "$(tail -n 2 limited.jsonl | head -n 1)" '"left_out":[0-9]+\}$' 'a limit: the next second tells what was left out'
is "$("$PYTHON" -c 'import json
lines = [json.loads(line) for line in open("limited.jsonl")]
print(len(lines) + sum(line.get("left_out", 0) for line in lines))')" 202 'a limit: none is lost uncounted'

# Names that are no text.
name=$(printf 'a "quoted" \\ name\nof two lines \377\033[31m')
cp refused_often "$name" 2>/dev/null
policy file:~/named.jsonl
same 'a program with a name that is no text' "./'$name' 2"
is "$(events named.jsonl)" 2 'its events are valid lines'
unlike "$(cat named.jsonl)" "$(printf '\033')" 'without control bytes'
is "$("$PYTHON" -c 'import json
print(json.loads(open("named.jsonl").readline())["exe"].rsplit("/", 1)[1].encode())')" \
    "b'a \"quoted\" \\\\ name\\nof two lines \\xef\\xbf\\xbd\\x1b[31m'" 'its name is told, bad bytes replaced'

# Syslog: a /dev of our own with its socket. Nothing of the real one is touched.
policy syslog
same 'syslog, nobody there' './refused_often 3'
mount --rbind /dev /mnt && mount -t tmpfs -o mode=755 tmpfs /dev
ok $? 'a /dev of our own'
for device in null zero full urandom; do
    : >/dev/$device
    mount --bind /mnt/$device /dev/$device
done
cat >"$SCRATCH/daemon.py" <<'END'
import os, socket, sys

server = socket.socket(socket.AF_UNIX, getattr(socket, sys.argv[1]))
server.bind("/dev/log")
os.chmod("/dev/log", 0o666)
if sys.argv[1] == "SOCK_STREAM":
    server.listen()
    server.accept()
while True:
    print(server.recv(8192), flush=True)
END
"$PYTHON" "$SCRATCH/daemon.py" SOCK_DGRAM >"$SCRATCH/syslog" &
daemon=$!
wait_for 10 test -S /dev/log
same 'syslog' './refused_often 3'
wait_for 5 sh -c "[ \$(wc -l <'$SCRATCH/syslog') -eq 3 ]"
ok $? 'syslog: a datagram for each'
like "$(tail -n 1 "$SCRATCH/syslog")" "^b'<13>sockade\[[0-9]+\]: \{\"v\":1,.*\"rule\":\"mine\".*\}'\$" 'syslog: which is as daemons know it'
kill -STOP $daemon
same 'syslog, a daemon that does not read' './refused_often 600'
kill -CONT $daemon
kill $daemon
rm /dev/log
"$PYTHON" "$SCRATCH/daemon.py" SOCK_STREAM &
daemon=$!
wait_for 10 test -S /dev/log
same 'syslog, a daemon of another kind' './refused_often 3'
kill $daemon
done_testing
