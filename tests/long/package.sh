#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian packages: built from the tarball, clean for lintian, installed into a fresh Debian system and used there, and
# nothing is left of them when they are purged but what users wrote.
. "${0%/*}/../lib.sh"
. "${0%/*}/../debian_root.sh"
for tool in dpkg-buildpackage:dpkg-dev dh:debhelper lintian:lintian scdoc:scdoc autopkgtest:autopkgtest; do
    command -v "${tool%:*}" >/dev/null && continue
    skip "${tool%:*} is not installed (Debian: ${tool#*:})" package.sh
    done_testing
done
scratch
system=$SCRATCH/root
# With what the package's test needs, and autopkgtest itself, so that all that comes later is the package's.
debian_root "$system" ca-certificates curl dpkg-dev gcc iproute2 libc6-dev pkgconf procps python3

# The sources as everybody gets them.
version=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
capture sh "$ROOT/packaging/dist.sh" "$version" "$SCRATCH/sockade-$version.tar.xz"
is "$STATUS" 0 'make dist'
tar -xJf "sockade-$version.tar.xz"
is "$(sed -n '1s/.*(\(.*\)).*/\1/p' "sockade-$version/debian/changelog")" "$version" 'the changelog has this version'
(cd "sockade-$version" && DEB_BUILD_OPTIONS="parallel=$(nproc)" dpkg-buildpackage -us -uc -b) >build.log 2>&1
is $? 0 'dpkg-buildpackage' || note said "$(tail -n 20 build.log)"
capture lintian -E --pedantic --allow-root --fail-on error,warning,info,pedantic \
    "sockade_${version}_$(dpkg --print-architecture).changes"
is "$STATUS$OUT" 0 'lintian has nothing to say' || note said "$ERR"
rm -f ./*-dbgsym_*
is "$(printf '%s\n' ./*.deb | sed 's/_.*//' | tr '\n' ' ')" './libsockade-dev ./libsockade ./sockade ' 'three packages'

# All names in the system but for apt's and dpkg's own records.
names() {
    (cd "$system" && find . -xdev \( -path ./var/cache -o -path ./var/lib/apt -o -path ./var/log -o -path ./tmp \
        -o -path ./var/lib/dpkg/alternatives -o -path ./packages -o -path ./run \) -prune -o -print |
        grep -vE '^\./var/lib/dpkg/[a-z]+-old$' | sort)
}
capture in_root_online "$system" apt-get update
is "$STATUS" 0 'apt-get update in the fresh system'
names >before
mkdir "$system/packages"
cp ./sockade_*.deb ./libsockade_*.deb ./libsockade-dev_*.deb "$system/packages"
capture in_root_online "$system" sh -c 'apt-get install -y --no-install-recommends /packages/*.deb'
is "$STATUS" 0 'apt-get install'
names >installed
note new "$(comm -13 before installed | grep -v -e /var/lib/dpkg -e /examples/ -e /man/)"

# Its own test: plainly, in a system without a network, and by autopkgtest.
cp "sockade-$version/debian/tests/installed" "$system/packages/installed"
capture in_root "$system" sh /packages/installed
is "$STATUS" 0 'the package works' || note said "$ERR"
note installed "$OUT"
# shellcheck disable=SC2016 # expanded by the inner shell
capture unshare --mount --pid --fork --kill-child -- sh -c '
    mount --make-rprivate / && mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
    cp /etc/resolv.conf "$1/etc/resolv.conf" && exec timeout 300 autopkgtest --no-built-binaries "$2" \
        -- chroot "$1"' sh "$system" "$SCRATCH/sockade-$version"
is "$STATUS" 0 'autopkgtest passes' || note said "$(printf '%s\n' "$OUT" "$ERR" | tail -n 30)"
note autopkgtest "$(printf '%s\n' "$OUT" "$ERR" | grep -E '^(ok|installed|autopkgtest .* summary)' | tail -n 14)"

# What users wrote.
mkdir -p "$system/etc/sockade" "$system/root/.config/sockade"
echo 'version = 1;' | tee "$system/etc/sockade/policy.conf" >"$system/root/.config/sockade/policy.conf"
capture in_root "$system" sockade run -- true
is "$STATUS$ERR" 0 'it runs under them'
[ -d "$system/var/lib/sockade" ]
ok $? 'and leaves an image of the system policy'
rm -rf "$system/packages" "$system/root/.cache"
capture in_root "$system" apt-get purge -y --auto-remove sockade libsockade libsockade-dev
is "$STATUS" 0 'apt-get purge'
names >after
is "$(comm -13 before after | tr '\n' ' ')" './etc/sockade ./etc/sockade/policy.conf ./root/.config ./root/.config/sockade ./root/.config/sockade/policy.conf ' \
    'nothing is left but what users wrote'
is "$(comm -23 before after)" '' 'and nothing is missing'
done_testing
