#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade log`: what it shows of events, which ones, and what it makes of logs that are not what they should be.
# shellcheck disable=SC2016,SC2094 # an inner shell expands single quotes; nothing is read and written at once
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
cd "$USER_HOME" || exit 1
export TZ=UTC
mine() { as_user tee "$1" >/dev/null; }
log() { capture as_user env LC_ALL="${UTF8:-C}" "$SOCKADE" log "$@"; }
# on_terminal COLUMNS COMMAND...: what it shows there
on_terminal() {
    columns=$1
    shift
    as_user env TERM=xterm "$PYTHON" "$TESTS/command/terminal.py" COLUMNS="$columns" "$@"
}
# event TIME EXE MORE: a line of the log
event() { printf '{"v":1,"time":"%s","pid":7,"exe":"%s",%s}\n' "$1" "$2" "$3"; }

# Real programs: one is refused, one allowed, of a policy that lies where it does by default.
as_user mkdir -p .config/sockade
mine .config/sockade/policy.conf <<'END'
version = 1;
rules = (
  { name = "no-discard"; action = "deny"; to = "127.0.0.1"; port = 9; reason = "nobody listens"; },
  { name = "trial"; action = "deny"; to = "127.0.0.2"; audit = true; }
);
END
log
is "$STATUS $OUT" '0 ' 'no log yet: nothing to show, and no failure'
like "$ERR" "no events: '$USER_HOME/.local/state/sockade/events.jsonl' does not exist yet" 'where it will be is told'
as_user "$SOCKADE" run -- curl -s -m 5 http://127.0.0.1:9/
as_user "$SOCKADE" run -- curl -s -m 5 http://127.0.0.2:9/
log
is "$STATUS $ERR" '0 ' 'events of real programs'
like "$OUT" '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}  curl\([0-9]+\)  +connect  +to 127\.0\.0\.1:9/tcp  +deny  +no-discard$' 'a line'
like "$OUT" "^    because   rule \"no-discard\", $USER_HOME/.config/sockade/policy.conf:3: nobody listens\$" 'why, and where it stands'
like "$OUT" '^    to allow  \{ action = "allow"; to = "127.0.0.1"; proto = "tcp"; port = 9; \}' 'what to add'
like "$OUT" ' would-deny  trial$' 'what would be refused'
is "$(echo "$OUT" | grep -c '^    to allow')" 2 'each of the two has its line to add'
log --json
is "$OUT" "$(cat .local/state/sockade/events.jsonl)" '--json: the lines as they stand'
log --brief
is "$(echo "$OUT" | wc -l)" 2 '--brief: one line an event'

# The line to add, added, allows it.
remedy=$(log --verdict deny && echo "$OUT" | sed -n 's/^    to allow  \({.*}\).*/\1/p')
sed "s|^rules = (|rules = ( $remedy,|" .config/sockade/policy.conf | mine allowed.conf
capture as_user "$SOCKADE" explain --policy allowed.conf --to 127.0.0.1:9/tcp
is "$STATUS" 0 'the line to add, put before the rule, allows it'

