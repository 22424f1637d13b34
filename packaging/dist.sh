#!/bin/sh
# SPDX-License-Identifier: MIT
# The sources as a tarball, the same bytes wherever and whenever it is made: what is committed, or, where there is no git, what
# the tarball that this folder was unpacked from held (MANIFEST).
#
# usage: dist.sh VERSION FILE     DIST_LEVEL=-0 compresses less, for who only compares
set -eu
cd "${0%/*}/.."
name=sockade-$1 file=$2
stage=$(mktemp -d "${TMPDIR:-/tmp}/sockade-dist.XXXXXX")
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/$name"

# The folder may be another user's, as in a container.
own_git() {
    git -c safe.directory='*' "$@"
}

if [ -f MANIFEST ]; then
    : "${SOURCE_DATE_EPOCH:=$(stat -c %Y MANIFEST)}"
    tar -c --no-recursion --verbatim-files-from -T MANIFEST | tar -x -C "$stage/$name"
elif own_git rev-parse --verify -q HEAD >/dev/null 2>&1; then
    : "${SOURCE_DATE_EPOCH:=$(own_git log -1 --format=%ct)}"
    [ -z "$(own_git status --porcelain -uno)" ] || echo "  what is not committed is not part of $file" >&2
    own_git archive HEAD | tar -x -C "$stage/$name"
    (cd "$stage/$name" && { echo MANIFEST && find . ! -type d; } | sed 's#^\./##' | LC_ALL=C sort >"$stage/list" &&
        mv "$stage/list" MANIFEST)
else
    echo 'make dist: neither a git checkout nor an unpacked tarball, so nobody knows what belongs to the sources' >&2
    exit 1
fi
# Whatever umask, owner, time and order of names there are.
tar -c -C "$stage" --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode=u+rw,go+r,go-w,a+X "$name" | xz -T1 "${DIST_LEVEL:--6}" >"$file.new"
mv "$file.new" "$file"
