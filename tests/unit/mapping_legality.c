/* One deliberate fault for every reason to refuse a mapping. Each case takes a
 * legal mapping, replaces one piece of its text, and expects one message with
 * this code at this place that names this Einsum, tensor or rank. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/assert_diags.h"
#include "tests/problem_fixture.h"

/* ---- legal mappings ----------------------------------------------------- */

struct base {
    const char *cascade;
    const char *settings;
    const char *text;
};

static const struct base gemm = {
    "gemm", "M=8 N=8 K=8",
    "schema: 1\n"
    "mapping: product\n"
    "cascade: gemm\n"
    "params: {T: 4}\n"
    "tree:\n"
    "- for: {m: T}\n"
    "- hold: [A]\n"
    "  in: gbuf\n"
    "- for: {n: 4}\n"
    "- hold: [Z, B]\n"
    "  in: edge\n"
    "- for: {k: 4}\n"
    "- {compute: Z, on: array2d, for: [{n: 2}], spatial: {m: X, k: Y}}\n"};

static const struct base three = {
    "attention/three-pass", "B=2 H=1 P=8 M=8 E=4 F=4",
    "schema: 1\n"
    "mapping: softmax\n"
    "cascade: attention-3pass\n"
    "tree:\n"
    "- for: {b: 1}\n"
    "- for: {p: 4}\n"
    "- hold: [QK, SN, A]\n"
    "  in: gbuf\n"
    "- hold: [GM, SD]\n"
    "  in: edge\n"
    "- pipeline:\n"
    "  - {compute: QK, on: array2d, for: [{m: 4}], spatial: {p: X, m: Y}}\n"
    "  - delay: 1\n"
    "    tree:\n"
    "    - sequence:\n"
    "      - {compute: GM, on: array1d, spatial: {p: X}}\n"
    "      - {compute: [SN, SD], on: array1d, spatial: {p: X}}\n"
    "      - {compute: A, on: array1d, spatial: {p: X}, chained: true}\n"
    "  - {slot: 1, delay: 1, compute: AV, on: array2d, spatial: {p: X, f: "
    "Y}}\n"};

static const struct base three_summed = {
    "attention/three-pass", "B=1 H=1 P=8 M=8 E=4 F=4",
    "schema: 1\n"
    "mapping: summed\n"
    "cascade: attention-3pass\n"
    "tree:\n"
    "- for: {p: 4}\n"
    "- for: {e: 2}\n"
    "- hold: [QK, GM, SN, SD, A]\n"
    "  in: gbuf\n"
    "- sequence:\n"
    "  - {compute: QK, on: array2d}\n"
    "  - {compute: GM, on: array1d, at: {e: last}}\n"
    "  - {compute: SN, on: array1d, at: {e: last}}\n"
    "  - {compute: SD, on: array1d, at: {e: last}}\n"
    "  - {compute: A, on: array1d, at: {e: last}}\n"
    "  - {compute: AV, on: array2d, at: {e: last}}\n"};

static const struct base three_again = {
    "attention/three-pass", "B=1 H=1 P=8 M=8 E=4 F=4",
    "schema: 1\n"
    "mapping: again\n"
    "cascade: attention-3pass\n"
    "tree:\n"
    "- for: {p: 4}\n"
    "- for: {f: 2}\n"
    "- hold: [QK, GM, SN, SD, A]\n"
    "  in: gbuf\n"
    "- pipeline:\n"
    "  - {compute: QK, on: array2d, recompute: true}\n"
    "  - delay: 1\n"
    "    tree:\n"
    "    - sequence:\n"
    "      - {compute: GM, on: array1d, recompute: true}\n"
    "      - {compute: [SN, SD], on: array1d, recompute: true}\n"
    "      - {compute: A, on: array1d, recompute: true}\n"
    "  - {delay: 2, compute: AV, on: array2d}\n"};

