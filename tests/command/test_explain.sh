#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade explain` and `sockade test`.
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
mine() { as_user tee "$1" >/dev/null; }
explain() { capture as_user "$SOCKADE" explain --policy policy.conf "$@"; }
# holds EXIT-CODE PATTERN OPTION...: what explain ends with and says
holds() {
    holds_code=$1 holds_pattern=$2
    shift 2
    explain "$@"
    is "$STATUS" "$holds_code" "explain $*: exit $holds_code"
    like "$OUT$ERR" "$holds_pattern" "explain $*: $holds_pattern"
}

mine policy.conf <<'END'
version = 1;
rules = (
  { name = "watch"; action = "deny"; to = "192.0.2.0/24"; audit = true; },
  { name = "web"; action = "deny"; to = "192.0.2.1"; port = 80; proto = "tcp"; errno = "EPERM"; reason = "no web"; },
  { name = "hole"; action = "drop"; to = "192.0.2.2"; },
  { name = "six"; action = "deny"; to = "2001:db8::/32"; },
  { name = "mine"; action = "deny"; to = "loopback"; port = 9; },
  { name = "ssh"; action = "deny"; from = "198.51.100.0/24"; port = 22; },
  { name = "listen"; action = "deny"; on = "any"; port = 10000; errno = "EIO"; },
  { name = "docker"; action = "deny"; to = "unix:/run/docker.sock"; },
  { name = "abstract"; action = "deny"; to = "unix:@secret*"; },
  { name = "packet"; action = "deny"; family = "packet"; }
);
programs = ( { exe = [ "/*/tool", "/bin/sh" ]; rules = ( { name = "own"; action = "deny"; to = "203.0.113.1"; } ); } );
END

# What is judged, and by what.
holds 1 'rule "web" at .*/policy\.conf:4 \(no web\)' --to 192.0.2.1:80/tcp
like "$OUT" '^  user .*/policy\.conf: denies with EPERM, by ' 'the layer and its errno'
like "$OUT" '^denied by the user layer: EPERM \(Operation not permitted\)' 'what the program sees'
like "$OUT" 'passed, audit only: rule "watch"' 'the audit rule that was passed'
holds 0 '^allowed' --to 192.0.2.1:80/udp
holds 1 'differ; name one' --to 192.0.2.1:80
holds 0 ', tcp and udp$' --to 192.0.2.1:81
holds 1 'drops in silence, by rule "hole"' --to 192.0.2.2:1
like "$OUT" '^dropped by the user layer' 'a drop'
holds 0 'default: no rule names it' --to 198.51.100.1:22
holds 3 'depends on the port' --to 192.0.2.1
holds 0 '^allowed' --to 192.0.2.3
holds 0 '^allowed' --to 192.0.2.1/icmp
holds 1 'rule "six"' --to '[2001:db8::1]:443/sctp'
holds 1 'rule "six"' --to 2001:db8::1
holds 1 'rule "six"' --to 2001:db8::1%eth0
holds 1 'rule "web"' --to '[::ffff:192.0.2.1]:80/tcp'
holds 1 'rule "mine"' --to 0.0.0.0:9
holds 1 'rule "mine"' --to '[::]:9'
holds 1 'rule "ssh"' --from 198.51.100.7:22
holds 0 '^allowed' --from 198.51.100.7:23
holds 3 'depends on the port' --from 198.51.100.7
holds 1 'EIO' --on 0.0.0.0:10000
holds 3 'depends on the port' --on 127.0.0.1
holds 1 'rule "docker"' --to unix:/run/docker.sock
holds 0 '^allowed' --to unix:/run/docker
holds 1 'rule "abstract"' --to unix:@secret-1
holds 1 'EAFNOSUPPORT' --family packet
holds 0 '^allowed' --family inet

# One file under two names.
as_user mkdir sockets && as_user touch sockets/one && as_user ln -s one sockets/two
printf 'version = 1;\nrules = ( { name = "one"; action = "deny"; to = "unix:%s/sockets/one"; } );\n' "$PWD" | mine unix.conf
capture as_user "$SOCKADE" explain --policy unix.conf --to "unix:$PWD/sockets/two"
like "$OUT" 'rule "one"' 'a Unix path is also known by its file'

