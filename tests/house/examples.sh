#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples that other programs read: each is judged by one that knows it, or run as it would be there.
#
# tests/programs/tables.sh runs the policies; tests/long/container.sh makes the image and starts it.
# shellcheck disable=SC2016,SC2046,SC2086 # single quotes are for the inner shell; commands come as several words
. "${0%/*}/../lib.sh"
scratch
cd "$USER_HOME" || exit 1
PYTHON=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1
KEPT=${ASAN_OPTIONS:+ASAN_OPTIONS=$ASAN_OPTIONS} # what a sanitized object needs in any environment
examples=$ROOT/examples
read_example() { "$PYTHON" "$TESTS/house/examples.py" "$@"; }
"$PYTHON" -c 'import yaml' 2>/dev/null ||
    { skip 'no YAML for Python here (Debian: python3-yaml)' examples.sh; done_testing; }
metadata='import socket
try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("169.254.169.254", 9))
except OSError as e: print(e.strerror)
else: print("reached")'
echo "$metadata" | as_user tee probe.py >/dev/null
as_user mkdir bin folder tmp
as_user tee bin/probe >/dev/null <<END_OF_PROBE
#!/bin/sh
exec $PYTHON $PWD/probe.py
END_OF_PROBE
chmod 755 bin/probe
refused='No route to host'
denied='Permission denied'
# here TEXT: with our command in place of the installed one
here() { sed "s#/opt/sockade/sockade#$SOCKADE#g; s#/usr/local/bin/sockade#$SOCKADE#g; s#/config/#$PWD/folder/#g"; }

# A pod: its security, the policy inside, and its command.
pod=$examples/kubernetes/pod.yaml
is "$(read_example pod "$pod")" '' 'the pod is one under the restricted standard'
for change in 's/runAsNonRoot: true/runAsNonRoot: false/' 's/drop: .*/drop: []/' 's/RuntimeDefault/Unconfined/' \
    's/allowPrivilegeEscalation: false/privileged: true/' 's/readOnlyRootFilesystem: true/tty: true/' \
    's/runAsUser: 12345/runAsUser: 0/' 's/net.ipv4.ping_group_range/net.core.somaxconn/' 's/configMap:/hostPath:/' \
    's/automountServiceAccountToken: false/hostNetwork: true/' 's/^        - name: policy$/        - name: other/'; do
    sed "$change" "$pod" >changed.yaml
    like "$(read_example pod changed.yaml)" . "one with $change is not"
done
read_example part "$pod" ConfigMap/data/policy.conf | as_user tee folder/policy.conf >/dev/null
capture as_user "$SOCKADE" check --strict folder/policy.conf
is "$STATUS" 0 'the policy of its ConfigMap is right' || note err "$ERR"
capture as_user $(read_example part "$pod" Pod/spec/containers/0/command | here) bin/probe
is "$OUT" "$refused" 'its command, with that policy'
like "$ERR" '"rule":"no-metadata"' 'whose refusals are in the logs of the pod'

# Containers.
image=$examples/container/Containerfile
read_example containerfile "$image" >instructions
is "$(awk -F '\t' '$2 == "COPY" && $3 ~ /--from/ { print split($3, words, " ") - 2 }' instructions)" 2 \
    'the image gets two files of the stage that built them'
is "$(awk -F '\t' '$2 == "USER" { print $1, $3 }' instructions)" '1 12345:12345' 'and no root'
capture as_user "$SOCKADE" check --strict "$examples/container/policy.conf"
is "$STATUS" 0 'its policy is right' || note err "$ERR"
compose=$examples/container/compose.yaml
for pair in user:12345:12345 read_only:True cap_drop:ALL security_opt:no-new-privileges:true; do
    is "$(read_example part "$compose" "/services/app/${pair%%:*}")" "${pair#*:}" "the compose file has $pair"
done
as_user cp "$examples/container/policy.conf" folder/policy.conf
capture as_user $(read_example part "$compose" /services/app/entrypoint | here) bin/probe
is "$OUT" "$refused" 'its entry point, with the policy that it mounts'

# Units, by systemd's own reader.
as_user mkdir -p units/web.service.d -m 700 units/run
as_user cp "$examples/systemd/feeds.service" units/
here <"$examples/systemd/feeds.service" | as_user tee units/feeds.service >/dev/null
here <"$examples/systemd/web.service.d/sockade.conf" | as_user tee units/web.service.d/sockade.conf >/dev/null
printf '[Service]\nExecStart=/bin/true\n' | as_user tee units/web.service >/dev/null
if command -v systemd-analyze >/dev/null; then
    verify() { as_user env XDG_RUNTIME_DIR="$PWD/units/run" systemd-analyze verify --user "$@" 2>&1; }
    is "$(verify "$PWD/units/feeds.service")" '' 'systemd has nothing to say of the unit'
    is "$(verify "$PWD/units/web.service")" '' 'nor of the drop-in'
    echo 'NoSuchKey=1' | as_user tee -a units/web.service.d/sockade.conf >/dev/null
    like "$(verify "$PWD/units/web.service")" NoSuchKey 'which it reads'
