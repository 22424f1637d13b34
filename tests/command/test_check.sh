#!/bin/sh
# SPDX-License-Identifier: MIT
# The command itself, and `sockade check`.
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
sockade() { capture as_user "$SOCKADE" "$@"; }
mine() { as_user tee "$1" >/dev/null; }

# The command.
sockade --version
like "$OUT" '^sockade [0-9]' '--version'
sockade --help
is "$STATUS" 0 '--help: exit 0'
overview=$OUT
for command in run check explain test compile; do
    like "$overview" "^  $command " "--help lists $command"
    capture as_user "$SOCKADE" $command --help
    is "$STATUS $ERR" '0 ' "$command --help: exit 0"
    like "$OUT" "^Usage: sockade $command " "$command --help shows the usage"
    like "$OUT" '^Exit code: ' "$command --help tells its exit codes"
    usage=$OUT
    sockade help $command
    is "$OUT" "$usage" "help $command is the same"
    sockade $command --no-such-option
    like "$ERR" "^sockade $command: unknown option '--no-such-option'" "$command refuses an unknown option"
done
sockade
is "$STATUS" 2 'without a command: exit 2'
sockade chekc
is "$STATUS $ERR" "2 sockade: unknown command 'chekc'; did you mean 'check'? See 'sockade --help'" 'the nearest command'
sockade wombat
is "$ERR" "sockade: unknown command 'wombat'; see 'sockade --help'" 'no command is near'
sockade check --strickt
like "$ERR" "did you mean '--strict'" 'the nearest option'
if [ -e /dev/full ]; then
    as_user "$SOCKADE" --help >/dev/full 2>err
    is "$?" 125 'what cannot be written is an error'
fi

# Layers of this user.
sockade check
is "$STATUS" 0 'no policy anywhere: exit 0'
like "$OUT" "^$USER_HOME/.config/sockade/policy.conf: no policy there" 'and where one would be'
as_user mkdir -p .config/sockade
mine .config/sockade/policy.conf <<'END'
version = 1;
deny_to = [ "169.254.169.254" ];
END
sockade check
is "$STATUS" 0 'the shortest policy: exit 0'
like "$OUT" "policy.conf: 1 rule, 1 address range, image of [0-9]+ bytes: ok$" 'its summary'
[ ! -e .cache ]
ok $? 'check publishes nothing'
capture as_user env SOCKADE_POLICY=/nowhere.conf "$SOCKADE" check
is "$STATUS" 1 'a policy that is named but not there: exit 1'
capture as_user env SOCKADE_POLICY=nowhere.conf "$SOCKADE" check
like "$ERR" 'absolute path' 'a relative one'

# Errors, all of them.
mine bad.conf <<'END'
version = 1;
rules = (
  { action = "deny"; too = "192.0.2.1"; },
  { action = "dney"; to = "192.0.2.1/24"; }
);
END
sockade check bad.conf
is "$STATUS" 1 'errors: exit 1'
like "$ERR" "^$USER_HOME/bad.conf:3: " 'line 3'
like "$ERR" "^$USER_HOME/bad.conf:4: .*did you mean.*deny" 'line 4, a word'
like "$ERR" "^$USER_HOME/bad.conf:4: .*192\.0\.2\.0/24" 'line 4, an address'
count=$(echo "$ERR" | grep -c 'bad\.conf:[0-9]')
is "$OUT" "$USER_HOME/bad.conf: $count errors" 'their number'
sockade check nowhere.conf
is "$STATUS" 1 'a file that is not there: exit 1'
like "$ERR" 'nowhere\.conf' 'it is named'
sockade check one.conf two.conf
is "$STATUS" 2 'two files: exit 2'
as_user mkdir folder
sockade check folder
is "$STATUS" 1 'a folder: exit 1'
: | mine empty.conf
sockade check empty.conf
is "$STATUS" 1 'an empty file: exit 1'

# Warnings.
mine shadow.conf <<'END'
version = 1;
rules = (
  { action = "deny"; to = "192.0.2.0/24"; },
  { action = "allow"; to = "192.0.2.1"; }
);
END
sockade check shadow.conf
is "$STATUS" 0 'a shadowed rule: exit 0'
like "$ERR" 'shadow\.conf:4: warning: ' 'a warning'
like "$OUT" ': 1 warning$' 'counted'
sockade check --strict shadow.conf
is "$STATUS" 1 '--strict makes it an error'
sockade check shadow.conf --strict
is "$STATUS" 1 'behind the file, too'
as_user cp .config/sockade/policy.conf loose.conf
chmod 666 loose.conf
sockade check loose.conf
is "$STATUS" 0 'a named text that others may write: exit 0'
like "$ERR" 'warning: programs of yours would refuse it' 'but a warning'
chmod 666 .config/sockade/policy.conf
sockade check
is "$STATUS" 1 'a layer that others may write: exit 1'

