/* What follows the sum, 16 values at a time: the operations of
 * epilogue_portable.c in its order. Four vectors of a row become one line of
 * bytes by the pack instructions, whose order within 128 bits is the order of
 * lines; four lines become quads by unpack instructions. */
#if defined(__x86_64__)

#include "kernels/spmm/block.h"

#if defined(__clang__)
#pragma clang attribute push(                                                  \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))),             \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl")
#endif
#include <immintrin.h>

#define INLINE  static inline __attribute__((always_inline))
#define NEAREST (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

INLINE __m512 exponential(__m512 x)
{
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(EXP_LOG2E)),
                                    NEAREST);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(EXP_LN2_HIGH), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(EXP_LN2_LOW), r);
    __m512 sum = _mm512_set1_ps(EXP_C7);
    sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(EXP_C6));
    sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(EXP_C5));
    sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(EXP_C4));
    sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(EXP_C3));
    sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(EXP_C2));
    sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(1.0f));
    sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(1.0f));
    __m512i power = _mm512_slli_epi32(_mm512_cvtps_epi32(n), 23);
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(sum), power));
}

INLINE __m512 gelu(__m512 x)
{
    __m512 cube = _mm512_mul_ps(_mm512_set1_ps(GELU_CUBE), _mm512_mul_ps(x, x));
    __m512 inner = _mm512_fmadd_ps(cube, x, x);
    __m512 power = _mm512_mul_ps(inner, _mm512_set1_ps(GELU_FACTOR));
    power = _mm512_max_ps(power, _mm512_set1_ps(EXP_LOW));
    power = _mm512_min_ps(power, _mm512_set1_ps(EXP_HIGH));
    __m512 below = _mm512_add_ps(_mm512_set1_ps(1.0f), exponential(power));
    return _mm512_div_ps(x, below);
}

/* What does not change along a row. */
struct row {
    const struct spmm_post *post;
    bool is_real; /* the tile holds floats */
    bool has_real_bias;
    __m512i bias;
    __m512 real_bias;
    __m512 scale;
    const float *residual; /* of the row in this panel, or NULL */
};

INLINE struct row row_of(const struct spmm_call *call, int64_t row,
                         int64_t panel_index)
{
    const struct spmm_post *post = &call->post;
    int64_t at = (panel_index * call->weight->row_count + row) * SPMM_PANEL;
    return (struct row){
        .post = post,
        .is_real = call->weight->element != SPMM_S8,
        .has_real_bias = post->real_bias != NULL,
        .real_bias = _mm512_set1_ps(
            post->real_bias != NULL ? post->real_bias[row] : 0.0f),
        .bias = _mm512_set1_epi32(post->bias != NULL ? post->bias[row] : 0),
        .scale = _mm512_set1_ps(post->scale != NULL ? post->scale[row] : 1.0f),
        .residual = post->residual != NULL ? post->residual + at : NULL,
    };
}

INLINE __m512i biased(const struct row *row, const int32_t *sums)
{
    return _mm512_add_epi32(_mm512_loadu_si512(sums), row->bias);
}

/* x of step 2. */
INLINE __m512 first_values(const struct row *row, const int32_t *sums)
{
    if (!row->is_real) {
        return _mm512_cvtepi32_ps(biased(row, sums));
    }
    __m512 x = _mm512_castsi512_ps(_mm512_loadu_si512(sums));
    return row->has_real_bias ? _mm512_add_ps(x, row->real_bias) : x;
}

/* Steps 2 to 4 on the 16 values from token `t` on. */
INLINE __m512 real_values(const struct row *row, const int32_t *sums, int t)
{
    __m512 x = first_values(row, sums + t);
    x = _mm512_mul_ps(x, row->scale);
    if (row->residual != NULL) {
        x = _mm512_add_ps(x, _mm512_loadu_ps(row->residual + t));
    }
    switch (row->post->function) {
    case SPMM_LINEAR:
        break;
    case SPMM_RELU:
        x = _mm512_max_ps(x, _mm512_setzero_ps());
        break;
    case SPMM_GELU:
        x = gelu(x);
        break;
    }
    return x;
}