static const struct base one = {
    "attention/one-pass", "B=1 H=1 P=8 M=8 M0=4 E=4 F=4",
    "schema: 1\n"
    "mapping: running\n"
    "cascade: attention-1pass\n"
    "tree:\n"
    "- for: {m1: 1}\n"
    "- hold: [QK, LM, RM, SLN, SLD, SLNV, PRM, SPD, RD, SPNV, RNV]\n"
    "  in: gbuf\n"
    "- sequence:\n"
    "  - {compute: QK, on: array2d, for: [{p: 4}], spatial: {p: X, m0: Y}}\n"
    "  - {compute: LM, on: array2d, for: [{p: 4}], spatial: {p: X, m0: Y}}\n"
    "  - {compute: RM, on: array1d, for: [{p: 4}], spatial: {p: X}}\n"
    "  - {compute: SLN, on: array2d, for: [{p: 4}], spatial: {p: X, m0: Y}}\n"
    "  - {compute: SLD, on: array2d, for: [{p: 4}], spatial: {p: X, m0: Y}}\n"
    "  - {compute: SLNV, on: array2d, for: [{p: 4}], spatial: {p: X, m0: Y}}\n"
    "  - {compute: PRM, on: array1d, for: [{p: 4}], spatial: {p: X}}\n"
    "  - {compute: SPD, on: array1d, for: [{p: 4}], spatial: {p: X}}\n"
    "  - {compute: RD, on: array1d, for: [{p: 4}], spatial: {p: X}}\n"
    "  - {compute: SPNV, on: array1d, for: [{p: 4}], spatial: {p: X}}\n"
    "  - {compute: RNV, on: array1d, for: [{p: 4}], spatial: {p: X}}\n"
    "  - {compute: AV, on: array1d, spatial: {f: X}, at: {m1: last}}\n"};

static const struct base lanes = {"gemm", "M=8 N=8 K=8",
                                  "schema: 1\n"
                                  "mapping: lanes\n"
                                  "cascade: gemm\n"
                                  "tree:\n"
                                  "- for: {n: 3}\n"
                                  "- spatial: {m: X, k: Y}\n"
                                  "  tile: {m: 2}\n"
                                  "- hold: [Z]\n"
                                  "  in: rf2d\n"
                                  "- for: {m: 1}\n"
                                  "- {compute: Z, on: array2d}\n"};

static const struct base lanes_of_both = {"attention/three-pass",
                                          "B=1 H=1 P=8 M=8 E=4 F=4",
                                          "schema: 1\n"
                                          "mapping: both\n"
                                          "cascade: attention-3pass\n"
                                          "tree:\n"
                                          "- hold: [QK, SN, A, GM, SD]\n"
                                          "  in: gbuf\n"
                                          "- for: {p: 8}\n"
                                          "- sequence:\n"
                                          "  - {compute: QK, on: array2d}\n"
                                          "  - {compute: GM, on: array1d}\n"
                                          "  - {compute: SN, on: array1d}\n"
                                          "  - {compute: SD, on: array1d}\n"
                                          "  - {compute: A, on: array1d}\n"
                                          "  - {compute: AV, on: array2d}\n"};

static const struct base masked = {"attention/causal",
                                   "B=1 H=1 P=8 M=8 E=4 F=4",
                                   "schema: 1\n"
                                   "mapping: masked\n"
                                   "cascade: attention-causal\n"
                                   "tree:\n"
                                   "- hold: [QK, A_MAX, A_EXP, A_SUM, A]\n"
                                   "  in: gbuf\n"
                                   "- for: {p: 4}\n"
                                   "- sequence:\n"
                                   "  - {compute: QK, on: array2d}\n"
                                   "  - {compute: A_MAX, on: array1d}\n"
                                   "  - {compute: A_EXP, on: array1d}\n"
                                   "  - {compute: A_SUM, on: array1d}\n"
                                   "  - {compute: A, on: array1d}\n"
                                   "  - {compute: AV, on: array2d}\n"};

static const struct base parts = {"attention/reformer", "",
                                  "schema: 1\n"
                                  "mapping: buckets\n"
                                  "cascade: attention-reformer\n"
                                  "tree:\n"
                                  "- {compute: LE, on: array2d}\n"};

static const struct base transform = {"attention/spectformer-fft", "",
                                      "schema: 1\n"
                                      "mapping: spectra\n"
                                      "cascade: spectformer-fft\n"
                                      "tree:\n"
                                      "- {compute: X, on: array2d}\n"};

static const struct base selection = {
    "attention/kmax", "H=1 P=8 M=8 E=4 F=4",
    "schema: 1\n"
    "mapping: nearest\n"
    "cascade: attention-kmax\n"
    "tree:\n"
    "- hold: [LG, I, AV]\n"
    "  in: gbuf\n"
    "- sequence:\n"
    "  - {compute: LG, on: array2d, spatial: {p: X, m: Y}, "
    "for: [{p: 4}, {m: 4}]}\n"
    "  - {compute: I, on: array1d, for: [{m: 4}], spatial: {m: X}}\n"
    "  - {compute: AV, on: array1d, for: [{f: 4}], spatial: {f: X}}\n"};

static const struct base convolution = {
    "../tests/data/cascade/convolution", "C=2 S=3 X=3 Q2=2",
    "schema: 1\n"
    "mapping: windows\n"
    "cascade: convolution\n"
    "tree:\n"
    "- for: {c: 1}\n"
    "- hold: [Y]\n"
    "  in: gbuf\n"
    "- for: {q: 1}\n"
    "- sequence:\n"
    "  - {compute: Y, on: array2d}\n"
    "  - {compute: Z, on: array1d, at: {q: last}}\n"};