# A caret under the place, whatever stands there.
sockade check bad.conf
like "$ERR" '^      \{ action = "dney"; to = "192\.0\.2\.1/24"; \}' 'the line is shown'
is "$(echo "$ERR" | grep -A 2 'cannot be' | tail -n 2)" '      { action = "dney"; to = "192.0.2.1/24"; }
                  ^~~~' 'with a caret under the word'
{
    echo 'version = 1;'
    printf 'rules = ( { action = "deny"; to = [ '
    printf '"192.0.2.1", %.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
    printf '"\303\274\033[31m", "10.0.0.1/8" ]; } );\n'
} | mine wide.conf
sockade check wide.conf
unlike "$OUT$ERR" "$(printf '\033')" 'nothing of a line reaches the terminal as a control sequence'
longest=$(echo "$ERR" | grep '^    ' | awk '{ if (length > most) most = length } END { print most }')
[ "$longest" -lt 220 ]
ok $? "a long line is cut ($longest)"
is "$(echo "$ERR" | grep -A 2 'host bits' | awk 'NR == 2 { at = index($0, "10.0.0.1/8") } NR == 3 { print at - index($0, "^") }')" 1 \
    'and the caret stands under the place all the same, a character of two bytes before it'
printf 'version = 1;\nrules = (\n  { action = "deny"; to = [ "any", ]; }\n);\n' | mine syntax.conf
sockade check syntax.conf
like "$ERR" '^ +\^' 'a syntax error has one too'
printf 'version = 1;\nrules = ( { action = "deny"; to = [ "any" "loopback" ]; } );\n' | mine comma.conf
sockade check comma.conf
is "$(echo "$ERR" | sed -n 3p)" '                                              ^~~~~~~~~~' 'at the very place'

# Formats for editors and for CI.
sockade check --format short bad.conf
is "$STATUS" 1 '--format short: exit 1'
like "$ERR" 'bad\.conf:4:15: error: .action. cannot be .dney.' 'one line each, with the column'
is "$(echo "$ERR" | grep -vc '^/[^:]*:[0-9]*:[0-9]*: error: ')" 0 'and nothing else'
sockade check --format json bad.conf
is "$STATUS $ERR" '1 ' '--format json: exit 1, nothing on stderr'
is "$(echo "$OUT" | python3 -c '
import json, sys
found = json.load(sys.stdin)
file = found["files"][0]
print(found["v"], file["errors"], [(f["line"], f.get("column"), f["id"], f.get("fix")) for f in file["findings"]])')" \
    "1 3 [(3, 22, 'unknown-key', 'to'), (4, 28, 'host-bits', '192.0.2.0/24'), (4, 15, 'unknown-value', 'deny')]" 'what it holds'
sockade check --format jsonn bad.conf
is "$STATUS" 2 'an unknown format: exit 2'
like "$ERR" "did you mean 'json'" 'the nearest'
sockade check --strict --format json shadow.conf
is "$STATUS" 1 '--strict --format json: exit 1'

# Advice that is silenced, in its line or the one above, and no other.
mine quiet.conf <<'END'
version = 1;
rules = (
  { action = "deny"; to = "192.0.2.0/24"; },
  { action = "allow"; to = "192.0.2.1"; }, # sockade: ignore shadowed
  # as it was; sockade: ignore overlap, shadowed
  { action = "allow"; to = "192.0.2.2"; },
  { action = "allow"; to = "192.0.2.3"; }, # sockade: ignore unused-set
  { action = "allow"; to = "192.0.2.4"; }  # sockade: ignore shadowed
);
END
sockade check quiet.conf
like "$OUT" ': 1 warning, 3 ignored$' 'advice can be silenced'
like "$ERR" 'quiet\.conf:7: warning: .*\[shadowed\]$' 'by its own id alone'
like "$ERR" 'warning:' 'others stay'
printf 'version = 1; # sockade: ignore unknown-key host-bits\ndeny_to = [ "192.0.2.1/24" ]; # sockade: ignore host-bits\n' | mine loud.conf
sockade check loud.conf
is "$STATUS" 1 'an error cannot be silenced'

# A list of names is one message.
{ printf '0.0.0.0 ads%d.example\n' 1 2 3; printf 'host%d.example\n' 4 5 6 7; echo 192.0.2.1; } | mine lists.names
printf 'version = 1;\nsets = { ads = { file = "lists.names"; }; };\ndeny_to = [ "@ads" ];\n' | mine names.conf
sockade check names.conf
is "$(echo "$ERR" | grep -c 'lists\.names')" 1 'a list of names is told once'
like "$ERR" "lists\.names:1: 7 lines hold host names, the first one here 'ads1\.example'" 'with their number'

# The examples are clean, but for what depends on the machine.
for example in "$ROOT"/examples/*.conf; do
    capture "$SOCKADE" check --strict "$example"
    is "$STATUS" 0 "${example##*/} is clean" || note ' err' "$ERR"
done

