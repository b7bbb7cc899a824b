/* Our kernels as candidates. */
#include "tests/bench/spmm_bench.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHTS_MAX (8 * CANDIDATES_MAX)

static struct spmm_weight
    *weights[WEIGHTS_MAX]; /* released by bench_ours_clear */
static int weight_count;

struct ours {
    struct spmm_call call;
    struct spmm_threads *threads;
    int64_t row_count;
};

static void ours_run(void *state)
{
    struct ours *self = state;
    enum status status = self->threads != NULL
                             ? spmm_run_threads(&self->call, self->threads)
                             : spmm_run(&self->call);
    if (status != OK) {
        fprintf(stderr, "spmm_run: status %d\n", (int)status);
        exit(1);
    }
}

static double ours_fetch(const void *state, int64_t m, int64_t n)
{
    const struct ours *self = state;
    const struct spmm_post *post = &self->call.post;
    int64_t t = n % 64, rows = (self->row_count + 3) / 4 * 4;
    int64_t line = (n / 64 * self->row_count + m) * 64;
    if (post->output == SPMM_S32) {
        return ((const int32_t *)self->call.output)[line + t];
    }
    if (post->output == SPMM_F32) {
        return (double)((const float *)self->call.output)[line + t];
    }
    const uint8_t *bytes = self->call.output;
    if (post->layout == SPMM_QUADS) {
        return bytes[(n / 64 * rows + m / 4 * 4) * 64 + 4 * t + m % 4];
    }
    return bytes[line + t / 4 % 4 * 16 + t / 16 * 4 + t % 4];
}

void *bench_convert(const struct bench_problem *problem, const int8_t *values,
                    const uint8_t *tokens, enum spmm_element element)
{
    int64_t count = problem->k_count * (values != NULL ? problem->row_count
                                                       : problem->token_count);
    float *reals = bench_alloc(4 * count);
    for (int64_t i = 0; i < count; i++) {
        reals[i] = values != NULL ? values[i] : tokens[i];
    }
    if (element == SPMM_BF16) {
        uint16_t *halves = bench_alloc(2 * count);
        for (int64_t i = 0; i < count; i++) {
            uint32_t bits;
            memcpy(&bits, &reals[i], sizeof bits);
            halves[i] = (uint16_t)(bits >> 16);
        }
        return halves;
    }
    return reals;
}

static struct spmm_weight *pack(const struct spmm_dense *dense,
                                enum spmm_pattern pattern)
{
    struct spmm_weight *weight = NULL;
    if (weight_count == WEIGHTS_MAX ||
        spmm_weight_new_dense(dense, pattern, &weight) != OK) {
        exit(1);
    }
    return weights[weight_count++] = weight;
}

struct spmm_weight *bench_pack(const int8_t *values, int64_t row_count,
                               int64_t k_count, enum spmm_pattern pattern)
{
    return pack(
        &(struct spmm_dense){SPMM_S8, row_count, k_count, k_count, values},
        pattern);
}

static void *panels_of(const struct bench_problem *problem,
                       enum spmm_element element, enum spmm_layout layout)
{
    bool is_bytes = element == SPMM_S8;
    struct spmm_tokens tokens = {
        is_bytes ? SPMM_U8 : element, problem->k_count, problem->token_count,
        problem->k_count,
        is_bytes ? (void *)(uintptr_t)problem->tokens
                 : bench_convert(problem, NULL, problem->tokens, element)};
    void *panels = bench_alloc(
        spmm_panel_elements(problem->k_count, problem->token_count, layout) *
        spmm_element_bytes(tokens.element));
    spmm_panels_from_tokens(&tokens, layout, panels);
    return panels;
}

/* One-threaded twin of `candidate`, for the gain of threads. */
static void add_single(struct bench *bench,
                       const struct bench_candidate *candidate)
{
    struct bench_candidate *next =
        bench_next(bench, candidate->values, candidate->sparsity_percent, true);
    struct ours *self = bench_alloc(sizeof *self);
    *self = *(const struct ours *)candidate->state;
    self->threads = NULL;
    next->name = "4x1-one-thread";
    next->element = candidate->element;
    next->is_exact = true;
    next->state = self;
    next->run = ours_run;
    next->fetch = ours_fetch;
    bench->count++;
}

void bench_add_ours(struct bench *bench, const int8_t *values,
                    enum spmm_element element, enum spmm_pattern pattern,
                    int sparsity_percent, bool is_fused)
{
    const struct bench_problem *problem = &bench->problem;
    enum spmm_layout layout = spmm_input_layout(pattern, element);
    struct spmm_dense dense = {
        element, problem->row_count, problem->k_count, problem->k_count,
        element == SPMM_S8 ? (const void *)values
                           : bench_convert(problem, values, NULL, element)};
    struct ours *self = bench_alloc(sizeof *self);
    *self = (struct ours){.row_count = problem->row_count,
                          .threads = bench->threads};
    self->call = (struct spmm_call){
        .weight = pack(&dense, pattern),
        .activations = panels_of(problem, element, layout),
        .token_count = problem->token_count,
        .post = {.output = element == SPMM_S8 ? SPMM_S32 : SPMM_F32},
        .output = bench_alloc(4 * spmm_panel_elements(problem->row_count,
                                                      problem->token_count,
                                                      SPMM_QUADS)),
    };
    if (is_fused) {
        self->call.post = (struct spmm_post){.bias = problem->bias,
                                             .scale = problem->scale,
                                             .output = SPMM_U8,
                                             .layout = layout,
                                             .output_scale = 1};
    }
    struct bench_candidate *candidate =
        bench_next(bench, values, sparsity_percent, is_fused);
    candidate->name = sparsity_percent == 0 ? "dense" : bench_patterns[pattern];
    candidate->element = element;
    candidate->is_exact = true;
    candidate->state = self;
    candidate->run = ours_run;
    candidate->fetch = ours_fetch;
    bench->count++;
    if (is_fused && bench->threads != NULL && pattern == SPMM_4X1) {
        add_single(bench, candidate);
    }
}

void bench_ours_clear(void)
{
    while (weight_count > 0) {
        spmm_weight_free(weights[--weight_count]);
    }
}