INLINE __m512i whole_values(const struct row *row, const int32_t *sums, int t)
{
    const struct spmm_post *post = row->post;
    float low =
        (post->output == SPMM_U8 ? 0.0f : -128.0f) - (float)post->zero_point;
    __m512 y = _mm512_mul_ps(real_values(row, sums, t),
                             _mm512_set1_ps(post->output_scale));
    y = _mm512_max_ps(y, _mm512_set1_ps(low));
    y = _mm512_min_ps(y, _mm512_set1_ps(low + 255.0f));
    return _mm512_add_epi32(_mm512_cvtps_epi32(y),
                            _mm512_set1_epi32(post->zero_point));
}

/* No more than sum, bias and scale, to bytes without a zero point. The low end
 * needs no clamp then: what is too small, or NaN, is converted to the least
 * integer, and the pack instructions saturate. NaN stays NaN in vminps only as
 * its second operand. */
static bool is_plain(const struct spmm_post *post)
{
    return post->residual == NULL && post->output_scale == 1.0f &&
           post->zero_point == 0 &&
           (post->function == SPMM_LINEAR ||
            (post->function == SPMM_RELU && post->output == SPMM_U8));
}

INLINE __m512i plain_values(const struct row *row, const int32_t *sums)
{
    float high = row->post->output == SPMM_U8 ? 255.0f : 127.0f;
    __m512 x = _mm512_mul_ps(first_values(row, sums), row->scale);
    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_set1_ps(high), x));
}

INLINE __m512i pack_line(const struct spmm_post *post, __m512i a, __m512i b,
                         __m512i c, __m512i d)
{
    __m512i left = _mm512_packs_epi32(a, b);
    __m512i right = _mm512_packs_epi32(c, d);
    return post->output == SPMM_U8 ? _mm512_packus_epi16(left, right)
                                   : _mm512_packs_epi16(left, right);
}

/* One line of bytes. Beyond `vectors` the first one is repeated. */
INLINE __m512i line_of(const struct row *row, const int32_t *sums, int vectors)
{
    __m512i a = whole_values(row, sums, 0);
    __m512i b = vectors > 1 ? whole_values(row, sums, 16) : a;
    __m512i c = vectors > 2 ? whole_values(row, sums, 32) : a;
    __m512i d = vectors > 3 ? whole_values(row, sums, 48) : a;
    return pack_line(row->post, a, b, c, d);
}

/* The same, of sums that all four vectors have. */
INLINE __m512i plain_line(const struct row *row, const int32_t *sums)
{
    return pack_line(row->post, plain_values(row, sums),
                     plain_values(row, sums + 16), plain_values(row, sums + 32),
                     plain_values(row, sums + 48));
}

INLINE void store_quads(__m512i first, __m512i second, __m512i third,
                        __m512i fourth, uint8_t *target)
{
    __m512i left = _mm512_unpacklo_epi8(first, second);
    __m512i right = _mm512_unpacklo_epi8(third, fourth);
    _mm512_storeu_si512(target, _mm512_unpacklo_epi16(left, right));
    _mm512_storeu_si512(target + 64, _mm512_unpackhi_epi16(left, right));
    left = _mm512_unpackhi_epi8(first, second);
    right = _mm512_unpackhi_epi8(third, fourth);
    _mm512_storeu_si512(target + 128, _mm512_unpacklo_epi16(left, right));
    _mm512_storeu_si512(target + 192, _mm512_unpackhi_epi16(left, right));
}

/* Four rows at `row`, of which some may be padding, as quads. */
static void finish_quads(const struct spmm_call *call, int64_t first_row,
                         int64_t panel_index, int vectors, const int32_t *tile,
                         uint8_t *target)
{
    __m512i lines[4];
    for (int r = 0; r < 4; r++) {
        lines[r] = _mm512_setzero_si512();
        if (first_row + r < call->weight->row_count) {
            struct row row = row_of(call, first_row + r, panel_index);
            lines[r] = line_of(&row, tile + r * SPMM_PANEL, vectors);
        }
    }
    store_quads(lines[0], lines[1], lines[2], lines[3], target);
}

INLINE __m512i plain_row(const struct spmm_call *call, int64_t row_number,
                         const int32_t *sums)
{
    struct row row = row_of(call, row_number, 0);
    return plain_line(&row, sums);
}

