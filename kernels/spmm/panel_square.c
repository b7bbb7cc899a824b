/* Transposition of bytes between tokens and panels, in squares of 16 tokens x 16
 * rows, which SSE2 (every x86-64 has it) turns by four levels of unpack. 16 bytes
 * of a line hold the tokens 16*j + 4*l + i of one l, so a square takes those;
 * quads are squares of 4 x 4 words. Elsewhere nothing is done here. */
#include "kernels/spmm/block.h"

#if defined(__x86_64__)

#include <emmintrin.h>

#define SQUARE 16

struct square {
    __m128i row[SQUARE];
};

/* One level: row 2r and 2r + 1 are the halves of rows r and r + 8, byte by byte.
 * Loops over a square are unrolled: it then stays in registers. */
static inline void interleave(struct square *square)
{
    struct square next;
#pragma GCC unroll 8
    for (int64_t r = 0; r < SQUARE / 2; r++) {
        next.row[2 * r] = _mm_unpacklo_epi8(square->row[r], square->row[r + 8]);
        next.row[2 * r + 1] =
            _mm_unpackhi_epi8(square->row[r], square->row[r + 8]);
    }
    *square = next;
}

static inline void transpose(struct square *square)
{
    interleave(square);
    interleave(square);
    interleave(square);
    interleave(square);
}

static inline __m128i load(const uint8_t *from)
{
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}

static inline void store(uint8_t *to, __m128i bytes)
{
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
}

/* Token number `i` of the square `l`. */
static inline int64_t token_of(int64_t l, int64_t i)
{
    return 16 * (i / 4) + 4 * l + i % 4;
}

static void fill_lines(const uint8_t *tokens, int64_t stride,
                       int64_t token_count, uint8_t *lines)
{
    for (int64_t l = 0; l < 4; l++) {
        struct square square;
#pragma GCC unroll 16
        for (int i = 0; i < SQUARE; i++) {
            int64_t t = token_of(l, i);
            square.row[i] = t < token_count ? load(tokens + t * stride)
                                            : _mm_setzero_si128();
        }
        transpose(&square);
#pragma GCC unroll 16
        for (int r = 0; r < SQUARE; r++) {
            store(lines + r * SPMM_PANEL + 16 * l, square.row[r]);
        }
    }
}

static void take_lines(const uint8_t *lines, int64_t token_count,
                       uint8_t *tokens, int64_t stride)
{
    for (int64_t l = 0; l < 4; l++) {
        struct square square;
#pragma GCC unroll 16
        for (int r = 0; r < SQUARE; r++) {
            square.row[r] = load(lines + r * SPMM_PANEL + 16 * l);
        }
        transpose(&square);
#pragma GCC unroll 16
        for (int i = 0; i < SQUARE; i++) {
            int64_t t = token_of(l, i);
            if (t < token_count) {
                store(tokens + t * stride, square.row[i]);
            }
        }
    }
}

/* 4 x 4 words. */
static inline void transpose_words(__m128i *words)
{
    __m128i a = _mm_unpacklo_epi32(words[0], words[1]);
    __m128i b = _mm_unpackhi_epi32(words[0], words[1]);
    __m128i c = _mm_unpacklo_epi32(words[2], words[3]);
    __m128i d = _mm_unpackhi_epi32(words[2], words[3]);
    words[0] = _mm_unpacklo_epi64(a, c);
    words[1] = _mm_unpackhi_epi64(a, c);
    words[2] = _mm_unpacklo_epi64(b, d);
    words[3] = _mm_unpackhi_epi64(b, d);
}

static void fill_quads(const uint8_t *tokens, int64_t stride,
                       int64_t token_count, uint8_t *quads)
{
    for (int64_t t = 0; t < SPMM_PANEL; t += 4) {
        __m128i words[4];
        for (int64_t i = 0; i < 4; i++) {
            words[i] = t + i < token_count ? load(tokens + (t + i) * stride)
                                           : _mm_setzero_si128();
        }
        transpose_words(words);
        for (int64_t q = 0; q < 4; q++) {
            store(quads + q * 4 * SPMM_PANEL + 4 * t, words[q]);
        }
    }
}

static void take_quads(const uint8_t *quads, int64_t token_count,
                       uint8_t *tokens, int64_t stride)
{
    for (int64_t t = 0; t < token_count; t += 4) {
        __m128i words[4];
        for (int64_t q = 0; q < 4; q++) {
            words[q] = load(quads + q * 4 * SPMM_PANEL + 4 * t);
        }
        transpose_words(words);
        for (int64_t i = 0; i < MIN(4, token_count - t); i++) {
            store(tokens + (t + i) * stride, words[i]);
        }
    }
}

int64_t spmm_fill_squares(const uint8_t *tokens, int64_t stride,
                          int64_t row_count, int64_t token_count,
                          enum spmm_layout layout, uint8_t *panel)
{
    int64_t row = 0;
    for (; row + SQUARE <= row_count; row += SQUARE) {
        uint8_t *to = panel + row * SPMM_PANEL;
        if (layout == SPMM_LINES) {
            fill_lines(tokens + row, stride, token_count, to);
        } else {
            fill_quads(tokens + row, stride, token_count, to);
        }
    }
    return row;
}

int64_t spmm_take_squares(const uint8_t *panel, int64_t row_count,
                          int64_t token_count, enum spmm_layout layout,
                          uint8_t *tokens, int64_t stride)
{
    int64_t row = 0;
    for (; row + SQUARE <= row_count; row += SQUARE) {
        const uint8_t *from = panel + row * SPMM_PANEL;
        if (layout == SPMM_LINES) {
            take_lines(from, token_count, tokens + row, stride);
        } else {
            take_quads(from, token_count, tokens + row, stride);
        }
    }
    return row;
}

#else

int64_t spmm_fill_squares(const uint8_t *tokens, int64_t stride,
                          int64_t row_count, int64_t token_count,
                          enum spmm_layout layout, uint8_t *panel)
{
    (void)tokens, (void)stride, (void)row_count, (void)token_count;
    (void)layout, (void)panel;
    return 0;
}

int64_t spmm_take_squares(const uint8_t *panel, int64_t row_count,
                          int64_t token_count, enum spmm_layout layout,
                          uint8_t *tokens, int64_t stride)
{
    (void)panel, (void)row_count, (void)token_count, (void)layout;
    (void)tokens, (void)stride;
    return 0;
}

#endif
