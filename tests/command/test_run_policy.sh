#!/bin/sh
# SPDX-License-Identifier: MIT
# `sockade run`: which policy the program gets, and that a mistake in one starts nothing.
#
# The program that is started is mostly `sockade explain`: it loads what any program's shim would.
# shellcheck disable=SC2016 # single quotes are for the inner shell
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
run() { capture as_user "$SOCKADE" run "$@"; }
mine() { as_user tee "$1" >/dev/null; }

# refused PATTERN NAME: the last run ended with 125 before anything started
refused() {
    is "$STATUS" 125 "$2: exit 125"
    like "$ERR" "$1" "$2: says why"
    is "$OUT" '' "$2: nothing was started"
}
# says ENDPOINT OUTCOME NAME RUN-OPTION...: what holds for a program under `run`
says() {
    says_endpoint=$1 says_wanted=$2 says_name=$3
    shift 3
    run "$@" -- "$SOCKADE" explain --to "$says_endpoint"
    like "$(echo "$OUT" | tail -n 1)" "^$says_wanted" "$says_name"
}

mine one.conf <<'END'
version = 1;
rules = ( { name = "one"; action = "deny"; to = "192.0.2.1"; } );
END
mine two.conf <<'END'
version = 1;
rules = ( { name = "two"; action = "deny"; to = "192.0.2.2"; } );
END
mine bad.conf <<'END'
version = 1;
rules = (
  { action = "deny"; too = "192.0.2.1"; },
  { action = "deny"; to = "192.0.2.1/24"; },
  { action = "allow"; to = "192.0.2.2"; errno = "EACESS"; }
);
END

# Which text.
says 192.0.2.1 'allowed: there is no policy' 'without any policy all is allowed'
says 192.0.2.1 denied '--policy, an absolute path' --policy "$PWD/one.conf"
says 192.0.2.1 denied '--policy, a relative path' --policy one.conf
run --policy one.conf sh -c 'echo "$SOCKADE_POLICY"'
is "$OUT" "$PWD/one.conf" '--policy is made absolute in SOCKADE_POLICY'
run --policy ./one.conf sh -c 'echo "$SOCKADE_POLICY"'
is "$OUT" "$PWD/one.conf" 'and without ./'
capture as_user env SOCKADE_POLICY="$PWD/one.conf" "$SOCKADE" run "$SOCKADE" explain --to 192.0.2.1
like "$OUT" 'rule "one"' 'SOCKADE_POLICY'
capture as_user env SOCKADE_POLICY="$PWD/one.conf" "$SOCKADE" run --policy two.conf "$SOCKADE" explain --to 192.0.2.1
like "$OUT" '^allowed' '--policy comes before it'
as_user mkdir -p .config/sockade other/sockade
as_user cp one.conf .config/sockade/policy.conf
as_user cp two.conf other/sockade/policy.conf
run sh -c 'echo "${SOCKADE_POLICY-unset}"'
is "$OUT" unset 'the default text leaves SOCKADE_POLICY alone'
says 192.0.2.1 denied 'the default text'
capture as_user env XDG_CONFIG_HOME="$PWD/other" "$SOCKADE" run "$SOCKADE" explain --to 192.0.2.2
like "$OUT" 'rule "two"' 'the default text in XDG_CONFIG_HOME'
rm -rf .config other

