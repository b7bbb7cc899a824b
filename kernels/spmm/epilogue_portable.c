/* What follows the sum, in plain C, one value at a time: the meaning of the
 * vector epilogue, which does the same operations in the same order. */
#include "kernels/spmm/block.h"

#include <math.h>
#include <string.h>

/* e^x for x in [EXP_LOW, EXP_HIGH]: x = n ln 2 + r, a Taylor polynomial in r by
 * Horner with fma, then 2^n added to the exponent. */
static float exponential(float x)
{
    float n = rintf(x * EXP_LOG2E);
    float r = fmaf(-n, EXP_LN2_LOW, fmaf(-n, EXP_LN2_HIGH, x));
    float sum = EXP_C7;
    sum = fmaf(sum, r, EXP_C6);
    sum = fmaf(sum, r, EXP_C5);
    sum = fmaf(sum, r, EXP_C4);
    sum = fmaf(sum, r, EXP_C3);
    sum = fmaf(sum, r, EXP_C2);
    sum = fmaf(sum, r, 1.0f);
    sum = fmaf(sum, r, 1.0f);
    uint32_t bits = 0;
    memcpy(&bits, &sum, sizeof bits);
    bits += (uint32_t)(int32_t)n << 23;
    memcpy(&sum, &bits, sizeof bits);
    return sum;
}

/* Comparisons as vminps and vmaxps do them: the second operand on NaN. */
static float least(float a, float b)
{
    return a < b ? a : b;
}

static float greatest(float a, float b)
{
    return a > b ? a : b;
}

/* x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3). */
static float gelu(float x)
{
    float inner = fmaf(GELU_CUBE * (x * x), x, x);
    float power = least(greatest(inner * GELU_FACTOR, EXP_LOW), EXP_HIGH);
    return x / (1.0f + exponential(power));
}

static float apply(enum spmm_function function, float x)
{
    switch (function) {
    case SPMM_LINEAR:
        return x;
    case SPMM_RELU:
        return greatest(x, 0.0f);
    case SPMM_GELU:
        return gelu(x);
    }
    BUG("function %d", (int)function);
}

static uint8_t quantise(const struct spmm_post *post, float x)
{
    float low = post->output == SPMM_U8 ? 0.0f : -128.0f;
    float zero = (float)post->zero_point;
    float y = greatest(x * post->output_scale, low - zero);
    y = least(y, low + 255.0f - zero);
    return (uint8_t)((int32_t)rintf(y) + post->zero_point);
}

/* Where byte (row, token) of D stands. */
static uint8_t *byte_of(const struct spmm_call *call, int64_t row,
                        int64_t panel_index, int64_t t)
{
    enum spmm_layout layout = call->post.layout;
    int64_t rows = spmm_padded_rows(call->weight->row_count, layout);
    uint8_t *panel = (uint8_t *)call->output + panel_index * rows * SPMM_PANEL;
    return layout == SPMM_QUADS
               ? panel + row / 4 * 4 * SPMM_PANEL + 4 * t + row % 4
               : panel + row * SPMM_PANEL + spmm_line_position(t);
}

/* The sum of 32 bits with its bias, in S8 products. */
static int32_t whole_value(const struct spmm_post *post, int64_t row,
                           int32_t sum)
{
    uint32_t bias = post->bias != NULL ? (uint32_t)post->bias[row] : 0;
    return (int32_t)((uint32_t)sum + bias);
}

/* x of step 2 for element `t` of a row of a tile. */
static float first_value(const struct spmm_call *call, int64_t row,
                         const void *sums, int64_t t)
{
    const struct spmm_post *post = &call->post;
    if (call->weight->element == SPMM_S8) {
        return (float)whole_value(post, row, ((const int32_t *)sums)[t]);
    }
    float x = ((const float *)sums)[t];
    return post->real_bias != NULL ? x + post->real_bias[row] : x;
}

/* Rounded to nearest even; a NaN stays one. */
static uint16_t half_of(float x)
{
    uint32_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    if (isnan(x)) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The store of step 5. */
static void store_value(const struct spmm_call *call, int64_t row,
                        int64_t panel_index, int64_t t, float x)
{
    int64_t line = (panel_index * call->weight->row_count + row) * SPMM_PANEL;
    switch (call->post.output) {
    case SPMM_F32:
        ((float *)call->output)[line + t] = x;
        return;
    case SPMM_BF16:
        ((uint16_t *)call->output)[line + spmm_bf16_position(t)] = half_of(x);
        return;
    case SPMM_U8:
    case SPMM_S8:
        *byte_of(call, row, panel_index, t) = quantise(&call->post, x);
        return;
    case SPMM_S32:
        break;
    }
    BUG("output %d", (int)call->post.output);
}

static void finish_row(const struct spmm_call *call, int64_t row,
                       int64_t panel_index, int64_t token_count,
                       const void *sums)
{
    const struct spmm_post *post = &call->post;
    int64_t at = (panel_index * call->weight->row_count + row) * SPMM_PANEL;
    float scale = post->scale != NULL ? post->scale[row] : 1.0f;
    for (int64_t t = 0; t < token_count; t++) {
        if (post->output == SPMM_S32) {
            ((int32_t *)call->output)[at + t] =
                whole_value(post, row, ((const int32_t *)sums)[t]);
            continue;
        }
        float x = first_value(call, row, sums, t) * scale;
        if (post->residual != NULL) {
            x += post->residual[at + t];
        }
        store_value(call, row, panel_index, t, apply(post->function, x));
    }
}

void spmm_finish_portable(const struct spmm_call *call, int64_t row,
                          int64_t row_count, int64_t panel_index, int vectors,
                          const void *tile)
{
    int64_t real_rows = call->weight->row_count;
    int64_t token_count = 16 * (int64_t)vectors;
    int64_t padded_rows = spmm_padded_rows(real_rows, call->post.layout);
    for (int64_t m = row; m < row + row_count && m < padded_rows; m++) {
        if (m < real_rows) {
            finish_row(call, m, panel_index, token_count,
                       (const char *)tile + (m - row) * SPMM_PANEL * 4);
            continue;
        }
        for (int64_t t = 0; t < token_count; t++) {
            *byte_of(call, m, panel_index, t) = 0;
        }
    }
}
