#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/container/Containerfile, its steps replayed in fresh Debian systems, and what it makes as a container's root.
#
# Once as root, who gives the container another user, and once as an ordinary user, in a user namespace.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "$TESTS/debian_root.sh"
containerfile=$ROOT/examples/container/Containerfile

# replay STAGE INSTRUCTION ARGUMENTS: one of its steps, in the folder of that stage
# shellcheck disable=SC2086 # several words
replay() {
    folder=$SCRATCH/stage$1
    case $2:$3 in
    FROM:*)
        # What its apt-get installs is in the system from the beginning; the last stage gets what the tests run.
        [ "$1" -eq 0 ] && packages=$(sed -n 's/.*--no-install-recommends //p' "$containerfile") || packages=python3
        debian_root "$folder" $packages
        ;;
    RUN:apt-get*) ;;
    RUN:*)
        in_root "$folder" sh -c "$3" >"$SCRATCH/step" 2>&1
        ok $? "RUN $3" || note said "$(tail -n 20 "$SCRATCH/step")"
        ;;
    'COPY:. '*)
        mkdir -p "$folder${3#. }"
        tar -C "$ROOT" --exclude='./build*' --exclude=./.git -c . | tar -C "$folder${3#. }" -x
        ;;
    COPY:--from=build*) replay_copy "$SCRATCH/stage0" "$folder" ${3#--from=build} ;;
    COPY:*) replay_copy "$ROOT/" "$folder" $3 ;;
    esac
}

# replay_copy FROM TO NAME... PLACE
replay_copy() {
    from=$1 to=$2
    shift 2
    for place in "$@"; do :; done
    case $place in */) mkdir -p "$to$place" ;; *) mkdir -p "$to${place%/*}" ;; esac
    while [ $# -gt 1 ]; do
        cp "$from$1" "$to$place"
        shift
    done
}

instructions() {
    "$PYTHON" "$TESTS/house/examples.py" containerfile "$containerfile"
}

# What is left of the stages, in a network namespace of its own.
inside() {
    enter_net
    scratch
    INSTALLED=/opt/sockade/sockade
    . "$TESTS/container.sh"
    # Not in the scratch folder: whoever empties that must not come to what is mounted here.
    { mount --rbind "$FRESH" /mnt && container_begin /mnt; } ||
        { skip 'mounts are refused here' 'the root as a container'; done_testing; }
    container_cases
    entry=$(instructions | sed -n 's/^1\tENTRYPOINT\t//p')
    # shellcheck disable=SC2086 # several words
    capture contained $entry python3 -c "$CONNECT" 169.254.169.254
    like "$ERR" 'No route to host' 'its own entry point, with the policy that was compiled there'
    done_testing
}

[ -z "${FRESH:-}" ] || inside
need "$PYTHON" python3
"$PYTHON" -c 'import yaml' 2>/dev/null ||
    { skip 'no YAML for Python here (Debian: python3-yaml)' container.sh; done_testing; }
scratch
instructions >steps
while IFS='	' read -r stage instruction arguments; do
    replay "$stage" "$instruction" "$arguments" </dev/null
done <steps
FRESH=$SCRATCH/stage1
is "$(find "$FRESH/opt/sockade" -type f | wc -l)" 2 'two files of ours'
is "$(find "$FRESH" -name 'libconfig.so*' -o -name 'libjansson.so*')" '' 'and no library that they would need'
echo 'version = 1; deny_to = [ "127.0.0.2" ];' >"$FRESH/built.conf"
in_root "$FRESH" /opt/sockade/sockade compile --output /built.image /built.conf
is $? 0 'a policy is compiled there'
mkdir "$FRESH/config"
rmdir "$FRESH/tmp"
export FRESH
sh "$TESTS/long/container.sh"
is $? 0 'all of it, started by root'
as_user sh "$TESTS/long/container.sh"
is $? 0 'and by an ordinary user'
done_testing
