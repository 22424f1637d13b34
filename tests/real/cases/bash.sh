# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# An interactive bash in a terminal: jobs, /dev/tcp both ways, here documents, a pipe, traps, and a child in the
# background.
program='bash -i, /dev/tcp'
needs='bash:bash /usr/bin/python3:python3'
quick=yes
version() { bash --version; }
setup() {
    mkdir www
    echo served >www/index.html
    serve "$PYTHON" -m http.server --bind 127.0.0.1 --directory www 8080
    ready 8080
    cat >typed <<'END_OF_FILE'
PS1='> '; set +o history
exec 3<>/dev/tcp/127.0.0.1/8080 || exit 9
printf 'GET / HTTP/1.0\r\n\r\n' >&3; tail -n 1 <&3; exec 3>&-
sleep 30 & kill %1; wait %1; echo "job ended with $?"
trap 'echo trapped' USR1; kill -USR1 $$
(exit 5) | cat; echo "${PIPESTATUS[*]}"
cat <(echo substituted)
: >/dev/udp/127.0.0.1/7777 && echo sent
: >/dev/tcp/127.0.0.1/7009
test -t 0 && test -t 1 && echo 'a terminal'
jobs; shopt -q login_shell || echo 'no login shell'
exit 3
END_OF_FILE
    cat >type.py <<'END_OF_FILE'
import os, pty, sys, termios
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "dumb"
    os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
attributes = termios.tcgetattr(terminal)
attributes[3] &= ~termios.ECHO
termios.tcsetattr(terminal, termios.TCSANOW, attributes)
os.write(terminal, open("typed", "rb").read())
try:
    while data := os.read(terminal, 4096):
        sys.stdout.buffer.write(data)
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
END_OF_FILE
}
run() { "$PYTHON" type.py; }
normal() { tr -d '\r' | sed -E 's/\] [0-9]+$/] PID/; s/^bash-[0-9.]+[$#] //; s/^(> )+//' | grep -v '^$'; }
shows='served'
refusing='deny_to = [ "127.0.0.1:8080/tcp" ];'
refused_status=9
refused_shows='/dev/tcp/127.0.0.1/8080: Permission denied'
