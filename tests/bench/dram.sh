#!/bin/bash
# How many requests a second the timing model of sim/dram serves on one core, for
# streams as fast as the memory takes them. Best of three; CPU time.
# Usage: tests/bench/dram.sh [LIBWEIR]
set -eu
cd "$(dirname "$0")/../.."
library=${1:-build/release/libweir.a}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/bench.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sim/dram/dram.h"
#define assert_string_equal(a, b) do { if (strcmp(a, b) != 0) { fputs(a, stderr); abort(); } } while (0)
#define assert_int_equal(a, b) do { if ((a) != (b)) abort(); } while (0)
#include "tests/dram_stream.h"
int main(int argc, char **argv)
{
    (void)argc;
    struct dram_spec spec = dram_preset(argv[1]);
    spec.channels = atoi(argv[2]);
    if (!dram_mapping_parse(argv[3], &spec.mapping)) return 1;
    struct dram *dram = dram_new(&spec);
    struct dram_stream stream = {
        .is_random = strcmp(argv[4], "random") == 0,
        .span_bytes = 1 << 30,
        .reads_percent = atoi(argv[5]),
        .count = 300000,
        .per_cycle = spec.channels,
        .seed = 1,
    };
    clock_t begin = clock();
    dram_play(dram, &stream);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    printf("%.0f %.0f\n", 300000 / seconds / 1000, (double)dram_now(dram) / seconds / 1000);
    dram_free(dram);
    return 0;
}
C
# shellcheck disable=SC2046 # the flags are words
gcc -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -I. $(pkg-config --cflags glib-2.0) \
    -o "$work/bench" "$work/bench.c" "$library" \
    $(pkg-config --libs glib-2.0 yaml-0.1) -lm

printf '%-44s %12s %12s\n' memory "k requests/s" "k cycles/s"
while read -r arguments; do
    for _ in 1 2 3; do
        # shellcheck disable=SC2086 # the arguments are words
        "$work/bench" $arguments
    done | sort -n | tail -1 | {
        read -r requests cycles
        printf '%-44s %12s %12s\n' "$arguments" "$requests" "$cycles"
        if [ "$requests" -lt 250 ]; then
            echo "below 250 k requests/s" >&2
            exit 1
        fi
    }
done <<'CASES'
ddr4-2400 1 RoBaRaCoCh sequential 100
ddr4-2400 1 RoBaRaCoCh random 100
ddr4-2400 1 RoBaRaCoCh random 67
ddr4-3200 1 MOP4CLXOR sequential 100
hbm2 1 MOP4CLXOR sequential 100
hbm2 8 MOP4CLXOR sequential 100
hbm2 8 RoBaRaCoCh random 100
hbm2e 8 MOP4CLXOR random 67
hbm3 16 MOP4CLXOR random 67
lpddr5 4 MOP4CLXOR sequential 100
simple-400 1 MOP4CLXOR random 100
CASES
