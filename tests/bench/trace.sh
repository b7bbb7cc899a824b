#!/bin/bash
# What recording costs: instructions of a simulation that walks every step, counted
# by valgrind, with each level of trace beside none. The summary must stay below
# 2 %, intervals below 40 %. Tasks are recorded for a window that is never long:
# its cost is that of a run whose window is a thousandth.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run="sim -q --no-fast-forward --cascade workloads/attention/three-pass.yaml \
    --arch arch-configs/teaching.yaml --mapping mappings/flat.yaml \
    --set B=72,H=4,P=64,M=64,E=8,F=8,X1=8,X2=8,Y2=8,RF2=64,RF1=64,GBUF=64K"

instructions() # further options
{

    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "${WEIR:-build/weir}" $run "$@" 2>&1 >/dev/null |
        awk '/Collected/ { print $NF }'
}

plain=$(instructions)
report() # name limit_percent options
{
    local name=$1 limit=$2 traced
    shift 2
    traced=$(instructions "$@")
    awk -v name="$name" -v plain="$plain" -v traced="$traced" \
        -v limit="$limit" 'BEGIN {
            cost = 100 * (traced - plain) / plain
            printf "trace: %-24s %6.2f %% of %.0f M instructions (limit %s %%)\n",
                name, cost, plain / 1e6, limit
            exit cost > limit }'
}
report summary 2 --trace "$work/a.csv" --trace-level summary
report windows 40 --trace "$work/a.csv" --trace-level windows
report "tasks, a short window" 12 --trace "$work/a.json" --trace-window 40K:40K+100
