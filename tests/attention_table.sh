#!/bin/bash
# doc/attention.md tells the truth: its table has each cascade of
# workloads/attention once, with the kernel and the source that the file names and
# the passes that 'weir passes' counts, and each algorithm of the table has its
# paragraph. 'tests/attention_table.sh --update' writes these three columns anew.
set -u
cd "$(dirname "$0")/.." || exit
weir=${WEIR:-build/weir}
document=doc/attention.md
number=0
report() # CONDITION NAME
{
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; fi
}

# "3 over m" for a file, or "1"; "-" where the analysis does not follow.
passes=$("$weir" passes --all workloads/attention 2>/dev/null |
    awk '$2 ~ /\.yaml$/ { print $2, ($3 > 1 ? $3 " over " $4 : $3) }')

row() # ALGORITHM CASCADE: the row as it should be
{
    local file=workloads/attention/$2.yaml
    printf '| %s | `%s` | `%s` | %s | %s |\n' "$1" "$2" \
        "$(sed -n 's/^kernel: //p' "$file")" \
        "$(sed -n "s|^$file ||p" <<<"$passes")" \
        "$(sed -n 's/^source: "\(.*\)"$/\1/p' "$file")"
}

rows() { sed -n 's/^| \([^|]*\) | `\([^`|]*\)` | `.*/\1|\2/p' "$document"; }

if [ "${1:-}" = --update ]; then
    copy=$(mktemp)
    while IFS= read -r line; do
        if [[ $line =~ ^\|\ ([^|]*)\ \|\ \`([^\`|]*)\`\ \| ]]; then
            row "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
        else
            printf '%s\n' "$line"
        fi
    done <"$document" >"$copy"
    cat "$copy" >"$document"
    rm -f "$copy"
    exit
fi

while IFS='|' read -r algorithm cascade; do
    grep -qxF -- "$(row "$algorithm" "$cascade")" "$document"
    condition=$?
    report $condition "the row of $cascade"
    [ $condition = 0 ] ||
        echo "# tests/attention_table.sh --update makes it $(row "$algorithm" "$cascade")"
done < <(rows)
[ "$(rows | cut -d'|' -f2 | LC_ALL=C sort)" = \
    "$(basename -s .yaml workloads/attention/*.yaml | LC_ALL=C sort)" ]
report $? "every cascade has one row"
while IFS= read -r algorithm; do
    grep -qF -- "**$algorithm**" "$document"
    report $? "$algorithm is explained"
done < <(rows | cut -d'|' -f1 | sort -u)
echo "1..$number"
