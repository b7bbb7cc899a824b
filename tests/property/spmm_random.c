/* Random products in every pattern: every path gives the bits of the portable
 * one, for any number of threads, and the portable one those of the textbook sum
 * in 64 bits with each rounding spelt out. A page that cannot be touched follows
 * every buffer, the packed weight's own included. WEIR_RANDOM_SPMM_COUNT sets
 * the number of problems. */
#define _DEFAULT_SOURCE
#include "tests/spmm_fixture.h"

#include <math.h>

#define PROBLEMS 500

struct problem {
    uint64_t seed;
    enum spmm_pattern pattern;
    int64_t row_count, k_count, token_count;
    int8_t *values;   /* row-major */
    uint8_t *tokens;  /* token-major */
    float *residuals; /* row_count x token_count */
    struct guarded_weight weight;
    struct guarded panels, bias, scale, residual;
    struct spmm_call call;
};

static int64_t problem_count(void)
{
    const char *text = getenv("WEIR_RANDOM_SPMM_COUNT");
    return text != NULL ? g_ascii_strtoll(text, NULL, 10) : PROBLEMS;
}

static float random_real(uint64_t *seed)
{
    return (float)(spmm_random_below(seed, 200001) - 100000) * 1e-5f;
}

/* Small, around the borders of vectors and tiles, or empty. */
static int64_t random_extent(uint64_t *seed, int64_t unit, int64_t limit)
{
    int64_t kind = spmm_random_below(seed, 8);
    int64_t any = spmm_random_below(seed, limit);
    int64_t near = any / unit * unit + spmm_random_below(seed, 3) - 1;
    return kind == 0 ? any % 4 : kind <= 2 ? MAX(near, 0) : any;
}

static void make_post(struct problem *p)
{
    struct spmm_post *post = &p->call.post;
    uint64_t *seed = &p->seed;
    post->output = (enum spmm_element)spmm_random_below(seed, 4);
    if (spmm_random_below(seed, 4) > 0) {
        post->bias = p->bias.data;
    }
    if (post->output == SPMM_S32) {
        return;
    }
    if (spmm_random_below(seed, 4) > 0) {
        post->scale = p->scale.data;
    }
    if (spmm_random_below(seed, 2) > 0) {
        post->residual = p->residual.data;
    }
    post->function = (enum spmm_function)spmm_random_below(seed, 3);
    if (post->output == SPMM_F32) {
        return;
    }
    post->layout = (enum spmm_layout)spmm_random_below(seed, 2);
    post->output_scale = spmm_random_below(seed, 8) == 0
                             ? 1e30f * random_real(seed)
                             : 100 * random_real(seed);
    post->zero_point = (int32_t)spmm_random_below(seed, 256) -
                       (post->output == SPMM_S8 ? 128 : 0);
    if (spmm_random_below(seed, 2) == 0) { /* the short way of the epilogue */
        post->residual = NULL;
        post->output_scale = 1;
        post->zero_point = 0;
    }
    if (spmm_random_below(seed, 4) == 0 && p->row_count > 0) {
        float odd[] = {NAN, INFINITY, -INFINITY, 1e38f, -1e38f, 0};
        ((float *)p->scale.data)[spmm_random_below(seed, p->row_count)] =
            odd[spmm_random_below(seed, 6)];
    }
}

static void make_operands(struct problem *p)
{
    uint64_t *seed = &p->seed;
    int64_t entries = p->row_count * p->token_count;
    float unit = spmm_random_below(seed, 2) == 0 ? 1e-4f : 1e-2f;
    p->bias = guarded_new(p->row_count, 4);
    p->scale = guarded_new(p->row_count, 4);
    p->residual = guarded_new(
        spmm_panel_elements(p->row_count, p->token_count, SPMM_LINES), 4);
    p->residuals = g_new0(float, entries + 1);
    for (int64_t m = 0; m < p->row_count; m++) {
        ((int32_t *)p->bias.data)[m] =
            (int32_t)(uint32_t)(spmm_random(seed) >>
                                (32 + spmm_random_below(seed, 32)));
        ((float *)p->scale.data)[m] = unit * random_real(seed);
    }
    for (int64_t n = 0; n < p->token_count; n++) {
        for (int64_t m = 0; m < p->row_count; m++) {
            float x = 10 * random_real(seed);
            p->residuals[m * p->token_count + n] = x;
            ((float *)
                 p->residual.data)[(n / 64 * p->row_count + m) * 64 + n % 64] =
                x;
        }
    }
}