# Lists and sets: what was merged in them, of both families and in every way an entry is written.
as_user mkdir lists
printf '%s\n' 10.0.0.0/8 '# again' 10.0.0.0/8 10.0.0.0-10.255.255.255 10.1.0.0/16 10.1.2.3 192.0.2.0/25 192.0.2.128/25 \
    198.51.100.1-198.51.100.9 198.51.100.5-198.51.100.20 203.0.113.7 | mine lists/four
printf '%s\r\n' 2001:db8::/32 '2001:db8::/32 ; twice' 2001:db8:1::/48 2001:db8::1 2001:dba::/33 2001:dba:8000::/33 \
    ::ffff:192.0.2.1 192.0.2.1 | mine lists/six
printf '%s\n' 'create blocked hash:net family inet' 'add blocked 192.0.2.0/24' 'add blocked 192.0.2.0/24 timeout 300' \
    'add blocked 192.0.2.77' | mine lists/ipset
echo 203.0.113.9 | mine lists/one
mine merged.conf <<'END'
version = 1;
sets = {
  four = { file = "lists/four"; };
  six = { file = "lists/six"; };
  both = { file = [ "lists/ipset", "lists/one" ]; };
  mixed = [ "192.0.2.0/25", "192.0.2.1", "198.51.100.1", "198.51.100.1", "@both" ];
  plain = [ "192.0.2.1", "192.0.2.3" ];
  all = { file = [ "lists/ipset", "lists/four" ]; };
};
deny_to = [ "@four", "@six", "@mixed", "@plain", "@all" ];
END
sockade check merged.conf
is "$STATUS" 0 'overlapping lists: exit 0'
is "$(echo "$OUT" | sed "s|^$USER_HOME/||")" "lists/four: 10 entries, 2 duplicates, 2 inside others, 2 joined to neighbours; 4 ranges remain
lists/six: 8 entries, 2 duplicates, 2 inside others, 1 joined to neighbours; 3 ranges remain
lists/ipset: 3 entries, 1 duplicate, 1 inside others; 1 range remains
lists/one: 1 entry; 1 range remains
merged.conf:6: set 'mixed': 6 ranges, 1 duplicate, 2 inside others; 3 ranges remain
lists/ipset: 3 entries, 1 duplicate, 1 inside others; 1 range remains
lists/four: 10 entries, 2 duplicates, 2 inside others, 2 joined to neighbours; 4 ranges remain
merged.conf:8: set 'all': 5 ranges, 1 duplicate; 4 ranges remain
merged.conf: 5 rules, 16 address ranges, image of $(sockade compile --quiet -o merged.image merged.conf; wc -c <merged.image) bytes: \
$(echo "$ERR" | grep -c warning: ) warnings, 1 note" 'each list and set tells what was merged'
escape=$(printf 'list\033[31m')
echo 192.0.2.1 | mine "$escape"
printf 'version = 1;\nsets = { a = { file = "%s"; }; };\ndeny_to = [ "@a" ];\n' "$escape" | mine escape.conf
sockade check escape.conf
like "$OUT" '/list\\x1b\[31m: 1 entry; 1 range remains$' "a list's name sends nothing to the terminal"

# Images.
sockade compile --quiet -o good.image shadow.conf
sockade check good.image
is "$STATUS" 0 'an image: exit 0'
like "$OUT" 'good\.image: image of 2 rules, [0-9]+ bytes: ok$' 'its summary'
as_user touch shadow.conf
sockade check good.image
like "$ERR" 'warning: .*changed since' 'a stale image is told'
size=$(wc -c <good.image)
for cut in 8 100 $((size - 1)); do
    as_user cp good.image cut.image
    as_user truncate -s "$cut" cut.image
    sockade check cut.image
    is "$STATUS" 1 "an image of $cut bytes: exit 1"
done
as_user cp good.image damaged.image
printf '\377' | as_user dd of=damaged.image bs=1 seek=$((size - 3)) conv=notrunc 2>/dev/null
sockade check damaged.image
is "$STATUS" 1 'a damaged image: exit 1'
like "$ERR" 'damaged\.image: the image cannot be used: it is damaged' 'by its checksum'

# Files that are there and cannot be opened, or not be read: with the kernel's own reason.
as_user ln -s loop loop
printf 'version = 1;\nsets = { a = { file = "loop"; };\n b = { file = "/proc/self/mem"; }; };\n' | as_user tee unreadable.conf >/dev/null
sockade check unreadable.conf
is "$STATUS" 1 'lists that cannot be read: exit 1'
like "$ERR" "unreadable\.conf:2: cannot open '.*/loop': Too many levels of symbolic links" 'one that leads to itself'
like "$ERR" "unreadable\.conf:3: cannot read '/proc/self/mem': Input/output error" 'one whose bytes are not to be had'
sockade check loop
like "$ERR" 'loop: cannot open the file: Too many levels of symbolic links' 'a policy that leads to itself'
done_testing
