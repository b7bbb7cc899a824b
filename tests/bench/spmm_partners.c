/* Libraries that the kernels are compared with, each if it was there when the
 * benchmark was built (HAS_ONEDNN, HAS_OPENBLAS, HAS_LIBXSMM). Weights are packed
 * beforehand where the library can; that time is not counted. */
#include "tests/bench/spmm_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAS_ONEDNN
#include <oneapi/dnnl/dnnl.h>

#define DNNL_CHECK(call)                                                       \
    do {                                                                       \
        dnnl_status_t status_ = (call);                                        \
        if (status_ != dnnl_success) {                                         \
            fprintf(stderr, "%s: oneDNN status %d\n", #call, (int)status_);    \
            exit(4);                                                           \
        }                                                                      \
    } while (0)

static dnnl_engine_t engine;
static dnnl_stream_t stream;
/* Released by bench_partners_clear: one shape's worth. */
static dnnl_primitive_t primitives[8];
static dnnl_memory_t memories[64];
static int primitive_count, memory_count;

struct onednn {
    dnnl_primitive_t matmul;
    dnnl_exec_arg_t args[4];
    int arg_count;
    int64_t row_count;
    bool is_fused;
    void *output; /* token-major */
};

static dnnl_memory_t memory_of(const dnnl_memory_desc_t *desc, void *data)
{
    dnnl_memory_t memory;
    DNNL_CHECK(dnnl_memory_create(&memory, desc, engine, data));
    memories[memory_count++] = memory;
    return memory;
}

static dnnl_memory_desc_t desc_of(int64_t rows, int64_t columns,
                                  dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t dims = {rows, columns};
    DNNL_CHECK(dnnl_memory_desc_init_by_tag(&desc, 2, dims, type, tag));
    return desc;
}

/* In the order that the primitive wants. */
static dnnl_memory_t pack_weights(const struct bench_problem *problem,
                                  const int8_t *values,
                                  const dnnl_memory_desc_t *wanted)
{
    dnnl_memory_desc_t plain =
        desc_of(problem->k_count, problem->row_count, dnnl_s8, dnnl_ba);
    dnnl_memory_t from = memory_of(&plain, (void *)(uintptr_t)values);
    dnnl_memory_t to = memory_of(
        wanted, bench_alloc((int64_t)dnnl_memory_desc_get_size(wanted)));
    dnnl_primitive_desc_t reorder_desc;
    dnnl_primitive_t reorder;
    DNNL_CHECK(dnnl_reorder_primitive_desc_create(&reorder_desc, &plain, engine,
                                                  wanted, engine, NULL));
    DNNL_CHECK(dnnl_primitive_create(&reorder, reorder_desc));
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    DNNL_CHECK(dnnl_primitive_execute(reorder, stream, 2, args));
    DNNL_CHECK(dnnl_stream_wait(stream));
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(reorder_desc);
    return to;
}

static void onednn_run(void *state)
{
    struct onednn *self = state;
    DNNL_CHECK(dnnl_primitive_execute(self->matmul, stream, self->arg_count,
                                      self->args));
}

static double onednn_fetch(const void *state, int64_t m, int64_t n)
{
    const struct onednn *self = state;
    int64_t at = n * self->row_count + m;
    return self->is_fused ? ((const uint8_t *)self->output)[at]
                          : ((const int32_t *)self->output)[at];
}

bool bench_add_onednn(const struct bench_problem *problem, const int8_t *values,
                      bool is_fused, struct bench_candidate *candidate)
{
    int64_t m = problem->row_count, k = problem->k_count;
    int64_t n = problem->token_count;
    if (engine == NULL) {
        DNNL_CHECK(dnnl_engine_create(&engine, dnnl_cpu, 0));
        DNNL_CHECK(
            dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    }
    dnnl_memory_desc_t source = desc_of(n, k, dnnl_u8, dnnl_ab);
    dnnl_memory_desc_t weights = desc_of(k, m, dnnl_s8, dnnl_format_tag_any);
    dnnl_memory_desc_t bias = desc_of(1, m, dnnl_s32, dnnl_ab);
    dnnl_memory_desc_t target =
        desc_of(n, m, is_fused ? dnnl_u8 : dnnl_s32, dnnl_ab);
    dnnl_primitive_attr_t attributes;
    DNNL_CHECK(dnnl_primitive_attr_create(&attributes));
    if (is_fused) {
        DNNL_CHECK(dnnl_primitive_attr_set_output_scales(attributes, m, 1 << 1,
                                                         problem->scale));
    }
    dnnl_matmul_desc_t desc;
    DNNL_CHECK(dnnl_matmul_desc_init(&desc, &source, &weights,
                                     is_fused ? &bias : NULL, &target));
    dnnl_primitive_desc_t chosen;
    DNNL_CHECK(
        dnnl_primitive_desc_create(&chosen, &desc, attributes, engine, NULL));
    struct onednn *self = bench_alloc(sizeof *self);
    *self = (struct onednn){.row_count = m,
                            .is_fused = is_fused,
                            .output = bench_alloc(n * m * 4),
                            .arg_count = 3};
    DNNL_CHECK(dnnl_primitive_create(&self->matmul, chosen));
    primitives[primitive_count++] = self->matmul;
    self->args[0] = (dnnl_exec_arg_t){
        DNNL_ARG_SRC, memory_of(&source, (void *)(uintptr_t)problem->tokens)};
    self->args[1] = (dnnl_exec_arg_t){
        DNNL_ARG_WEIGHTS, pack_weights(problem, values,
                                       dnnl_primitive_desc_query_md(
                                           chosen, dnnl_query_weights_md, 0))};
    self->args[2] =
        (dnnl_exec_arg_t){DNNL_ARG_DST, memory_of(&target, self->output)};
    if (is_fused) {
        self->args[self->arg_count++] = (dnnl_exec_arg_t){
            DNNL_ARG_BIAS, memory_of(&bias, (void *)(uintptr_t)problem->bias)};
    }
    dnnl_primitive_desc_destroy(chosen);
    dnnl_primitive_attr_destroy(attributes);
    candidate->name = "onednn";
    candidate->state = self;
    candidate->run = onednn_run;
    candidate->fetch = onednn_fetch;
    return true;
}

void bench_partners_clear(void)
{
    while (primitive_count > 0) {
        dnnl_primitive_destroy(primitives[--primitive_count]);
    }
    while (memory_count > 0) {
        dnnl_memory_destroy(memories[--memory_count]);
    }
}
#else
bool bench_add_onednn(const struct bench_problem *problem, const int8_t *values,
                      bool is_fused, struct bench_candidate *candidate)
{
    (void)problem, (void)values, (void)is_fused, (void)candidate;
    return false;
}

void bench_partners_clear(void)
{
}
#endif

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

bool bench_add_openblas(const struct bench_problem *problem,
                        const int8_t *values, struct bench_candidate *candidate)
{
    openblas_set_num_threads(1);
    candidate->name = "openblas-f32";
    candidate->is_slow = true;
    candidate->state = real_operands_new(problem, values);
    candidate->run = openblas_run;
    candidate->fetch = real_fetch;
    return true;
}
#else
bool bench_add_openblas(const struct bench_problem *problem,
                        const int8_t *values, struct bench_candidate *candidate)
{
    (void)problem, (void)values, (void)candidate;
    return false;
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

bool bench_add_libxsmm_sparse(const struct bench_problem *problem,
                              const int8_t *values,
                              struct bench_candidate *candidate)
{
    struct real_operands *self = real_operands_new(problem, values);
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
    candidate->name = "libxsmm-spmdm-f32";
    candidate->is_slow = true;
    candidate->state = self;
    candidate->run = libxsmm_run;
    candidate->fetch = real_fetch;
    return true;
}
#else
bool bench_add_libxsmm_sparse(const struct bench_problem *problem,
                              const int8_t *values,
                              struct bench_candidate *candidate)
{
    (void)problem, (void)values, (void)candidate;
    return false;
}
#endif