else
    skip 'systemd-analyze is not installed (Debian: systemd)' 'units'
fi
as_user cp bin/probe bin/feeds
capture as_user env -i $KEPT $(read_example unit "$examples/systemd/feeds.service" ExecStart | here | sed "s#%h#$PWD#g")
is "$OUT" "$denied" 'the unit starts its program under its rules'
as_user cp "$examples/metadata.conf" folder/policy.conf
read_example unit "$examples/systemd/web.service.d/sockade.conf" Environment >unit-environment
object=$(preload_value)
capture as_user env -i $KEPT \
    $(sed "s#=/usr/.*so#=$object#; s#=/etc/sockade-web/#=$PWD/folder/#" unit-environment) bin/probe
is "$OUT" "$refused" 'the drop-in brings an existing service under a policy'
as_user $(read_example unit "$examples/systemd/web.service.d/sockade.conf" ExecStartPre | here |
    sed "s#/etc/sockade-web/#$PWD/folder/#") >/dev/null
is $? 0 'which is checked first'

# A log-in.
login() { as_user env -i $KEPT HOME="$PWD" PATH="${SOCKADE%/*}:/usr/bin:/bin" "$@" 2>err; }
profile=$examples/shell/sockade.sh
for shell in dash bash; do
    rm -rf .config
    is "$(login $shell -c '. "$0"; bin/probe' "$profile" | sed 's/^Network.*/reached/')$(cat err)" reached \
        "$shell: without a policy nothing changes"
    as_user mkdir -p .config/sockade
    as_user cp "$examples/metadata.conf" .config/sockade/policy.conf
    is "$(login $shell -c 'set -eu; . "$0"; bin/probe' "$profile")$(cat err)" "$refused" "$shell: under the policy"
    echo 'version = 2;' | as_user tee .config/sockade/policy.conf >/dev/null
    is "$(login $shell -c '. "$0"; echo on' "$profile")" on "$shell: a mistake in it does not end the log-in"
    like "$(cat err)" 'policy.conf:1: ' 'and is told'
done
as_user cp "$examples/metadata.conf" .config/sockade/policy.conf
{ echo "PATH=${SOCKADE%/*}:\$PATH"; cat "$profile"; } | as_user tee .profile >/dev/null
is "$(login bash -l -c bin/probe)" "$refused" 'bash as a log-in shell, from ~/.profile'

# cron's jobs, with what cron gives them.
as_user cp bin/probe bin/nightly
path=$(sed -n 's/^PATH=//p' "$examples/cron/crontab")
read_example cron "$examples/cron/crontab" >cron-jobs
is "$(wc -l <cron-jobs)" 2 'the crontab has its two jobs'
while read -r job; do
    as_user env -i $KEPT HOME="$PWD" LOGNAME=me SHELL=/bin/sh PATH="${SOCKADE%/*}:$path" /bin/sh -c "$job" </dev/null
    echo "exit $?"
done <cron-jobs >said 2>mail
is "$(cat said)" "$denied
exit 0
exit 0" 'they do what they are for' || note mail "$(cat mail)"

# A workflow's steps, but for the one that installs: in a project that behaves, and in one that does not.
as_user mkdir steps project
capture as_user "$PYTHON" "$TESTS/house/examples.py" steps "$examples/ci/github-actions.yml" steps
is "$STATUS" 0 'the workflow can be read' || note err "$ERR"
names=$OUT
workflow() { # workflow: runs them, and tells how each ends
    rm -f tmp/refused.jsonl
    number=0
    echo "$names" | while read -r name; do
        if [ "${name#Install}" = "$name" ]; then
            (cd project && as_user env -i $KEPT HOME="$USER_HOME" RUNNER_TEMP="$USER_HOME/tmp" \
                PATH="${SOCKADE%/*}:/usr/bin:/bin" bash -e "$USER_HOME/steps/$number") </dev/null >>workflow 2>&1
            echo "$? $name"
        fi
        number=$((number + 1))
    done
}
project() { printf 'all:\n\techo built\ntest:\n\t-%s\n' "$1" | as_user tee project/Makefile >/dev/null; }
project "$PYTHON -c 'import socket as s; l = s.create_server((\"127.0.0.1\", 0)); s.create_connection(l.getsockname())'"
is "$(workflow | cut -d ' ' -f 1 | tr '\n' ' ')" '0 0 0 ' 'each step of the workflow succeeds' ||
    note said "$(cat workflow)"
project "$USER_HOME/bin/probe"
is "$(workflow | cut -d ' ' -f 1 | tr '\n' ' ')" '0 0 1 ' 'a test that reaches for another machine is found out'
done_testing
