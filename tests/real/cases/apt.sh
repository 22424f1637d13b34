# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# apt-get against a repository on loopback, in folders of its own: lists, signatures left out, a download, a policy, a
# package that is not there. Its http method is a process of its own. Refused: the repository's port.
program='apt-get, from a repository'
needs='apt-get:apt dpkg-deb:dpkg /usr/bin/python3:python3'
version() { apt-get --version; }
setup() {
    mkdir -p www/pool package/DEBIAN etc/apt.conf.d etc/preferences.d etc/sources.list.d state/lists/partial cache/archives/partial
    printf 'Package: sockade-example\nVersion: 1.2\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: example\n' \
        >package/DEBIAN/control
    seq 50000 >package/content
    touch -d 2020-01-01 package/content package/DEBIAN/control package/DEBIAN package
    SOURCE_DATE_EPOCH=1577836800 dpkg-deb -Znone --root-owner-group -b package www/pool/sockade-example_1.2_all.deb
    (
        cd www || exit
        {
            cat ../package/DEBIAN/control
            echo "Filename: pool/sockade-example_1.2_all.deb"
            echo "Size: $(stat -c %s pool/*.deb)"
            echo "SHA256: $(sha256sum pool/*.deb | cut -d ' ' -f 1)"
        } >Packages
        printf 'Suite: example\nDate: %s\nSHA256:\n %s %s Packages\n' "$(date -u -R)" "$(sha256sum Packages | cut -d ' ' -f 1)" \
            "$(stat -c %s Packages)" >Release
    )
    echo "deb [trusted=yes] http://127.0.0.1:8080/ ./" >etc/sources.list
    : >state/status
    serve "$PYTHON" -m http.server --bind 127.0.0.1 --directory www 8080
    ready 8080
}
apt_get() {
    apt-get -q -o Dir::Etc="$HOME/etc" -o Dir::State="$HOME/state" -o Dir::State::status="$HOME/state/status" -o Dir::Cache="$HOME/cache" \
        -o Dir::Log="$HOME" -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=0 -o Acquire::http::Proxy=DIRECT \
        -o Debug::NoLocking=1 -o APT::Update::Error-Mode=any "$@"
}
run() {
    apt_get update || return
    apt_get download sockade-example && cmp sockade-example_1.2_all.deb www/pool/sockade-example_1.2_all.deb && echo whole
    apt_get -s install sockade-example
    apt_get download no-such-package
    apt_get update && ls state/lists
}
normal() { free_of_times | sed -E 's/\([0-9.,]+ [kMG]?B\/s\)//; s/in [0-9]+s//'; }
shows='^whole'
refusing='deny_to = [ "127.0.0.1:8080/tcp" ];'
refused_status=100
refused_shows='Cannot initiate the connection to 127.0.0.1:8080 .*13: Permission denied'
