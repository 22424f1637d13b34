# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# make -j: three hundred children that are compiled, piped and joined, eight at a time; output in order, results the
# same.
# Refused: the one recipe that fetches.
program='make -j8'
needs='make:make gcc:gcc curl:curl'
version() { make --version; }
setup() {
    mkdir www
    echo fetched >www/index.html
    serve "$PYTHON" -m http.server --bind 127.0.0.1 --directory www 8080
    ready 8080
    {
        echo 'SHELL := /bin/sh'
        echo 'all: fetched program sums; @./program; cat fetched; md5sum sums'
        printf 'fetched:\n\tcurl -sSf -o $@ http://127.0.0.1:8080/\n'
        printf 'sums: %s\n\tcat $^ >$@\n' "$(seq -f 'part-%.0f' 200 | tr '\n' ' ')"
        printf 'part-%%:\n\t@seq $* | awk "{ s += \\$$1 } END { print s }" | tee $@ >/dev/null\n'
        printf 'program: %s\n\tgcc -o $@ $^\n' "$(seq -f 'file-%.0f.o' 12 | tr '\n' ' ')"
        printf 'file-%%.o: file-%%.c\n\t@gcc -O1 -c -o $@ $<\n'
    } >Makefile
    echo '#include <stdio.h>' >file-1.c
    echo 'int main(void) { puts("linked"); return 0; }' >>file-1.c
    for i in $(seq 2 12); do echo "int f$i(int a) { return a + $i; }" >file-"$i".c; done
}
run() { make -j8 --output-sync all; }
normal() { sort; }
shows='^linked'
refusing='rules = ( { action = "deny"; to = "any"; proto = "tcp"; name = "no-fetching"; }, { action = "deny"; to = "127.0.0.1"; proto = "tcp"; } );'
refused_status=2
refused_shows='^make: \*\*\* \[Makefile:[0-9]+: fetched\] Error 7'
