#!/bin/sh
# SPDX-License-Identifier: MIT
# One image, read by programs of 32 and of 64 bits: the same decisions.
. "${0%/*}/../lib.sh"
scratch
awk 'BEGIN {
    srand(3)
    for (i = 0; i < 20000; i++) printf "10.%d.%d.0/24\n", rand() * 256, rand() * 256
    for (i = 0; i < 5000; i++) printf "2001:db8:%x:%x::/64\n", rand() * 65536, rand() * 65536
    for (i = 0; i < 5000; i++) printf "%d.%d.%d.%d/32\n", 1 + rand() * 222, rand() * 256, rand() * 256, rand() * 256
}' >list.txt
{
    echo 'version = 1; sets = { list = { file = "list.txt"; }; }; rules = ('
    for i in $(seq 1 300); do
        echo "{ action = \"deny\"; to = [ \"10.$((i % 200)).0.0/16\", \"2001:db8:$i::/48\" ]; port = $((1 + i % 90)); },"
    done
    echo '{ action = "deny"; to = "@list"; proto = "tcp"; },'
    echo '{ action = "drop"; from = "@list"; port = "20-40"; }, { action = "allow"; to = "any"; } );'
} >policy.conf
"$SOCKADE" compile --quiet --output policy.image policy.conf
is $? 0 'the policy compiles'
build() { gcc "$@" -std=gnu11 -D_GNU_SOURCE -I"$ROOT" -O1 "$ROOT"/tests/house/both_widths.c "$ROOT"/policy/*.c; }
build -o wide
is $? 0 'the program is built for 64 bits'
./wide policy.image >wide.txt
is "$? $(wc -l <wide.txt)" '0 20000' 'which decides'
[ "$(cut -d' ' -f1 wide.txt | sort -u | wc -l)" -ge 3 ]
ok $? 'in each of the three ways'
if [ "$(uname -m)" = x86_64 ]; then
    build -m32 -o narrow
    is $? 0 'and for 32 bits'
    ./narrow policy.image >narrow.txt
    is $? 0 'which reads the same image'
    cmp narrow.txt wide.txt
    ok $? 'and decides alike'
fi
done_testing
