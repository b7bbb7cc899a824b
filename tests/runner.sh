#!/bin/bash
# The test runner must notice every way in which a test can fail: tests/run.sh
# is run on small trees made here. TAP.
set -u
cd "$(dirname "$0")/.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
point=0

new_tree()
{
    rm -rf "$root/tree"
    mkdir -p "$root/tree/tests/unit" "$root/tree/tests/cli" \
        "$root/tree/tests/fuzz/corpus/probe" "$root/tree/build/tests"
    cp tests/run.sh "$root/tree/tests/"
}

# A test program: its source is only looked for, the "program" is a script.
add_program() # name, lines
{
    touch "$root/tree/tests/unit/$1.c"
    { echo '#!/bin/sh' && printf '%s\n' "$2"; } >"$root/tree/build/tests/$1"
    chmod +x "$root/tree/build/tests/$1"
}

expect() # last line, exit code, name
{
    local last exit_code
    last=$(WEIR_TEST_LIMIT_S=2 bash "$root/tree/tests/run.sh" build 2>&1)
    exit_code=$?
    last=${last##*$'\n'}
    point=$((point + 1))
    if [ "$last" = "$1" ] && [ $exit_code = "$2" ]; then
        echo "ok $point - $3"
    else
        echo "not ok $point - $3"
        echo "# '$last', exit code $exit_code; expected '$1', $2"
    fi
}

echo "1..14"
new_tree
add_program good 'printf "1..2\nok 1 - a\nok 2 - b\n"'
expect "2 passed, 0 failed" 0 "points are counted"
add_program more 'printf "1..1\nok 1 - a\n"'
expect "3 passed, 0 failed" 0 "programs are added up"

new_tree
add_program bad 'printf "1..2\nok 1 - a\nnot ok 2 - b\n"; exit 1'
expect "1 passed, 1 failed" 1 "a failed point fails the run"

new_tree
add_program dies 'printf "1..3\nok 1 - a\n"; kill -SEGV $$'
expect "1 passed, 2 failed" 1 "points that a crash leaves out have failed"

new_tree
add_program exits 'printf "1..1\nok 1 - a\n"; exit 1'
expect "1 passed, 1 failed" 1 "a bad exit after good points is a failure"

new_tree
add_program silent ':'
expect "0 passed, 1 failed" 1 "a program that tests nothing has failed"

new_tree
touch "$root/tree/tests/unit/missing.c"
expect "0 passed, 1 failed" 1 "a program that was not built has failed"

new_tree
add_program hangs 'printf "1..1\n"; sleep 60; echo ok 1'
expect "0 passed, 1 failed" 1 "a program that hangs is ended and has failed"

new_tree
expect "0 passed, 1 failed" 1 "no test at all is a failure"

new_tree
echo 'echo "1..1"; echo "ok 1"' >"$root/tree/tests/script.sh"
expect "1 passed, 0 failed" 0 "scripts speak TAP"

new_tree
echo 'echo hello; echo oops >&2; exit 3' >"$root/tree/tests/cli/hello.sh"
echo hello >"$root/tree/tests/cli/hello.stdout"
echo oops >"$root/tree/tests/cli/hello.stderr"
echo 3 >"$root/tree/tests/cli/hello.exit"
expect "3 passed, 0 failed" 0 "expected outputs are compared"
echo goodbye >"$root/tree/tests/cli/hello.stdout"
expect "2 passed, 1 failed" 1 "another output is noticed"

new_tree
echo 'echo hello; exit 3' >"$root/tree/tests/cli/hello.sh"
echo hello >"$root/tree/tests/cli/hello.stdout"
expect "1 passed, 1 failed" 1 "an exit code that nobody expects is noticed"

new_tree
printf '@test "a" { true; }\n@test "b" { false; }\n' \
    >"$root/tree/tests/cli/two.bats"
expect "1 passed, 1 failed" 1 "bats files are run"
