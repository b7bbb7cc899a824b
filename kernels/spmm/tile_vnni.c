/* Sums of a tile by AVX512-VNNI. The register tile is 4 rows x 64 tokens: 16
 * accumulators, 4 vectors of activations, one broadcast weight. A k-quad of
 * activations is 16 tokens x 4 inputs a vector:
 *   4x1        made of four lines by 8 unpack instructions, for 16 vpdpbusd
 *   16x1 32x1  the same for each four rows; or, where shuffles take the place of
 *              vpdpbusd (_keep), made once and kept for all rows in a scratch
 *              area that stays in the first-level cache
 *   4x4 1x4    lies in memory so
 * Lines hold their tokens in an order in which the unpack instructions, which
 * work within 128 bits, give vectors of consecutive tokens.
 *
 * vpdpbusd is one asm statement, not the intrinsic: GCC 12 surrounds the
 * intrinsic with copies of the accumulators and spills them. For the same reason
 * accumulators are variables, not an array. */
#if defined(__x86_64__)

#include "kernels/spmm/block.h"

#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(                                                  \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))),  \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#endif
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

/* 64 k-quads of scratch: 16 KiB, half of a first-level cache. */
#define SCRATCH_GROUPS 64

#define DOT(sum, activations, weights)                                         \
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(activations), "v"(weights))

/* The four of a row in one statement leave the compiler least to get wrong. */
#define DOT_ROW(sums, quad, weights)                                           \
    __asm__("vpdpbusd %8, %4, %0\n\tvpdpbusd %8, %5, %1\n\t"                   \
            "vpdpbusd %8, %6, %2\n\tvpdpbusd %8, %7, %3"                       \
            : "+&v"((sums)->a), "+&v"((sums)->b), "+&v"((sums)->c),            \
              "+&v"((sums)->d)                                                 \
            : "v"((quad)->a), "v"((quad)->b), "v"((quad)->c), "v"((quad)->d),  \
              "v"(weights))

struct quad {
    __m512i a, b, c, d; /* 16 tokens each */
};

INLINE __m512i load(const void *from)
{
    return _mm512_loadu_si512(from);
}

INLINE struct quad quad_load(const uint8_t *from, int vectors)
{
    struct quad quad;
    quad.a = load(from);
    quad.b = vectors > 1 ? load(from + 64) : quad.a;
    quad.c = vectors > 2 ? load(from + 128) : quad.a;
    quad.d = vectors > 3 ? load(from + 192) : quad.a;
    return quad;
}

INLINE struct quad quad_unpack(const uint8_t *panel, const uint32_t *offsets,
                               int vectors)
{
    struct quad quad;
    __m512i first = load(panel + offsets[0]);
    __m512i second = load(panel + offsets[1]);
    __m512i third = load(panel + offsets[2]);
    __m512i fourth = load(panel + offsets[3]);
    __m512i left = _mm512_unpacklo_epi8(first, second);
    __m512i right = _mm512_unpacklo_epi8(third, fourth);
    quad.a = _mm512_unpacklo_epi16(left, right);
    quad.b = vectors > 1 ? _mm512_unpackhi_epi16(left, right) : quad.a;
    quad.c = quad.d = quad.a;
    if (vectors > 2) {
        left = _mm512_unpackhi_epi8(first, second);
        right = _mm512_unpackhi_epi8(third, fourth);
        quad.c = _mm512_unpacklo_epi16(left, right);
        quad.d = vectors > 3 ? _mm512_unpackhi_epi16(left, right) : quad.a;
    }
    return quad;
}

INLINE void quad_store(const struct quad *quad, uint8_t *to, int vectors)
{
    _mm512_store_si512(to, quad->a);
    if (vectors > 1) {
        _mm512_store_si512(to + 64, quad->b);
    }
    if (vectors > 2) {
        _mm512_store_si512(to + 128, quad->c);
    }
    if (vectors > 3) {
        _mm512_store_si512(to + 192, quad->d);
    }
}

enum fetch { FETCH_UNPACK, FETCH_UNPACK_KEEP, FETCH_SCRATCH, FETCH_QUAD };