# A log of known lines.
{
    event 2026-01-05T09:00:00.000Z /usr/bin/curl '"op":"connect","dst":"192.0.2.1","port":80,"proto":"tcp","verdict":"deny","rule":"web","at":"/p:4","hint":"HINT"'
    event 2026-01-05T09:10:00.000Z /usr/bin/curl '"op":"connect","dst":"192.0.2.1","port":443,"proto":"tcp","verdict":"allow","rule":"default"'
    event 2026-01-05T10:00:00.500Z /opt/bin/curl '"op":"sendto","dst":"2001:db8::7","port":53,"proto":"udp","verdict":"drop","rule":"six","at":"/p:5","layer":"system"'
    event 2026-01-05T11:00:00.000Z /usr/sbin/sshd '"op":"accept","src":"198.51.100.200","port":22,"proto":"tcp","verdict":"would-deny","rule":"ssh","at":"/p:6","left_out":3'
    event 2026-01-06T00:00:00.000Z /usr/bin/docker '"op":"connect","dst":"unix:/run/docker.sock","verdict":"deny","rule":"docker","at":"/p:7","layer":"user"'
    event 2026-01-06T01:00:00.000Z /usr/bin/tcpdump '"op":"socket","family":17,"verdict":"deny","rule":"default","layer":"user"'
    event 2026-01-06T02:00:00.000Z /usr/bin/make '"op":"execve","target":"/bin/static","verdict":"deny","rule":"unprotected","layer":"user","reason":"static"'
    event 2026-01-06T03:00:00.000Z /usr/bin/make '"op":"reload","verdict":"error","reason":"policy.conf:3: what"'
    event 2026-01-06T04:00:00.000Z /usr/bin/make '"op":"execve","target":"/bin/static","verdict":"warn","rule":"unprotected","layer":"user","reason":"static"'
    event 2026-01-06T04:00:00.000Z /usr/bin/git '"op":"getaddrinfo","target":"git.example","dst":"192.0.2.77","verdict":"allow","layer":"user"'
} | mine known
# shows NUMBER OPTION...: so many events of the log match
shows() {
    shows_count=$1
    shift
    log --json "$@" known
    is "$STATUS $(printf '%s' "$OUT" | grep -c .)" "0 $shows_count" "$*: $shows_count"
}
shows 10
shows 3 --program curl
shows 2 --program '/usr/bin/curl'
shows 6 --program 'c*' --program 'make'
shows 4 --program '/usr/*bin/*' --since 2026-01-05T10:30:00Z --verdict refused --until 2026-01-06T02:30:00Z --program none
shows 2 --peer 192.0.2.1
shows 3 --peer 192.0.2.0/24
shows 2 --peer 192.0.2.0-192.0.2.9
shows 0 --peer 192.0.2.0/32
shows 1 --peer 192.0.2.1:443
shows 1 --peer 192.0.2.1:1-100/tcp
shows 0 --peer 192.0.2.1/udp
shows 1 --peer 2001:db8::/32
shows 1 --peer '[2001:db8::/32]:53'
shows 0 --peer 2001:db8::7:0:0/96
shows 5 --peer any
shows 1 --peer unix:/run/docker.sock
shows 1 --peer 'unix:*'
shows 3 --peer 'unix:*' --peer 192.0.2.1
shows 1 --rule web
shows 2 --rule '*eb' --rule six
shows 4 --verdict deny
shows 6 --verdict refused
shows 1 --verdict would-deny
shows 1 --verdict error
shows 1 --verdict warn
shows 2 --verdict deny --program make --program docker
shows 6 --since 2026-01-06
shows 4 --until '2026-01-05 23:59'
shows 1 --since 2026-01-05T09:59:59+00:00 --until 2026-01-05T12:00:00.6+02:00
shows 0 --since 1d
shows 10 --until now
shows 3 --lines 3
shows 0 --lines 0
log --lines 1 --program curl --brief known
like "$OUT" '2026-01-05 10:00:00  curl\(7\)' 'the last one of those that match'
capture as_user env TZ=Asia/Kolkata "$SOCKADE" log -b --rule web known
like "$OUT" '^2026-01-05 14:30:00 ' 'local time is shown'
capture as_user env TZ=Asia/Kolkata "$SOCKADE" log -b --since '2026-01-06 06:31' --until '2026-01-06 09:00' known
is "$(echo "$OUT" | wc -l)" 2 'and asked for'
log known
like "$OUT" '^    to allow  HINT' 'the line to add is the one of the event'
like "$OUT" '^    to allow  \{ action = "allow"; to = "unix:/run/docker.sock"; \}' 'for a Unix socket it is made'
like "$OUT" '^    to allow  \{ action = "allow"; family = "packet"; \}' 'and for a family'
like "$OUT" 'family packet +deny +default$' 'whose name is shown'
like "$OUT" '^    to allow  unprotected = "warn";' 'and for a child'
like "$OUT" 'its administrator alone can' 'the system policy is not the user'"'"'s to change'
like "$OUT" '^    after     3 events of this process that the policy.s log.limit left out' 'what was left out'
like "$OUT" 'getaddrinfo +name git\.example is 192\.0\.2\.77 +allow$' 'a name that was looked up'
like "$OUT" 'reload +error$' 'an error'
like "$OUT" '^    because   policy.conf:3: what$' 'and what it is'
is "$(echo "$OUT" | grep '^2' | cut -c 22-27 | sort -u | tr '\n' ' ')" 'curl(7 docker git(7) make(7 sshd(7 tcpdum ' 'programs stand under each other'
is "$(echo "$OUT" | grep '^2' | grep -c '^.\{36\}[a-z]')" 10 'and so do calls'
log - <known
is "$(echo "$OUT" | grep -c '^2')" 10 'standard input'
log known known - <known
is "$(echo "$OUT" | grep -c '^2')" 20 'several files, each once'
is "$(echo "$OUT" | grep '^2' | cut -c 1-19 | sort -c && echo sorted)" sorted 'as one log, in the order of time'