static const struct base reversal = {"../tests/data/cascade/reversal", "W=8",
                                     "schema: 1\n"
                                     "mapping: backwards\n"
                                     "cascade: reversal\n"
                                     "tree:\n"
                                     "- hold: [Y]\n"
                                     "  in: gbuf\n"
                                     "- sequence:\n"
                                     "  - {compute: Y, on: array2d}\n"
                                     "  - {compute: Z, on: array1d}\n"};

/* ---- faults ------------------------------------------------------------- */

struct fault {
    const struct base *base;
    const char *code;
    const char *from; /* its first occurrence ... */
    const char *to;   /* ... becomes this */
    const char *at;   /* the caret stands at the first of these in the result */
    const char *says; /* part of the message */
    /* A second replacement that the fault needs, or NULL. */
    const char *also_from;
    const char *also_to;
    const char *settings; /* more of them */
};

#define FAULT(base, code, from, to, at, says)                                  \
    {                                                                          \
        base, code, from, to, at, says, NULL, NULL, NULL                       \
    }

static const struct fault faults[] = {
    /* names */
    FAULT(&gemm, "mapping-unknown-rank", "{n: 4}", "{nn: 4}", "nn", "'nn'"),
    FAULT(&gemm, "mapping-unknown-rank", "[{n: 2}]", "[{q: 2}]", "q: 2", "'q'"),
    FAULT(&gemm, "mapping-unknown-rank", "{m: X,", "{mm: X,", "mm: X", "'mm'"),
    FAULT(&gemm, "mapping-unknown-tensor", "[A]", "[AA]", "AA", "'AA'"),
    FAULT(&gemm, "mapping-unknown-memory", "gbuf", "gbug", "gbug", "'gbug'"),
    FAULT(&gemm, "mapping-unknown-unit", "array2d", "array3d", "array3d",
          "'array3d'"),
    FAULT(&gemm, "mapping-unknown-axis", "m: X", "m: Z", "Z, k", "'Z'"),
    FAULT(&gemm, "mapping-unknown-einsum", "compute: Z", "compute: ZZ", "ZZ",
          "'ZZ'"),
    FAULT(&gemm, "mapping-unknown-node", "- for: {m", "- fro: {m", "fro",
          "'for', 'spatial', 'hold'"),
    FAULT(&gemm, "mapping-wrong-cascade", "cascade: gemm", "cascade: gem",
          "product", "'gem'"),
    FAULT(&one, "mapping-view-computed", "compute: QK", "compute: BK", "BK,",
          "'BK'"),
    FAULT(&parts, "mapping-unsupported", "buckets", "bucket", "bucket",
          "'HX' of cascade"),
    FAULT(&transform, "mapping-unsupported", "spectra", "spectrum", "spectrum",
          "a transform"),
    /* what data decides */
    FAULT(&selection, "mapping-selection", "I, on: array1d, for: [{m: 4}]",
          "I, on: array1d, for: [{p: 4}, {m: 4}]", "I, on", "rank 'p'"),
    FAULT(&selection, "mapping-selection",
          "- {compute: I, on: array1d, for: "
          "[{m: 4}], spatial: {m: X}}",
          "- tree: [{for: {p: 4}}, {compute: I, on: array1d}]", "I, on",
          "may not divide rank 'p'"),
    FAULT(&selection, "mapping-selection", "[{m: 4}], spatial: {m: X}}",
          "[{p: 4}], spatial: {p: X}}", "I, on", "may not divide rank 'p'"),
    FAULT(&selection, "mapping-selection", "[{f: 4}], spatial: {f: X}",
          "[{m: 4}], spatial: {m: X}", "AV, on", "send over rank 'm'"),
    FAULT(&selection, "mapping-order",
          "  - {compute: LG, on: array2d, spatial:"
          " {p: X, m: Y}, for: [{p: 4}, {m: 4}]}\n"
          "  - {compute: I, on: array1d, for: [{m: 4}], spatial: {m: X}}\n",
          "  - {compute: I, on: array1d, for: [{m: 4}], spatial: {m: X}}\n"
          "  - {compute: LG, on: array2d, spatial: {p: X, m: Y}, "
          "for: [{p: 4}, {m: 4}]}\n",
          "I, on", "'LG'"),
    FAULT(&masked, "mapping-unsupported", "- {compute: QK, on: array2d}",
          "- tree: [{spatial: {e: X}}, {hold: [QK], in: rf2d}, {compute: QK, "
          "on: array2d}]",
          "QK, on", "added up outside"),
    FAULT(&masked, "mapping-unsupported", "- {compute: QK, on: array2d}",
          "- tree: [{spatial: {m: X}}, {compute: A_MAX, on: array2d}]",
          "A_MAX, on", "where it is reduced"),
    /* form */
    FAULT(&gemm, "mapping-no-tree", "tree:", "variants: []\ntree:", "schema",
          "'tree'"),
    FAULT(&gemm, "mapping-empty-list", "[A]", "[]", "[]", "list of names"),
    FAULT(&three, "mapping-empty-list", "tree:\n    - sequence:",
          "tree: []\n  - tree:\n    - sequence:", "[]", "tree"),
    FAULT(&gemm, "mapping-loop-form", "{n: 4}", "{n: 4, k: 4}", "{n: 4, k",
          "exactly one rank"),
    FAULT(&gemm, "mapping-chain", "- for: {m: T}",
          "- {compute: Z, on: array2d}\n- for: {m: T}",
          "{compute: Z, on: array2d}", "'sequence'"),
    FAULT(&gemm, "mapping-chain", "- {compute: Z",
          "- for: {k: 1}\n# {compute: Z", "for: {k: 1}", "ends with"),
    FAULT(&three, "mapping-slot-outside-pipeline", "- {compute: GM",
          "- {slot: 1, compute: GM", "{slot: 1, compute: GM", "'sequence'"),
    FAULT(&three, "mapping-slot-range", "slot: 1, delay: 1",
          "slot: 64, delay: 1", "{slot: 64", "64"),
    FAULT(&three, "mapping-slot-range", "slot: 1, delay: 1",
          "slot: 1, delay: -1", "{slot: 1, delay: -1", "-1"),
    FAULT(&three, "mapping-nested-pipeline", "- sequence:", "- pipeline:",
          "pipeline:\n      -", "below loops, holds and phases"),
    FAULT(&three, "mapping-nested-phases", "- sequence:", "- phases:", "phases",
          "below holds"),
    FAULT(&one, "mapping-at-form", "{m1: last}", "{m1: first}", "first",
          "'first'"),
    FAULT(&one, "mapping-at-form", "{m1: last}", "{m1: last, e: last}",
          "e: last", "'e'"),
    FAULT(&one, "mapping-at-form", "- for: {m1: 1}\n",
          "- for: {m1: 1}\n- for: {m1: 1}\n- for: {m1: 1}\n- for: {m1: 1}\n"
          "- for: {m1: 1}\n",
          "m1: last", "at most 4"),
    FAULT(&one, "mapping-too-many-held", "SPNV, RNV]", "SPNV, RNV, Q, K, V]",
          "K, V", "at most 12"),
    FAULT(&gemm, "mapping-held-twice", "[Z, B]", "[Z, Z]", "Z]", "'Z'"),
    FAULT(&one, "mapping-held-twice", "[QK,", "[K, BK, QK,", "BK", "'BK'"),
    /* tiles */
    FAULT(&gemm, "mapping-tile-size", "T: 4", "T: 0", "T}", "'m'"),
    FAULT(&gemm, "mapping-tile-size", "[{n: 2}]", "[{n: -2}]", "-2", "'n'"),
    FAULT(&gemm, "mapping-tile-too-large", "{n: 4}", "{n: 9}", "9", "'n' (8"),
    FAULT(&gemm, "mapping-tile-too-large", "{k: 4}", "{k: 4}\n- for: {k: 8}",
          "8", "'k' (4"),
    FAULT(&gemm, "mapping-tile-too-large", "[{n: 2}]", "[{n: 8}]", "8",
          "'n' (4"),
    FAULT(&gemm, "mapping-copies", "in: gbuf", "in: gbuf\n  copies: T - 4",
          "T - 4", "copies 0"),
    FAULT(&gemm, "mapping-first-reads", "in: gbuf",
          "in: gbuf\n  first_reads: {B: 1}", "B: 1", "first_reads takes"),
    FAULT(&lanes, "mapping-spatial-size", "{m: 2}", "{m: 1}", "X",
          "8 tiles of rank 'm' do not fit on the 4 lanes of axis 'X'"),
    FAULT(&lanes, "mapping-spatial-size", "Z, on: array2d",
          "Z, on: array2d, spatial: {n: X}", "Z, on", "has 1 lanes"),
    FAULT(&lanes, "mapping-unknown-axis", "m: X", "m: W", "W", "'W'"),
    FAULT(&lanes, "mapping-unknown-unit", "array2d", "array3d", "array3d",
          "'array3d'"),
    FAULT(&lanes, "mapping-unknown-rank", "k: Y", "q: Y", "q: Y", "'q'"),
    FAULT(&lanes, "mapping-foreign-rank", "tile: {m", "tile: {n", "n: 2",
          "'n'"),
    FAULT(&lanes, "mapping-tile-too-large", "{m: 2}", "{m: 9}", "9", "'m' (8"),
    FAULT(&lanes, "mapping-empty-list", "{m: X, k: Y}\n  tile: {m: 2}", "{}",
          "{}", "'spatial' needs"),
    FAULT(&lanes, "mapping-hold-in-lane", "in: rf2d", "in: gbuf", "hold: [Z]",
          "'gbuf' is not inside the lanes"),
    {&lanes, "mapping-spatial-reduce", "{m: X, k: Y}", "{m: Y, k: X}", "Z, on",
     "'k' across axis 'X'", "- hold: [Z]\n  in: rf2d\n", "", NULL},
    FAULT(&lanes_of_both, "mapping-unknown-axis", "for: {p: 8}",
          "spatial: {p: X}", "GM, on", "'array1d' is not behind"),
    FAULT(&lanes_of_both, "mapping-recompute", "- for: {p: 8}\n",
          "- for: {p: 8}\n- for: {f: 3}\n", "QK, on", "2 times"),
    /* every point once */
    FAULT(&three, "mapping-unmapped", "- {compute: GM", "# {compute: GM",
          "softmax", "'GM'"),
    FAULT(&three, "mapping-mapped-twice", "compute: GM", "compute: QK",
          "QK, on: array1d", "'QK'"),
    FAULT(&gemm, "mapping-missing-points",
          "spatial:", "at: {k: last}, spatial:", "Z, on", "'k'"),
    FAULT(&one, "mapping-recompute", ", at: {m1: last}", "", "AV", "'m1'"),
    FAULT(&three, "mapping-recompute", "- for: {b: 1}", "- for: {e: 1}",
          "GM, on", "'e'"),
    /* points again and again, where that may not be */
    FAULT(&three_again, "mapping-recompute", "- for: {p: 4}\n- for: {f: 2}\n",
          "- for: {p: 4}\n- for: {e: 2}\n- for: {f: 2}\n", "QK, on",
          "would be added again"),
    FAULT(&lanes_of_both, "mapping-recompute", "{compute: QK, on: array2d}",
          "tree: [{spatial: {f: X}}, {compute: QK, on: array2d, "
          "recompute: true}]",
          "QK, on", "every lane would send its own"),
    {&three_again, "mapping-recompute", "- for: {f: 2}\n", "", "QK, on",
     "still reads what the next iteration", "- pipeline",
     "- for: {f: 2}\n- pipeline", NULL},
    FAULT(&three_again, "mapping-recompute",
          "{compute: QK, on: array2d, recompute: true}",
          "tree: [{hold: [QK], in: rf2d}, {compute: QK, on: array2d, "
          "recompute: true}]",
          "QK, on", "'GM' reads it outside of the hold"),
    FAULT(&one, "mapping-recompute", "- for: {m1: 1}\n",
          "- for: {f: 2}\n- for: {m1: 1}\n", "QK, on", "'f'"),
    FAULT(&one, "mapping-recompute",
          "{compute: RM, on: array1d, for: [{p: 4}], spatial: {p: X}}",
          "tree: [{for: {f: 2}}, {compute: RM, recompute: true, on: array1d}]",
          "RM, recompute", "earlier values"),
    /* predicates */
    FAULT(&masked, "mapping-masked", "QK, on: array2d",
          "QK, on: array2d, masked: gate", "gate", "cannot gate"),
    FAULT(&masked, "mapping-masked", "QK, on: array2d",
          "QK, on: array2d, masked: hide", "hide", "'hide'"),
    /* lanes */
    FAULT(&gemm, "mapping-axis-twice", "k: Y", "k: X", "X}", "'m'"),
    FAULT(&three, "mapping-foreign-rank", "GM, on: array1d, spatial: {p",
          "GM, on: array1d, spatial: {e", "e: X", "'GM'"),
    FAULT(&three, "mapping-foreign-rank", "GM, on: array1d, ",
          "GM, on: array1d, for: [{f: 1}], ", "f: 1", "'GM'"),
    FAULT(&three, "mapping-spatial-size", "for: [{m: 4}], ", "", "QK, on",
          "'m'"),
    FAULT(&gemm, "mapping-spatial-reduce", "m: X, k: Y", "m: Y, k: X", "Z, on",
          "'k'"),
    {&one, "mapping-iterative-spatial", "- for: {m1: 1}", "- for: {m1: 2}",
     "RM, on", "'m1'", "RM, on: array1d, for: [{p: 4}], spatial: {p",
     "RM, on: array1d, for: [{p: 4}], spatial: {m1", NULL},
    FAULT(&three, "mapping-no-op",
          "A, on: array1d, spatial: {p: X}, chained: true",
          "A, on: array2d, spatial: {p: X}", "A, on: array2d, spatial: {p: X}",
          "'divide'"),
    FAULT(&three, "mapping-not-chainable", "AV, on: array2d",
          "AV, chained: true, on: array2d", "array2d, spatial: {p: X, f",
          "'array2d'"),
    FAULT(&reversal, "mapping-forward",
          "Y, on: array2d}\n  - {compute: Z, on: array1d}",
          "[Y, Z], on: array1d}", "Z], on", "other points"),
    FAULT(
        &three, "mapping-forward",
        "- {compute: GM, on: array1d, spatial: {p: X}}\n      - {compute: [SN, "
        "SD]",
        "- {compute: [GM, SN, SD]", "SN, SD], on", "'GM'"),
    /* operands */
    FAULT(&convolution, "mapping-not-held",
          "- hold: [Y]\n  in: gbuf\n- for: {q: 1}",
          "- for: {q: 1}\n- hold: [Y]\n  in: gbuf", "Z, on", "more of 'Y'"),
    FAULT(&three, "mapping-not-held", "[QK, SN, A]", "[SN, A]", "GM, on",
          "'QK'"),
    FAULT(&three, "mapping-not-held", "- hold: [GM, SD]", "- stream: [GM, SD]",
          "SN, SD], on", "'GM'"),
    FAULT(&three, "mapping-unreachable", "in: edge", "in: rf2d", "GM, on",
          "'rf2d'"),
    FAULT(&gemm, "mapping-hold-order", "in: edge",
          "in: rf2d\n- hold: [B]\n  in: gbuf", "hold: [B]", "'rf2d'"),
    FAULT(&gemm, "mapping-spill", "in: edge", "in: edge\n  spill: true",
          "hold: [Z, B]", "'Z'"),
    FAULT(&reversal, "mapping-order", "- sequence:",
          "- for: {w: 2}\n- sequence:", "Z, on", "later iteration"),
    FAULT(&three, "mapping-order", "  - delay: 1", "  - slot: 2\n    delay: 1",
          "AV, on", "(slot 1, delay 1) reads 'A'"),
    FAULT(&three, "mapping-order", "  - delay: 1", "  - delay: 0", "GM, on",
          "'QK'"),
    FAULT(&three, "mapping-order", "{slot: 1, delay: 1", "{slot: 0, delay: 1",
          "AV, on", "'A'"),
    FAULT(&one, "mapping-order",
          "LM, on: array2d, for: [{p: 4}], spatial: {p: X, m0: Y}}\n"
          "  - {compute: RM, on: array1d, for: [{p: 4}], spatial: {p: X}}\n",
          "RM, on: array1d, for: [{p: 4}], spatial: {p: X}}\n"
          "  - {compute: LM, on: array2d, for: [{p: 4}], spatial: {p: X, m0: "
          "Y}}\n",
          "RM, on", "'LM'"),
    FAULT(&three, "mapping-partial-read", "- for: {b: 1}", "- for: {m: 4}",
          "SN, SD]", "'GM'"),
    FAULT(&three_summed, "mapping-lost-partial", "- for: {p: 4}\n- for: {e: 2}",
          "- for: {e: 2}\n- for: {p: 4}", "hold: [QK",
          "the loop over 'p' (line 6) leaves the tile of 'QK'"),
    /* room */
    {&gemm, "mapping-capacity", "T: 4", "T: 4", "hold: [A]", "'gbuf'", NULL,
     NULL, " GBUF=32"},
    FAULT(&three, "mapping-too-few-copies", "in: gbuf", "in: gbuf\n  copies: 1",
          "hold: [QK", "'QK'"),
    FAULT(&gemm, "mapping-limit", "in: gbuf", "in: gbuf\n  copies: 8G * 900M",
          NULL, "64 bits"),
    /* One hold fits, two together do not. */
    {&gemm, "mapping-limit", "in: gbuf", "in: gbuf\n  copies: 4G * 16M", NULL,
     "64 bits", "in: edge", "in: gbuf\n  copies: 4G * 16M", NULL},
};

