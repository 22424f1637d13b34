#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what building, the demo and the tests need, as root on Debian; otherwise prints the command to type.
#
# usage: dependencies.sh [GOAL...]
#
# With the goals `check` and `coverage` also the real programs that the tests run; with `bench` what it counts with (its
# parts install rivals and servers by themselves). Where all is there nothing is done.

[ "${SKIP_DEPENDENCIES:-0}" = 1 ] && exit 0
missing=''

# need PACKAGE CHECK...: notes the package unless the check succeeds
need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

# unpack PACKAGE: notes one of two packages that exclude each other. Neither is installed for the tests' sake: what the
# system lacks is unpacked beside it, where tests/laboratory.sh looks.
cache=$HOME/.cache/sockade-tests
[ "$(id -u)" -ne 0 ] || cache=/var/cache/sockade-tests
beside=''
unpack() {
    case $(ping -V 2>&1) in *"${1%-ping}"*) return 0 ;; esac
    [ -x "$cache/$1/bin/ping" ] || [ -x "/var/cache/sockade-tests/$1/bin/ping" ] || beside="$beside $1"
}

# Downloads and unpacks those; a failure is told, and the tests that need one are skipped.
unpack_all() {
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 0
    for package in $beside; do
        echo "  APT     $package (unpacked in $cache)"
        mkdir -p "$cache/$package"
        # The lists may be empty, as in a fresh container.
        if ! (cd "$cache" && { apt-get download "$package" || { apt-get update && apt-get download "$package"; }; } &&
            dpkg -x "$package"_*.deb "$package") >/dev/null 2>&1; then
            rm -r "${cache:?}/$package"
            echo "  could not download $package" >&2
        fi
        rm -f "$cache/$package"_*.deb
    done
}

need gcc command -v gcc
need libc6-dev test -e /usr/include/stdio.h
need make command -v make
need pkg-config command -v pkg-config
need libconfig-dev pkg-config --exists libconfig
need libjansson-dev pkg-config --exists jansson
need curl command -v curl
need python3 command -v python3
case " $* " in
*' coverage '*) need gcovr command -v gcovr ;;
esac
case " $* " in
*' check '* | *' check-long '* | *' coverage '*)
    need libcmocka-dev pkg-config --exists cmocka
    need scdoc command -v scdoc
    need mandoc command -v mandoc
    need libseccomp-dev pkg-config --exists libseccomp
    need binutils command -v readelf
    need util-linux command -v setpriv
    need iproute2 command -v ip
    need strace command -v strace
    need valgrind command -v valgrind
    need git command -v git
    need openssh-client command -v ssh
    need openssh-server test -x /usr/sbin/sshd
    need busybox command -v busybox
    need zsh command -v zsh
    need fish command -v fish
    need tcsh command -v tcsh
    need python3-yaml /usr/bin/python3 -c 'import yaml'
    need systemd test -x /usr/bin/systemd-analyze
    need netcat-openbsd test -x /bin/nc.openbsd
    need nginx-light test -x /usr/sbin/nginx
    need dnsmasq-base test -x /usr/sbin/dnsmasq
    need bind9-dnsutils command -v dig
    need redis-tools command -v redis-cli
    [ "$(uname -m)" != x86_64 ] || need gcc-multilib sh -c 'echo "int main(void) { return 0; }" | gcc -m32 -x c - -o /dev/null'
    need php-cli command -v php
    need php-curl sh -c 'php -m | grep -qx curl'
    need libtirpc-dev pkg-config --exists libtirpc
    need netbase test -e /etc/protocols
    need fping command -v fping
    need oping command -v oping
    need mtr-tiny command -v mtr
    need traceroute command -v traceroute
    need perl perl -MNet::Ping -e 1
    need default-jdk-headless command -v javac
    need libjemalloc2 sh tests/real/has.sh '/usr/lib/*/libjemalloc.so.2'
    need libfaketime sh tests/real/has.sh '/usr/lib/*/faketime/libfaketime.so.1'
    need libsocket-wrapper sh tests/real/has.sh '/usr/lib/*/libsocket_wrapper.so'
    # The package is named after the version, which is not known where python3 is about to be installed: Debian 12's then.
    python=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo 3.11)
    need "libpython$python-testsuite" test -e "/usr/lib/python$python/test/test_socket.py"
    unpack inetutils-ping
    unpack iputils-ping
    ;;
