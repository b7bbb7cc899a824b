/* OpenBLAS and LIBXSMM, each if it was there when the benchmark was built
 * (HAS_OPENBLAS, HAS_LIBXSMM). Weights are packed beforehand where the library
 * can; that time is not counted. */
#include "tests/bench/spmm_bench.h"

#include <stdlib.h>
#include <string.h>

/* fp32 operands of both fp32 partners: W row-major, A as K x N, D as M x N. */
struct real_operands {
    int64_t row_count, k_count, token_count;
    float *weights, *activations, *output;
#ifdef HAS_LIBXSMM
    struct spmdm *spmdm;
#endif
};

#if defined(HAS_OPENBLAS) || defined(HAS_LIBXSMM)
static struct real_operands *
real_operands_new(const struct bench_problem *problem, const int8_t *values)
{
    struct real_operands *self = bench_alloc(sizeof *self);
    int64_t m = problem->row_count, k = problem->k_count;
    int64_t n = problem->token_count;
    *self = (struct real_operands){.row_count = m,
                                   .k_count = k,
                                   .token_count = n,
                                   .weights = bench_alloc(4 * m * k),
                                   .activations = bench_alloc(4 * k * n),
                                   .output = bench_alloc(4 * m * n)};
    for (int64_t i = 0; i < m * k; i++) {
        self->weights[i] = values[i];
    }
    for (int64_t i = 0; i < k * n; i++) {
        self->activations[i] = problem->tokens[i % n * k + i / n];
    }
    return self;
}

static double real_fetch(const void *state, int64_t m, int64_t n)
{
    const struct real_operands *self = state;
    return (double)self->output[m * self->token_count + n];
}
#endif

#ifdef HAS_OPENBLAS
#include <cblas.h>

static void openblas_run(void *state)
{
    struct real_operands *self = state;
    cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)self->row_count,
        (blasint)self->token_count, (blasint)self->k_count, 1.0f, self->weights,
        (blasint)self->k_count, self->activations, (blasint)self->token_count,
        0.0f, self->output, (blasint)self->token_count);
}

void bench_add_openblas(struct bench *bench, const int8_t *values)
{
    openblas_set_num_threads(1);
    struct bench_candidate *next = bench_next(bench, values, 0, false);
    next->name = "openblas";
    next->element = SPMM_F32;
    next->is_exact = true;
    next->is_slow = true;
    next->state = real_operands_new(&bench->problem, values);
    next->run = openblas_run;
    next->fetch = real_fetch;
    bench->count++;
}
#else
void bench_add_openblas(struct bench *bench, const int8_t *values)
{
    (void)bench, (void)values;
}
#endif

#ifdef HAS_LIBXSMM
#include <libxsmm.h>

struct spmdm {
    libxsmm_spmdm_handle handle;
    libxsmm_CSR_sparseslice *slices;
};

static void libxsmm_run(void *state)
{
    struct real_operands *self = state;
    const float one = 1, zero = 0;
    int blocks = libxsmm_spmdm_get_num_compute_blocks(&self->spmdm->handle);
    for (int i = 0; i < blocks; i++) {
        libxsmm_spmdm_compute_fp32_thread(
            &self->spmdm->handle, 'N', 'N', &one, self->spmdm->slices,
            self->activations, 'N', &zero, self->output, i, 0, 1);
    }
}

void bench_add_libxsmm_sparse(struct bench *bench, const int8_t *values,
                              int sparsity_percent)
{
    struct real_operands *self = real_operands_new(&bench->problem, values);
    self->spmdm = bench_alloc(sizeof *self->spmdm);
    libxsmm_init();
    libxsmm_spmdm_init((int)self->row_count, (int)self->token_count,
                       (int)self->k_count, 1, &self->spmdm->handle,
                       &self->spmdm->slices);
    int blocks =
        libxsmm_spmdm_get_num_createSparseSlice_blocks(&self->spmdm->handle);
    for (int i = 0; i < blocks; i++) {
        libxsmm_spmdm_createSparseSlice_fp32_thread(
            &self->spmdm->handle, 'N', self->weights, self->spmdm->slices, i, 0,
            1);
    }
    struct bench_candidate *next =
        bench_next(bench, values, sparsity_percent, false);
    next->name = "libxsmm-spmdm";
    next->element = SPMM_F32;
    next->is_exact = true;
    next->is_slow = true;
    next->state = self;
    next->run = libxsmm_run;
    next->fetch = real_fetch;
    bench->count++;
}

/* ---- dense, by batch-reduce kernels on blocks of 64 x 64 x K_BLOCK ------ */

#define BLOCK   64
#define K_BLOCK 256