static void problem_init(struct problem *p, int64_t number)
{
    *p = (struct problem){.seed = (uint64_t)number * 7919 + 1,
                          .pattern = (enum spmm_pattern)(number % 5)};
    uint64_t *seed = &p->seed;
    p->row_count = random_extent(seed, 16, 100);
    p->k_count = random_extent(seed, 4, spmm_random_below(seed, 8) ? 96 : 640);
    p->token_count = random_extent(seed, 16, 140);
    p->values = g_new0(int8_t, p->row_count * p->k_count + 1);
    p->tokens = g_new0(uint8_t, p->token_count * p->k_count + 1);
    static const int64_t kept_percent[] = {0, 5, 10, 20, 30, 50, 100};
    spmm_fill_weight(seed, p->pattern, p->row_count, p->k_count,
                     kept_percent[spmm_random_below(seed, 7)], p->values);
    spmm_fill_bytes(seed, p->tokens, p->token_count * p->k_count);
    struct spmm_weight *weight = NULL;
    assert_int_equal(spmm_new_bytes(p->values, p->row_count, p->k_count,
                                    p->pattern, &weight),
                     OK);
    guarded_weight_init(&p->weight, weight);
    enum spmm_layout layout = spmm_input_layout(p->pattern, SPMM_S8);
    p->panels =
        guarded_new(spmm_panel_elements(p->k_count, p->token_count, layout), 1);
    struct spmm_tokens tokens =
        spmm_byte_tokens(p->tokens, p->k_count, p->token_count);
    spmm_panels_from_tokens(&tokens, layout, p->panels.data);
    make_operands(p);
    p->call = (struct spmm_call){.weight = weight,
                                 .activations = p->panels.data,
                                 .token_count = p->token_count};
    make_post(p);
}

static void problem_clear(struct problem *p)
{
    struct guarded *all[] = {&p->panels, &p->bias, &p->scale, &p->residual};
    guarded_weight_clear(&p->weight);
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        guarded_clear(all[i]);
    }
    g_free(p->values);
    g_free(p->tokens);
    g_free(p->residuals);
}

static size_t element_bytes(const struct problem *p)
{
    return p->call.post.output == SPMM_S32 || p->call.post.output == SPMM_F32
               ? 4
               : 1;
}

/* D as row_count x token_count elements, from panels, by the header's words. */
static uint32_t *read_output(const struct problem *p, const void *output)
{
    bool is_wide = element_bytes(p) == 4;
    bool has_quads = p->call.post.layout == SPMM_QUADS;
    int64_t padded = (p->row_count + 3) / 4 * 4;
    uint32_t *values = g_new0(uint32_t, p->row_count * p->token_count + 1);
    for (int64_t m = 0; m < p->row_count; m++) {
        for (int64_t n = 0; n < p->token_count; n++) {
            int64_t t = n % 64;
            int64_t position = t / 4 % 4 * 16 + t / 16 * 4 + t % 4;
            int64_t at = (n / 64 * p->row_count + m) * 64;
            if (is_wide) {
                at += t;
            } else if (has_quads) {
                at = (n / 64 * padded + m / 4 * 4) * 64 + 4 * t + m % 4;
            } else {
                at += position;
            }
            values[m * p->token_count + n] =
                is_wide ? ((const uint32_t *)output)[at]
                        : ((const uint8_t *)output)[at];
        }
    }
    return values;
}

static uint32_t *run_problem(struct problem *p, enum spmm_path path,
                             int thread_count)
{
    AUTO(spmm_threads) threads = NULL;
    struct guarded output = guarded_new(
        spmm_panel_elements(p->row_count, p->token_count, p->call.post.layout),
        element_bytes(p));
    p->call.output = output.data;
    p->call.path = path;
    if (thread_count == 0) {
        assert_int_equal(spmm_run(&p->call), OK);
    } else {
        assert_int_equal(spmm_threads_new(thread_count, &threads), OK);
        assert_int_equal(spmm_run_threads(&p->call, threads), OK);
    }
    uint32_t *values = read_output(p, output.data);
    guarded_clear(&output);
    return values;
}

