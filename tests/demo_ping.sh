#!/bin/sh
# SPDX-License-Identifier: MIT
# The last part of `make demo`: a program that wants a raw ICMP socket, run by an ordinary user, bare and under Sockade.
# In a network namespace of its own with nothing but a loopback device: the host's settings are left as they are, and no
# packet leaves it. Ends with 0 where it came out as it should, and where no such namespace is to be had, which it says.
set -u
umask 022
here=$(cd "${0%/*}" && pwd)
: "${SOCKADE:=${here%/*}/build/sockade}"
python=/usr/bin/python3
[ -x $python ] || python=python3
. "$here/demo_show.sh"
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR XDG_STATE_HOME SOCKADE_POLICY SOCKADE_PINNED LD_PRELOAD
range_file=/proc/sys/net/ipv4/ping_group_range

# A program without a fallback of its own, as a plain copy: capabilities of the installed file would decide otherwise.
choose_program() { # choose_program FOLDER: sets $program, the words of a command that pings
    if file=$(command -v busybox) && ldd "$file" 2>/dev/null | grep -q libc && "$file" ping 2>&1 | grep -qi usage; then
        cp "$file" "$1/busybox" && program='busybox ping -c 2'
    elif file=$(command -v ping) && "$file" -V 2>&1 | grep -q inetutils; then
        cp "$file" "$1/ping" && program='ping -n -c 2'
    else
        cp "$here/demo_ping.py" "$1/ping.py" && program="$python ping.py"
    fi
}

# Inside the namespace, as its root: demo_ping.sh inside UID PROGRAM
inside() {
    if ! { ip link set lo up || "$python" demo_ping.py up; } 2>/dev/null; then
        echo 'no loopback device in a network namespace' >why
        return 2
    fi
    # Of an ordinary user's groups only one is mapped in a user namespace, as number 0.
    [ "$1" -eq 0 ] && range='0 2147483647' || range='0 0'
    if ! echo "$range" 2>/dev/null >$range_file; then
        echo "$range_file cannot be written" >why
        return 2
    fi
    if [ "$1" -eq 0 ]; then
        user='setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs --'
    else
        user="unshare --user --map-user=$1 --map-group=$1 -- setpriv --no-new-privs --"
    fi
    program=$2
    case $program in ping* | busybox*) program="./$program" ;; esac
    export HOME="$PWD/home" LC_ALL=C
    # shellcheck disable=SC2086 # several words
    {
        show "${program#./} 127.0.0.1" $user $program 127.0.0.1 && return 1
        show "sockade run -- ${program#./} 127.0.0.1" $user "$SOCKADE" run -- $program 127.0.0.1
    }
}

# show WHAT CMD...: what a person would type, and what comes of it
show() {
    prompt "$1"
    shift
    "$@" >output 2>&1 </dev/null
    status=$?
    sed '/^$/d' output
    return $status
}

if [ "${1:-}" = inside ]; then
    shift
    inside "$@"
    exit
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/sockade-ping.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
mkdir "$folder/home"
choose_program "$folder" || exit 1
# Where an ordinary user could not reach the checkout.
cp "$SOCKADE" "${SOCKADE%/*}/libsockade.so" "$here/demo_ping.py" "$folder" || exit 1
uid=$(id -u)
unshare=-n
[ "$uid" -eq 0 ] && who='the user 65534' && chown 65534:65534 "$folder/home"
[ "$uid" -eq 0 ] || { who="the user $uid" && unshare=-Urn; }
host=$(tr '\t' ' ' 2>/dev/null <$range_file)
case $host in
'1 0') open='nobody may open' ;;
*) open="the groups ${host:-?} may open" ;;
esac

heading 4 'Ping without root'
echo "On this host $open a ping socket (net.ipv4.ping_group_range is \"$host\"), and that stays as it is.
In a network namespace of its own, where the range is opened, $who has no capability at all:"
(cd "$folder" && SOCKADE=$folder/sockade unshare $unshare -- sh "$here/demo_ping.sh" inside "$uid" "$program") \
    2>"$folder/errors"
status=$?
if [ ! -e "$folder/output" ]; then
    echo "   (left out: $(cat "$folder/why" 2>/dev/null || cat "$folder/errors"))"
    exit 0
fi
[ $status -eq 0 ] || exit 1
echo
echo "The program asked for a raw ICMP socket, which only root may have. Sockade gave it a ping socket, which the kernel
grants to the groups of that range, and shows it what a raw socket would have shown."
