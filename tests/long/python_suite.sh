#!/bin/sh
# SPDX-License-Identifier: MIT
# Mostly waits: runs beside the others.
# Short form in `make check`.
# CPython's own tests of sockets, TLS, asyncio, mail and web clients and servers, processes, signals and threads, bare and
# preloaded: every single test must end the same way.
#
# PYTHON_MODULES='test_socket test_ssl' takes those; AT_ONCE=1 runs one module at a time.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"

# python_suite.sh WORLD FOLDER COMMAND...: in a network and a process namespace of its own
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

if [ "${LONG:-0}" = 1 ]; then
    modules='test_socket test_asyncio test_ssl test_httplib test_httpservers test_urllib test_urllib2
        test_urllib2_localnet test_urllib_response test_robotparser test_ftplib test_smtplib test_smtpd test_poplib
        test_imaplib test_nntplib test_telnetlib test_xmlrpc test_docxmlrpc test_wsgiref test_socketserver test_asyncore
        test_asynchat test_selectors test_select test_epoll test_poll test_timeout test_subprocess test_posix test_os
        test_popen test_pipes test_pty test_openpty test_fork1 test_wait3 test_wait4 test_eintr test_signal
        test_threadsignals test_threading test_thread test_threading_local test_fcntl test_ioctl test_io test_file
        test_file_eintr test_fileio test_logging test_resource test_mmap test_atexit test_faulthandler test_cmd_line
        test_cmd_line_script test_site test_concurrent_futures test_multiprocessing_fork
        test_multiprocessing_forkserver test_multiprocessing_spawn test_tempfile test_shutil test_regrtest test_support'
else
    modules='test_selectors test_poplib test_asyncore'
fi
: "${PYTHON_MODULES:=$modules}"
"$PYTHON" -c 'import test.test_socket' 2>/dev/null || {
    skip 'the test suite is not installed (Debian: libpython3.11-testsuite)' python_suite.sh
    done_testing
}
enter_net
scratch
mkdir runs tests
cp "$TESTS/real/judging.conf" .
JUDGING=$SCRATCH/judging.conf
export LIBSOCKADE JUDGING

# shellcheck disable=SC2086 # a list
"$PYTHON" "$TESTS/long/python_suite.py" "$SCRATCH/runs" "${AT_ONCE:-2}" unshare -n -m --ipc --pid --fork --kill-child \
    --mount-proc sh "$TESTS/long/python_suite.sh" -- $PYTHON_MODULES >results || ok 1 'the suite is run'
while IFS= read -r line; do
    case $line in
    'ok '*) ok 0 "${line#ok }" ;;
    'not ok '*) ok 1 "${line#not ok }" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <results
done_testing