# What is asked wrongly.
# wrong PATTERN OPTION...: wrong usage, and what is said of it
wrong() {
    wrong_pattern=$1
    shift
    log "$@" known
    is "$STATUS $OUT" '2 ' "$*: wrong usage"
    like "$ERR" "$wrong_pattern" "$*: $wrong_pattern"
}
wrong "did you mean 'would-deny'" --verdict would-deni
wrong 'there are deny, drop, allow' --verdict blue
wrong 'host names are not looked up' --peer example.org
wrong "a Unix socket is 'unix:/run/x'" --peer /run/x
wrong 'unknown protocol' --peer 192.0.2.1/tpc
wrong 'is no net' --peer 192.0.2.0/33
wrong 'write 10m, 2h' --since 10x
wrong 'write 10m, 2h' --since 24:00
wrong 'write 10m, 2h' --until 2026-02-30
wrong 'write 10m, 2h' --until 2026-01-01T00:00:00+99:00
wrong 'is later than' --since today --until 3d
wrong 'is no number' --lines -1
wrong 'is no number' --lines ten
wrong 'has no end' --follow --summary
wrong 'leave out --json' --json --html -
wrong 'ends by itself' --follow -
wrong "did you mean '--program'" --programm x
log nowhere
is "$STATUS" 1 'a file that is not there: exit 1'
like "$ERR" "'nowhere': No such file" 'it is named'
log .
is "$STATUS" 1 'a folder: exit 1'
like "$ERR" 'Is a directory' 'what it is is said'
as_user touch closed && as_user chmod 0 closed
if as_user test -r closed; then
    skip 'this user may read everything' 'a file that may not be read'
else
    log closed known
    is "$STATUS $(echo "$OUT" | grep -c '^2')" '1 10' 'a file that may not be read: exit 1, the others are shown'
    like "$ERR" "'closed': Permission denied" 'and it is named'
fi
: | mine nothing
log nothing
is "$STATUS $OUT$ERR" '0 sockade: no events' 'an empty log'
log --rule nobody known
is "$STATUS $OUT$ERR" '0 sockade: no event matches' 'and one of which nothing matches'

# What is no event, and what would steer a terminal.
{
    head -n 2 known | tail -c +30
    printf '\n\000\377\n[1]\n{}\n{"v":9,"time":"x"}\n{"v":1}\n{"v":1,"pid":"seven","exe":5,"dst":[],"port":99999,"verdict":{},"hint":3}\n'
    printf '%070000d\n' 7
    event 2026-01-05T09:00:00.000Z '/tmp/\u001b[31mred\u009b2J\u202egnp\nline\ttab' '"op":"x\u0007","dst":"unix:/a\u001b]0;title\u0007","verdict":"deny\r","rule":"\u2066r","reason":"one\ntwo","hint":"h\u001b"'
    printf '{"v":1,"time":"2026-01-05T09:00:00.000Z","exe":"/torn'
} | mine foreign
log foreign
is "$STATUS" 0 'lines that are no events are no failure'
like "$ERR" '^sockade: 7 lines were left out; the first is foreign:1: no line of JSON' 'they are counted, and the first is told'
is "$(echo "$OUT" | grep -c '(0)\|(7)')" 4 'what is an event is shown, however little it says'
unlike "$(printf '%s' "$OUT$ERR" | tr -d '\n')" '[^ -~]' 'nothing but plain text reaches the terminal'
like "$OUT" '\\x1b\[31mred\\xc2\\x9b2J\\xe2\\x80\\xaegnp\\nline\\ttab' 'what would steer it can be read'
is "$(on_terminal 100 "$SOCKADE" log --json foreign | grep -c '^strange')" 0 'nor do events on a terminal as they stand'
as_user sh -c "head -c 300000 /dev/urandom >noise; head -c 300000 /dev/zero >zeros"
log noise zeros known
is "$STATUS $(echo "$OUT" | grep -c '^2')" '0 10' 'noise is passed over'