/* The groups of one list, for four of its rows. */
struct list {
    enum fetch fetch;
    const uint8_t *base;     /* panel, or scratch */
    const uint32_t *offsets; /* not for SCRATCH */
    uint8_t *scratch;        /* of UNPACK_KEEP */
    const int8_t *values;
    int64_t value_stride; /* bytes a group */
    int64_t group_count;
    bool is_resumed; /* the tile holds sums of earlier groups */
};

INLINE struct quad fetch_quad(const struct list *list, int64_t g, int vectors)
{
    struct quad quad;
    switch (list->fetch) {
    case FETCH_UNPACK:
        return quad_unpack(list->base, list->offsets + 4 * g, vectors);
    case FETCH_UNPACK_KEEP:
        quad = quad_unpack(list->base, list->offsets + 4 * g, vectors);
        quad_store(&quad, list->scratch + 256 * g, vectors);
        return quad;
    case FETCH_SCRATCH:
        return quad_load(list->base + 256 * g, vectors);
    case FETCH_QUAD:
        break;
    }
    return quad_load(list->base + list->offsets[g], vectors);
}

struct row_sums {
    __m512i a, b, c, d;
};

INLINE struct row_sums row_begin(const struct list *list, const int32_t *tile,
                                 int vectors)
{
    __m512i zero = _mm512_setzero_si512();
    struct row_sums sums = {zero, zero, zero, zero};
    if (list->is_resumed) {
        sums.a = load(tile);
        sums.b = vectors > 1 ? load(tile + 16) : zero;
        sums.c = vectors > 2 ? load(tile + 32) : zero;
        sums.d = vectors > 3 ? load(tile + 48) : zero;
    }
    return sums;
}

INLINE void row_end(const struct row_sums *sums, int32_t *tile, int vectors)
{
    _mm512_storeu_si512(tile, sums->a);
    if (vectors > 1) {
        _mm512_storeu_si512(tile + 16, sums->b);
    }
    if (vectors > 2) {
        _mm512_storeu_si512(tile + 32, sums->c);
    }
    if (vectors > 3) {
        _mm512_storeu_si512(tile + 48, sums->d);
    }
}

INLINE void row_add(struct row_sums *sums, const struct quad *quad,
                    const int8_t *values, int vectors)
{
    int32_t four;
    memcpy(&four, values, sizeof four);
    __m512i weights = _mm512_set1_epi32(four);
    if (vectors == 4) {
        DOT_ROW(sums, quad, weights);
        return;
    }
    DOT(sums->a, quad->a, weights);
    if (vectors > 1) {
        DOT(sums->b, quad->b, weights);
    }
    if (vectors > 2) {
        DOT(sums->c, quad->c, weights);
    }
}

INLINE void sum_rows(const struct list *list, int vectors, int32_t *tile)
{
    struct row_sums first = row_begin(list, tile, vectors);
    struct row_sums second = row_begin(list, tile + 64, vectors);
    struct row_sums third = row_begin(list, tile + 128, vectors);
    struct row_sums fourth = row_begin(list, tile + 192, vectors);
    const int8_t *values = list->values;
    for (int64_t g = 0; g < list->group_count; g++) {
        struct quad quad = fetch_quad(list, g, vectors);
        row_add(&first, &quad, values, vectors);
        row_add(&second, &quad, values + 4, vectors);
        row_add(&third, &quad, values + 8, vectors);
        row_add(&fourth, &quad, values + 12, vectors);
        values += list->value_stride;
    }
    row_end(&first, tile, vectors);
    row_end(&second, tile + 64, vectors);
    row_end(&third, tile + 128, vectors);
    row_end(&fourth, tile + 192, vectors);
}

/* `vectors` and `fetch` as constants in each copy. */
INLINE void sum_rows_of(const struct list *list, int vectors, int32_t *tile)
{
    switch (vectors) {
    case 1:
        sum_rows(list, 1, tile);
        return;
    case 2:
        sum_rows(list, 2, tile);
        return;
    case 3:
        sum_rows(list, 3, tile);
        return;
    default:
        sum_rows(list, 4, tile);
    }
}