static char *replace(const char *text, const char *from, const char *to)
{
    const char *found = strstr(text, from);
    if (found == NULL) {
        print_error("no '%s' in the mapping\n", from);
    }
    assert_non_null(found);
    return g_strdup_printf("%.*s%s%s", (int)(found - text), text, to,
                           found + strlen(from));
}

/* Line and column of the first `needle`. */
static void find_place(const char *text, const char *needle, int *line,
                       int *column)
{
    const char *found = strstr(text, needle);
    assert_non_null(found);
    *line = 1;
    *column = 1;
    for (const char *c = text; c < found; c++) {
        *line += *c == '\n';
        *column = *c == '\n' ? 1 : *column + 1;
    }
}

static enum status try_text(struct diags *diags, const struct base *base,
                            const char *more_settings, const char *text)
{
    AUTO(problem) problem = NULL;
    g_autofree char *settings = g_strconcat(
        base->settings, more_settings != NULL ? more_settings : "", NULL);
    return fixture_try_text(diags, base->cascade, "teaching", text, settings,
                            &problem);
}

static bool is_found(const struct fault *fault)
{
    g_autofree char *text = replace(fault->base->text, fault->from, fault->to);
    if (fault->also_from != NULL) {
        char *more = replace(text, fault->also_from, fault->also_to);
        g_free(text);
        text = more;
    }
    AUTO(diags) diags = diags_new();
    enum status status = try_text(diags, fault->base, fault->settings, text);
    const struct diag *diag =
        diags_count(diags) > 0 ? diags_get(diags, 0) : NULL;
    int line = 0;
    int column = 0;
    if (fault->at != NULL) {
        find_place(text, fault->at, &line, &column);
    }
    if (diag == NULL || strcmp(diag->code, fault->code) != 0 ||
        diag->span.line != line || diag->span.column != column ||
        strstr(diag->message, fault->says) == NULL) {
        print_error("expected %s at %d:%d with \"%s\":\n%s", fault->code, line,
                    column, fault->says, text);
        fixture_print(diags);
        return false;
    }
    return status == (fault->at != NULL ? ERR_INPUT : ERR_LIMIT);
}