/* Four whole rows of plain bytes, the case that must be fast. */
static void finish_plain(const struct spmm_call *call, int64_t row,
                         const int32_t *tile, uint8_t *target)
{
    __m512i first = plain_row(call, row, tile);
    __m512i second = plain_row(call, row + 1, tile + SPMM_PANEL);
    __m512i third = plain_row(call, row + 2, tile + 2 * SPMM_PANEL);
    __m512i fourth = plain_row(call, row + 3, tile + 3 * SPMM_PANEL);
    if (call->post.layout == SPMM_QUADS) {
        store_quads(first, second, third, fourth, target);
        return;
    }
    _mm512_storeu_si512(target, first);
    _mm512_storeu_si512(target + 64, second);
    _mm512_storeu_si512(target + 128, third);
    _mm512_storeu_si512(target + 192, fourth);
}

/* bfloat16 in the lower half of 32 bits, rounded to nearest even. */
INLINE __m512i half_values(const struct row *row, const int32_t *sums, int t)
{
    __m512 x = real_values(row, sums, t);
    __m512i bits = _mm512_castps_si512(x);
    __m512i high = _mm512_srli_epi32(bits, 16);
    __m512i even = _mm512_and_si512(high, _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(
        bits, _mm512_add_epi32(even, _mm512_set1_epi32(0x7fff)));
    return _mm512_mask_or_epi32(_mm512_srli_epi32(rounded, 16),
                                _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), high,
                                _mm512_set1_epi32(0x40));
}

/* One line of bfloat16. */
INLINE void store_halves(const struct row *row, const int32_t *sums,
                         int vectors, uint16_t *line)
{
    __m512i a = half_values(row, sums, 0);
    __m512i b = vectors > 1 ? half_values(row, sums, 16) : a;
    _mm512_storeu_si512(line, _mm512_packus_epi32(a, b));
    if (vectors > 2) {
        a = half_values(row, sums, 32);
        b = vectors > 3 ? half_values(row, sums, 48) : a;
        _mm512_storeu_si512(line + 32, _mm512_packus_epi32(a, b));
    }
}

static void finish_row(const struct spmm_call *call, int64_t row_number,
                       int64_t panel_index, int vectors, const int32_t *sums)
{
    struct row row = row_of(call, row_number, panel_index);
    int64_t at =
        (panel_index * call->weight->row_count + row_number) * SPMM_PANEL;
    switch (call->post.output) {
    case SPMM_S32:
        for (int t = 0; t < 16 * vectors; t += 16) {
            _mm512_storeu_si512((int32_t *)call->output + at + t,
                                biased(&row, sums + t));
        }
        return;
    case SPMM_F32:
        for (int t = 0; t < 16 * vectors; t += 16) {
            _mm512_storeu_ps((float *)call->output + at + t,
                             real_values(&row, sums, t));
        }
        return;
    case SPMM_BF16:
        store_halves(&row, sums, vectors, (uint16_t *)call->output + at);
        return;
    case SPMM_U8:
    case SPMM_S8:
        _mm512_storeu_si512((uint8_t *)call->output + at,
                            line_of(&row, sums, vectors));
        return;
    }
}

void spmm_finish_avx512(const struct spmm_call *call, int64_t row,
                        int64_t row_count, int64_t panel_index, int vectors,
                        const void *tile)
{
    const int32_t *sums = tile; /* or floats, see row.is_real */
    const struct spmm_post *post = &call->post;
    bool is_byte = post->output == SPMM_U8 || post->output == SPMM_S8;
    bool is_short = is_byte && vectors == 4 && is_plain(post);
    int64_t real_rows = call->weight->row_count;
    int64_t end = MIN(row + row_count, real_rows);
    int64_t rows = spmm_padded_rows(real_rows, post->layout);
    /* Of byte outputs only: */
    uint8_t *panel = (uint8_t *)call->output + panel_index * rows * SPMM_PANEL;
    for (int64_t m = row; m < end; m += 4, sums += 4 * SPMM_PANEL) {
        if (is_short && m + 4 <= end) {
            finish_plain(call, m, sums, panel + m * SPMM_PANEL);
        } else if (post->layout == SPMM_QUADS) {
            finish_quads(call, m, panel_index, vectors, sums,
                         panel + m * SPMM_PANEL);
        } else {
            for (int64_t r = m; r < MIN(m + 4, end); r++) {
                finish_row(call, r, panel_index, vectors,
                           sums + (r - m) * SPMM_PANEL);
            }
        }
    }
}

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
