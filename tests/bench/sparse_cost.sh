#!/bin/bash
# Does a windowed, sparse or routed cascade cost the interpreter what its points
# cost? Grows the sequence at a constant number of keys a query and prints, for
# each length, the points that exist (predicates on data are taken to hold), the
# seconds to make room for the tensors and to run, and nanoseconds a point. A
# column of nanoseconds that grows with the length shows a walk over more than
# the points; one of 'room' that grows with its square shows dense storage.
# Usage: tests/bench/sparse_cost.sh [LIBWEIR]
set -eu
cd "$(dirname "$0")/../.."
library=${1:-build/release/libweir.a}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/run.c" <<'C'
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "einsum/einsum.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    struct diags *diags = diags_new();
    struct cascade *cascade = NULL;
    struct workload *workload = NULL;
    struct einsum_data *data = NULL;
    struct scope *chosen = scope_new(NULL);
    for (int i = 2; i + 1 < argc; i += 2) {
        scope_set(chosen, argv[i], atoll(argv[i + 1]));
    }
    if (cascade_load_file(diags, argv[1], &cascade) != OK ||
        workload_bind(cascade, chosen, NULL, diags, &workload) != OK) return 1;
    int64_t points = 0;
    for (int i = 0; i < workload->statement_count; i++) {
        int64_t count = 0;
        if (workload->statements[i].kind != EINSUM_COMPUTE) continue;
        if (workload_count_points(workload, i, &count) != OK) return 1;
        points += count;
    }
    double start = now();
    if (einsum_data_new(workload, false, diags, &data) != OK) return 1;
    einsum_fill_inputs(workload, 1, data);
    double made = now();
    if (einsum_run(workload, diags, data) != OK) return 1;
    double done = now();
    printf("%" PRId64 " %.4f %.4f %.2f\n", points, made - start, done - made,
           (done - made) * 1e9 / (double)points);
    return 0;
}
C
gcc -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -I. $(pkg-config --cflags glib-2.0) \
    -o "$work/run" "$work/run.c" "$library" $(pkg-config --libs glib-2.0 yaml-0.1) -lm

printf '%-22s %8s %12s %9s %9s %9s\n' cascade length points "room [s]" "run [s]" ns/point
while read -r cascade lengths settings; do
    for length in ${lengths//,/ }; do
        words=()
        for word in ${settings//N=/$length}; do
            [[ $word == *[0-9]* ]] && word=$((word))
            words+=("$word")
        done
        # shellcheck disable=SC2046 # four words
        printf '%-22s %8s %12s %9s %9s %9s\n' "$cascade" "$length" \
            $("$work/run" "workloads/attention/$cascade.yaml" "${words[@]}")
    done
done <<'CASES'
sliding-window 1024,2048,4096,8192 P N= W 64 H 1 E 16 F 16
sliding-window-banded 1024,2048,4096,8192 P N= W 64 H 1 E 16 F 16
symmetric-window 1024,2048,4096,8192 P N= W 32 H 1 E 16 F 16
bigbird 1024,2048,4096,8192 P N= L N=/16 R 3 H 1 E 16 F 16
dinat 4096,8192,16384,32768 S N= W 15 U 15 D 4 H 1 E 16 F 16
swin 32,64,128,256 Y N= X 64 W 8 S 4 H 1 E 16 F 16
biformer 512,1024,2048,4096 R N=/16 W 16 T 4 H 1 E 16 F 16
reformer 1024,2048,4096,8192 N N= G 16 K 32 R 2 H 1 E 16 F 16
clear 16,32,64,128 Y N= X 32 T 8 R 5 H 1 E 16 F 16
graph-transformer 1024,4096,16384,65536 N N= G 8*N= H 1 E 16 F 16
deformable 256,1024,4096,16384 P N= L 3 T 4 Y 32 X 32 H 1 F 16
routing-transformer 1024,2048,4096,8192 P N= C 32 W 32 H 1 E 16 F 16
CASES
