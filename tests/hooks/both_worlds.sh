#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that nothing is refused to say the same with the object as without it: every program of tests/hooks but the
# *_refused ones, as an ordinary user and as root of a network of its own, under a policy that looks at everything and
# under one that would refuse everything but only observes.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
enter_net
scratch
add_addresses 192.0.2.1 2001:db8::1
: "${HOOKS:=${LIBSOCKADE_BUILD:-$ROOT/build}/tests/hooks}"

# in_folder NAME CMD...: in a new folder NAME, which $WORLD may write to
in_folder() {
    folder=$SCRATCH/$1
    shift
    mkdir "$folder"
    chmod 777 "$folder"
    (cd "$folder" && timeout 120 "$@")
}
