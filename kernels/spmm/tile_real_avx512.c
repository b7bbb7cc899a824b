/* Sums of reals of a tile by AVX-512. The register tile is 4 rows x 64 tokens: 16
 * accumulators. fp32 takes an input at a time: four vectors of its line, and each
 * row's value broadcast. bfloat16 takes two: their lines interleaved by four
 * unpack instructions, so that each 32 bits hold what vdpbf16ps multiplies and
 * adds, the upper half first. Without that instruction the halves are widened and
 * two FMAs do the same, with subnormals flushed by the control register.
 *
 * vdpbf16ps is asm for the reason given in tile_vnni.c. */
#if defined(__x86_64__)

#include "kernels/spmm/block.h"

#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(                                                  \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))),             \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl")
#endif
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/* Flush results to zero and take subnormal operands for zero. */
#define MXCSR_FLUSH 0x8040u

enum product { PRODUCT_FP32, PRODUCT_BF16, PRODUCT_BF16_EMULATED };

/* Four vectors of 16 tokens. */
struct four {
    __m512 a, b, c, d;
};

/* Activations of one group; of emulated bfloat16 the first input's, the second's. */
struct activations {
    struct four first, second;
};

/* The groups of one list, for one of its rows or for four. */
struct list {
    const char *panel;
    const uint32_t *offsets;
    const char *values;
    int64_t value_stride; /* bytes a group */
    int64_t group_count;
};

INLINE struct four four_load(const char *line, int vectors)
{
    struct four four;
    four.a = _mm512_loadu_ps(line);
    four.b = vectors > 1 ? _mm512_loadu_ps(line + 64) : four.a;
    four.c = vectors > 2 ? _mm512_loadu_ps(line + 128) : four.a;
    four.d = vectors > 3 ? _mm512_loadu_ps(line + 192) : four.a;
    return four;
}

/* Pairs of two lines of bfloat16, of which `second` may be NULL: zeros. */
INLINE struct four four_unpack(const char *first, const char *second,
                               int vectors)
{
    struct four four;
    __m512i zero = _mm512_setzero_si512();
    __m512i high = _mm512_loadu_si512(first);
    __m512i low = second != NULL ? _mm512_loadu_si512(second) : zero;
    four.a = _mm512_castsi512_ps(_mm512_unpacklo_epi16(low, high));
    four.b = vectors > 1 ? _mm512_castsi512_ps(_mm512_unpackhi_epi16(low, high))
                         : four.a;
    four.c = four.d = four.a;
    if (vectors > 2) {
        high = _mm512_loadu_si512(first + 64);
        low = second != NULL ? _mm512_loadu_si512(second + 64) : zero;
        four.c = _mm512_castsi512_ps(_mm512_unpacklo_epi16(low, high));
        four.d = vectors > 3
                     ? _mm512_castsi512_ps(_mm512_unpackhi_epi16(low, high))
                     : four.a;
    }
    return four;
}

INLINE __m512 upper_half(__m512 pairs)
{
    return _mm512_castsi512_ps(_mm512_and_si512(
        _mm512_castps_si512(pairs), _mm512_set1_epi32((int32_t)0xffff0000)));
}

INLINE __m512 lower_half(__m512 pairs)
{
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_castps_si512(pairs), 16));
}

INLINE struct activations fetch(enum product product, const char *first,
                                const char *second, int vectors)
{
    struct activations got;
    if (product == PRODUCT_FP32) {
        got.first = got.second = four_load(first, vectors);
        return got;
    }
    struct four pairs = four_unpack(first, second, vectors);
    got.first = got.second = pairs;
    if (product == PRODUCT_BF16_EMULATED) {
        got.first.a = upper_half(pairs.a);
        got.first.b = upper_half(pairs.b);
        got.first.c = upper_half(pairs.c);
        got.first.d = upper_half(pairs.d);
        got.second.a = lower_half(pairs.a);
        got.second.b = lower_half(pairs.b);
        got.second.c = lower_half(pairs.c);
        got.second.d = lower_half(pairs.d);
    }
    return got;
}

INLINE void add_products(struct four *sums, const struct four *activations,
                         __m512 value, int vectors)
{
    sums->a = _mm512_fmadd_ps(value, activations->a, sums->a);
    if (vectors > 1) {
        sums->b = _mm512_fmadd_ps(value, activations->b, sums->b);
    }
    if (vectors > 2) {
        sums->c = _mm512_fmadd_ps(value, activations->c, sums->c);
    }
    if (vectors > 3) {
        sums->d = _mm512_fmadd_ps(value, activations->d, sums->d);
    }
}

#define DOT(sum, pairs, values)                                                \
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(pairs), "v"(values))

INLINE void add_pairs(struct four *sums, const struct four *pairs,
                      __m512 values, int vectors)
{
    DOT(sums->a, pairs->a, values);
    if (vectors > 1) {
        DOT(sums->b, pairs->b, values);
    }
    if (vectors > 2) {
        DOT(sums->c, pairs->c, values);
    }
    if (vectors > 3) {
        DOT(sums->d, pairs->d, values);
    }
}

