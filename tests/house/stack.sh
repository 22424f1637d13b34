#!/bin/sh
# SPDX-License-Identifier: MIT
# How deep the stack of a hook may get. A thread's whole stack may be 16 KiB, of which libc keeps some 2 KiB, the program's
# thread-local variables and ours as much.
. "${0%/*}/../lib.sh"
built=${LIBSOCKADE%/*}
counted && built=/nowhere
scratch
find "$built/shim-objects" -name '*.ci' >graphs 2>/dev/null
if sanitized || [ ! -s graphs ]; then
    skip 'no frames of a plain build here' "${0##*/}"
    done_testing
fi
capture xargs python3 "$ROOT/tests/house/stack.py" "$ROOT/shim/hooks.def" <graphs
is "$STATUS$ERR" 0 'every chain of calls has an end and frames of a known size'
is "$(printf '%s\n' "$OUT" | wc -l)" "$(grep -cE '^(HOOK|RARE)\(' "$ROOT/shim/hooks.def")" 'there is one for each hook'

# A wait over translated sockets that stand in sets of epoll, four deep, one of which refuses a packet with an event: that
# is allowed more, and needs a larger stack.
deep() { # deep LIMIT PATTERN: chains of hooks of this name that are longer
    printf '%s\n' "$OUT" | awk -v limit="$1" -v names="^($2)\$" '$2 ~ names && $1 > limit'
}
waits='(__)?(select|poll)|p(select|poll)|__p?poll_chk|epoll_p?wait2?'
is "$(deep 14336 "$waits")" '' 'waits take at most 14 KiB'
is "$(deep 10240 '.*' | grep -vE "^[0-9]+ ($waits) ")" '' 'everything else takes at most 10 KiB'
done_testing
