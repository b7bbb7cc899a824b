#!/bin/bash
# Model evaluations a second through the library: tiles change from call to call,
# the tree does not. A dense matrix product on four levels of memory, and fused
# one-pass attention (FuseMax's binding). Fails below 1 M and 200 k a second.
# Usage: tests/bench/estimate.sh [LIBWEIR]
set -eu
cd "$(dirname "$0")/../.."
library=${1:-build/release/libweir.a}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/four.yaml" <<'Y'
schema: 1
arch: four-levels
technology: 45 nm
clock: 1 GHz
word: 16 bits
tree:
  memory: DRAM
  size: unlimited
  bandwidth: 100 GiB/s
  access: 64 bits
  read: 250 pJ
  write: 250 pJ
  children:
  - memory: gbuf
    size: 1 MiB
    bandwidth: 400 GiB/s
    access: 256 bits
    read: 50 pJ
    write: 60 pJ
    children:
    - fanout: array
      axes:
        X: {size: 16, multicast: true, reduce: chain, hop: 1 cycle}
        Y: {size: 16, multicast: true}
      children:
      - memory: buf
        size: 8 KiB
        bandwidth: unlimited
        access: 16 bits
        read: 2 pJ
        write: 2 pJ
        children:
        - memory: rf
          size: 256 B
          bandwidth: unlimited
          access: 16 bits
          read: 0.2 pJ
          write: 0.2 pJ
          children:
          - unit: pe
            ops:
              mac: {cycles: 1, energy: 1 pJ}
Y
cat >"$work/gemm.yaml" <<'Y'
schema: 1
mapping: gemm-four-levels
cascade: gemm
tree:
- for: {m: 256}
- for: {n: 256}
- for: {k: 256}
- hold: [A, B, Z]
  in: gbuf
- for: {k: 64}
- spatial: {m: X, n: Y}
- hold: [A, B, Z]
  in: buf
- for: {m: 4}
- for: {n: 4}
- for: {k: 4}
- hold: [A, B, Z]
  in: rf
- {compute: Z, on: pe}
Y
cat >"$work/bench.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "model/model.h"
#define TILINGS 4096
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
/* A divisor of what the tiles outside leave of the rank. */
static int64_t choose(const struct retiler *r, const int64_t *tiles, int i)
{
    const struct plan *plan = retiler_plan(r);
    int64_t left = plan->workload->rank[retiler_rank(r, i)].extent;
    for (int n = plan->nodes[retiler_node(r, i)].parent; n >= 0;
         n = plan->nodes[n].parent)
        for (int k = 0; k < i; k++)
            if (retiler_node(r, k) == n &&
                retiler_rank(r, k) == retiler_rank(r, i) && tiles[k] < left)
                left = tiles[k];
    int64_t tile = 1 + rand() % left;
    while (left % tile != 0)
        tile--;
    return tile;
}
int main(int argc, char **argv)
{
    struct diags *diags = diags_new();
    struct scope *chosen = scope_new(NULL);
    struct problem *p = NULL;
    for (int i = 5; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        *value = '\0';
        scope_set(chosen, argv[i], atoll(value + 1));
    }
    struct retiler *r = NULL;
    if (problem_load(diags, argv[1], argv[2], argv[3], chosen, &p) != OK ||
        retiler_bind(p->mapping, p->workload, p->arch, chosen, diags, &r) !=
            OK) {
        GString *text = g_string_new(NULL);
        diags_print(diags, false, text);
        fputs(text->str, stderr);
        return 1;
    }
    struct estimator *e = estimator_new(r);
    int count = retiler_tile_count(r);
    int64_t *tiles = malloc(sizeof *tiles * (size_t)count * TILINGS);
    struct estimate estimate;
    int legal = 0;
    for (long tries = 0; legal < TILINGS && tries < 100000000; tries++) {
        int64_t *t = tiles + legal * count;
        for (int i = 0; i < count; i++)
            t[i] = choose(r, t, i);
        legal += estimator_run(e, t, &estimate) == RETILING_OK;
    }
    double best = 0;
    for (int round = 0; round < 5; round++) {
        double start = now();
        long done = 0;
        int64_t sum = 0;
        do {
            for (int i = 0; i < legal; i++) {
                (void)!estimator_run(e, tiles + i * count, &estimate);
                sum ^= estimate.cycles;
            }
            done += legal;
        } while (now() - start < 0.3);
        double rate = (double)done / (now() - start);
        best = rate > best ? rate : best;
        if (sum == 1)
            puts("");
    }
    printf("model %s: %d tilings, %.2f M evaluations/s\n",
           mapping_name(p->mapping), legal, best / 1e6);
    return best < atof(argv[4]);
}
C
${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -I. \
    $(pkg-config --cflags glib-2.0) -o "$work/bench" "$work/bench.c" \
    "$library" $(pkg-config --libs glib-2.0 yaml-0.1) -lm
"$work/bench" workloads/gemm.yaml "$work/four.yaml" "$work/gemm.yaml" 1e6 \
    M=1024 N=1024 K=1024
"$work/bench" workloads/attention/one-pass.yaml arch-configs/fusemax-cloud.yaml \
    mappings/fusemax-binding.yaml 2e5 B=1 H=12 P=4096 M=4096 E=64 F=64 M0=256
