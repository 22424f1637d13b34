# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# git over HTTP: Python's CGI server in front of git's own backend; clone, fetch and push start helpers of their own.
program='git over HTTP'
needs='git:git /usr/lib/git-core/git-http-backend:git /usr/bin/python3:python3'
quick=yes
version() { git --version; }
setup() {
    export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_ADVICE=0
    git config --global user.name Tester
    git config --global user.email tester@example.org
    git config --global init.defaultBranch main
    git config --global protocol.version 2
    mkdir -p www/cgi-bin
    git init -q --bare www/project.git
    git -C www/project.git config http.receivepack true
    git init -q work
    seq 20000 >work/numbers
    git -C work add numbers
    GIT_AUTHOR_DATE='2020-01-01T00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00Z' git -C work commit -q -m first
    git -C work push -q "$HOME/www/project.git" main
    cat >www/cgi-bin/git <<END_OF_FILE
#!/bin/sh
export GIT_PROJECT_ROOT="$HOME/www" GIT_HTTP_EXPORT_ALL=1 REMOTE_USER=tester
exec git http-backend
END_OF_FILE
    chmod +x www/cgi-bin/git
    serve "$PYTHON" -m http.server --cgi --bind 127.0.0.1 --directory www 8080
    ready 8080
}
run() {
    export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
    url=http://127.0.0.1:8080/cgi-bin/git/project.git
    git clone -q "$url" copy || return
    cmp work/numbers copy/numbers
    cd copy || return
    echo more >>numbers
    GIT_AUTHOR_DATE='2020-01-02T00:00Z' GIT_COMMITTER_DATE='2020-01-02T00:00Z' git commit -q -a -m second
    git push -q origin main && echo pushed
    git ls-remote origin
    cd ../work && git pull -q "$url" main && git log --format='%h %s'
    tail -n 1 numbers
}
shows='^pushed$'
refusing='deny_to = [ "127.0.0.1:8080/tcp" ];'
refused_status=128
refused_shows='^fatal: unable to access .*: Failed to connect to 127.0.0.1 port 8080'
