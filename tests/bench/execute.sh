#!/bin/bash
# Functional execution of mapped attention, every buffer checked: one head of 2048
# queries and keys of 64 numbers in the FuseMax binding, in seconds of CPU time.
# Usage: tests/bench/execute.sh [LIBWEIR]
set -eu
cd "$(dirname "$0")/../.."
library=${1:-build/release/libweir.a}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/bench.c" <<'C'
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "sim/sim.h"
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static int run(const char *dtype)
{
    static const char *const name[] = {"B", "H", "P", "M", "E", "F"};
    static const int64_t value[] = {1, 1, 2048, 2048, 64, 64};
    struct diags *diags = diags_new();
    struct scope *chosen = scope_new(NULL);
    struct problem *problem = NULL;
    struct einsum_data *data = NULL;
    struct einsum_complaint complaint = {0};
    for (int i = 0; i < 6; i++)
        scope_set(chosen, name[i], value[i]);
    if (problem_load(diags, "workloads/attention/one-pass.yaml",
                     "arch-configs/fusemax-cloud.yaml",
                     "mappings/fusemax-binding.yaml", chosen, &problem) != OK ||
        einsum_data_new(problem->workload, false, diags, &data) != OK)
        return 1;
    struct einsum_arithmetic *arithmetic =
        einsum_arithmetic_new(problem->workload);
    if (strcmp(dtype, "fp64") != 0) {
        if (!einsum_arithmetic_set(arithmetic, dtype, &complaint))
            return 1;
        data->arithmetic = arithmetic;
    }
    einsum_fill_inputs(problem->workload, 0, data);
    einsum_store_inputs(problem->workload, data);
    double start = now();
    if (sim_execute(problem->plan, diags, data) != OK)
        return 1;
    printf("execute fusemax-binding P=M=2048 E=F=64 %s: %.2f s\n", dtype,
           now() - start);
    einsum_data_free(data);
    einsum_arithmetic_free(arithmetic);
    problem_free(problem);
    scope_free(chosen);
    diags_free(diags);
    return 0;
}
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (run(argv[i]) != 0)
            return 1;
    return 0;
}
C
flags=$(pkg-config --cflags glib-2.0)
libs=$(pkg-config --libs glib-2.0 yaml-0.1 sqlite3 jansson)
systemc=$(pkg-config --libs systemc 2>/dev/null || true)
${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -g -I. $flags \
    -c -o "$work/bench.o" "$work/bench.c"
${CXX:-g++} -o "$work/bench" "$work/bench.o" -Wl,--as-needed -Wl,--start-group \
    "$library" $systemc -Wl,--end-group $libs -lm
"$work/bench" fp64 fp32 bf16
