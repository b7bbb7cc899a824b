/* oneDNN, if it was there when the benchmark was built (HAS_ONEDNN). Weights are
 * packed in the order that the primitive wants; that time is not counted. */
#include "tests/bench/spmm_onednn.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAS_ONEDNN
#include <oneapi/dnnl/dnnl.h>

#define PRIMITIVES_MAX 64

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
static dnnl_primitive_t primitives[PRIMITIVES_MAX];
static dnnl_memory_t memories[5 * PRIMITIVES_MAX];
static int primitive_count, memory_count;

struct onednn {
    dnnl_primitive_t matmul;
    dnnl_exec_arg_t args[4];
    int arg_count;
    int64_t row_count;
    bool is_fused, is_real;
    void *output;
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

static dnnl_data_type_t type_of(enum spmm_element element)
{
    switch (element) {
    case SPMM_S8:
        return dnnl_s8;
    case SPMM_U8:
        return dnnl_u8;
    case SPMM_BF16:
        return dnnl_bf16;
    case SPMM_F32:
        return dnnl_f32;
    case SPMM_S32:
        break;
    }
    return dnnl_s32;
}

static dnnl_memory_t pack_weights(const struct onednn_product *product,
                                  const dnnl_memory_desc_t *wanted)
{
    dnnl_memory_desc_t plain = desc_of(product->k_count, product->row_count,
                                       type_of(product->element), dnnl_ba);
    dnnl_memory_t from = memory_of(&plain, (void *)(uintptr_t)product->weights);
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

static dnnl_primitive_attr_t attributes_of(const struct onednn_product *product)
{
    dnnl_primitive_attr_t attributes;
    DNNL_CHECK(dnnl_primitive_attr_create(&attributes));
    if (product->scale != NULL) {
        DNNL_CHECK(dnnl_primitive_attr_set_output_scales(
            attributes, product->row_count, 1 << 1, product->scale));
    }
    if (product->has_gelu) {
        dnnl_post_ops_t post;
        DNNL_CHECK(dnnl_post_ops_create(&post));
        DNNL_CHECK(dnnl_post_ops_append_eltwise(post, 1.0f,
                                                dnnl_eltwise_gelu_tanh, 0, 0));
        DNNL_CHECK(dnnl_primitive_attr_set_post_ops(attributes, post));
        DNNL_CHECK(dnnl_post_ops_destroy(post));
    }
    return attributes;
}

static void start(void)
{
    if (engine == NULL) {
        DNNL_CHECK(dnnl_engine_create(&engine, dnnl_cpu, 0));
        DNNL_CHECK(
            dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    }
}

struct onednn *onednn_new(const struct onednn_product *product)
{
    start();
    int64_t m = product->row_count, k = product->k_count;
    int64_t n = product->token_count;
    bool is_bytes = product->element == SPMM_S8;
    dnnl_memory_desc_t source =
        desc_of(n, k, type_of(is_bytes ? SPMM_U8 : product->element), dnnl_ab);
    dnnl_memory_desc_t weights =
        desc_of(k, m, type_of(product->element), dnnl_format_tag_any);
    dnnl_memory_desc_t bias = desc_of(1, m, dnnl_s32, dnnl_ab);
    dnnl_memory_desc_t target = desc_of(n, m,
                                        product->scale != NULL ? dnnl_u8
                                        : is_bytes             ? dnnl_s32
                                                               : dnnl_f32,
                                        dnnl_ab);
    dnnl_primitive_attr_t attributes = attributes_of(product);
    dnnl_matmul_desc_t desc;
    DNNL_CHECK(dnnl_matmul_desc_init(&desc, &source, &weights,
                                     product->bias != NULL ? &bias : NULL,
                                     &target));
    dnnl_primitive_desc_t chosen;
    DNNL_CHECK(
        dnnl_primitive_desc_create(&chosen, &desc, attributes, engine, NULL));
    dnnl_primitive_attr_destroy(attributes);
    struct onednn *self = bench_alloc(sizeof *self);
    *self = (struct onednn){.row_count = m,
                            .is_fused = product->scale != NULL,
                            .is_real = !is_bytes,
                            .output = product->output,
                            .arg_count = 3};
    DNNL_CHECK(dnnl_primitive_create(&self->matmul, chosen));
    if (primitive_count == PRIMITIVES_MAX) {
        exit(1);
    }
    primitives[primitive_count++] = self->matmul;
    self->args[0] =
        (dnnl_exec_arg_t){DNNL_ARG_SRC, memory_of(&source, product->tokens)};
    self->args[1] = (dnnl_exec_arg_t){
        DNNL_ARG_WEIGHTS,
        pack_weights(product, dnnl_primitive_desc_query_md(
                                  chosen, dnnl_query_weights_md, 0))};
    self->args[2] =
        (dnnl_exec_arg_t){DNNL_ARG_DST, memory_of(&target, self->output)};
    if (product->bias != NULL) {
        self->args[self->arg_count++] = (dnnl_exec_arg_t){
            DNNL_ARG_BIAS, memory_of(&bias, (void *)(uintptr_t)product->bias)};
    }
    dnnl_primitive_desc_destroy(chosen);
    return self;
}

void onednn_run(void *state)
{
    struct onednn *self = state;
    DNNL_CHECK(dnnl_primitive_execute(self->matmul, stream, self->arg_count,
                                      self->args));
}

static double onednn_fetch(const void *state, int64_t m, int64_t n)
{
    const struct onednn *self = state;
    int64_t at = n * self->row_count + m;
    if (self->is_fused) {
        return ((const uint8_t *)self->output)[at];
    }
    return self->is_real ? (double)((const float *)self->output)[at]
                         : ((const int32_t *)self->output)[at];
}

void bench_onednn_clear(void)
{
    while (primitive_count > 0) {
        dnnl_primitive_destroy(primitives[--primitive_count]);
    }
    while (memory_count > 0) {
        dnnl_memory_destroy(memories[--memory_count]);
    }
}

void bench_add_onednn(struct bench *bench, const int8_t *values,
                      enum spmm_element element, bool is_fused)
{
    const struct bench_problem *problem = &bench->problem;
    bool is_bytes = element == SPMM_S8;
    int64_t output_count = problem->row_count * problem->token_count;
    struct bench_candidate *next = bench_next(bench, values, 0, is_fused);
    next->name = "onednn";
    next->element = element;
    next->is_exact = !is_fused;
    next->is_slow = element == SPMM_F32;
    next->state = onednn_new(&(struct onednn_product){
        .row_count = problem->row_count,
        .k_count = problem->k_count,
        .token_count = problem->token_count,
        .element = element,
        .weights =
            is_bytes ? values : bench_convert(problem, values, NULL, element),
        .tokens = is_bytes
                      ? (void *)(uintptr_t)problem->tokens
                      : bench_convert(problem, NULL, problem->tokens, element),
        .output = bench_alloc(4 * output_count),
        .bias = is_fused ? problem->bias : NULL,
        .scale = is_fused ? problem->scale : NULL,
    });
    next->run = onednn_run;
    next->fetch = onednn_fetch;
    bench->count++;
}
#else
struct onednn *onednn_new(const struct onednn_product *product)
{
    (void)product;
    return NULL;
}

void onednn_run(void *state)
{
    (void)state;
}

void bench_onednn_clear(void)
{
}

void bench_add_onednn(struct bench *bench, const int8_t *values,
                      enum spmm_element element, bool is_fused)
{
    (void)bench, (void)values, (void)element, (void)is_fused;
}
#endif
