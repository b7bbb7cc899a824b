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
