#!/bin/bash
# The documents do not lie: every ```console block of README.md and doc/*.md is
# run ('$ command', then its output) and compared, trailing blanks aside. Every
# file that README.md and ARCHITECTURE.md name in backquotes or links exists.
set -u
number=0
report() { # CONDITION NAME
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; fi
}

# Prints the body of each console block, blocks separated by a line '%%'.
blocks() {
    awk '/^```console$/ {inside = 1; next}
         /^```$/ && inside {inside = 0; print "%%"; next}
         inside {print}' "$1"
}

strip() { sed 's/[[:space:]]*$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }

run_block() { # NAME; body on stdin
    local command='' expected='' line
    while IFS= read -r line; do
        if [[ $line == '$ '* ]]; then
            [ -n "$command" ] && compare "$1" "$command" "$expected"
            command=${line#'$ '}
            expected=''
        else
            expected+=$line$'\n'
        fi
    done
    [ -n "$command" ] && compare "$1" "$command" "$expected"
}

compare() { # NAME COMMAND EXPECTED
    local actual wanted
    # The command under test, which another CONFIG builds elsewhere.
    actual=$(bash -c "${2//build\/weir/${WEIR:-build/weir}}" 2>&1 </dev/null |
        strip)
    wanted=$(printf '%s' "$3" | strip)
    if [ "$actual" = "$wanted" ]; then
        report 0 "$1: ${2:0:60}"
    else
        report 1 "$1: ${2:0:60}"
        diff <(printf '%s\n' "$wanted") <(printf '%s\n' "$actual") | sed 's/^/# /'
    fi
}

check_document() { # FILE
    local block='' line
    while IFS= read -r line; do
        if [ "$line" = '%%' ]; then
            run_block "$1" <<<"$block"
            block=''
        else
            block+=$line$'\n'
        fi
    done < <(blocks "$1")
}

check_names() { # FILE
    local name missing=''
    for name in $(grep -oE '(`|\()([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+\.(md|c|h|sh|txt|def|png|yaml)(`|\))' "$1" |
        tr -d '`()' | sort -u); do
        [ -e "$name" ] || [ -e "$(dirname "$1")/$name" ] || missing+=" $name"
    done
    [ -z "$missing" ]
    report $? "$1 names files that exist$missing"
}

for document in README.md doc/*.md; do
    check_document "$document"
done
check_names README.md
check_names ARCHITECTURE.md

# The test of the test: a lie is found.
lie=$(mktemp)
printf '```console\n$ echo truth\nlie\n```\n' >"$lie"
found=$(number=0; check_document "$lie" | grep -c '^not ok')
rm -f "$lie"
[ "$found" = 1 ]
report $? 'a document that lies is found'
echo "1..$number"
