/* Random products of fp32 and bfloat16 in every pattern: every path gives the
 * bits of the portable one (which NaN aside), and the portable one those of the
 * rules of spmm.h, step by step in 113 bits. A page that cannot be touched follows
 * every buffer. WEIR_RANDOM_SPMM_COUNT sets the number of problems. */
#define _DEFAULT_SOURCE
#include "tests/spmm_fixture.h"

#include <float.h>
#include <math.h>

#define PROBLEMS 400

__extension__ typedef __float128 wide_real;

struct problem {
    uint64_t seed;
    enum spmm_pattern pattern;
    enum spmm_element element;
    bool has_strange_values; /* infinite, subnormal, not a number */
    int64_t row_count, k_count, token_count;
    float *values, *tokens, *residuals; /* bfloat16 rounded into floats */
    struct guarded_weight weight;
    struct guarded panels, bias, scale, residual;
    struct spmm_call call;
};

static int64_t problem_count(void)
{
    const char *text = getenv("WEIR_RANDOM_SPMM_COUNT");
    return text != NULL ? g_ascii_strtoll(text, NULL, 10) : PROBLEMS;
}

static uint32_t bits_of(float x)
{
    uint32_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* A value of `element`; usual ones within few powers of two, so that sums round
 * and cancel. */
static float random_value(struct problem *p, enum spmm_element element)
{
    uint64_t word = spmm_random(&p->seed);
    uint32_t exponent = 120 + (uint32_t)(word >> 40) % 12;
    uint32_t bits = ((uint32_t)word & UINT32_C(0x807fffff)) | exponent << 23;
    if (p->has_strange_values && (word >> 60) == 0) {
        bits = (uint32_t)word; /* any */
    } else if (p->has_strange_values && (word >> 60) < 6) {
        bits = ((uint32_t)word & UINT32_C(0x807fffff)) |
               (uint32_t)((word >> 40) % 70) << 23; /* products underflow */
    }
    return float_of(element == SPMM_BF16 ? bits & UINT32_C(0xffff0000) : bits);
}

static int64_t random_extent(uint64_t *seed, int64_t unit, int64_t limit)
{
    int64_t kind = spmm_random_below(seed, 8);
    int64_t any = spmm_random_below(seed, limit);
    int64_t near = any / unit * unit + spmm_random_below(seed, 3) - 1;
    return kind == 0 ? any % 4 : kind <= 2 ? MAX(near, 0) : any;
}

static void fill_values(struct problem *p)
{
    static const int64_t kept_percent[] = {0, 5, 10, 20, 30, 50, 100};
    int64_t kept = kept_percent[spmm_random_below(&p->seed, 7)];
    g_autofree int8_t *shape = g_new0(int8_t, p->row_count * p->k_count + 1);
    p->values = g_new0(float, p->row_count * p->k_count + 1);
    p->tokens = g_new0(float, p->token_count * p->k_count + 1);
    spmm_fill_weight(&p->seed, p->pattern, p->row_count, p->k_count, kept,
                     shape);
    for (int64_t i = 0; i < p->row_count * p->k_count; i++) {
        p->values[i] = shape[i] != 0 ? random_value(p, p->element) : 0.0f;
    }
    for (int64_t i = 0; i < p->token_count * p->k_count; i++) {
        p->tokens[i] = random_value(p, p->element);
    }
}

/* As the library takes them: halves of bfloat16. */
static void *values_of(const struct problem *p, const float *from,
                       int64_t count)
{
    float *copy = g_new0(float, count + 1);
    uint16_t *halves = (uint16_t *)(void *)copy;
    for (int64_t i = 0; i < count; i++) {
        if (p->element == SPMM_BF16) {
            halves[i] = (uint16_t)(bits_of(from[i]) >> 16);
        } else {
            copy[i] = from[i];
        }
    }
    return copy;
}

static void make_weight(struct problem *p)
{
    g_autofree void *values =
        values_of(p, p->values, p->row_count * p->k_count);
    struct spmm_dense dense = {p->element, p->row_count, p->k_count, p->k_count,
                               values};
    struct spmm_weight *weight = NULL;
    assert_int_equal(spmm_weight_new_dense(&dense, p->pattern, &weight), OK);
    guarded_weight_init(&p->weight, weight);
    g_autofree void *tokens =
        values_of(p, p->tokens, p->token_count * p->k_count);
    struct spmm_tokens in = {p->element, p->k_count, p->token_count, p->k_count,
                             tokens};
    p->panels =
        guarded_new(spmm_panel_elements(p->k_count, p->token_count, SPMM_LINES),
                    (size_t)spmm_element_bytes(p->element));
    spmm_panels_from_tokens(&in, SPMM_LINES, p->panels.data);
}

static void make_post(struct problem *p)
{
    static const enum spmm_element outputs[] = {SPMM_F32, SPMM_BF16, SPMM_F32,
                                                SPMM_U8, SPMM_S8};
    struct spmm_post *post = &p->call.post;
    uint64_t *seed = &p->seed;
    post->output = outputs[spmm_random_below(seed, 5)];
    if (spmm_random_below(seed, 3) == 0) {
        return; /* sums as they are */
    }
    post->real_bias = spmm_random_below(seed, 2) ? p->bias.data : NULL;
    post->scale = spmm_random_below(seed, 2) ? p->scale.data : NULL;
    post->residual = spmm_random_below(seed, 2) ? p->residual.data : NULL;
    post->function = (enum spmm_function)spmm_random_below(seed, 3);
    if (post->output == SPMM_U8 || post->output == SPMM_S8) {
        post->layout = (enum spmm_layout)spmm_random_below(seed, 2);
        post->output_scale = 5;
        post->zero_point = (int32_t)spmm_random_below(seed, 100);
    }
}

static void problem_init(struct problem *p, int64_t number)
{
    *p = (struct problem){
        .seed = (uint64_t)number * 7919 + 5,
        .pattern = (enum spmm_pattern)(number % 5),
        .element = number / 5 % 2 == 0 ? SPMM_F32 : SPMM_BF16,
    };
    uint64_t *seed = &p->seed;
    p->has_strange_values = spmm_random_below(seed, 3) == 0;
    p->row_count = random_extent(seed, 16, 70);
    p->k_count = random_extent(seed, 4, spmm_random_below(seed, 8) ? 60 : 300);
    p->token_count = random_extent(seed, 16, 140);
    fill_values(p);
    make_weight(p);
    p->bias = guarded_new(p->row_count, 4);
    p->scale = guarded_new(p->row_count, 4);
    p->residual = guarded_new(
        spmm_panel_elements(p->row_count, p->token_count, SPMM_LINES), 4);
    p->residuals = g_new0(float, p->row_count * p->token_count + 1);
    for (int64_t m = 0; m < p->row_count; m++) {
        ((float *)p->bias.data)[m] = random_value(p, SPMM_F32);
        ((float *)p->scale.data)[m] = random_value(p, SPMM_F32);
        for (int64_t n = 0; n < p->token_count; n++) {
            float x = random_value(p, SPMM_F32);
            p->residuals[m * p->token_count + n] = x;
            ((float *)
                 p->residual.data)[(n / 64 * p->row_count + m) * 64 + n % 64] =
                x;
        }
    }
    p->call = (struct spmm_call){.weight = p->weight.weight,
                                 .activations = p->panels.data,
                                 .token_count = p->token_count};
    make_post(p);
}

static void problem_clear(struct problem *p)
{
    guarded_weight_clear(&p->weight);
    guarded_clear(&p->panels);
    guarded_clear(&p->bias);
    guarded_clear(&p->scale);
    guarded_clear(&p->residual);
    g_free(p->values);
    g_free(p->tokens);
    g_free(p->residuals);
}

/* D, row-major, bits in 32. */
static uint32_t *run_problem(struct problem *p, enum spmm_path path)
{
    const struct spmm_post *post = &p->call.post;
    enum spmm_element element = post->output;
    int64_t count = p->row_count * p->token_count;
    struct guarded output = guarded_new(
        spmm_panel_elements(p->row_count, p->token_count, post->layout),
        (size_t)spmm_element_bytes(element));
    p->call.output = output.data;
    p->call.path = path;
    assert_int_equal(spmm_run(&p->call), OK);
    g_autofree uint32_t *tokens = g_new0(uint32_t, count + 1);
    struct spmm_tokens back = {element, p->row_count, p->token_count,
                               p->row_count, tokens};
    spmm_tokens_from_panels(output.data, post->layout, &back);
    uint32_t *values = g_new0(uint32_t, count + 1);
    for (int64_t i = 0; i < count; i++) {
        int64_t from = i % p->token_count * p->row_count + i / p->token_count;
        int64_t bytes = spmm_element_bytes(element);
        values[i] = bytes == 1   ? ((const uint8_t *)tokens)[from]
                    : bytes == 2 ? ((const uint16_t *)tokens)[from]
                                 : tokens[from];
    }
    guarded_clear(&output);
    return values;
}

/* ---- the rules, step by step ------------------------------------------- */

/* a * b + c with one rounding: 113 bits hold it exactly, but for exponents so
 * far apart that the smaller one cannot matter. */
static float fma_once(float a, float b, float c)
{
    return (float)((wide_real)a * (wide_real)b + (wide_real)c);
}

/* Whether row group of `m` keeps input k. */
static bool is_kept(const struct problem *p, int64_t m, int64_t k)
{
    int64_t rows = spmm_block_rows(p->pattern);
    int64_t columns = spmm_block_columns(p->pattern);
    int64_t row = m / rows * rows, column = k / columns * columns;
    for (int64_t i = row; i < MIN(row + rows, p->row_count); i++) {
        for (int64_t j = column; j < MIN(column + columns, p->k_count); j++) {
            float x = p->values[i * p->k_count + j];
            if (x < 0 || x > 0 || isnan(x)) {
                return true;
            }
        }
    }
    return false;
}

static float textbook(const struct problem *p, int64_t m, int64_t n)
{
    const struct spmm_post *post = &p->call.post;
    float x = 0;
    for (int64_t k = 0; k < p->k_count; k++) {
        if (is_kept(p, m, k)) {
            x = fma_once(p->values[m * p->k_count + k],
                         p->tokens[n * p->k_count + k], x);
        }
    }
    if (post->real_bias != NULL) {
        x = (float)((double)x + (double)post->real_bias[m]);
    }
    if (post->scale != NULL) {
        x = (float)((double)x * (double)post->scale[m]);
    }
    if (post->residual != NULL) {
        x = (float)((double)x + (double)p->residuals[m * p->token_count + n]);
    }
    return post->function == SPMM_RELU && !(x > 0) ? 0.0f : x;
}

static bool is_same(const struct problem *p, uint32_t got, uint32_t expected)
{
    switch (p->call.post.output) {
    case SPMM_F32:
        return got == expected ||
               (isnan(float_of(got)) && isnan(float_of(expected)));
    case SPMM_BF16:
        return got == expected ||
               (isnan(float_of(got << 16)) && isnan(float_of(expected << 16)));
    case SPMM_U8:
    case SPMM_S8:
    case SPMM_S32:
        break;
    }
    return got == expected;
}

static void assert_same(const struct problem *p, int64_t number,
                        const uint32_t *values, const uint32_t *expected,
                        const char *what)
{
    for (int64_t i = 0; i < p->row_count * p->token_count; i++) {
        if (!is_same(p, values[i], expected[i])) {
            fail_msg("problem %lld (pattern %d, element %d, %lld x %lld x "
                     "%lld, output %d, function %d): %s: element %lld is "
                     "%08x, not %08x",
                     (long long)number, (int)p->pattern, (int)p->element,
                     (long long)p->row_count, (long long)p->k_count,
                     (long long)p->token_count, (int)p->call.post.output,
                     (int)p->call.post.function, what, (long long)i, values[i],
                     expected[i]);
        }
    }
}

/* Of results that are floats; the two halves of this file meet in them. */
static void check_textbook(const struct problem *p, int64_t number,
                           const uint32_t *portable)
{
    enum spmm_element output = p->call.post.output;
    if (p->call.post.function == SPMM_GELU || p->has_strange_values ||
        (output != SPMM_F32 && output != SPMM_BF16)) {
        return;
    }
    int64_t count = p->row_count * p->token_count;
    g_autofree uint32_t *expected = g_new0(uint32_t, count + 1);
    for (int64_t i = 0; i < count; i++) {
        float x = textbook(p, i / p->token_count, i % p->token_count);
        uint32_t bits = bits_of(x);
        if (output ==
            SPMM_BF16) { /* nearest of the two neighbours, ties even */
            uint32_t below = bits & UINT32_C(0xffff0000);
            uint32_t above = below + UINT32_C(0x10000);
            double down = fabs((double)x - (double)float_of(below));
            double up = fabs((double)float_of(above) - (double)x);
            bool is_up = up < down || (up <= down && (below >> 16 & 1));
            bits = (is_up ? above : below) >> 16;
        }
        expected[i] = bits;
    }
    assert_same(p, number, portable, expected, "portable");
}

static void check_problem(int64_t number)
{
    struct problem p;
    problem_init(&p, number);
    g_autofree uint32_t *portable = run_problem(&p, SPMM_PORTABLE);
    check_textbook(&p, number, portable);
    g_autofree uint32_t *automatic = run_problem(&p, SPMM_AUTO);
    assert_same(&p, number, automatic, portable, "auto");
    if (spmm_has_path(SPMM_AVX512)) {
        g_autofree uint32_t *avx = run_problem(&p, SPMM_AVX512);
        assert_same(&p, number, avx, portable, "avx512");
    }
    if (p.element == SPMM_BF16 && spmm_has_path(SPMM_AVX512_BF16)) {
        g_autofree uint32_t *bf16 = run_problem(&p, SPMM_AVX512_BF16);
        assert_same(&p, number, bf16, portable, "avx512-bf16");
    }
    problem_clear(&p);
}

static void test_every_path_gives_the_bits_of_the_rules(void **state)
{
    (void)state;
    for (int64_t number = 0; number < problem_count(); number++) {
        check_problem(number);
    }
}

/* Sums that underflow: what bfloat16 flushes, and fp32 keeps. */
static void test_subnormal_sums_of_bfloat16_are_zero(void **state)
{
    (void)state;
    static const uint32_t factors[][3] = {
        /* value, activation, sum in fp32 */
        {0x20000000, 0x1f000000, 0x00200000}, /* 2^-63 * 2^-65 = 2^-128 */
        {0xa0000000, 0x1f000000, 0x80200000},
        {0x20000000, 0x20000000, 0x00800000}, /* 2^-126: normal */
        {0x00400000, 0x3f800000, 0x00400000}, /* a subnormal operand */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(factors); i++) {
        bool is_small = (factors[i][2] & 0x7f800000) == 0;
        for (int path = SPMM_PORTABLE; path <= SPMM_AVX512_BF16; path++) {
            for (int half = 0; half < 2; half++) {
                enum spmm_element element = half ? SPMM_BF16 : SPMM_F32;
                uint16_t upper[] = {(uint16_t)(factors[i][0] >> 16),
                                    (uint16_t)(factors[i][1] >> 16)};
                struct spmm_dense dense = {
                    element, 1, 1, 1, half ? (const void *)upper : factors[i]};
                struct spmm_tokens tokens = {
                    element, 1, 1, 1,
                    half ? (void *)(upper + 1)
                         : (void *)(uintptr_t)(factors[i] + 1)};
                AUTO(spmm_weight) weight = NULL;
                float panel[64], out[64];
                assert_int_equal(
                    spmm_weight_new_dense(&dense, SPMM_4X1, &weight), OK);
                spmm_panels_from_tokens(&tokens, SPMM_LINES, panel);
                struct spmm_call call = {.weight = weight,
                                         .activations = panel,
                                         .token_count = 1,
                                         .post = {.output = SPMM_F32},
                                         .output = out,
                                         .path = (enum spmm_path)path};
                enum status status = spmm_run(&call);
                if (status != OK) { /* not of this element, or not here */
                    continue;
                }
                /* The sum starts as +0 and -x flushed is -0; then comes +0. */
                uint32_t kept = half && is_small ? 0 : factors[i][2];
                assert_int_equal(bits_of(out[0]), kept);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_path_gives_the_bits_of_the_rules),
        cmocka_unit_test(test_subnormal_sums_of_bfloat16_are_zero),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
