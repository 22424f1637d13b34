#!/bin/sh
# SPDX-License-Identifier: MIT
# Formatting and static analysis; every finding is an error. Exceptions stand in .clang-format, .clang-tidy and here.
#
# Each file is a test of each tool; the last line is `N passed, N failed, 0 skipped`, as tests/run.sh has it.
set -u
cd "${0%/*}/.." || exit 1
passed=0 failed=0
sources=$(git ls-files 'policy/*.c' 'state/*.c' 'config/*.c' 'shim/*.c' 'command/*.c')
all=$(git ls-files '*.c' '*.h')
scripts=$(git ls-files '*.sh' .ci/run debian/tests/installed debian/sockade.postrm)
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# step NAME FILES CMD...: those files fail that the output begins lines with; at least one where the tool fails
step() {
    name=$1 files=$2
    shift 2
    printf '  LINT    %s\n' "$name"
    count=$(printf '%s\n' "$files" | wc -l) bad=0
    if ! "$@" >"$output" 2>&1; then
        cat "$output"
        bad=$(sed -E -n "s#^(In |$PWD/)?([A-Za-z0-9_./-]+)(:[0-9]| line [0-9]).*#\\2#p" "$output" | sort -u |
            grep -cxF "$files")
        [ "$bad" -gt 0 ] || bad=1
        echo "  $name: failed"
    fi
    passed=$((passed + count - bad)) failed=$((failed + bad))
}

# One process a core, since clang-tidy takes a second and more for each file.
tidy() {
    # shellcheck disable=SC2086 # a list of words
    printf '%s\n' $sources | xargs -P "$(nproc)" -n 4 sh -c 'clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE -I. \
        -DINSTALLED_COMMAND=\"/x\" -DINSTALLED_OBJECT=\"/x\" -DVERSION=\"0\" 2>/dev/null' tidy
}

# shellcheck disable=SC2086 # lists of words
{
    step clang-format "$all" clang-format --dry-run --Werror $all
    step comments "$all" python3 tests/wrap.py --check $all
    step clang-tidy "$sources" tidy
    # unusedFunction needs the whole program; missingInclude: system headers are not its business;
    # variableScope and constParameter would fight the style; hooks.def is a table; the *Pointer and objectIndex
    # checks do not follow sockaddr_storage and flat images.
    step cppcheck "$sources" cppcheck --quiet -j "$(nproc)" --error-exitcode=1 --inline-suppr -I. \
        --enable=warning,performance,portability -D_GNU_SOURCE -DINSTALLED_COMMAND='"/x"' -DINSTALLED_OBJECT='"/x"' \
        -DVERSION='"0"' --suppress=missingInclude --suppress=preprocessorErrorDirective $sources
    step shellcheck "$scripts" shellcheck -x -P tests -e SC1091 $scripts
}
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