esac
# What draws the pictures of README.md.
case " $* " in
*' check-long '* | *' pictures '*)
    need tmux command -v tmux
    need chromium command -v chromium
    need busybox command -v busybox
    need git command -v git
    need iproute2 command -v ip
    ;;
esac
# What tests/long runs programs with.
case " $* " in
*' check-long '*)
    need libtcmalloc-minimal4 sh tests/real/has.sh '/usr/lib/*/libtcmalloc_minimal_debug.so.4'
    need libmimalloc2.0 sh tests/real/has.sh '/usr/lib/*/libmimalloc.so.2'
    need libeatmydata1 sh tests/real/has.sh '/usr/lib/*/libeatmydata.so.1'
    need fakeroot command -v fakeroot
    need liburing-dev test -e /usr/include/liburing.h
    need fio command -v fio
    need libnss-wrapper sh tests/real/has.sh '/usr/lib/*/libnss_wrapper.so'
    need libuid-wrapper sh tests/real/has.sh '/usr/lib/*/libuid_wrapper.so'
    need torsocks command -v torsocks
    need tsocks command -v tsocks
    need libproxychains4 sh tests/real/has.sh '/usr/lib/*/libproxychains.so.4'
    need libkeepalive0 test -e /usr/lib/libkeepalive.so
    need clang command -v clang
    need gdb command -v gdb
    need tmux command -v tmux
    need mmdebstrap command -v mmdebstrap
    # For aarch64; gcc's cross compilers exclude gcc-multilib.
    need lld command -v ld.lld
    need libc6-dev-arm64-cross test -e /usr/aarch64-linux-gnu/lib/crt1.o
    need libgcc-12-dev-arm64-cross sh tests/real/has.sh '/usr/lib/gcc-cross/aarch64-linux-gnu/*/libgcc.a'
    need qemu-user command -v qemu-aarch64
    need debhelper command -v dh
    need lintian command -v lintian
    need autopkgtest command -v autopkgtest
    ;;
esac
# real CASE...: the real programs of these cases of the table; a file's name there may hold a star
real() {
    pairs=$(sed -n "s/^needs='\(.*\)'.*/\1/p" "$@")
    set -f
    for pair in $pairs; do
        need "${pair#*:}" sh tests/real/has.sh "${pair%%:*}"
    done
    set +f
}
case " $* " in
*' check-long '* | *' table '*) real tests/real/cases/*.sh ;;
*' check '* | *' coverage '*)
    # shellcheck disable=SC2046 # a list
    real $(grep -l '^quick=yes' tests/real/cases/*.sh)
    ;;
esac
case " $* " in
*' check-long '*) need python3-twisted /usr/bin/python3 -c 'import twisted.trial.runner' ;;
esac
case " $* " in
*' bench '* | *' bench-quick '*)
    need libseccomp-dev pkg-config --exists libseccomp
    need valgrind command -v valgrind
    need strace command -v strace
    ;;
esac
[ -n "$missing" ] || { unpack_all; exit 0; }

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
    unpack_all
    exit 0
fi
cat >&2 <<END
Missing:$missing (names of Debian's packages). Install them as root with one of
  Debian, Ubuntu:  apt-get install$missing
  Fedora:          dnf install gcc make glibc-devel.i686 libgcc.i686 pkgconf-pkg-config libconfig-devel libcmocka-devel libseccomp-devel jansson-devel \\
                     curl python3 strace iproute git openssh busybox netcat nginx dnsmasq bind-utils \\
                     redis fping oping mtr traceroute iputils java-latest-openjdk-devel
  Arch:            pacman -S base-devel lib32-glibc lib32-gcc-libs libconfig cmocka libseccomp jansson curl python strace iproute2 git openssh busybox \\
                     openbsd-netcat nginx dnsmasq bind redis fping liboping mtr traceroute inetutils iputils jdk-openjdk
or go on without the missing ones: SKIP_DEPENDENCIES=1 make ...
END
exit 1