INLINE void row_add(enum product product, struct four *sums,
                    const struct activations *activations, const char *value,
                    int vectors)
{
    float one;
    memcpy(&one, value, sizeof one);
    __m512 values = _mm512_set1_ps(one);
    switch (product) {
    case PRODUCT_FP32:
        add_products(sums, &activations->first, values, vectors);
        return;
    case PRODUCT_BF16:
        add_pairs(sums, &activations->first, values, vectors);
        return;
    case PRODUCT_BF16_EMULATED:
        add_products(sums, &activations->first, upper_half(values), vectors);
        add_products(sums, &activations->second, lower_half(values), vectors);
        return;
    }
}

INLINE void row_store(const struct four *sums, float *tile, int vectors)
{
    _mm512_storeu_ps(tile, sums->a);
    if (vectors > 1) {
        _mm512_storeu_ps(tile + 16, sums->b);
    }
    if (vectors > 2) {
        _mm512_storeu_ps(tile + 32, sums->c);
    }
    if (vectors > 3) {
        _mm512_storeu_ps(tile + 48, sums->d);
    }
}

INLINE struct four four_zero(void)
{
    __m512 zero = _mm512_setzero_ps();
    return (struct four){zero, zero, zero, zero};
}

struct rows_sums {
    struct four first, second, third, fourth;
};

INLINE void add_group(enum product product, struct rows_sums *sums,
                      const struct activations *activations, const char *values,
                      int row_count, int vectors)
{
    row_add(product, &sums->first, activations, values, vectors);
    if (row_count == 4) {
        row_add(product, &sums->second, activations, values + 4, vectors);
        row_add(product, &sums->third, activations, values + 8, vectors);
        row_add(product, &sums->fourth, activations, values + 12, vectors);
    }
}

/* A group of fp32, and one of bfloat16, has 4 bytes a row. */
INLINE void sum_rows(enum product product, const struct list *list,
                     int row_count, int vectors, float *tile)
{
    struct four zero = four_zero();
    struct rows_sums sums = {zero, zero, zero, zero};
    int64_t count = list->group_count;
    const uint32_t *offsets = list->offsets;
    bool is_bf16 = product != PRODUCT_FP32;
    bool is_odd = is_bf16 && count > 0 && offsets[2 * count - 1] == NO_LINE;
    const char *values = list->values;
    for (int64_t g = 0; g < count - is_odd; g++) {
        const char *first = list->panel + offsets[is_bf16 ? 2 * g : g];
        const char *second = is_bf16 ? list->panel + offsets[2 * g + 1] : first;
        struct activations got = fetch(product, first, second, vectors);
        add_group(product, &sums, &got, values, row_count, vectors);
        values += list->value_stride;
    }
    if (is_odd) {
        struct activations got =
            fetch(product, list->panel + offsets[2 * count - 2], NULL, vectors);
        add_group(product, &sums, &got, values, row_count, vectors);
    }
    row_store(&sums.first, tile, vectors);
    if (row_count == 4) {
        row_store(&sums.second, tile + SPMM_PANEL, vectors);
        row_store(&sums.third, tile + 2 * SPMM_PANEL, vectors);
        row_store(&sums.fourth, tile + 3 * SPMM_PANEL, vectors);
    }
}

/* `product`, `row_count` and `vectors` as constants in each copy. */
INLINE void sum_rows_of(enum product product, const struct list *list,
                        int row_count, int vectors, float *tile)
{
    switch (vectors) {
    case 1:
        sum_rows(product, list, row_count, 1, tile);
        return;
    case 2:
        sum_rows(product, list, row_count, 2, tile);
        return;
    case 3:
        sum_rows(product, list, row_count, 3, tile);
        return;
    default:
        sum_rows(product, list, row_count, 4, tile);
    }
}

/* Rows `row` on, in row group `group`. */
INLINE struct list list_of(const struct spmm_weight *weight, int64_t row,
                           int64_t group, const void *panel)
{
    int64_t first = weight->first[group], rows = weight->group_rows;
    return (struct list){
        .panel = panel,
        .offsets = weight->offsets + first * weight->offset_count,
        .values =
            (const char *)weight->values + (first * rows + row % rows) * 4,
        .value_stride = rows * 4,
        .group_count = weight->first[group + 1] - first,
    };
}

INLINE void tile_of(enum product product, const struct spmm_weight *weight,
                    int64_t row, const void *panel, int vectors, float *tile)
{
    if (weight->group_rows > 1) {
        struct list list =
            list_of(weight, row, row / weight->group_rows, panel);
        sum_rows_of(product, &list, 4, vectors, tile);
        return;
    }
    for (int64_t r = row; r < row + 4; r++, tile += SPMM_PANEL) {
        if (r >= weight->row_count) {
            memset(tile, 0, SPMM_PANEL * sizeof *tile);
            continue;
        }
        struct list list = list_of(weight, r, r, panel);
        sum_rows_of(product, &list, 1, vectors, tile);
    }
}

void spmm_tile_fma(const struct spmm_weight *weight, int64_t row,
                   const void *panel, int vectors, void *tile)
{
    tile_of(PRODUCT_FP32, weight, row, panel, vectors, tile);
}

void spmm_tile_bf16(const struct spmm_weight *weight, int64_t row,
                    const void *panel, int vectors, void *tile)
{
    tile_of(PRODUCT_BF16, weight, row, panel, vectors, tile);
}

void spmm_tile_bf16_emulated(const struct spmm_weight *weight, int64_t row,
                             const void *panel, int vectors, void *tile)
{
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | MXCSR_FLUSH);
    tile_of(PRODUCT_BF16_EMULATED, weight, row, panel, vectors, tile);
    _mm_setcsr(saved);
}

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
