/* The benchmark of kernels/spmm: what it and its partners share. */
#ifndef SPMM_BENCH_H
#define SPMM_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* One product: integers so small that fp32 sums are exact, too. */
struct bench_problem {
    int64_t row_count, k_count, token_count;
    const uint8_t *tokens; /* token-major */
    const int32_t *bias;
    const float *scale;
};

/* Something that computes it. `fetch` reads element (m, n) after a run. */
struct bench_candidate {
    const char *name;
    int sparsity_percent;
    bool is_fused;        /* gives u8 after bias and scale; else sums */
    bool is_slow;         /* fp32: fewer samples */
    const int8_t *values; /* row-major, borrowed */
    void *state;
    void (*run)(void *state);
    double (*fetch)(const void *state, int64_t m, int64_t n);
    double *samples_us;
    int sample_count, repeat_count;
    double p10_us, median_us;
};

/* Adds to *candidate what this build has and the machine runs; false: nothing.
 * spmm_partners.c; nothing is freed before the process ends. */
bool bench_add_onednn(const struct bench_problem *problem, const int8_t *values,
                      bool is_fused, struct bench_candidate *candidate);
bool bench_add_openblas(const struct bench_problem *problem,
                        const int8_t *values,
                        struct bench_candidate *candidate);
bool bench_add_libxsmm_sparse(const struct bench_problem *problem,
                              const int8_t *values,
                              struct bench_candidate *candidate);
void *bench_alloc(int64_t bytes); /* 64-byte aligned; from an arena */
void bench_partners_clear(void);

#endif
