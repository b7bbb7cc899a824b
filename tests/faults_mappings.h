/* Valid mappings that tests/differential/faults.c spoils. */
#ifndef WEIR_TESTS_FAULTS_MAPPINGS_H
#define WEIR_TESTS_FAULTS_MAPPINGS_H

struct valid {
    const char *name;
    const char *cascade;
    const char *arch;
    const char *mapping; /* file, or */
    const char *text;    /* itself */
    const char *settings;
};

/* Single-pass attention, two query tiles, delays of up to three iterations. */
static const struct valid binding = {
    .name = "binding",
    .cascade = "workloads/attention/one-pass.yaml",
    .arch = "arch-configs/teaching.yaml",
    .mapping = "mappings/fusemax-binding.yaml",
    .settings =
        "P=24 M=48 E=8 F=8 B=1 H=2 X2=8 Y2=8 X1=8 RF2=64 RF1=64 GBUF=4096"};

/* The same, one Einsum after another. */
static const struct valid serial = {
    .name = "serial",
    .cascade = "workloads/attention/one-pass.yaml",
    .arch = "arch-configs/teaching.yaml",
    .text = "schema: 1\n"
            "mapping: serial\n"
            "cascade: attention-1pass\n"
            "tree:\n"
            "- for: {p: 4}\n"
            "- hold: [Q]\n"
            "  in: gbuf\n"
            "- hold: [RM, RD, RNV]\n"
            "  in: gbuf\n"
            "- for: {m1: 1}\n"
            "- hold: [K, V]\n"
            "  in: gbuf\n"
            "- hold: [QK, LM, SLN, SLD, SLNV, PRM, SPD, SPNV]\n"
            "  in: edge\n"
            "- sequence:\n"
            "  - {compute: QK, on: array2d}\n"
            "  - {compute: LM, on: array2d}\n"
            "  - {compute: RM, on: array1d}\n"
            "  - {compute: SLN, on: array2d}\n"
            "  - {compute: SLD, on: array2d}\n"
            "  - {compute: SLNV, on: array2d}\n"
            "  - {compute: PRM, on: array1d}\n"
            "  - {compute: SPD, on: array1d}\n"
            "  - {compute: RD, on: array1d}\n"
            "  - {compute: SPNV, on: array1d}\n"
            "  - {compute: RNV, on: array1d}\n"
            "  - {compute: AV, on: array1d, at: {m1: last}}\n",
    .settings = "P=8 M=12 M0=4 E=3 F=2 B=1 H=1"};

/* A product whose partial sums leave the tile's memory and come back. */
static const struct valid sums = {
    .name = "sums",
    .cascade = "workloads/gemm.yaml",
    .arch = "arch-configs/teaching.yaml",
    .text = "schema: 1\n"
            "mapping: sums\n"
            "cascade: gemm\n"
            "tree:\n"
            "- for: {n: 4}\n"
            "- for: {k: 4}\n"
            "- hold: [B]\n"
            "  in: gbuf\n"
            "- for: {m: 3}\n"
            "- hold: [Z]\n"
            "  in: edge\n"
            "- stream: [A]\n"
            "  in: gbuf\n"
            "- for: {k: 2}\n"
            "- {compute: Z, on: array2d, spatial: {n: X, k: Y}}\n",
    .settings = "M=6 N=8 K=8"};

/* Lanes with a part of the sum each, added up on the way. */
static const struct valid lanes = {.name = "lanes",
                                   .cascade = "workloads/gemm.yaml",
                                   .arch = "arch-configs/teaching.yaml",
                                   .text = "schema: 1\n"
                                           "mapping: lanes\n"
                                           "cascade: gemm\n"
                                           "tree:\n"
                                           "- for: {n: 4}\n"
                                           "- spatial: {m: X, k: Y}\n"
                                           "- hold: [Z]\n"
                                           "  in: rf2d\n"
                                           "- for: {n: 1}\n"
                                           "- {compute: Z, on: array2d}\n",
                                   .settings = "M=8 N=8 K=12"};

/* Softmax attention in three passes, queries by tiles in a pipeline. */
static const struct valid pipelined = {
    .name = "pipelined",
    .cascade = "workloads/attention/three-pass-deferred.yaml",
    .arch = "arch-configs/teaching.yaml",
    .mapping = "tests/data/fusion/attention-pipelined.yaml",
    .settings = "B=1 H=1 P=12 M=8 E=3 F=4"};

/* Softmax computed again for each tile of values. */
static const struct valid again = {
    .name = "again",
    .cascade = "workloads/attention/three-pass-deferred.yaml",
    .arch = "arch-configs/teaching.yaml",
    .mapping = "tests/data/fusion/attention-again-per-values.yaml",
    .settings = "B=1 H=1 P=8 M=8 E=3 F=6"};

/* Scattered sums. */
static const struct valid scattered = {.name = "scattered",
                                       .cascade =
                                           "workloads/attention/kmax.yaml",
                                       .arch = "arch-configs/teaching.yaml",
                                       .mapping = "mappings/kmax-scatter.yaml",
                                       .settings = "M=8 P=6 F=4 E=3 H=1"};

/* Masked scores in three passes. */
static const struct valid causal = {
    .name = "causal",
    .cascade = "workloads/attention/causal.yaml",
    .arch = "arch-configs/fusemax-cloud.yaml",
    .mapping = "mappings/causal-three-pass.yaml",
    .settings = "P=12 M=12 E=4 F=4 B=1 H=1 PE=4"};

/* Two products in turns for each row; the second operand of both stays in the
 * buffer from row to row. */
static const struct valid turns = {.name = "turns",
                                   .cascade =
                                       "tests/data/cascade/two-products.yaml",
                                   .arch = "arch-configs/teaching.yaml",
                                   .text = "schema: 1\n"
                                           "mapping: turns\n"
                                           "cascade: two-products\n"
                                           "tree:\n"
                                           "- for: {m: 1}\n"
                                           "- hold: [T]\n"
                                           "  in: edge\n"
                                           "- sequence:\n"
                                           "  - tree:\n"
                                           "    - hold: [B]\n"
                                           "      in: gbuf\n"
                                           "    - for: {n: 4}\n"
                                           "    - {compute: T, on: array2d}\n"
                                           "  - tree:\n"
                                           "    - hold: [C]\n"
                                           "      in: gbuf\n"
                                           "    - for: {n: 4}\n"
                                           "    - {compute: Z, on: array2d}\n",
                                   .settings = "M=6 K=4 N=8 P=4 GBUF=128"};

static const struct valid *const valid_mappings[] = {
    &binding, &serial, &sums, &lanes, &pipelined, &again, &scattered, &causal};

#endif