static void test_every_fault_is_named_at_its_place(void **state)
{
    (void)state;
    size_t found = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        found += is_found(&faults[i]);
    }
    assert_int_equal(found, G_N_ELEMENTS(faults));
}

static void test_the_originals_are_legal(void **state)
{
    (void)state;
    static const struct base *const bases[] = {
        &gemm,          &three,  &one,         &convolution,  &reversal, &lanes,
        &lanes_of_both, &masked, &three_again, &three_summed, &selection};
    for (size_t i = 0; i < G_N_ELEMENTS(bases); i++) {
        AUTO(diags) diags = diags_new();
        enum status status = try_text(diags, bases[i], NULL, bases[i]->text);
        fixture_print(diags);
        assert_int_equal(status, OK);
        assert_int_equal(diags_count(diags), 0);
    }
}

/* ---- what does not fit the table ---------------------------------------- */

/* ---- limits of size ----------------------------------------------------- */

/* `count` times `line` before the compute node of `gemm`. */
static char *repeat(const char *line, int count)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    for (int i = 0; i < count; i++) {
        g_string_append(lines, line);
    }
    g_string_append(lines, "- {compute: Z");
    return replace(gemm.text, "- {compute: Z", lines->str);
}

static void test_nodes_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int count;
        bool is_legal;
        int at; /* line number of the first node that is too many */
    } cases[] = {
        {"- for: {k: 4}\n", 61, true, 0},
        {"- for: {k: 4}\n", 62, false, 74},
        {"- for: {k: 4}\n", 9000, false, 74},
        {"- {hold: [A], in: rf2d}\n", 250, true, 0},
        {"- {hold: [A], in: rf2d}\n", 9000, false, 520},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = repeat(cases[i].line, cases[i].count);
        AUTO(diags) diags = diags_new();
        enum status status = try_text(diags, &gemm, " RF2=100000", text);
        if (cases[i].is_legal) {
            assert_int_equal(status, OK);
            continue;
        }
        assert_int_equal(status, ERR_INPUT);
        assert_one_diag(diags, "mapping-too-many-nodes", cases[i].at, 3);
    }
}