/* Four rows of any row group but that of 1x4. */
static void tile_four(const struct spmm_weight *weight, int64_t row,
                      const uint8_t *panel, int vectors, int32_t *tile)
{
    int64_t rows = weight->group_rows;
    int64_t group = row / rows;
    int64_t first = weight->first[group];
    struct list list = {
        .base = panel,
        .offsets = weight->offsets + first * weight->offset_count,
        .values =
            (const int8_t *)weight->values + (first * rows + row % rows) * 4,
        .value_stride = rows * 4,
        .group_count = weight->first[group + 1] - first,
    };
    if (weight->offset_count == 4) {
        list.fetch = FETCH_UNPACK;
        sum_rows_of(&list, vectors, tile);
    } else {
        list.fetch = FETCH_QUAD;
        sum_rows_of(&list, vectors, tile);
    }
}

/* All rows of 16x1 or 32x1. The first four unpack, as 4x1 does, and keep the quads
 * for the others. */
static void tile_many(const struct spmm_weight *weight, int64_t row,
                      const uint8_t *panel, int vectors, int32_t *tile)
{
    _Alignas(64) uint8_t scratch[SCRATCH_GROUPS * 256];
    int64_t rows = weight->group_rows;
    int64_t group = row / rows;
    int64_t end = weight->first[group + 1];
    int64_t g = weight->first[group];
    struct list list = {.value_stride = rows * 4, .scratch = scratch};
    do {
        list.group_count = MIN(end - g, SCRATCH_GROUPS);
        list.values = (const int8_t *)weight->values + g * rows * 4;
        list.offsets = weight->offsets + 4 * g;
        list.base = panel;
        list.fetch = FETCH_UNPACK_KEEP;
        sum_rows_of(&list, vectors, tile);
        list.base = scratch;
        list.fetch = FETCH_SCRATCH;
        for (int64_t r = 4; r < rows; r += 4) {
            list.values += 16;
            sum_rows_of(&list, vectors, tile + r * SPMM_PANEL);
        }
        list.is_resumed = true;
        g += list.group_count;
    } while (g < end);
}

INLINE void sum_row(const struct spmm_weight *weight, int64_t row,
                    const uint8_t *panel, int vectors, int32_t *tile)
{
    struct list list = {.fetch = FETCH_QUAD, .base = panel};
    struct row_sums even = row_begin(&list, tile, vectors);
    struct row_sums odd = even; /* hides the latency of vpdpbusd */
    const int8_t *values = weight->values;
    int64_t end = weight->first[row + 1];
    int64_t g = weight->first[row];
    for (; g + 1 < end; g += 2) {
        struct quad quad = quad_load(panel + weight->offsets[g], vectors);
        row_add(&even, &quad, values + 4 * g, vectors);
        quad = quad_load(panel + weight->offsets[g + 1], vectors);
        row_add(&odd, &quad, values + 4 * g + 4, vectors);
    }
    if (g < end) {
        struct quad quad = quad_load(panel + weight->offsets[g], vectors);
        row_add(&even, &quad, values + 4 * g, vectors);
    }
    even.a = _mm512_add_epi32(even.a, odd.a);
    even.b = _mm512_add_epi32(even.b, odd.b);
    even.c = _mm512_add_epi32(even.c, odd.c);
    even.d = _mm512_add_epi32(even.d, odd.d);
    row_end(&even, tile, vectors);
}

/* 1x4. */
static void tile_single(const struct spmm_weight *weight, int64_t row,
                        const uint8_t *panel, int vectors, int32_t *tile)
{
    for (int64_t r = row; r < row + 4; r++, tile += SPMM_PANEL) {
        if (r >= weight->row_count) {
            memset(tile, 0, 64 * sizeof *tile);
        } else if (vectors == 4) {
            sum_row(weight, r, panel, 4, tile);
        } else if (vectors == 3) {
            sum_row(weight, r, panel, 3, tile);
        } else if (vectors == 2) {
            sum_row(weight, r, panel, 2, tile);
        } else {
            sum_row(weight, r, panel, 1, tile);
        }
    }
}

void spmm_tile_vnni(const struct spmm_weight *weight, int64_t row,
                    const void *panel, int vectors, void *tile)
{
    if (weight->pattern == SPMM_1X4) {
        tile_single(weight, row, panel, vectors, tile);
    } else {
        tile_four(weight, row, panel, vectors, tile);
    }
}

void spmm_tile_vnni_keep(const struct spmm_weight *weight, int64_t row,
                         const void *panel, int vectors, void *tile)
{
    if (weight->group_rows > 4) {
        tile_many(weight, row, panel, vectors, tile);
    } else {
        spmm_tile_vnni(weight, row, panel, vectors, tile);
    }
}

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
