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

# The command, start to end: SCALE-Sim needs 93 s (os) and 76 s (ws) of CPU time.
weir=${WEIR:-build/weir}
for mapping in os ws; do
    for mode in "sim 20" "pe 1"; do
        read -r fidelity times <<<"$mode"
        begin=$(date +%s%N)
        for ((i = 0; i < times; i++)); do
            "$weir" sim --fidelity "$fidelity" --json >"$work/run.json" \
                --cascade workloads/gemm.yaml --arch arch-configs/systolic.yaml \
                --mapping "mappings/gemm-$mapping.yaml" \
                --set M=1024,N=1024,K=1024,ROWS=128,COLS=128
        done
        awk -v t="$(($(date +%s%N) - begin))" -v n="$times" -v f="$fidelity" \
            -v m="$mapping" 'BEGIN {
            printf "weir sim --fidelity %s, gemm-%s 1024^3 on 128 x 128: %.4f s\n",
                f, m, t / n / 1e9 }'
    done
done
