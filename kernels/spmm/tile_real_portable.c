/* Sums of reals of a tile in plain C: the meaning of the FMA and bfloat16 paths.
 * fp32 follows IEEE 754; bfloat16 the instruction vdpbf16ps, which rounds each of
 * its two steps and knows no subnormal numbers. */
#include "kernels/spmm/block.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define SCALE 0x1p64f /* lifts what is near FLT_MIN far above it */

static float flush(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0.0f, x) : x;
}

static float real_of(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float x = 0;
    memcpy(&x, &bits, sizeof x);
    return flush(x);
}

/* fma as a unit without subnormal numbers has it: what is below FLT_MIN when
 * rounded as if exponents had no end becomes zero. Near FLT_MIN that rounding
 * is not fmaf's, whose result has fewer bits there, so it is done again with
 * operands lifted by a power of two. */
static float fma_flushed(float a, float b, float sum)
{
    float result = fmaf(a, b, sum);
    if (!(fabsf(result) <= FLT_MIN)) {
        return result;
    }
    float lifted = fmaf(a * SCALE, b, sum * SCALE);
    if (fabsf(lifted) < FLT_MIN * SCALE) {
        return copysignf(0.0f, result);
    }
    return result;
}

/* What is added to one row of a tile. */
static void add_line(const float *line, float value, int64_t token_count,
                     float *sums)
{
    for (int64_t t = 0; t < token_count; t++) {
        sums[t] = fmaf(value, line[t], sums[t]);
    }
}

/* `line` NULL: zeros. */
static void add_half_line(const uint16_t *line, float value,
                          int64_t token_count, float *sums)
{
    for (int64_t t = 0; t < token_count; t++) {
        float activation =
            line != NULL ? real_of(line[spmm_bf16_position(t)]) : 0.0f;
        sums[t] = fma_flushed(value, activation, sums[t]);
    }
}

static void add_group(const struct spmm_weight *weight, int64_t group,
                      const void *panel, int64_t token_count, float *tile)
{
    int64_t lanes = weight->lane_count, rows = weight->group_rows;
    const uint32_t *offsets = weight->offsets + group * lanes;
    for (int64_t r = 0; r < rows; r++) {
        float *sums = tile + r * SPMM_PANEL;
        int64_t at = (group * rows + r) * lanes;
        if (weight->element == SPMM_F32) {
            const char *line = (const char *)panel + *offsets;
            add_line((const float *)(const void *)line,
                     ((const float *)weight->values)[at], token_count, sums);
            continue;
        }
        const uint16_t *values = (const uint16_t *)weight->values + at;
        for (int lane = 0; lane < 2; lane++) {
            const char *line = (const char *)panel + offsets[lane];
            add_half_line(offsets[lane] == NO_LINE
                              ? NULL
                              : (const uint16_t *)(const void *)line,
                          real_of(values[1 - lane]), token_count, sums);
        }
    }
}

void spmm_tile_real_portable(const struct spmm_weight *weight, int64_t row,
                             const void *panel, int vectors, void *tile)
{
    float *sums = tile;
    for (int64_t i = 0; i < weight->tile_rows * SPMM_PANEL; i++) {
        sums[i] = 0;
    }
    for (int64_t r = 0; r < weight->tile_rows; r += weight->group_rows) {
        int64_t group = (row + r) / weight->group_rows;
        if (group >= weight->row_group_count) {
            break;
        }
        for (int64_t g = weight->first[group]; g < weight->first[group + 1];
             g++) {
            add_group(weight, g, panel, 16 * (int64_t)vectors,
                      sums + r * SPMM_PANEL);
        }
    }
}
