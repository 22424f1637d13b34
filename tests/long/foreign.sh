#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# Short form in `make check`.
# Test suites of others, bare and preloaded: every single test must end the same way. CPython's own tests of sockets,
# TLS,
# asyncio, mail and web clients and servers, processes, signals and threads; and Twisted's, an event loop of its own.
#
# FOREIGN='cpython:test_socket twisted:twisted.internet.test.test_tcp' takes those; AT_ONCE=1 runs one at a time.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"

# foreign.sh WORLD FOLDER COMMAND...: in a network and a process namespace of its own
if [ $# -gt 1 ]; then
    ip link set lo up
    world=$1
    USER_HOME=$2
    shift 2
    cd "$USER_HOME" || exit 125
    [ "$world" = bare ] || set -- env LD_PRELOAD="$LIBSOCKADE" SOCKADE_POLICY="$JUDGING" "$@"
    # shellcheck disable=SC2086 # ORDINARY is several words
    HOME=$USER_HOME exec $ORDINARY "$@"
fi

if [ "${LONG:-}" = 1 ]; then
    cpython='socket asyncio ssl httplib httpservers urllib urllib2 urllib2_localnet urllib_response robotparser ftplib smtplib
        smtpd poplib imaplib nntplib telnetlib xmlrpc docxmlrpc wsgiref socketserver asyncore asynchat selectors select
        epoll poll timeout subprocess posix os popen pipes pty openpty fork1 wait3 wait4 eintr signal threadsignals
        threading thread threading_local fcntl ioctl io file file_eintr fileio logging resource mmap atexit faulthandler
        cmd_line cmd_line_script site concurrent_futures multiprocessing_fork multiprocessing_forkserver
        multiprocessing_spawn multiprocessing_main_handling tempfile shutil support getpass mailbox tty'
    twisted='internet protocols names'
else
    cpython='selectors asyncore'
    twisted=''
fi
modules=''
for module in $cpython; do modules="$modules cpython:test_$module"; done
for module in $twisted; do modules="$modules twisted:twisted.$module"; done
"$PYTHON" -c 'import test.test_socket' 2>/dev/null || {
    skip "Python's test suite is not installed (Debian: libpython3.11-testsuite)" foreign.sh
    done_testing
}
[ -z "$twisted" ] || "$PYTHON" -c 'import twisted.trial.runner' 2>/dev/null || {
    skip 'Twisted is not installed (Debian: python3-twisted)' foreign.sh
    done_testing
}
enter_net
scratch
mkdir runs
cp "$TESTS/real/judging.conf" .
JUDGING=$SCRATCH/judging.conf
export LIBSOCKADE JUDGING

# shellcheck disable=SC2086 # a list
"$PYTHON" "$TESTS/long/foreign.py" "$SCRATCH/runs" "${AT_ONCE:-2}" unshare -n -m --ipc --pid --fork --kill-child \
    --mount-proc sh "$TESTS/long/foreign.sh" -- ${FOREIGN:-$modules} >results || ok 1 'the suites are run'
while IFS= read -r line; do
    case $line in
    'ok '*) ok 0 "${line#ok }" ;;
    'not ok '*) ok 1 "${line#not ok }" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <results
done_testing
