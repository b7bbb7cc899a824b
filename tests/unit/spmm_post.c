/* What follows the sum: options that exclude each other, accuracy of GELU,
 * rounding, saturation, and layers that feed each other. A weight without inputs
 * sums to 0, so that the residual is the value under test. */
#define _DEFAULT_SOURCE
#include "tests/spmm_fixture.h"

#include <math.h>

static struct spmm_weight *new_empty_weight(int64_t rows)
{
    struct spmm_weight *weight = NULL;
    int8_t none = 0;
    assert_int_equal(spmm_new_bytes(&none, rows, 0, SPMM_4X1, &weight), OK);
    return weight;
}

static void test_options_that_exclude_each_other_are_refused(void **state)
{
    (void)state;
    AUTO(spmm_weight) weight = new_empty_weight(1);
    float real = 1;
    const struct spmm_post wrong[] = {
        {.output = SPMM_S32, .scale = &real},
        {.output = SPMM_S32, .residual = &real},
        {.output = SPMM_S32, .function = SPMM_RELU},
        {.output = SPMM_S32, .layout = SPMM_QUADS},
        {.output = SPMM_F32, .layout = SPMM_QUADS},
        {.output = SPMM_BF16, .layout = SPMM_QUADS},
        {.output = SPMM_F32, .real_bias = &real},
        {.output = SPMM_U8, .output_scale = NAN},
        {.output = SPMM_U8, .output_scale = 1, .zero_point = 256},
        {.output = SPMM_U8, .output_scale = 1, .zero_point = -1},
        {.output = SPMM_S8, .output_scale = 1, .zero_point = 128},
        {.output = SPMM_S8, .output_scale = 1, .zero_point = -129},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        struct spmm_call call = {.weight = weight, .post = wrong[i]};
        assert_int_equal(spmm_run(&call), ERR_INPUT);
    }
    struct spmm_call call = {.weight = weight, .token_count = -1};
    assert_int_equal(spmm_run(&call), ERR_INPUT);
    struct spmm_call other = {.weight = weight, .path = SPMM_AVX512};
    assert_int_equal(spmm_run(&other), ERR_INPUT);
    call.token_count = 0;
    assert_int_equal(spmm_run(&call), OK);
}

static void test_options_of_bytes_are_refused_for_reals(void **state)
{
    (void)state;
    static const float values[] = {1};
    struct spmm_dense dense = {SPMM_F32, 1, 1, 1, values};
    AUTO(spmm_weight) weight = NULL;
    assert_int_equal(spmm_weight_new_dense(&dense, SPMM_4X1, &weight), OK);
    int32_t bias = 1;
    struct spmm_call call = {.weight = weight};
    assert_int_equal(spmm_run(&call), ERR_INPUT); /* s32 */
    call.post = (struct spmm_post){.output = SPMM_F32, .bias = &bias};
    assert_int_equal(spmm_run(&call), ERR_INPUT);
    call.post.bias = NULL;
    assert_int_equal(spmm_run(&call), OK); /* no tokens */
    call.path = SPMM_AVX512_VNNI;
    assert_int_equal(spmm_run(&call), ERR_INPUT);
    call.path = SPMM_AVX512_BF16;
    assert_int_equal(spmm_run(&call), ERR_INPUT);
}

static void test_gelu_is_near_its_formula_on_every_path(void **state)
{
    (void)state;
    enum { ROWS = 64, TOKENS = 512, COUNT = ROWS * TOKENS };
    AUTO(spmm_weight) weight = new_empty_weight(ROWS);
    g_autofree float *in = g_new0(float, COUNT);
    g_autofree float *out = g_new0(float, COUNT);
    for (int i = 0; i < COUNT; i++) {
        in[i] = (float)(i - COUNT / 2) * (24.0f / COUNT);
    }
    for (int path = SPMM_PORTABLE; path <= SPMM_AVX512_VNNI; path++) {
        if (!spmm_has_path((enum spmm_path)path)) {
            continue;
        }
        struct spmm_call call = {
            .weight = weight,
            .token_count = TOKENS,
            .post = {.residual = in, .function = SPMM_GELU, .output = SPMM_F32},
            .output = out,
            .path = (enum spmm_path)path,
        };
        assert_int_equal(spmm_run(&call), OK);
        for (int i = 0; i < COUNT; i++) {
            double x = (double)in[i];
            double u =
                sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
            double error = fabs((double)out[i] - 0.5 * x * (1 + tanh(u)));
            double erf_form = 0.5 * x * (1 + erf(x / sqrt(2)));
            assert_true(error <= 5e-7 * fmax(1, fabs(x)));
            assert_true(fabs((double)out[i] - erf_form) < 5e-4);
        }
    }
}

