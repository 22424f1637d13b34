#!/bin/sh
# SPDX-License-Identifier: MIT
# Sockets of many threads that come and go beside sockets that listen: no packet is lost or comes to another one.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
. "${0%/*}/../laboratory.sh"
enter_net
scratch
grant_ping_sockets
cp "${LIBSOCKADE%/*}/tests/programs/turnover" .
is "$(as_user env LD_PRELOAD="$LIBSOCKADE" ./turnover 2>&1)" 'lost 0, foreign 0, failed 0' \
    '8,000 sockets of 8 threads, 32,000 echoes: each has its own replies and no others'
done_testing