# Programs.
holds 0 '^allowed' --to 203.0.113.1
as_user mkdir -p tools
printf '#!/bin/sh\n' | mine tools/tool && chmod 755 tools/tool
as_user ln -s tool tools/alias
holds 1 "rule \"own\".*\\[as program '/\\*/tool'\\]" --exe "$PWD/tools/tool" --to 203.0.113.1
holds 1 'rule "own"' --exe tools/alias --to 203.0.113.1
holds 1 'rule "own"' --exe /nowhere/tool --to 203.0.113.1
holds 0 '^allowed' --exe /bin/cat --to 203.0.113.1
printf '#!/bin/sh\n' | mine tools/script && chmod 755 tools/script
holds 0 '^allowed' --exe nowhere-at-all --to 203.0.113.1
if [ "$(readlink -f /bin/sh)" = /bin/sh ]; then
    holds 1 'rule "own"' --exe tools/script --to 203.0.113.1
fi

# What is no question.
holds 2 'many addresses' --to any
holds 2 'many addresses' --to 192.0.2.0/24
holds 2 'is a set' --to @office
holds 2 'host names are not looked up' --to example.org
holds 2 'many ports' --to 192.0.2.1:1-2
holds 2 "write .\\[2001:db8::1\\]:443" --to 2001:db8::1:443
holds 2 "unknown protocol 'tpc'; did you mean 'tcp'" --to 192.0.2.1/tpc
holds 2 "unknown family 'packt'; did you mean 'packet'" --family packt
holds 2 'longer than a socket' --to "unix:/$(printf '%0120d' 0)"
holds 2 'names no path' --to unix:
holds 2 'give one of' --to 192.0.2.1 --on 127.0.0.1:80
holds 2 'give one of'
holds 2 'stands alone' 192.0.2.1

# What cannot be read is closed, and the last good image stands.
as_user cp policy.conf broken.conf
capture as_user "$SOCKADE" compile --quiet broken.conf
echo 'rubbish' | as_user tee -a broken.conf >/dev/null
capture as_user "$SOCKADE" explain --policy broken.conf --to 192.0.2.1:80/tcp
like "$OUT" 'rule "web".*last good image' 'the last good image stands'
like "$ERR" 'broken\.conf:1[67]: ' 'and the mistake is told'
capture as_user "$SOCKADE" explain --policy nowhere.conf --to 127.0.0.1:1
like "$OUT" 'denies with EACCES, since it cannot be read: fail-closed' 'a policy that is not there is closed'
capture as_user "$SOCKADE" explain --policy nowhere.conf --to unix:/run/x
like "$OUT" '^allowed' 'but not for Unix sockets'
capture as_user "$SOCKADE" compile --quiet -o policy.image policy.conf
capture as_user "$SOCKADE" explain --policy policy.image --to 192.0.2.1:80/tcp
like "$OUT" 'rule "web"' 'a policy may be an image'
printf 'version = 1;\nmode = "audit";\ndeny_to = [ "192.0.2.1" ];\n' | mine audit.conf
capture as_user "$SOCKADE" explain --policy audit.conf --to 192.0.2.1
like "$OUT" 'would deny with EACCES' 'a policy in audit mode'
like "$OUT" '^allowed' 'refuses nothing'

