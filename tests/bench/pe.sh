#!/bin/bash
# Arrays stepped cycle by cycle: a product of 1024 cubed on 128 x 128 PEs, each
# dataflow, in seconds of CPU time and cycles a second.
# Usage: tests/bench/pe.sh [LIBWEIR]
set -eu
cd "$(dirname "$0")/../.."
library=${1:-build/release/libweir.a}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/bench.c" <<'C'
#include <stdio.h>
#include <time.h>
#include "sim/pe/pe.h"
#define N 1024
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
int main(void)
{
    const char *name[] = {"output", "weight", "input"};
    double *v = g_new0(double, 3 * N * N);
    for (int d = 0; d < 3; d++) {
        struct pe_array array = {128, 128, (enum pe_dataflow)d, false};
        struct pe_gemm gemm = {N, N, N, {v, N, 1}, {v + N * N, N, 1},
                               {v + 2 * N * N, N, 1}};
        struct pe_result result;
        double start = now();
        if (pe_run_gemm(&array, &gemm, NULL, &result) != OK)
            return 1;
        double seconds = now() - start;
        printf("pe %s stationary: %ld cycles, %.2f s, %.0f cycles/s\n", name[d],
               (long)result.cycles, seconds, (double)result.cycles / seconds);
    }
    return 0;
}
C
${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -I. \
    $(pkg-config --cflags glib-2.0) -o "$work/bench" "$work/bench.c" \
    "$library" $(pkg-config --libs glib-2.0) -lm
"$work/bench"

# The command, from start to end, and the start alone (libsystemc.so is half of it).
# SCALE-Sim needs 93 s (os) and 76 s (ws) of CPU time for the product.
weir=${WEIR:-build/weir}
time_command() # TIMES WHAT ARGUMENTS: seconds of CPU time each
{
    local times=$1 what=$2 TIMEFORMAT="%U %S"
    shift 2
    { time for ((i = 0; i < times; i++)); do
        "$weir" "$@" >"$work/out" 2>&1
    done; } 2>&1 |
        awk -v n="$times" -v w="$what" '{ printf "%s: %.4f s\n", w, ($1 + $2) / n }'
}
size=M=1024,N=1024,K=1024,ROWS=128,COLS=128
time_command 50 "weir --version" --version
for mapping in os ws; do
    for mode in "sim 50" "pe 1"; do
        read -r fidelity times <<<"$mode"
        time_command "$times" "weir sim --fidelity $fidelity, gemm-$mapping 1024^3" \
            sim --fidelity "$fidelity" --cascade workloads/gemm.yaml \
            --arch arch-configs/systolic.yaml \
            --mapping "mappings/gemm-$mapping.yaml" --set $size
    done
done
time_command 1 "weir sim --fidelity pe, 19,970 cycles of FuseMax's arrays of 128" \
    sim --fidelity pe --cascade workloads/attention/one-pass.yaml \
    --arch arch-configs/fusemax-cloud.yaml --mapping mappings/fusemax-binding.yaml \
    --set PE=128,B=1,H=8,P=512,M=512,E=64,F=64
