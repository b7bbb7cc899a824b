/* The benchmark of kernels/spmm: what its parts share.
 *
 *   spmm_bench.c     problems, turns, the main program
 *   spmm_ours.c      our kernels as candidates
 *   spmm_onednn.c, spmm_partners.c   other libraries
 *   spmm_layer.c     a transformer layer's products in a row
 *   spmm_report.c    the store, means of ratios
 */
#ifndef SPMM_BENCH_H
#define SPMM_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "kernels/spmm/spmm.h"

#define CANDIDATES_MAX 160

/* One product: integers so small that fp32 sums are exact, and bfloat16 holds
 * them. */
struct bench_problem {
    int64_t row_count, k_count, token_count;
    const uint8_t *tokens; /* token-major */
    const int32_t *bias;
    const float *scale;
};

/* Something that computes it. `fetch` reads element (m, n) after a run. */
struct bench_candidate {
    const char *name;
    enum spmm_element element; /* of the weight */
    int sparsity_percent;
    bool is_fused;        /* gives u8 after bias and scale; else sums */
    bool is_exact;        /* else bytes may be off by one (rounding) */
    bool is_slow;         /* fewer samples */
    const int8_t *values; /* row-major, borrowed; NULL: checked elsewhere */
    void *state;
    void (*run)(void *state);
    double (*fetch)(const void *state, int64_t m, int64_t n);
    double *samples_us;
    int sample_count, repeat_count;
    double p10_us, median_us;
};

struct bench {
    struct bench_problem problem;
    struct bench_candidate candidates[CANDIDATES_MAX];
    int count;
    int thread_count, round_count;
    struct spmm_threads *threads; /* NULL for one */
    int64_t off_by_one_count;     /* bytes of partners */
};

static const int bench_sparsities[] = {50, 70, 75, 80, 85, 90};
static const char *const bench_patterns[] = {"4x1", "16x1", "32x1", "4x4",
                                             "1x4"};
enum { PATTERNS = 5, SPARSITIES = 6 };

void *bench_alloc(int64_t bytes); /* 64-byte aligned; from an arena */
uint32_t bench_random_below(uint32_t bound);
/* Blocks of `pattern` are dropped with this probability. */
int8_t *bench_random_weight(int64_t row_count, int64_t k_count,
                            enum spmm_pattern pattern, int sparsity_percent);
/* The next candidate, filled in but for what computes it. Counts only once
 * bench->count is raised. */
struct bench_candidate *bench_next(struct bench *bench, const int8_t *values,
                                   int sparsity_percent, bool is_fused);

/* The weight (`values`) or the tokens of a problem as BF16 or F32, of the arena;
 * the other one is NULL. */
void *bench_convert(const struct bench_problem *problem, const int8_t *values,
                    const uint8_t *tokens, enum spmm_element element);

/* Packed, of the arena. */
struct spmm_weight *bench_pack(const int8_t *values, int64_t row_count,
                               int64_t k_count, enum spmm_pattern pattern);

/* Each adds what this build has and the machine runs, or nothing. */
void bench_add_ours(struct bench *bench, const int8_t *values,
                    enum spmm_element element, enum spmm_pattern pattern,
                    int sparsity_percent, bool is_fused);
void bench_add_onednn(struct bench *bench, const int8_t *values,
                      enum spmm_element element, bool is_fused);
void bench_add_openblas(struct bench *bench, const int8_t *values);
void bench_add_libxsmm_sparse(struct bench *bench, const int8_t *values,
                              int sparsity_percent);
void bench_add_libxsmm_dense(struct bench *bench, const int8_t *values,
                             enum spmm_element element);
void bench_ours_clear(void);
void bench_onednn_clear(void);

/* The six products of a layer of width `row_count` over `token_count` tokens, one
 * after another. Checks its own results. */
void bench_add_layer_ours(struct bench *bench, int64_t width,
                          int64_t token_count, enum spmm_pattern pattern,
                          int sparsity_percent);
void bench_add_layer_onednn(struct bench *bench, int64_t width,
                            int64_t token_count);

/* Report: a session in the store at `path`; geometric means over all problems. */
struct report;
struct report *report_new(const char *path);
void report_add(struct report *report, const struct bench *bench);
void report_print(const struct report *report);
void report_save(struct report *report);
void report_free(struct report *report);

#endif