static void test_bytes_round_to_even_and_saturate(void **state)
{
    (void)state;
    AUTO(spmm_weight) weight = new_empty_weight(1);
    float in[64] = {0.5f,   1.5f,    2.5f,   -0.5f,  -1.5f, 254.5f, 255.5f,
                    300.0f, -300.0f, 127.5f, 128.0f, 1e30f, -1e30f, NAN};
    static const uint8_t u8[] = {0,   2, 2,   0,   0,   254, 255,
                                 255, 0, 128, 128, 255, 0,   0};
    static const int8_t s8[] = {0,   2,    2,   0,   -2,  127,  127,
                                127, -128, 127, 127, 127, -128, -128};
    /* With zero points 10 and -10. */
    static const uint8_t u8_shifted[] = {10,  12, 12,  10,  8,   255, 255,
                                         255, 0,  138, 138, 255, 0,   0};
    static const int8_t s8_shifted[] = {-10, -8,   -8,  -10, -12, 127,  127,
                                        127, -128, 118, 118, 127, -128, -128};
    const void *expected[] = {u8, u8_shifted, s8, s8_shifted};
    for (int i = 0; i < 4 * SPMM_AVX512_VNNI_KEEP; i++) {
        enum spmm_path path = (enum spmm_path)(1 + i / 4);
        bool is_signed = i % 4 >= 2;
        uint8_t out[64], tokens[64];
        struct spmm_call call = {
            .weight = weight,
            .token_count = 14,
            .post = {.residual = in,
                     .output = is_signed ? SPMM_S8 : SPMM_U8,
                     .output_scale = 1,
                     .zero_point = i % 2 == 0  ? 0
                                   : is_signed ? -10
                                               : 10},
            .output = out,
            .path = path,
        };
        if (spmm_has_path(path)) {
            assert_int_equal(spmm_run(&call), OK);
            struct spmm_tokens back = spmm_byte_tokens(tokens, 1, 14);
            spmm_tokens_from_panels(out, SPMM_LINES, &back);
            assert_memory_equal(tokens, expected[i % 4], 14);
        }
    }
}

/* Plain: hidden = clamp(rne(W x)), for the chain below. */
static void layer(const int8_t *values, int64_t rows, int64_t inputs,
                  float scale, const uint8_t *in, uint8_t *out)
{
    for (int64_t m = 0; m < rows; m++) {
        int32_t sum = 0;
        for (int64_t k = 0; k < inputs; k++) {
            sum += values[m * inputs + k] * in[k];
        }
        out[m] =
            (uint8_t)fmin(fmax(rint((double)((float)sum * scale)), 0), 255);
    }
}

static void test_bytes_of_one_layer_are_activations_of_the_next(void **state)
{
    (void)state;
    enum { INPUTS = 33, HIDDEN = 45, OUTPUTS = 22, TOKENS = 70 };
    int8_t up[HIDDEN * INPUTS], down[OUTPUTS * HIDDEN];
    uint8_t tokens[TOKENS * INPUTS], result[TOKENS * OUTPUTS];
    uint8_t first[128 * 64], second[128 * 64], third[128 * 64];
    float scale[HIDDEN];
    uint64_t seed = 11;
    for (int m = 0; m < HIDDEN; m++) {
        scale[m] = 0.003f;
    }
    for (int p = 0; p < 5; p++) {
        enum spmm_pattern pattern = (enum spmm_pattern)p;
        enum spmm_layout layout = spmm_input_layout(pattern, SPMM_S8);
        AUTO(spmm_weight) upper = NULL;
        AUTO(spmm_weight) lower = NULL;
        spmm_fill_weight(&seed, pattern, HIDDEN, INPUTS, 50, up);
        spmm_fill_weight(&seed, pattern, OUTPUTS, HIDDEN, 50, down);
        spmm_fill_bytes(&seed, tokens, sizeof tokens);
        assert_int_equal(spmm_new_bytes(up, HIDDEN, INPUTS, pattern, &upper),
                         OK);
        assert_int_equal(spmm_new_bytes(down, OUTPUTS, HIDDEN, pattern, &lower),
                         OK);
        memset(second, 0xa5, sizeof second);
        struct spmm_tokens in = spmm_byte_tokens(tokens, INPUTS, TOKENS);
        spmm_panels_from_tokens(&in, layout, first);
        struct spmm_post post = {.scale = scale,
                                 .output = SPMM_U8,
                                 .layout = layout,
                                 .output_scale = 1};
        struct spmm_call calls[] = {
            {upper, first, TOKENS, post, second, SPMM_AUTO},
            {lower, second, TOKENS, post, third, SPMM_AUTO}};
        assert_int_equal(spmm_run(&calls[0]), OK);
        assert_int_equal(spmm_run(&calls[1]), OK);
        struct spmm_tokens back = spmm_byte_tokens(result, OUTPUTS, TOKENS);
        spmm_tokens_from_panels(third, layout, &back);
        for (int n = 0; n < TOKENS; n++) {
            uint8_t hidden[HIDDEN], expected[OUTPUTS];
            layer(up, HIDDEN, INPUTS, 0.003f, tokens + n * INPUTS, hidden);
            layer(down, OUTPUTS, HIDDEN, 0.003f, hidden, expected);
            assert_memory_equal(result + n * OUTPUTS, expected, OUTPUTS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_that_exclude_each_other_are_refused),
        cmocka_unit_test(test_options_of_bytes_are_refused_for_reals),
        cmocka_unit_test(test_gelu_is_near_its_formula_on_every_path),
        cmocka_unit_test(test_bytes_round_to_even_and_saturate),
        cmocka_unit_test(test_bytes_of_one_layer_are_activations_of_the_next),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