# The summary.
log --summary known
like "$OUT" '^PROGRAM +WHERE +VERDICT +COUNT +FIRST +LAST' 'summary: a table'
like "$OUT" '^/usr/bin/curl +to 192.0.2.1:80/tcp +deny +1 +01-05 09:00 +01-05 09:00 +####################$' 'summary: programs of one name by their paths; bars in ASCII'
like "$OUT" '^9 events from 2026-01-05 09:00:00 to 2026-01-06 04:00:00$' 'summary: their number'
like "$OUT" '^3 more events were left out by the policy' 'summary: honest about what was left out'
for copy in 1 2 3 4 5 6 7 8; do
    event 2026-01-05T09:00:0$copy.000Z /usr/bin/wget '"op":"connect","dst":"192.0.2.9","port":80,"proto":"tcp","verdict":"deny","rule":"web"'
done >many
UTF8=C.UTF-8 log --summary many known
like "$OUT" '^wget +to 192.0.2.9:80/tcp +deny +8 .*  ████████████████████$' 'summary: the most frequent first'
is "$(echo "$OUT" | sed -n '2s/ .*//p')" wget 'summary: in the first row'
like "$OUT" ' 1 .* ██▌$' 'summary: bars to an eighth'
log --summary --json many known
is "$(echo "$OUT" | "$PYTHON" -c 'import json, sys
summary = json.load(sys.stdin)
row = summary["rows"][0]
print(summary["v"], summary["events"], summary["left_out"], summary["unreadable"], len(summary["rows"]), *row.values())')" \
    '1 17 3 0 10 /usr/bin/wget to 192.0.2.9:80/tcp None deny 8 2026-01-05T09:00:01.000Z 2026-01-05T09:00:08.000Z' 'summary: as JSON'
for columns in 60 80 120; do
    widest=$(on_terminal $columns env LC_ALL=C.UTF-8 NO_COLOR=1 "$SOCKADE" log --summary many known | sed -n 's/^widest //p')
    [ "$widest" -le $columns ] && [ "$widest" -gt $((columns - 45)) ]
    ok $? "summary: fits into $columns columns ($widest)"
done

# Colours: on a terminal, unless they are not wanted.
like "$(on_terminal 120 "$SOCKADE" log known)" '^strange' 'colours on a terminal'
is "$(on_terminal 120 env NO_COLOR=1 "$SOCKADE" log known | grep -c '^strange')" 0 'NO_COLOR: none'
is "$(on_terminal 120 env TERM=dumb "$SOCKADE" log known | grep -c '^strange')" 0 'nor on a terminal that knows none'
unlike "$(as_user "$SOCKADE" log known)" "$(printf '\033')" 'nor in a pipe'

# Where the policy says that the log is; a file a process; programs of their own.
as_user mkdir 'logs [x]'
printf 'version = 1;\nlog = { to = "file:%s/logs [x]/%%p.jsonl"; };\nprograms = ( { exe = "/*/tool*"; log = { to = "file:%s/tool"; }; } );\n' "$PWD" "$PWD" | mine own.conf
sed -n 1p known | mine 'logs [x]/12.jsonl'
sed -n 3p known | mine 'logs [x]/7.jsonl'
sed -n 2p known | mine 'logs [x]/7.jsonl.1'
sed -n 4p known | mine tool
sed -n 5p known | mine 'logs [x]/other.jsonl'
capture as_user env SOCKADE_POLICY="$PWD/own.conf" "$SOCKADE" log --json
is "$OUT" "$(sed -n 1,4p known)" 'all that the policy names, with what was renamed, in the order of time'
for to in stderr syslog; do
    printf 'version = 1;\nlog = { to = "%s"; };\n' $to | mine own.conf
    capture as_user env SOCKADE_POLICY="$PWD/own.conf" "$SOCKADE" log
    like "$STATUS $ERR" "^0 .*go to $to, where they cannot be read back; give its log.to a file" "a policy that logs to $to"