# Events against the present policy.
hint='{ action = \"allow\"; to = \"192.0.2.1\"; proto = \"tcp\"; port = 80; }'
sed 's|^{time \(.\)|{"v":1,"time":"2026-01-31T12:00:0\1.000Z","pid":7|; s|#tcp|"proto":"tcp","verdict":"deny"|
    s|#user|"layer":"user"|; s|#at\([0-9]*\)|"at":"'"$PWD"'/policy.conf:\1"|' <<END | mine events.jsonl
{time 0,"exe":"/usr/bin/curl","op":"connect","dst":"192.0.2.1","port":80,#tcp,"rule":"web",#at4,#user,"reason":"no web","hint":"$hint"}
no event at all
{time 1,"exe":"/opt/tools/tool","op":"connect","dst":"2001:db8::7","port":80,#tcp,"rule":"six",#at99,#user}
{time 2,"exe":"/usr/bin/nc","op":"connect","dst":"198.51.100.1","port":80,#tcp,"rule":"gone",#at9,#user}
{time 3,"exe":"/bin/sh","op":"socket","family":17,"verdict":"deny","rule":"packet",#at12,#user}
{time 4,"exe":"/bin/x","op":"accept","src":"198.51.100.7","port":22,#tcp,"rule":"ssh",#at8,"layer":"system"}
{time 5,"exe":"/bin/x","op":"execve","target":"/bin/ping","verdict":"deny","rule":"unprotected",#user}
{time 6,"exe":"/bin/x","op":"connect","dst":"unix:/run/docker.sock","verdict":"deny","rule":"docker",#at10,#user}
END
holds 1 '^then: deny, by rule "web", .*policy\.conf:4: no web$' --file events.jsonl --line 1
like "$OUT" '^now: to 192\.0\.2\.1:80/tcp' 'what is asked now'
like "$OUT" '^The policy says the same now\.$' 'nothing is different'
like "$OUT" '^If it was wanted, add in front of .*policy\.conf:4:$' 'where a line belongs'
like "$OUT" '^    \{ action = "allow"; to = "192\.0\.2\.1"; proto = "tcp"; port = 80; \},$' 'and which'
holds 3 'no line of JSON' --file events.jsonl --line 2
holds 1 'the same now; the rule stands at .*policy\.conf:6\.$' --file events.jsonl --line 3
holds 0 '^It differs: the layer says allow now' --file events.jsonl --line 4
like "$OUT" 'policy\.conf was changed since then, at 20' 'since the policy was edited'
holds 1 '^now: family family 17|^now: family' --file events.jsonl --line 5
like "$OUT" 'action = "allow"; family = "packet";' 'a family too'
holds 1 'the system layer that decided then is not there now' --file events.jsonl --line 6
holds 3 'not about an endpoint' --file events.jsonl --line 7
holds 1 'rule "docker"' --file events.jsonl
holds 3 'there is no line 99' --file events.jsonl --line 99
holds 3 '1 line is no event' --file events.jsonl --all
is "$(echo "$OUT" | grep -c '^then: ')" 7 'all events'
capture as_user sh -c "tail -n 1 events.jsonl | '$SOCKADE' explain --policy policy.conf --file -"
like "$STATUS $OUT" '^1 .*/bin/x' 'standard input'
holds 1 'rule "web"' "$(head -n 1 events.jsonl)"
holds 3 'events.nowhere' --file events.nowhere
holds 2 'goes with --file' --all
holds 2 'no number of a line' --file events.jsonl --line x
explain --json --file events.jsonl --line 4
is "$(echo "$OUT" | python3 -c '
import json, sys
found = json.load(sys.stdin)
event = found["events"][0]
print(found["v"], event["endpoint"], event["same"], event["answers"][0]["outcome"], len(event["changed_since"]), "add" in event)')" \
    '1 198.51.100.1:80/tcp False allowed 1 False' 'events as JSON'
capture as_user env XDG_STATE_HOME="$PWD/state" "$SOCKADE" explain --last
is "$STATUS $ERR" '3 sockade: no refusal stands in your log' 'no log: it is said'
as_user mkdir -p state/sockade && as_user cp events.jsonl state/sockade/
capture as_user env XDG_STATE_HOME="$PWD/state" "$SOCKADE" explain --last --policy policy.conf
like "$STATUS $OUT" '^1 2026-01-31T12:00:06' 'the newest refusal of the own log'

# What others wrote into a log.
printf '%s\n' '{"v":1,"time":"x","exe":"/bin/\u001b[31mx","op":"con\nnect","dst":"192.0.2.1","port":99999,"verdict":["deny"],"rule":"\u001b[1m"}' \
    '{"v":1,"family":2147483647,"verdict":"deny"}' '{"v":1,"dst":"unix:","exe":""}' '{"v":1,"dst":"10.0.0.0/8","proto":"icmp","port":1}' |
    mine hostile.jsonl
explain --file hostile.jsonl --all
unlike "$OUT$ERR" "$(printf '\033')" 'nothing of an event reaches the terminal as a control sequence'
is "$(echo "$OUT" | grep -c '^then: ')" 4 'each is told as far as it goes'

# A question as JSON.
explain --json --to 192.0.2.1:80
is "$(echo "$OUT" | python3 -c '
import json, sys
question = json.load(sys.stdin)["question"]
print([(a["protocols"], a["outcome"], a.get("errno"), a["layers"][0].get("rule"), a["layers"][0].get("line")) for a in question["answers"]])')" \
    "[(['tcp'], 'denied', 'EPERM', 'web', 4), (['udp'], 'allowed', None, None, None)]" 'both protocols, each with its rule'

# All that holds.
holds 0 '^user layer .*/policy\.conf:$' --effective
like "$OUT" '^  default outbound allow, inbound allow, listen allow, loopback exempt$' 'defaults are filled in'
like "$OUT" '^ +2  deny to 192\.0\.2\.1 proto tcp port 80 errno EPERM  rule "web" at .*policy\.conf:4 \(no web\)$' 'a rule'
like "$OUT" '^ +1  .* audit only  rule "watch"' 'one that only audits'
like "$OUT" '^ +8  deny to unix:/run/docker\.sock errno EACCES' 'a Unix path'
like "$OUT" '^ +10  deny family packet errno EAFNOSUPPORT' 'a family'
unlike "$OUT" '"own"' "another program's rules are left out"
holds 0 "\\[as program '/\\*/tool'\\]" --effective --exe "$PWD/tools/tool"
like "$OUT" '^ +1  deny to 203\.0\.113\.1 errno EACCES  rule "own"' "a program's own rules come first"
explain --effective --json --exe "$PWD/tools/tool"
is "$(echo "$OUT" | python3 -c '
import json, sys
found = json.load(sys.stdin)
layer = found["layers"][0]
print(found["v"], layer["mode"], layer["program"], [r["rule"] for r in layer["rules"]][:3], layer["rules"][2]["peers"])')" \
    "1 enforce /*/tool ['own', 'watch', 'web'] ['192.0.2.1']" 'as JSON'
holds 0 'the text is not to be had' --policy policy.image --effective
like "$OUT" '^ +3  deny proto tcp port 80 errno EPERM  rule "web"|deny.*port 80 errno EPERM  rule "web"' 'an image without addresses'
holds 2 'give one of' --effective --to 192.0.2.1:80

# The decision table.
table() { mine cases && capture as_user "$SOCKADE" test policy.conf cases; }
table <<'END'
# a comment, and an empty line

to 192.0.2.1:80 -> deny EPERM by web   # tcp where none is named
to 192.0.2.1:80/udp -> allow by default
to 192.0.2.2:5 -> drop by "hole"
to [2001:db8::1]:443 -> deny
from 198.51.100.7:22 -> deny EACCES by ssh
on 0.0.0.0:10000 -> deny EIO
to "unix:/run/docker.sock" -> deny by docker
family packet -> deny EAFNOSUPPORT
to 203.0.113.1:1 as /opt/tool -> deny by own
to 203.0.113.1:1 as "/opt/other tool" -> allow
END
is "$STATUS $OUT $ERR" '0 10 passed, 0 failed ' 'a table that holds'
table <<'END'
to 192.0.2.1:80 -> allow
to 192.0.2.1:80 -> deny EACCES
to 192.0.2.1:80 -> deny by default
to 192.0.2.3:80 -> deny
END
is "$STATUS" 1 'a table that does not: exit 1'
like "$OUT" '^cases:1: to 192.0.2.1:80: expected allow, got deny EPERM: it denies with EPERM, by rule "web" at .*policy.conf:4' 'a wrong outcome'
like "$OUT" '^cases:2: .*expected deny EACCES, got deny EPERM' 'a wrong errno'
like "$OUT" '^cases:3: .*expected deny by default, got deny EPERM' 'a wrong rule'
like "$OUT" '^cases:4: .*expected deny, got allow' 'a wrong default'
is "$(echo "$OUT" | tail -n 1)" '0 passed, 4 failed' 'their number'
table <<'END'
to 192.0.2.1:80 deny
to 192.0.2.1:80 -> refuse
to 192.0.2.1:80 -> deny EWRONG
to 192.0.2.1:80 -> deny by web indeed
to 192.0.2.1 -> deny
to any:80 -> deny
to 192.0.2.1:80 -> deny by "web
towards 192.0.2.1:80 -> deny
to 192.0.2.1:80 ->
END
is "$STATUS" 1 'lines that are none: exit 1'
is "$(echo "$OUT" | grep -c '^cases:[1-9]: ')" 9 'each is told'
: | table
is "$STATUS" 1 'a table without a line proves nothing: exit 1'
capture as_user "$SOCKADE" test policy.conf nowhere
is "$STATUS" 1 'a table that is not there: exit 1'
like "$ERR" "open 'nowhere'" 'it is named'
capture as_user "$SOCKADE" test broken.conf cases
is "$STATUS" 1 'a policy that is wrong: exit 1'
capture as_user "$SOCKADE" test policy.conf
is "$STATUS" 2 'no table: exit 2'
echo 'to 192.0.2.1:80 -> would-deny EACCES' | mine cases
capture as_user "$SOCKADE" test audit.conf cases
is "$OUT" '1 passed, 0 failed' 'a policy in audit mode would deny'
echo 'to 192.0.2.1:80 -> deny EPERM by web' | mine cases
capture as_user "$SOCKADE" test policy.image cases cases
is "$OUT" '2 passed, 0 failed' 'an image, and two tables'

# Which word is wrong, and what comes near.
echo 'to 192.0.2.1:80 -> dney EPERM' | mine cases
capture as_user "$SOCKADE" test policy.conf cases
is "$(echo "$OUT" | sed -n 1,3p)" "cases:1: unknown outcome 'dney'; did you mean 'deny'?
    to 192.0.2.1:80 -> dney EPERM
                       ^~~~" 'a caret under a word that is none'
echo 'to 192.0.2.1:80 -> deny EACCES by web # no' | mine cases
capture as_user "$SOCKADE" test policy.conf cases
is "$(echo "$OUT" | sed -n 2,3p)" '    to 192.0.2.1:80 -> deny EACCES by web # no
                       ^~~~~~~~~~~~~~~~~~' 'and under what was expected'

# Coverage, TAP and JSON.
printf '%s\n' 'to 192.0.2.1:80 -> deny by web' 'to 192.0.2.2:5 -> deny # not' | mine cases
capture as_user "$SOCKADE" test --coverage policy.conf cases
is "$STATUS $(echo "$OUT" | tail -n 1)" '1 1 passed, 1 failed' 'coverage changes nothing'
like "$OUT" '^3 of 11 rules reached$' 'how many rules were reached, those that only audit too'
like "$OUT" '^not reached: rule "six" at .*policy\.conf:6$' 'and which not'
unlike "$OUT" 'not reached: rule "(web|watch|hole)"' 'and no other'
capture as_user "$SOCKADE" test --tap policy.conf cases
is "$(echo "$OUT" | grep -E '^(TAP|ok|not ok|1\.\.)')" 'TAP version 13
ok 1 - cases:1: to 192.0.2.1:80
not ok 2 - cases:2: to 192.0.2.2:5
1..2' 'TAP'
like "$OUT" '^  got: "drop"$' 'with what was got'
capture as_user "$SOCKADE" test --json --coverage policy.conf cases
is "$STATUS $(echo "$OUT" | python3 -c '
import json, sys
found = json.load(sys.stdin)
print(found["v"], found["passed"], found["failed"], found["cases"][1]["got"], found["cases"][1]["column"],
      found["coverage"]["rules"], found["coverage"]["reached"])')" '1 1 1 1 drop 19 11 3' 'JSON'
echo 'to 192.0.2.1:80 -> deny by web' | mine cases
capture as_user "$SOCKADE" test --strict policy.conf cases
is "$STATUS" 1 '--strict wants every rule reached'
capture as_user "$SOCKADE" test "$ROOT/examples/metadata.conf" --strict "$ROOT/examples/metadata.cases"
is "$STATUS" 0 'as the tables of the examples do'
done_testing