# The image is there, and fresh, before the program starts.
rm -rf .cache
run --policy one.conf sh -c 'ls ~/.cache/sockade/*.image | wc -l'
is "$OUT" 1 'the image is published before the program starts'
before=$(ls -i .cache/sockade/*.image)
run --policy one.conf true
is "$(ls -i .cache/sockade/*.image)" "$before" 'a fresh image is left alone'
echo '# changed' | as_user tee -a one.conf >/dev/null
run --policy one.conf true
[ "$(ls -i .cache/sockade/*.image)" != "$before" ]
ok $? 'a stale one is made anew'
as_user mkdir -m 700 runtime
capture as_user env XDG_RUNTIME_DIR="$PWD/runtime" "$SOCKADE" run --policy two.conf sh -c 'ls runtime/sockade | grep -c "image\$"'
is "$OUT" 1 'XDG_RUNTIME_DIR is the first place'

# Rules of the command line.
says 192.0.2.9 denied '--deny-to alone' --deny-to 192.0.2.9
says 192.0.2.1 denied "--deny-to beside a text's rules" --deny-to 192.0.2.9 --policy one.conf
says 192.0.2.9 denied 'and itself' --deny-to 192.0.2.9 --policy one.conf
says 192.0.2.1 allowed 'they come first' --allow-to 192.0.2.1 --policy one.conf
says 192.0.2.1:80 allowed 'in the order given' --allow-to 192.0.2.1:80 --deny-to 192.0.2.1
says 192.0.2.1:81 denied 'each of them' --allow-to 192.0.2.1:80 --deny-to 192.0.2.1
says '[2001:db8::1]:443/tcp' denied 'IPv6 with port and protocol' '--deny-to=[2001:db8::/32]:443/tcp'
run --deny-from 192.0.2.0/24:22 -- "$SOCKADE" explain --from 192.0.2.7:22
like "$OUT" '^denied' '--deny-from'
run --allow-from 192.0.2.7 --deny-from any -- "$SOCKADE" explain --from 192.0.2.7:22
like "$OUT" '^allowed' '--allow-from'
run --deny-on any:80 -- "$SOCKADE" explain --on 0.0.0.0:80
like "$OUT" '^denied' '--deny-on'
run --allow-on any:80 --deny-on any -- "$SOCKADE" explain --on 127.0.0.1:80
like "$OUT" '^allowed' '--allow-on'
run --policy one.conf --deny-to 192.0.2.9 -- sh -c 'head -c 7 "$SOCKADE_POLICY"'
is "$OUT" SOCKADE 'SOCKADE_POLICY names their image then'
run --deny-to localhost true
refused 'localhost' 'a host name' # one that is looked up in a file, if at all
run --deny-to '[2001:db8::1:443' --deny-on 'any:99999' true
refused '2001:db8' 'two bad endpoints'
like "$ERR" 99999 'both are told'

# Audit.
says 192.0.2.1 allowed '--audit refuses nothing' --audit --policy one.conf
like "$OUT" 'would deny.*rule "one"' 'but tells what it would'
says 192.0.2.1 denied 'and leaves no trace' --policy one.conf

# Mistakes.
run --policy bad.conf -- echo started
refused 'bad\.conf:3: .*to' 'a text with three mistakes'
like "$ERR" 'bad\.conf:4: .*192\.0\.2\.0/24' 'the second one, too'
like "$ERR" 'bad\.conf:5: .*EACCES' 'and the third'
run --policy bad.conf --deny-to 192.0.2.1 echo started
refused 'bad\.conf:3' 'the same with rules of the command line'
run --policy nowhere.conf echo started
refused 'nowhere\.conf.*does not exist' 'a policy that is not there'
capture as_user env SOCKADE_POLICY=relative.conf "$SOCKADE" run echo started
refused 'relative\.conf.*absolute' 'a relative SOCKADE_POLICY'
capture as_user env SOCKADE_POLICY="$PWD/nowhere.conf" "$SOCKADE" run echo started
refused 'nowhere\.conf.*does not exist' 'a SOCKADE_POLICY that is not there'
as_user cp one.conf loose.conf && chmod 666 loose.conf
run --policy loose.conf echo started
refused 'loose\.conf' 'a text that others may write'
as_user mkfifo fifo
run --policy fifo echo started
refused 'fifo' 'a fifo'
run --policy . echo started
refused "$USER_HOME" 'a folder'
capture as_user env SOCKADE_PINNED=rubbish "$SOCKADE" run echo started
refused "SOCKADE_PINNED 'rubbish'" 'a pin that cannot be read'
capture as_user env SOCKADE_PINNED="1:$(as_user id -u):/nowhere.conf" "$SOCKADE" run echo started
refused '/nowhere\.conf.*does not exist' 'a pinned policy that is gone'
capture as_user env SOCKADE_PINNED=1:4242:/nowhere.conf "$SOCKADE" run echo started
is "$OUT" started "another user's pin is let go"
capture as_user env SOCKADE_PINNED=1:4242:/nowhere.conf "$SOCKADE" run --policy bad.conf echo started
refused 'bad\.conf:3' 'but a policy that is named beside it is not'

# The last good image does not serve here, though programs that run keep it.
run --policy two.conf true
as_user cp bad.conf two.conf
run --policy two.conf echo started
refused 'two\.conf:3' 'a text that was right before'

# Images.
as_user "$SOCKADE" compile --quiet -o one.image one.conf
says 192.0.2.1 denied '--policy may be an image' --policy one.image
run --policy one.image --deny-to 192.0.2.9 echo started
refused 'one\.image. is an image' 'rules added to an image'
as_user cp one.image cut.image
as_user truncate -s 100 cut.image
run --policy cut.image echo started
refused 'cut\.image' 'an image that is cut short'

# A nested run adds a layer, whatever it names.
run --deny-to 192.0.2.1 -- "$SOCKADE" run --deny-to 192.0.2.2 -- "$SOCKADE" explain --to 192.0.2.1
like "$OUT" '^denied' 'a nested run keeps the outer rules'
run --deny-to 192.0.2.1 -- "$SOCKADE" run --deny-to 192.0.2.2 -- "$SOCKADE" explain --to 192.0.2.2
like "$OUT" '^denied' 'and adds its own'
run --policy one.conf -- "$SOCKADE" run --allow-to 192.0.2.1 -- "$SOCKADE" explain --to 192.0.2.1
like "$OUT" '^denied' 'which cannot loosen'
run --policy one.conf -- "$SOCKADE" run --audit -- "$SOCKADE" explain --to 192.0.2.1
like "$OUT" '^denied' 'nor only observe'

# Nowhere to publish.
if [ "$TEST_UID" -ne 0 ] && unshare -Urm true 2>/dev/null; then
    capture unshare -Urm sh -c 'mount -t tmpfs -o ro tmpfs /dev/shm && HOME=/nowhere exec "$0" run --policy one.conf echo started' "$SOCKADE"
    refused 'image was not written' 'no folder for the image'
elif [ "$TEST_UID" -eq 0 ] && unshare -m true 2>/dev/null; then
    capture unshare -m sh -c 'mount -t tmpfs -o ro tmpfs /dev/shm && HOME=/nowhere exec setpriv --reuid 65534 --clear-groups "$0" run --policy one.conf echo started' "$SOCKADE"
    refused 'image was not written' 'no folder for the image'
else
    skip 'no mount namespace to be had here' 'no folder for the image'
fi
done_testing
