# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # USER_HOME, SOCKADE and SCRATCH are lib.sh's
# For the tests of bad moments (faults, stepped, moments): an ordinary user's folders, policies whose rules cannot be decided
# without asking the kernel, and newer images of them that lie ready.
run=$USER_HOME/run
folder=$USER_HOME/folder
as_user mkdir "$run" "$folder"

policy() { # policy ERRNO LOG MORE...: connects and sends need to ask what the socket is
    echo "version = 1; log = { $2 }; rules = ("
    for protocol in tcp udp icmp; do
        echo "{ action = \"deny\"; to = \"127.0.0.9\"; proto = \"$protocol\"; errno = \"$1\"; },
            { action = \"deny\"; from = \"127.0.0.8\"; proto = \"$protocol\"; },"
    done
    echo "{ action = \"deny\"; on = \"127.0.0.9\"; errno = \"$1\"; },
        { action = \"deny\"; on = \"any\"; proto = \"tcp\"; port = 7003; errno = \"$1\"; } );"
    shift 2
    echo "$*"
}

as_runtime_user() {
    as_user env XDG_RUNTIME_DIR="$run" "$@"
}

# newer_images LOG: the images a, b and c, which differ by errno, of a policy in force; `image` and `control` lead to its own
newer_images() {
    for errno in a:EHOSTDOWN b:ENETDOWN c:ENETRESET; do
        policy "${errno#*:}" "$1" >text.conf
        as_runtime_user "$SOCKADE" compile --quiet --output "$folder/${errno%%:*}" "$SCRATCH/text.conf"
    done
    policy EHOSTDOWN "$1" >newer.conf
    as_user cp newer.conf "$folder/policy.conf"
    as_runtime_user "$SOCKADE" compile --quiet "$folder/policy.conf"
    ln -s "$run"/sockade/*.image "$folder/image"
    ln -s "$run"/sockade/control-1 "$folder/control"
}