done
capture as_user env -u HOME "$SOCKADE" log
like "$ERR" 'no place for a log' 'no HOME'

# Many events, and a reader who leaves.
"$PYTHON" "$TESTS/programs/log_events.py" 20000 >large
chmod 644 large
before=$(date +%s%N)
log large
took=$((($(date +%s%N) - before) / 1000000))
is "$(echo "$OUT" | grep -c '^2')" 20000 '20,000 events'
[ $took -lt 4000 ] || sanitized || counted
ok $? "in $took ms"
as_user sh -c '"$0" log large; echo $? >status' "$SOCKADE" 2>said | head -n 1 >/dev/null
is "$(cat said)" '' 'a reader who leaves: not a word'
like "$(cat status)" '^(141|0)$' 'ended by it'

# Following.
as_user mkdir state
printf 'version = 1;\nlog = { to = "file:%s/state/events"; };\n' "$PWD" | mine follow.conf
sed 's/9.000Z/9.999Z/' many | mine state/events.1
followed() { grep -c '^2' followed; }
ends() { [ "$(followed)" -eq "$1" ]; }
# shellcheck disable=SC2086 # words
HOME=$USER_HOME $ORDINARY env SOCKADE_POLICY="$PWD/follow.conf" "$SOCKADE" log --follow --brief >followed 2>follow-said &
follower=$!
wait_for 5 ends 8
ok $? 'follow: what is there, though the file is not there yet'
sed -n 1p known | mine state/events
wait_for 5 ends 9
ok $? 'follow: a file that appears'
sed -n 2p known | head -c 40 | as_user tee -a state/events >/dev/null
sleep 0.4
sed -n 2p known | tail -c +41 | as_user tee -a state/events >/dev/null
wait_for 5 ends 10
ok $? 'follow: a line that is written in two parts'
as_user mv state/events state/events.1
sed -n 3p known | as_user tee -a state/events.1 >/dev/null
sed -n 4p known | mine state/events
wait_for 5 ends 12
ok $? 'follow: a file that is renamed, with what was written to it until then'
sed -n 5p known | mine state/events
wait_for 5 ends 13
ok $? 'follow: a file that is cut and written again'
kill -INT $follower
wait $follower
is "$?" 0 'follow: Ctrl-C ends it'
is "$(cat follow-said)" '' 'without a word'
is "$(cut -d ' ' -f 3- followed | tail -n 5 | awk '{ print $NF }' | tr '\n' ' ')" 'web default six ssh docker ' 'follow: each once, in order'
# shellcheck disable=SC2086 # words
HOME=$USER_HOME $ORDINARY "$SOCKADE" log -f -n 2 --json --verdict deny many known >followed &
follower=$!
wait_for 5 sh -c '[ "$(wc -l <followed)" -eq 2 ]'
ok $? 'follow: the last ones that match'
kill -INT $follower
wait $follower
# shellcheck disable=SC2086 # words
HOME=$USER_HOME $ORDINARY "$SOCKADE" log -f nothing nowhere 2>follow-said >followed &
follower=$!
wait_for 5 grep -q . follow-said
is "$(cat follow-said)" 'sockade: no event yet; those to come are shown until Ctrl-C' 'follow: that there is nothing is told'
sed -n 5p known | mine nowhere
wait_for 5 ends 1
ok $? 'follow: what comes is shown'
kill -INT $follower
wait $follower
as_user timeout 20 sh -c '"$0" log --follow known; echo $? >status' "$SOCKADE" | head -n 1 >/dev/null
is "$?" 0 'follow: ends by itself when nobody reads any more'
done_testing
