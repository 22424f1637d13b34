#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# Every preload that Debian has beside ours, in both orders, with shells, Python, curl and more: tests/programs/preloads.sh.
export PRELOADS=all
exec sh "${0%/*}/../programs/preloads.sh"
