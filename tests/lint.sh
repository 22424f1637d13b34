#!/bin/sh
# SPDX-License-Identifier: MIT
# Formatting and static analysis; every finding is an error. Exceptions stand in .clang-format, .clang-tidy and here.
set -u
cd "${0%/*}/.." || exit 1
failed=0
sources=$(git ls-files 'policy/*.c' 'state/*.c' 'config/*.c' 'shim/*.c' 'command/*.c')
all=$(git ls-files '*.c' '*.h')
scripts=$(git ls-files '*.sh' .ci/run)

step() {
    name=$1
    shift
    printf '  LINT    %s\n' "$name"
    "$@" || { echo "  $name: failed"; failed=$((failed + 1)); }
}

# One process a core, since clang-tidy takes a second and more for each file.
tidy() {
    # shellcheck disable=SC2086 # a list of words
    printf '%s\n' $sources | xargs -P "$(nproc)" -n 4 sh -c 'clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE -I. \
        -DINSTALLED_COMMAND=\"/x\" -DINSTALLED_OBJECT=\"/x\" -DVERSION=\"0\" 2>/dev/null' tidy
}

# shellcheck disable=SC2086 # lists of words
{
    step clang-format clang-format --dry-run --Werror $all
    step clang-tidy tidy
    # unusedFunction needs the whole program; missingInclude: system headers are not its business;
    # variableScope and constParameter would fight the style; hooks.def is a table; the *Pointer and objectIndex
    # checks do not follow sockaddr_storage and flat images.
    step cppcheck cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr -I. \
        -D_GNU_SOURCE -DINSTALLED_COMMAND='"/x"' -DINSTALLED_OBJECT='"/x"' -DVERSION='"0"' --suppress=missingInclude \
        --suppress=preprocessorErrorDirective $sources
    step shellcheck shellcheck -x -P tests -e SC1091 $scripts
}
[ "$failed" -eq 0 ]
