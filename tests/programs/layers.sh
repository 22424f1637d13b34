#!/bin/sh
# SPDX-License-Identifier: MIT
# Two layers: what the administrator refuses no user allows, and a user may refuse more.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need curl curl
enter_net
scratch

# The system's folders, in this mount namespace only: a copy of what programs need of /etc, and an empty /var/lib.
mkdir etc
cp -RL /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf /etc/ld.so.cache /etc/ssl /etc/alternatives etc 2>/dev/null
if ! mount -t tmpfs -o mode=755 tmpfs /etc || ! mount -t tmpfs -o mode=755 tmpfs /var/lib; then
    skip 'no mount namespace to be had here' layers.sh
    done_testing
fi
cp -R etc/. /etc
mkdir /etc/sockade /etc/sockade/policy.d /var/lib/sockade

add_addresses 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2
cat >/etc/sockade/policy.conf <<'END'
version = 1;
rules = ( { name = "house-rule"; action = "deny"; to = [ "192.0.2.1", "2001:db8::1" ]; errno = "EHOSTUNREACH"; } );
END
cat >user.conf <<'END'
version = 1;
rules = (
  { name = "i-want-it"; action = "allow"; to = [ "192.0.2.1", "2001:db8::1" ]; },
  { name = "my-own"; action = "deny"; to = [ "192.0.2.2", "2001:db8::2" ]; errno = "ENETUNREACH"; }
);
END
http_server :: 8080

reach() { # reach ADDRESS WANTED NAME: by curl, preloaded with the user's policy
    capture shimmed "$SCRATCH/user.conf" curl -sS -v "http://$1:8080/"
    like "$OUT$ERR" "$2" "$3"
}
all_of_it() { # all_of_it WHEN
    reach 192.0.2.1 'No route to host' "$1: what the system denies and the user allows is denied"
    reach '[2001:db8::1]' 'No route to host' "$1: by IPv6 too"
    reach '[::ffff:192.0.2.1]' 'No route to host' "$1: and v4-mapped"
    reach 192.0.2.2 'Network is unreachable' "$1: a user may deny more"
    reach 192.0.2.3 served "$1: what neither denies is allowed"
    capture as_user env LD_PRELOAD="$LIBSOCKADE" curl -sS -v http://192.0.2.1:8080/
    like "$ERR" 'No route to host' "$1: the system layer holds without a user's policy"
    like "$(tail -n 1 "$USER_HOME/.local/state/sockade/events.jsonl")" '"rule":"house-rule".*"layer":"system"' \
        "$1: the event names the layer"
}
all_of_it 'compiled by the user'

rm -rf "$USER_HOME/.cache"
capture "$SOCKADE" compile --system
is "$STATUS $(find /var/lib/sockade -name '*.image' -printf '%m\n')" '0 644' 'root compiles it for everybody'
all_of_it 'compiled by root'
is "$(find "$USER_HOME/.cache/sockade" -name '*.image' | wc -l)" 1 'the user compiled nothing but a layer of their own'

explain() { # explain ENDPOINT
    capture as_user env SOCKADE_POLICY="$SCRATCH/user.conf" "$SOCKADE" explain --to "$1"
}
explain 192.0.2.1:8080/tcp
like "$OUT" '^denied by the system layer' 'explain tells whose word stands'
like "$OUT" 'house-rule' 'explain names the rule'
like "$OUT" '/etc/sockade/policy\.conf:2' 'explain names file and line'
like "$OUT" '^  user .*allows, by rule "i-want-it"' 'explain tells what the user wanted'
explain 192.0.2.2:8080/tcp
like "$OUT" 'my-own' "explain names the user's rule"
like "$OUT" '^denied by the user layer' "explain names the user's layer"

# sockade run, under the user's policy and without one.
for options in "--policy $SCRATCH/user.conf" '--allow-to 192.0.2.1' ''; do
    # shellcheck disable=SC2086 # two words or none
    capture as_user "$SOCKADE" run $options -- curl -sS -v http://192.0.2.1:8080/
    like "$ERR" 'No route to host' "run $options: the system layer stands"
done

# Modes of the user's layer are the user's layer's alone.
printf 'version = 1;\nmode = "off";\n' >off.conf
capture shimmed "$SCRATCH/off.conf" curl -sS -v http://192.0.2.1:8080/
like "$ERR" 'No route to host' "a user's mode = off leaves the system layer in force"
capture as_user "$SOCKADE" run --audit -- curl -sS -v http://192.0.2.1:8080/
like "$ERR" 'No route to host' 'run --audit does, too'

# A broken system layer is not the user's to switch off.
echo 'version = 1; rules = ( { } );' >/etc/sockade/policy.d/broken.conf
rm -rf /var/lib/sockade/* "$USER_HOME/.cache"
capture as_user env SOCKADE_ON_ERROR=allow LD_PRELOAD="$LIBSOCKADE" curl -sS -v http://192.0.2.3:8080/
like "$ERR" 'Permission denied' 'a broken system policy fails closed, SOCKADE_ON_ERROR=allow or not'
done_testing
