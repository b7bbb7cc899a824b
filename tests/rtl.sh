#!/bin/bash
# Arrays in Verilog, simulated by Verilator, against the PE-level simulation: the
# same cycles and the same values, case by case. Without Verilator (5 or newer)
# there is nothing to compare with, and the one point says so.
set -u
cd "$(dirname "$0")/.."
cases=24
version=$(verilator --version 2>/dev/null | awk '{print int($2)}')
if [ "${version:-0}" -lt 5 ]; then
    echo "ok 1 # SKIP no Verilator 5"
    echo "1..1"
    exit 0
fi
library=${WEIR_BUILD:-build/release}/libweir.a
case $library in
*/release/*) ;;
*) echo "ok 1 # SKIP the release build runs this"; echo "1..1"; exit 0 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
verilator --binary -O3 -Wno-fatal -Wno-WIDTH --Mdir "$work/rtl" --top-module bench \
    tests/rtl/output_stationary.sv >"$work/log" 2>&1 &&
    ${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -I. \
        $(pkg-config --cflags glib-2.0) -o "$work/cases" \
        tests/rtl/output_stationary.c "$library" \
        $(pkg-config --libs glib-2.0) -lm >>"$work/log" 2>&1 || {
    sed 's/^/# /' "$work/log"
    echo "not ok 1 - the array and its cases are built"
    echo "1..1"
    exit 1
}
for case in $(seq $cases); do
    "$work/cases" "$case" "$work" >"$work/expected" || exit 1
    read -r -a sizes <"$work/expected"
    "$work/rtl/Vbench" "${sizes[@]}" "+a=$work/a" "+b=$work/b" |
        grep -E '^(cycles )?-?[0-9]+$' >"$work/actual"
    if tail -n +2 "$work/expected" | cmp -s - "$work/actual"; then
        echo "ok $case - output stationary ${sizes[*]}"
    else
        echo "not ok $case - output stationary ${sizes[*]}"
        diff <(tail -n +2 "$work/expected") "$work/actual" | head -5 |
            sed 's/^/# /'
    fi
done
echo "1..$cases"
