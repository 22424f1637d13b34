#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what building, the demo and the tests need, as root on Debian; otherwise prints the command to type.
#
# usage: dependencies.sh [GOAL...]
#
# With the goal `check` also the real programs that the tests run. Where all is there nothing is done.

[ "${SKIP_DEPENDENCIES:-0}" = 1 ] && exit 0
missing=''

# need PACKAGE CHECK...: notes the package unless the check succeeds
need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

need gcc command -v gcc
need libc6-dev test -e /usr/include/stdio.h
need make command -v make
need pkg-config command -v pkg-config
need libconfig-dev pkg-config --exists libconfig
need curl command -v curl
need python3 command -v python3
case " $* " in
*' check '* | *' check-long '*)
    need libcmocka-dev pkg-config --exists cmocka
    need libseccomp-dev pkg-config --exists libseccomp
    need libjansson-dev pkg-config --exists jansson
    need binutils command -v readelf
    need util-linux command -v setpriv
    need iproute2 command -v ip
    need strace command -v strace
    need git command -v git
    need openssh-client command -v ssh
    need openssh-server test -x /usr/sbin/sshd
    need busybox command -v busybox
    need netcat-openbsd test -x /bin/nc.openbsd
    need nginx-light test -x /usr/sbin/nginx
    need dnsmasq-base test -x /usr/sbin/dnsmasq
    need bind9-dnsutils command -v dig
    ;;
esac
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "  APT    $missing"
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of words
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 20 "$log"
        echo "Could not install:$missing" >&2
        exit 1
    fi
    rm -f "$log"
    exit 0
fi
cat >&2 <<END
Missing:$missing (names of Debian's packages). Install them as root with one of
  Debian, Ubuntu:  apt-get install$missing
  Fedora:          dnf install gcc make pkgconf-pkg-config libconfig-devel libcmocka-devel libseccomp-devel jansson-devel \\
                     curl python3 strace iproute git openssh busybox netcat nginx dnsmasq bind-utils
  Arch:            pacman -S base-devel libconfig cmocka libseccomp jansson curl python strace iproute2 git openssh busybox \\
                     openbsd-netcat nginx dnsmasq bind
or go on without the missing ones: SKIP_DEPENDENCIES=1 make ...
END
exit 1