/* ---- completeness ------------------------------------------------------- */

static bool has_fault(const char *code)
{
    /* Those of other tests: the load of the file, the whole problem, size,
     * rules of the architecture (model_architecture.c), formats and instructions
     * (mapping_sparse.c). */
    static const char *const elsewhere[] = {
        "mapping-no-variant",         "mapping-unknown-shape",
        "mapping-useless-hold",       "mapping-too-many-nodes",
        "mapping-not-kept",           "mapping-no-bypass",
        "mapping-unknown-format",     "mapping-format-bits",
        "mapping-format-block",       "mapping-format-dense",
        "mapping-resident",           "mapping-issue-loop",
        "mapping-issue-count",        "mapping-issue-unit",
        "mapping-unknown-instruction"};
    for (size_t i = 0; i < G_N_ELEMENTS(elsewhere); i++) {
        if (strcmp(elsewhere[i], code) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        if (strcmp(faults[i].code, code) == 0) {
            return true;
        }
    }
    return false;
}

/* Every "mapping-..." in the sources is the code of some fault above; but for
 * mapping-retile, which no file but only a search can ask for. */
static void test_every_code_has_a_fault(void **state)
{
    (void)state;
    GDir *dir = g_dir_open("mapping", 0, NULL);
    assert_non_null(dir);
    int codes = 0;
    const char *name = NULL;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename("mapping", name, NULL);
        g_autofree char *text = NULL;
        if (!g_str_has_suffix(name, ".c") ||
            !g_file_get_contents(path, &text, NULL, NULL)) {
            continue;
        }
        g_auto(GStrv) words = g_strsplit(text, "\"", -1);
        for (char **word = words; *word != NULL; word++) {
            if (!g_str_has_prefix(*word, "mapping-") ||
                strcmp(*word, "mapping-retile") == 0) {
                continue;
            }
            if (!has_fault(*word)) {
                print_error("no fault for '%s'\n", *word);
            }
            assert_true(has_fault(*word));
            codes++;
        }
    }
    g_dir_close(dir);
    assert_true(codes > 40);
}

