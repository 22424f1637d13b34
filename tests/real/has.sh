# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Whether a command, also one of the administrator's, or a file (with * in its name) is there: has.sh WHAT
PATH=$PATH:/usr/sbin:/sbin
case $1 in
*/*)
    for file in $1; do
        [ ! -e "$file" ] || exit 0
    done
    exit 1
    ;;
*) command -v "$1" >/dev/null ;;
esac
