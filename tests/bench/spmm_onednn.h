/* oneDNN's matrix product, token-major: D[n][m] = sum over k of A[n][k] W[m][k]. */
#ifndef SPMM_ONEDNN_H
#define SPMM_ONEDNN_H

#include "tests/bench/spmm_bench.h"

struct onednn_product {
    int64_t row_count, k_count, token_count;
    enum spmm_element element; /* of W */
    const void *weights;       /* row-major; packed here, not timed */
    void *tokens, *output;
    const int32_t *bias; /* with scale: bytes come out; NULL: sums */
    const float *scale;
    bool has_gelu;
};

struct onednn; /* released by bench_onednn_clear */
/* NULL where this build has no oneDNN. */
struct onednn *onednn_new(const struct onednn_product *product);
void onednn_run(void *state);

#endif
