#!/bin/sh
# SPDX-License-Identifier: MIT
# Every sanitizer of gcc and clang, every checker of valgrind, and the debuggers: tests/programs/checkers.sh.
export CHECKERS=all
exec sh "${0%/*}/../programs/checkers.sh"