static void test_loops_of_a_compute_node_are_counted(void **state)
{
    (void)state;
    for (int count = 32; count <= 400; count += 368) {
        g_autoptr(GString) loops = g_string_new("[");
        for (int i = 0; i < count; i++) {
            g_string_append(loops, "{n: 2}, ");
        }
        g_string_append(loops, "]");
        g_autofree char *text = replace(gemm.text, "[{n: 2}]", loops->str);
        AUTO(diags) diags = diags_new();
        enum status status = try_text(diags, &gemm, NULL, text);
        if (count == 32) {
            assert_int_equal(status, OK);
            continue;
        }
        assert_int_equal(status, ERR_INPUT);
        assert_one_diag(diags, "mapping-too-many-nodes", 13,
                        36 + 32 * (int)strlen("{n: 2}, "));
    }
}

/* ---- variants and warnings ---------------------------------------------- */

static const char variants[] = "schema: 1\n"
                               "mapping: product\n"
                               "cascade: gemm\n"
                               "variants:\n"
                               "- when: M > 8\n"
                               "  tree: [{compute: Z, on: array2d}]\n"
                               "- when: N > 8\n"
                               "  tree: [{compute: Z, on: array1d}]\n";

static void test_the_first_variant_that_fits_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        const char *unit; /* NULL: none fits */
    } cases[] = {{"M=16 N=16 K=8", "array2d"},
                 {"M=8 N=16 K=8", "array1d"},
                 {"M=8 N=8 K=8", NULL}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(problem) problem = NULL;
        enum status status = fixture_try_text(
            diags, "gemm", "teaching", variants, cases[i].settings, &problem);
        if (cases[i].unit != NULL) {
            assert_int_equal(status, OK);
            int unit = problem->plan->leaves[0].unit;
            assert_string_equal(problem->arch->units[unit].name, cases[i].unit);
            continue;
        }
        assert_int_equal(status, ERR_INPUT);
        assert_one_diag(diags, "mapping-no-variant", 2, 10);
    }
}

static void test_a_useless_hold_is_a_warning(void **state)
{
    (void)state;
    g_autofree char *text =
        replace(three.text, "- {compute: GM, on: array1d, spatial: {p: X}}",
                "- tree:\n"
                "        - hold: [V]\n"
                "          in: gbuf\n"
                "        - {compute: GM, on: array1d, spatial: {p: X}}");
    AUTO(diags) diags = diags_new();
    assert_int_equal(try_text(diags, &three, NULL, text), OK);
    assert_one_diag(diags, "mapping-useless-hold", 17, 11);
    assert_int_equal(diags_get(diags, 0)->severity, DIAG_WARNING);
    assert_non_null(strstr(diags_get(diags, 0)->message, "'V'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_originals_are_legal),
        cmocka_unit_test(test_every_fault_is_named_at_its_place),
        cmocka_unit_test(test_every_code_has_a_fault),
        cmocka_unit_test(test_nodes_are_counted),
        cmocka_unit_test(test_loops_of_a_compute_node_are_counted),
        cmocka_unit_test(test_the_first_variant_that_fits_is_taken),
        cmocka_unit_test(test_a_useless_hold_is_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
