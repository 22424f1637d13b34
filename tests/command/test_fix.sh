#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade check --fix`: what is mechanical is mended in place, and nothing else is touched.
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
sockade() { capture as_user "$SOCKADE" "$@"; }
mine() { as_user tee "$1" >/dev/null; }

# All that can be mended at once; comments, blanks and the order stay.
mine bad.conf <<'END'
# my policy

rules = (
  { action = "deny"; too = "192.0.2.1"; },   # too many o's
  { name = "dney"; action = "dney"; to = [ "192.0.2.1/24", "10.0.0.0/8" ]; },
  { action = "deny";   to = "0.0.0.0"; port = 80; },
  { action = "deny"; to = "lopback"; errno = "EPREM"; },
  { action = "deny"; from = [ "198.51.100.7-198.51.100.1", "2001:db8::1/32" ]; }
);
sets = { office = [ "203.0.113.5/24" ]; };
deny_to = [ "@ofice", "/run/x.sock", "203.0.113.9/24:80/tcp" ]; # 192.0.2.1/24
log = { to = "/tmp/x.jsonl"; };
END
as_user cp bad.conf before.conf
chmod 640 bad.conf
cat >want.conf <<'END'
# my policy

version = 1;
rules = (
  { action = "deny"; to = "192.0.2.1"; },   # too many o's
  { name = "dney"; action = "deny"; to = [ "192.0.2.0/24", "10.0.0.0/8" ]; },
  { action = "deny";   to = "loopback"; port = 80; },
  { action = "deny"; to = "loopback"; errno = "EPERM"; },
  { action = "deny"; from = [ "198.51.100.1-198.51.100.7", "2001:db8::/32" ]; }
);
sets = { office = [ "203.0.113.0/24" ]; };
deny_to = [ "@office", "unix:/run/x.sock", "203.0.113.0/24:80/tcp" ]; # 192.0.2.1/24
log = { to = "file:/tmp/x.jsonl"; };
END
sockade check --dry-run bad.conf
is "$STATUS" 1 '--dry-run: exit 1 where something is to be mended'
is "$(cat bad.conf)" "$(cat before.conf)" 'and nothing is changed'
like "$OUT" '^--- .*bad\.conf$' 'it prints a diff'
printf '%s\n' "$OUT" | sed '/: [0-9]* errors$/d' >changes.diff
cp before.conf patched.conf
if command -v patch >/dev/null; then
    patch -s patched.conf <changes.diff
    is "$(cat patched.conf)" "$(cat want.conf)" 'which patch(1) takes'
else
    skip 'no patch(1) here' 'which patch(1) takes'
fi
sockade check --fix bad.conf
is "$(cat bad.conf)" "$(cat want.conf)" 'the mended text'
is "$STATUS" 0 'which is right: exit 0'
like "$OUT" "bad\.conf:6: fixed: '192\.0\.2\.1/24' is now '192\.0\.2\.0/24'" 'each change is told'
like "$OUT" "bad\.conf: fixed: put in 'version = 1;'" 'the version too'
like "$OUT" 'bad\.conf: [0-9]+ changes; the text before is .*bad\.conf\.bak$' 'and where the text before is'
is "$(cat bad.conf.bak)" "$(cat before.conf)" 'it is there'
is "$(stat -c '%a %u' bad.conf)" "640 $(stat -c %u before.conf)" 'mode and owner are kept'
sockade check --fix bad.conf
is "$STATUS" 0 'once more: exit 0'
like "$OUT" 'nothing to mend$' 'there is nothing left'
is "$(cat bad.conf)" "$(cat want.conf)" 'and nothing changes'
is "$(cat bad.conf.bak)" "$(cat before.conf)" 'nor the text before'

# Addresses that stand in others: the image stays the same.
mine twice.conf <<'END'
version = 1;
rules = (
  { action = "deny"; to = [ "10.1.0.0/16", "10.0.0.0/8",
      "10.0.0.0/8",
      "192.0.2.1" , "private" ]; }
);
END
sockade check --fix twice.conf
is "$(cat twice.conf)" 'version = 1;
rules = (
  { action = "deny"; to = [
      "192.0.2.1" , "private" ]; }
);' 'needless addresses are taken out'

# What nobody can know stays, and so does what has two neighbours.
mine open.conf <<'END'
version = 1;
rules = (
  { action = "deny"; to = "wombat!"; },
  { action = "deny"; to = "any"; prot = "tcp"; }
);
END
as_user cp open.conf open.before
sockade check --fix open.conf
is "$STATUS" 1 'what cannot be mended: exit 1'
is "$(cat open.conf)" "$(cat open.before)" 'it stays as it was'
[ ! -e open.conf.bak ]
ok $? 'without a text before'
mine syntax.conf <<'END'
version = 1;
rules = ( { action = "deny"; to = "any } );
END
sockade check --fix syntax.conf
is "$STATUS" 1 'a text that is not closed: exit 1'

# Links, images, others' files, and things that are no text.
as_user mkdir real
printf 'deny_to = [ "192.0.2.1/24" ];\n' | mine real/policy.conf
as_user ln -s real/policy.conf link.conf
sockade check --fix link.conf
is "$STATUS $(readlink link.conf) $(head -n 1 real/policy.conf)" '0 real/policy.conf version = 1;' \
    'behind a link the file itself is mended'
sockade compile --quiet -o some.image want.conf
as_user cp some.image some.before
sockade check --fix some.image
is "$STATUS" 1 'an image: exit 1'
like "$ERR" 'is an image; mend the text' 'it says why'
cmp -s some.image some.before
ok $? 'an image stays as it is'
printf 'deny_to = [ "192.0.2.1/24" ];\n' >others.conf
chmod 644 others.conf
if [ "$TEST_UID" -eq 0 ]; then
    sockade check --fix others.conf
    is "$STATUS $(cat others.conf)" '1 deny_to = [ "192.0.2.1/24" ];' "another's file: exit 1, and it stays"
    like "$ERR" 'belongs to another user' 'it says why'
    sockade check --dry-run others.conf
    like "$OUT" '^\+deny_to = \[ "192\.0\.2\.0/24" \];' '--dry-run shows what would be'
fi
printf 'deny_to = [ "192.0.2.1/24" ];\0\n' | mine nul.conf
sockade check --fix nul.conf
like "$ERR" 'NUL byte' 'a text with a NUL byte is left alone'
as_user mkfifo pipe.conf
sockade check --fix pipe.conf
is "$STATUS" 1 'a pipe: exit 1, without waiting'
sockade check --fix
is "$STATUS" 2 'without a file: exit 2'
sockade check --fix nowhere.conf
is "$STATUS" 1 'a file that is not there: exit 1'
like "$ERR" 'nowhere\.conf' 'it is named'

# Mistakes in what is included are told, not mended from here.
printf 'deny_to = [ "192.0.2.1/24" ];\n' | mine part.conf
printf 'version = 1;\n@include "part.conf"\ndeny_from = [ "192.0.2.1/24" ];\n' | mine whole.conf
sockade check --fix whole.conf
is "$STATUS $(cat part.conf)" '1 deny_to = [ "192.0.2.1/24" ];' 'an @included file stays'
like "$(cat whole.conf)" 'deny_from = \[ "192\.0\.2\.0/24" \];' 'its own are mended'

# Random policies: mended ones decide what they did before.
(cd "$SCRATCH" && python3 "$TESTS/command/fixes.py" "$SOCKADE" 12) >fixes.out 2>&1
ok $? "$(sed -n 's/^ok 1 - //p' fixes.out)" || note ' out' "$(tail -n 60 fixes.out)"
done_testing