struct blocked {
    int64_t row_count, k_count, token_count;
    bool is_real;
    char *weights; /* [row block][k][64 rows], bytes in quads of k */
    const char *tokens;
    char *output; /* token-major, 4 bytes */
    libxsmm_smmfunction_reducebatch_strd real;
    libxsmm_subimmfunction_reducebatch_strd bytes;
};

static void blocked_run(void *state)
{
    struct blocked *self = state;
    int64_t element = self->is_real ? 4 : 1;
    unsigned long long blocks = (unsigned long long)(self->k_count / K_BLOCK);
    for (int64_t m = 0; m < self->row_count; m += BLOCK) {
        const char *weights = self->weights + m * self->k_count * element;
        for (int64_t n = 0; n < self->token_count; n += BLOCK) {
            const char *tokens = self->tokens + n * self->k_count * element;
            char *to = self->output + 4 * (n * self->row_count + m);
            if (self->is_real) {
                self->real((const float *)(const void *)weights,
                           (const float *)(const void *)tokens,
                           (float *)(void *)to, &blocks);
            } else {
                self->bytes(weights, (const unsigned char *)tokens,
                            (int *)(void *)to, &blocks);
            }
        }
    }
}

static double blocked_fetch(const void *state, int64_t m, int64_t n)
{
    const struct blocked *self = state;
    int64_t at = n * self->row_count + m;
    return self->is_real
               ? (double)((const float *)(const void *)self->output)[at]
               : ((const int32_t *)(const void *)self->output)[at];
}

static void pack_blocks(struct blocked *self, const int8_t *values)
{
    for (int64_t m = 0; m < self->row_count; m++) {
        for (int64_t k = 0; k < self->k_count; k++) {
            int8_t value = values[m * self->k_count + k];
            int64_t block = m / BLOCK * BLOCK * self->k_count, row = m % BLOCK;
            if (self->is_real) {
                ((float *)(void *)self->weights)[block + k * BLOCK + row] =
                    value;
            } else {
                self->weights[block + k / 4 * 4 * BLOCK + 4 * row + k % 4] =
                    value;
            }
        }
    }
}

static void make_kernels(struct blocked *self)
{
    int m = (int)self->row_count, k = (int)self->k_count;
    const float one = 1, zero = 0;
    const int whole_one = 1, whole_zero = 0;
    int lda = BLOCK;
    if (self->is_real) {
        self->real = libxsmm_smmdispatch_reducebatch_strd(
            BLOCK, BLOCK, K_BLOCK, 4 * BLOCK * K_BLOCK, 4 * K_BLOCK, &lda, &k,
            &m, &one, &zero, NULL, NULL);
    } else {
        self->bytes = libxsmm_subimmdispatch_reducebatch_strd(
            BLOCK, BLOCK, K_BLOCK, BLOCK * K_BLOCK, K_BLOCK, &lda, &k, &m,
            &whole_one, &whole_zero, NULL, NULL);
    }
}

void bench_add_libxsmm_dense(struct bench *bench, const int8_t *values,
                             enum spmm_element element)
{
    const struct bench_problem *problem = &bench->problem;
    if (problem->row_count % BLOCK != 0 || problem->k_count % K_BLOCK != 0 ||
        problem->token_count % BLOCK != 0) {
        return;
    }
    libxsmm_init();
    bool is_real = element == SPMM_F32;
    int64_t count = problem->row_count * problem->k_count;
    struct blocked *self = bench_alloc(sizeof *self);
    *self = (struct blocked){
        .row_count = problem->row_count,
        .k_count = problem->k_count,
        .token_count = problem->token_count,
        .is_real = is_real,
        .weights = bench_alloc(count * (is_real ? 4 : 1)),
        .tokens = is_real
                      ? bench_convert(problem, NULL, problem->tokens, SPMM_F32)
                      : (const void *)problem->tokens,
        .output = bench_alloc(4 * problem->row_count * problem->token_count),
    };
    pack_blocks(self, values);
    make_kernels(self);
    if (is_real ? self->real == NULL : self->bytes == NULL) {
        return;
    }
    struct bench_candidate *next = bench_next(bench, values, 0, false);
    next->name = "libxsmm";
    next->element = element;
    next->is_exact = true;
    next->is_slow = is_real;
    next->state = self;
    next->run = blocked_run;
    next->fetch = blocked_fetch;
    bench->count++;
}
#else
void bench_add_libxsmm_sparse(struct bench *bench, const int8_t *values,
                              int sparsity_percent)
{
    (void)bench, (void)values, (void)sparsity_percent;
}

void bench_add_libxsmm_dense(struct bench *bench, const int8_t *values,
                             enum spmm_element element)
{
    (void)bench, (void)values, (void)element;
}
#endif
