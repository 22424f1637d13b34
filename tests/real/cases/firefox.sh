# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # what a case says of itself is for ../table.sh
# Firefox: a parent and content processes, each under a seccomp filter that answers what it does not know from a signal
# handler. It paints a page whose script has asked the server for a file. Where nobody answers it waits for ever, bare too.
program='Firefox, sandboxed'
needs='firefox-esr:firefox-esr /usr/bin/python3:python3'
seconds=150
version() { firefox-esr --version; }
setup() {
    mkdir www profile
    echo fetched >www/data
    cat >www/index.html <<'END_OF_FILE'
<!DOCTYPE html><title>page</title><p>text</p><script>
fetch("/data");
</script>
END_OF_FILE
    serve "$PYTHON" -u -m http.server --bind :: --directory www 8000
    ready 8000
}
run() {
    timeout 60 firefox-esr --headless --no-remote --profile profile --window-size 300,200 --screenshot "$HOME/page.png" \
        http://127.0.0.1:8000/ >said 2>errors
    echo "status $?"
    [ -s page.png ] && echo 'a picture'
    grep -i -E 'sandbox|crash|SIGSYS' errors
    grep -q 'GET / ' server.log || echo 'the server was not asked'
    sed -n 's/.*"GET \([^ ]*\) .*/asked for \1/p' server.log | grep -v favicon | sort -u
}
shows='^asked for /data'
refusing='deny_to = [ "127.0.0.1:8000/tcp" ];'
refused_status=0
refused_shows='^the server was not asked'
