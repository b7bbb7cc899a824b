#!/bin/bash
# doc/language.md is complete: every message of einsum/ has its row there and,
# where a file can cause it, a golden test.
set -u
cd "$(dirname "$0")/.."
number=0
report() # CONDITION NAME
{
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; fi
}

codes=$(grep -oh '"einsum-[a-z-]*"' einsum/[!p]*.c einsum/parser*.c | tr -d '"' | sort -u)
for code in $codes; do
    grep -q "\`$code\`" doc/language.md
    report $? "$code is in doc/language.md"
    [ "$code" = einsum-no-memory ] && continue # tested by einsum_run
    grep -qE "^# expect: [0-9]+:[0-9]+ $code\$" tests/golden/errors/einsum-*.yaml
    report $? "$code has a golden test"
done
for code in $(grep -oh '`einsum-[a-z-]*`' doc/language.md | tr -d '`' | sort -u); do
    grep -qx "$code" <<<"$codes"
    report $? "$code of doc/language.md exists"
done
echo "1..$number"
