#!/bin/bash
# Arrays in Verilog, simulated by Verilator, against the PE-level simulation: the
# same cycles and the same values, case by case. Without Verilator (5 or newer)
# there is nothing to compare with, and the one point says so.
set -u
cd "$(dirname "$0")/.."
cases=24 # of each array
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

# The runtime library is compiled once. build_model NAME
build_model()
{
    verilator --cc --exe --main --timing -Wno-fatal -Wno-WIDTH \
        --Mdir "$work/$1.rtl" --top-module bench "tests/rtl/$1.sv" &&
        { cp "$work"/*.rtl/verilated*.[od] "$work/$1.rtl" 2>/dev/null || true; } &&
        make -C "$work/$1.rtl" -f Vbench.mk VM_PARALLEL_BUILDS=0 OPT_FAST=-O1 \
            OPT_SLOW=-O0 OPT_GLOBAL=-O0
}

# The library calls SystemC back. build_cases NAME
build_cases()
{
    ${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -O1 -I. \
        $(pkg-config --cflags glib-2.0) -c -o "$work/$1.o" "tests/rtl/$1.c" &&
        ${CXX:-g++} -o "$work/$1" "$work/$1.o" -Wl,--as-needed -Wl,--start-group \
            "$library" $(pkg-config --libs systemc) -Wl,--end-group \
            $(pkg-config --libs glib-2.0 yaml-0.1 sqlite3 jansson) -lm
}

number=0
# What the bench prints for the operands in $work, beside what is expected.
check_case() # NAME WORDS: the case's files, as plus arguments of the bench
{
    local name=$1 files=()
    shift
    "$work/$name" "$((number + 1))" "$work" >"$work/expected" || exit 1
    read -r -a sizes <"$work/expected"
    for file in "$@"; do files+=("+$file=$work/$file"); done
    "$work/$name.rtl/Vbench" "${sizes[@]}" "${files[@]}" |
        grep -E '^(cycles )?-?[0-9a-f]+$' >"$work/actual"
    number=$((number + 1))
    if tail -n +2 "$work/expected" | cmp -s - "$work/actual"; then
        echo "ok $number - $name ${sizes[*]}"
    else
        echo "not ok $number - $name ${sizes[*]}"
        diff <(tail -n +2 "$work/expected") "$work/actual" | head -5 |
            sed 's/^/# /'
    fi
}

for name in output_stationary fusemax; do
    build_model $name >"$work/log" 2>&1 && build_cases $name >>"$work/log" 2>&1 || {
        sed 's/^/# /' "$work/log"
        echo "not ok 1 - the array and its cases are built"
        echo "1..1"
        exit 1
    }
done
for case in $(seq $cases); do check_case output_stationary a b; done
for case in $(seq $cases); do check_case fusemax q k v; done
echo "1..$number"
