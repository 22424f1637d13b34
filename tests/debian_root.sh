# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Fresh, minimal Debian systems in folders, for tests that install, start in a container's file system, and look at what
# is left.
#
# Sourced after lib.sh, as root and before a test goes into a network of its own. Mirror, suite and keyrings are those of
# this machine's own apt. What was fetched once is kept as a tarball for a month.
#
#   debian_root FOLDER [PACKAGE...]   makes one there; where that cannot be, the test ends with a skip that says why
#   in_root FOLDER COMMAND...         runs it there as pid 1, in own namespaces with nothing but a loopback device
#   in_root_online FOLDER COMMAND...  the same with this machine's network: for apt-get

root_cache=${XDG_CACHE_HOME:-$HOME/.cache}/sockade-tests
[ "$(id -u)" -ne 0 ] || root_cache=/var/cache/sockade-tests

# The lines of this machine's sources.list that its own release is made of, without what others offer for it.
root_sources() {
    # shellcheck disable=SC2016 # apt's own words
    apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        (. /etc/os-release && awk -v id="$ID" -v name="$VERSION_CODENAME" '
            tolower($1) == id && ($2 == name || index($2, name "-") == 1) { print "deb", $3, $4, $5 }') | sort -u
}

# The keyrings that this machine's sources name, and those that count for all of them.
root_keyrings() {
    cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null |
        sed -n 's/^Signed-By: *//p; s/^deb .*signed-by=\([^] ]*\).*/\1/p' | tr -s ', ' '\n' | sort -u | grep ^/
    echo /etc/apt/trusted.gpg.d
}

# What this machine's apt was told about proxies, clocks and certificates.
root_apt_conf() {
    apt-config dump Acquire | grep -iE '^Acquire::([a-z]+::proxy|Check-|Retries|https::(CaInfo|Verify))' || true
}

# root_fetch TARBALL PACKAGE...: a new system, packed; what it says while it works is in TARBALL.log
root_fetch() {
    root_tarball=$1
    shift
    root_work=$(mktemp -d "${TMPDIR:-/tmp}/sockade-fetch.XXXXXX") || return 1
    root_apt_conf >"$root_work/apt.conf"
    printf '#!/bin/sh\nexit 101\n' >"$root_work/policy-rc.d" # no package starts its service
    [ -n "$(root_sources)" ] || apt-get update >"$root_tarball.log" 2>&1
    root_sources >"$root_work/sources.list"
    ! grep -q ' https:' "$root_work/sources.list" || set -- ca-certificates "$@"
    root_packages=$(echo "$*" | tr ' ' ,)
    # shellcheck disable=SC2046 # each line is an option
    mmdebstrap --variant=minbase --mode=root --format=tar --aptopt="$root_work/apt.conf" \
        $(root_keyrings | sed 's/^/--keyring=/') ${root_packages:+--include="$root_packages"} \
        --customize-hook="install -m 755 $root_work/policy-rc.d \"\$1/usr/sbin/policy-rc.d\"" \
        "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root_tarball.new" - \
        <"$root_work/sources.list" >"$root_tarball.log" 2>&1 && mv "$root_tarball.new" "$root_tarball"
    root_status=$?
    rm -rf "$root_work" "$root_tarball.new"
    return $root_status
}

# root_ends WHY: the test cannot go on
root_ends() {
    skip "$1" "${0##*/}"
    done_testing
}

debian_root() {
    root_folder=$1
    shift
    [ "$(id -u)" -eq 0 ] || root_ends 'a Debian root is made by root only'
    command -v mmdebstrap >/dev/null || root_ends 'mmdebstrap is not installed (Debian: mmdebstrap)'
    command -v apt-get >/dev/null || root_ends 'no apt here that knows a mirror'
    unshare -m true 2>/dev/null || root_ends 'no mount namespace to be had here'
    root_name=debian-root-$(. /etc/os-release && echo "$VERSION_CODENAME")-$(echo "$*" | cksum | tr -dc 0-9).tar
    mkdir -p "$root_cache" "$root_folder"
    if [ -z "$(find "$root_cache" -name "$root_name" -mtime -30)" ]; then
        echo "# fetching a Debian root${1:+ with $*}"
        # Two tests at once fetch it once.
        (flock 9 && { [ -n "$(find "$root_cache" -name "$root_name" -mtime -30)" ] ||
            root_fetch "$root_cache/$root_name" "$@"; }) 9>"$root_cache/$root_name.lock" || {
            note mmdebstrap "$(tail -n 5 "$root_cache/$root_name.log")"
            root_ends 'no Debian root to be had: the mirror of this machine does not answer as needed'
        }
    fi
    tar -x --numeric-owner --xattrs --xattrs-include='*' --acls -f "$root_cache/$root_name" -C "$root_folder"
}

# The first process there: mounts what programs expect, then becomes the command.
# shellcheck disable=SC2016 # expanded by the inner shell
ROOT_BEGIN='
    root=$1 net=$2
    shift 2
    mount --make-rprivate / && mount --bind "$root" "$root" && mount -t proc proc "$root/proc" || exit 125
    mount -t sysfs -o ro sysfs "$root/sys" 2>/dev/null
    mount -t tmpfs -o mode=755 tmpfs "$root/dev" && mkdir "$root/dev/pts" "$root/dev/shm" || exit 125
    for node in null zero full random urandom tty; do
        : >"$root/dev/$node" && mount --bind "/dev/$node" "$root/dev/$node" || exit 125
    done
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd" && ln -s fd/0 "$root/dev/stdin" && ln -s fd/1 "$root/dev/stdout" &&
        ln -s fd/2 "$root/dev/stderr"
    if [ "$net" = own ]; then
        ip link set lo up
    else
        [ -e "$root/etc/resolv.conf" ] || : >"$root/etc/resolv.conf"
        mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
    fi
    exec chroot "$root" "$@"'

# root_run OPTIONS FOLDER NET COMMAND...
root_run() {
    root_unshare=$1
    shift
    # shellcheck disable=SC2086 # several words
    HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
        unshare $root_unshare -- sh -c "$ROOT_BEGIN" sh "$@"
}

in_root() {
    in_root_folder=$1
    shift
    root_run '--mount --pid --fork --kill-child --ipc --uts --net' "$in_root_folder" own "$@"
}

in_root_online() {
    in_root_folder=$1
    shift
    root_run '--mount --pid --fork --kill-child --ipc --uts' "$in_root_folder" shared "$@"
}