/* ---- the textbook ------------------------------------------------------ */

static int32_t textbook_sum(const struct problem *p, int64_t m, int64_t n)
{
    int64_t sum = p->call.post.bias != NULL ? p->call.post.bias[m] : 0;
    for (int64_t k = 0; k < p->k_count; k++) {
        sum += (int64_t)p->values[m * p->k_count + k] *
               p->tokens[n * p->k_count + k];
    }
    return (int32_t)(uint32_t)(uint64_t)sum;
}

/* A sum or product of two floats in double, rounded to float, is the float
 * operation: 53 >= 2 * 24 + 2. */
static float textbook_real(const struct problem *p, int64_t m, int64_t n)
{
    const struct spmm_post *post = &p->call.post;
    double scale = post->scale != NULL ? (double)post->scale[m] : 1.0;
    float x = (float)((double)(float)textbook_sum(p, m, n) * scale);
    if (post->residual != NULL) {
        x = (float)((double)x + (double)p->residuals[m * p->token_count + n]);
    }
    return post->function == SPMM_RELU && !(x > 0) ? 0.0f : x;
}

static uint32_t textbook_value(const struct problem *p, int64_t m, int64_t n)
{
    const struct spmm_post *post = &p->call.post;
    if (post->output == SPMM_S32) {
        return (uint32_t)textbook_sum(p, m, n);
    }
    float x = textbook_real(p, m, n);
    if (post->output == SPMM_F32) {
        uint32_t bits = 0;
        memcpy(&bits, &x, sizeof bits);
        return bits;
    }
    double low = post->output == SPMM_U8 ? 0 : -128;
    float y = (float)((double)x * (double)post->output_scale);
    double z = nearbyint((double)y) + post->zero_point;
    return (uint8_t)(int)fmin(fmax(z, low), low + 255);
}

static void assert_same(const struct problem *p, int64_t number,
                        const uint32_t *values, const uint32_t *expected,
                        const char *what)
{
    for (int64_t i = 0; i < p->row_count * p->token_count; i++) {
        if (values[i] != expected[i]) {
            fail_msg("problem %lld (pattern %d, %lld x %lld x %lld, output %d, "
                     "function %d, layout %d): %s: element %lld is %08x, "
                     "not %08x",
                     (long long)number, (int)p->pattern,
                     (long long)p->row_count, (long long)p->k_count,
                     (long long)p->token_count, (int)p->call.post.output,
                     (int)p->call.post.function, (int)p->call.post.layout, what,
                     (long long)i, values[i], expected[i]);
        }
    }
}

static void check_problem(int64_t number)
{
    struct problem p;
    problem_init(&p, number);
    g_autofree uint32_t *portable = run_problem(&p, SPMM_PORTABLE, 0);
    if (p.call.post.function != SPMM_GELU) {
        g_autofree uint32_t *textbook =
            g_new0(uint32_t, p.row_count * p.token_count + 1);
        for (int64_t i = 0; i < p.row_count * p.token_count; i++) {
            textbook[i] =
                textbook_value(&p, i / p.token_count, i % p.token_count);
        }
        assert_same(&p, number, portable, textbook, "portable");
    }
    if (spmm_has_path(SPMM_AVX512_VNNI)) {
        g_autofree uint32_t *vnni = run_problem(&p, SPMM_AVX512_VNNI, 0);
        assert_same(&p, number, vnni, portable, "avx512-vnni");
        g_autofree uint32_t *keep = run_problem(&p, SPMM_AVX512_VNNI_KEEP, 0);
        assert_same(&p, number, keep, portable, "avx512-vnni-keep");
    }
    if (number % 10 < 5) {
        int count = (int)(1 + number / 10 % 5);
        g_autofree uint32_t *shared = run_problem(&p, SPMM_AUTO, count);
        assert_same(&p, number, shared, portable, "threads");
    }
    problem_clear(&p);
}

static void test_every_path_gives_the_bits_of_the_textbook(void **state)
{
    (void)state;
    for (int64_t number = 0; number < problem_count(); number++) {
        check_problem(number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_path_gives_the_bits_of_the_textbook),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
