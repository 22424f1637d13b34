#!/bin/sh
# SPDX-License-Identifier: MIT
# A hundred processes that start at the same time share one compile.
. "${0%/*}/../lib.sh"
. "${0%/*}/../net.sh"
need strace strace
scratch
sanitized && { skip 'the leak sanitizer of the compiler does not run under strace' start_once.sh; done_testing; }
as_user strace -o /dev/null true 2>/dev/null || { skip 'strace may not trace here' start_once.sh; done_testing; }

# Large enough to take some milliseconds, so that all of them come while the first is at work.
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "10.%d.%d.%d\n", i / 65536, i / 256 % 256, i % 256 }' >list.netset
cat >policy.conf <<'END'
version = 1;
sets = { list = { file = "list.netset"; }; };
rules = ( { action = "deny"; to = "@list"; } );
END
cat >hundred.sh <<'END'
i=0
while [ $i -lt 100 ]; do
    env LD_PRELOAD="$1" SOCKADE_POLICY="$2" /bin/true &
    i=$((i + 1))
done
wait
END

capture as_user timeout 120 strace -f -qq -e trace=rename,renameat,renameat2 -o "$USER_HOME/trace" \
    sh hundred.sh "$LIBSOCKADE" "$SCRATCH/policy.conf"
is "$STATUS$ERR" 0 'a hundred processes start'
is "$(grep -c '\.image".* = 0$' "$USER_HOME/trace")" 1 'one image was published'

# With the image there none of a hundred more starts a compiler.
capture as_user timeout 120 strace -f -qq -e trace=execve -o "$USER_HOME/trace" \
    sh hundred.sh "$LIBSOCKADE" "$SCRATCH/policy.conf"
is "$STATUS$ERR" 0 'a hundred more'
is "$(grep -c 'execve.*"compile"' "$USER_HOME/trace")" 0 'they need no compile'
is "$(find "$USER_HOME/.cache/sockade" -name '*.image' | wc -l)" 1 'one image is left'
is "$(find "$USER_HOME/.cache/sockade" -type f ! -name '*.image' ! -name '*.lock' ! -name 'control-*' | wc -l)" 0 \
    'no temporary file is left'
done_testing
