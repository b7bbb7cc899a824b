#!/bin/bash
# Runs every test and adds up their TAP. Usage: tests/run.sh BUILD_FOLDER
#
# Tests are the programs built from tests/{unit,property,differential}, the
# scripts tests/*.sh, tests/cli/*.sh, *.bats, and one corpus replay for each
# fuzz target. Every test point counts; so does a program that dies, exits
# non-zero with no failed point, runs too long, or prints fewer points than it
# planned. Prints one line a test, the whole output of those that fail, and last
# 'N passed, N failed'. Exits 1 if anything failed.
#
# A tests/cli/NAME.sh with NAME.stdout, NAME.stderr or NAME.exit beside it need
# not speak TAP: each of those files is compared and is one point.
set -u
cd "$(dirname "$0")/.."
limit_s=${WEIR_TEST_LIMIT_S:-300}

compare_expected() # script without .sh: runs it, TAP on stdout
{
    local base=$1 got point=0 part exit_code
    got=$(mktemp -d)
    bash "$base.sh" >"$got/stdout" 2>"$got/stderr"
    exit_code=$?
    echo "$exit_code" >"$got/exit"
    [ -e "$base.exit" ] || [ "$exit_code" = 0 ] || echo "not ok - exit code"
    for part in stdout stderr exit; do
        [ -e "$base.$part" ] || continue
        point=$((point + 1))
        if diff -u "$base.$part" "$got/$part" >"$got/diff"; then
            echo "ok $point - $part of $base"
        else
            echo "not ok $point - $part of $base"
            sed 's/^/# /' "$got/diff"
        fi
    done
    rm -rf "$got"
}

has_expected()
{
    [ -e "$1.stdout" ] || [ -e "$1.stderr" ] || [ -e "$1.exit" ]
}

run_test() # kind:path
{
    local kind=${1%%:*} path=${1#*:} target
    case $kind in
    program) CMOCKA_MESSAGE_OUTPUT=TAP "$path" ;;
    fuzz)
        target=$(basename "$path")
        "$path" "tests/fuzz/corpus/${target#fuzz_}"
        ;;
    bats) bats --tap "$path" ;;
    script)
        if has_expected "${path%.sh}"; then
            compare_expected "${path%.sh}"
        else
            bash "$path"
        fi
        ;;
    esac
}

# Counts points of a TAP file: prints 'passed failed'.
count_points() # file exit_code
{
    awk -v exit_code="$2" '
        /^ok( |$)/     { passed++ }
        /^not ok( |$)/ { failed++ }
        /^1\.\.[0-9]+/ { sub(/^1\.\./, ""); planned += $1 + 0 }
        END {
            missing = planned - passed - failed
            if (missing > 0)
                failed += missing
            if (passed + failed == 0 || (exit_code != 0 && failed == 0))
                failed++
            print passed + 0, failed + 0
        }' "$1"
}

if [ "${1:-}" = --one ]; then # log folder, kind:path
    log=$2/$(echo "${3#*:}" | tr '/' '_')
    # The runner itself is run again under timeout, as functions cannot be.
    timeout -k 5 "$limit_s" bash "$0" --raw "$3" >"$log.tap" 2>"$log.err" \
        </dev/null
    exit_code=$?
    read -r passed failed <<<"$(count_points "$log.tap" $exit_code)"
    echo "$passed $failed" >"$log.count"
    if [ "$failed" = 0 ]; then
        printf 'ok      %-52s %4d passed\n' "${3#*:}" "$passed"
        exit 0
    fi
    {
        printf 'FAILED  %-52s %4d passed, %d failed, exit code %d\n' \
            "${3#*:}" "$passed" "$failed" "$exit_code"
        sed 's/^/    /' "$log.tap" "$log.err" | grep -v '^    ok '
    } >"$log.report"
    cat "$log.report"
    exit 0
elif [ "${1:-}" = --raw ]; then
    run_test "$2"
    exit $?
fi

build=${1:?usage: tests/run.sh BUILD_FOLDER}
log=$build/tests/log
rm -rf "$log"
mkdir -p "$log"

list_tests()
{
    local source program
    for source in tests/unit/*.c tests/property/*.c tests/differential/*.c; do
        [ -e "$source" ] || continue
        program=$(basename "${source%.c}")
        echo "program:$build/tests/$program"
    done
    for source in tests/fuzz/fuzz_*.c; do
        [ -e "$source" ] || continue
        program=$(basename "${source%.c}")
        echo "fuzz:$build/tests/$program"
    done
    for source in tests/*.sh tests/cli/*.sh tests/*.bats tests/cli/*.bats; do
        [ -e "$source" ] || continue
        case $source in
        tests/run.sh | tests/valgrind.sh) ;;
        *.bats) echo "bats:$source" ;;
        *) echo "script:$source" ;;
        esac
    done
}

export WEIR=${WEIR:-$build/weir} WEIR_BUILD=$build
list_tests >"$log/list"
xargs -r -P "$(nproc 2>/dev/null || echo 1)" -n 1 \
    bash tests/run.sh --one "$log" <"$log/list"

cat "$log"/*.count 2>/dev/null | awk -v expected="$(wc -l <"$log/list")" '
    { passed += $1; failed += $2; files++ }
    END {
        failed += expected - files # a test whose runner itself died
        if (expected == 0)
            failed++
        printf "%d passed, %d failed\n", passed, failed
        exit failed > 0
    }'
