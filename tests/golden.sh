#!/bin/bash
# Golden outputs: for each tests/golden/CASE/cmd, runs it with sh from the root
# ($WEIR is the command) and compares with CASE/stdout, and with CASE/exit (0 if
# there is none). With --update, rewrites them: review the diff.
set -u
cd "$(dirname "$0")/.."
update=${1:-}
got=$(mktemp -d)
trap 'rm -rf "$got"' EXIT

check_case() # folder
{
    local folder=$1 expected_exit=0
    sh "$folder/cmd" >"$got/stdout" 2>"$got/stderr"
    local exit_code=$?
    if [ "$update" = --update ]; then
        cp "$got/stdout" "$folder/stdout"
        rm -f "$folder/exit"
        [ $exit_code = 0 ] || echo $exit_code >"$folder/exit"
    fi
    [ ! -e "$folder/exit" ] || expected_exit=$(cat "$folder/exit")
    [ "$exit_code" = "$expected_exit" ] || {
        echo "# exit code $exit_code, expected $expected_exit"
        sed 's/^/# /' "$got/stderr"
        return 1
    }
    diff -u "$folder/stdout" "$got/stdout" | sed 's/^/# /'
    return "${PIPESTATUS[0]}"
}

cases=(tests/golden/*/cmd)
[ -e "${cases[0]}" ] || cases=()
echo "1..$((${#cases[@]} + 1))"
point=1
# The comparison itself must be able to fail.
mkdir "$got/case"
echo 'echo right' >"$got/case/cmd"
echo wrong >"$got/case/stdout"
update_asked=$update
update=
if check_case "$got/case" >/dev/null; then
    echo "not ok 1 - a wrong output is noticed"
else
    echo "ok 1 - a wrong output is noticed"
fi
update=$update_asked
for case in ${cases[@]+"${cases[@]}"}; do
    point=$((point + 1))
    if output=$(check_case "$(dirname "$case")"); then
        echo "ok $point - $(dirname "$case")"
    else
        echo "not ok $point - $(dirname "$case")"
        echo "$output"
    fi
done
