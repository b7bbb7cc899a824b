#!/bin/bash
# doc/language.md is complete: every message of einsum/ has its row there and,
# where a file can cause it, a golden test. What its table of features gives as
# examples is accepted.
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

# ---- the examples of features: statements parted by ';', the last is the result

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
section=$(sed -n '/^## Features of the catalogue/,/^## Messages/p' doc/language.md)
frame=$(sed -n '/^```yaml$/,/^```$/p' <<<"$section" | sed '1d;$d')
while IFS='|' read -r _ feature _ example _; do
    statements=$(sed 's/^ *`//; s/` *$//; s/; */\n/g' <<<"$example")
    {
        printf 'schema: 1\ncascade: example\n%s\neinsums: |\n' "$frame"
        sed 's/^/  /' <<<"$statements"
        printf 'outputs: [%s]\n' "$(sed -n '$s/\[.*//p' <<<"$statements")"
    } >"$folder/example.yaml"
    ${WEIR:-build/weir} lint "$folder/example.yaml" >"$folder/log" 2>&1
    report $? "the example of$feature"
    grep -A2 ': error:' "$folder/log" | sed 's/^/# /'
done < <(grep '^| .*` |$' <<<"$section")
echo "1..$number"
