/* The packed weight, and what a path must do: private to this folder.
 *
 * Rows are cut into row groups of `group_rows` (the pattern's rows). A row group
 * is a list of groups, each what one instruction multiplies of a row: `lane_count`
 * inputs, 4 of S8, 2 of BF16, 1 of F32. A group has `offset_count` byte offsets
 * into an activation panel (a line a lane, or one quad) and, for each row, the
 * values that belong to it. Lists of S8 columns are padded to four with values 0
 * at the last column; the second lane of BF16's last group may be NO_LINE, with
 * value 0. BF16's first lane stands in the upper half of its 32 bits, which
 * vdpbf16ps adds first. Kernels work on tiles of `tile_rows` rows by 64 tokens, so
 * 1x4 takes four row groups a tile. */
#ifndef WEIR_SPMM_BLOCK_H
#define WEIR_SPMM_BLOCK_H

#include "kernels/spmm/spmm.h"

#define TILE_ROWS_MAX 32
#define NO_LINE       UINT32_MAX

struct spmm_weight {
    enum spmm_pattern pattern;
    enum spmm_element element;
    int64_t lane_count;
    int64_t row_count, k_count, block_count;
    int64_t group_rows, tile_rows, offset_count;
    int64_t row_group_count;
    int64_t *first;    /* row_group_count + 1 indices of groups */
    uint32_t *offsets; /* offset_count a group */
    void *values;      /* lane_count * group_rows a group, lanes inside */
};

/* 32 bits an element, integers or reals as the weight's element says. */
union spmm_tile {
    _Alignas(64) int32_t sums[TILE_ROWS_MAX * SPMM_PANEL];
    float reals[TILE_ROWS_MAX * SPMM_PANEL];
};

/* Sums of one tile: rows from `row` (a multiple of tile_rows, or of 4) over the first
 * `vectors` * 16 tokens of `panel`; 32 bits each at tile[r * 64 + t]. Rows beyond
 * row_count give what the padding gives: 0. */
typedef void (*tile_function)(const struct spmm_weight *weight, int64_t row,
                              const void *panel, int vectors, void *tile);
/* Steps 1 (bias) to 5 on `row_count` rows of a tile, and the store into D's panel
 * number `panel_index`. Writes padding rows of quads. */
typedef void (*finish_function)(const struct spmm_call *call, int64_t row,
                                int64_t row_count, int64_t panel_index,
                                int vectors, const void *tile);

struct spmm_kernels {
    bool is_by_four; /* tiles have four rows in every pattern */
    tile_function tile;
    finish_function finish;
};

void spmm_tile_portable(const struct spmm_weight *weight, int64_t row,
                        const void *panel, int vectors, void *tile);
void spmm_tile_real_portable(const struct spmm_weight *weight, int64_t row,
                             const void *panel, int vectors, void *tile);
void spmm_finish_portable(const struct spmm_call *call, int64_t row,
                          int64_t row_count, int64_t panel_index, int vectors,
                          const void *tile);
#if defined(__x86_64__)
void spmm_tile_vnni(const struct spmm_weight *weight, int64_t row,
                    const void *panel, int vectors, void *tile);
void spmm_tile_vnni_keep(const struct spmm_weight *weight, int64_t row,
                         const void *panel, int vectors, void *tile);
void spmm_tile_fma(const struct spmm_weight *weight, int64_t row,
                   const void *panel, int vectors, void *tile);
void spmm_tile_bf16_emulated(const struct spmm_weight *weight, int64_t row,
                             const void *panel, int vectors, void *tile);
void spmm_tile_bf16(const struct spmm_weight *weight, int64_t row,
                    const void *panel, int vectors, void *tile);
void spmm_finish_avx512(const struct spmm_call *call, int64_t row,
                        int64_t row_count, int64_t panel_index, int vectors,
                        const void *tile);
#endif

/* The part of D that one worker computes. */
struct spmm_range {
    int64_t tile_begin, tile_end, panel_begin, panel_end;
};
MUST_USE enum status spmm_call_check(const struct spmm_call *call,
                                     struct spmm_kernels *kernels);
void spmm_run_range(const struct spmm_call *call,
                    const struct spmm_kernels *kernels,
                    const struct spmm_range *range);

/* Bytes between up to 64 tokens of `stride` and one panel, as many rows from 0 on
 * as whole squares have: returns how many. Positions of tokens that are missing
 * become 0. */
int64_t spmm_fill_squares(const uint8_t *tokens, int64_t stride,
                          int64_t row_count, int64_t token_count,
                          enum spmm_layout layout, uint8_t *panel);
int64_t spmm_take_squares(const uint8_t *panel, int64_t row_count,
                          int64_t token_count, enum spmm_layout layout,
                          uint8_t *tokens, int64_t stride);

/* Position in a 64-token line at which token `t` stands, see SPMM_LINES. Of bytes
 * it is its own inverse. */
static inline int64_t spmm_line_position(int64_t t)
{
    return (t & 3) | ((t & 12) << 2) | ((t & 48) >> 2);
}

static inline int64_t spmm_bf16_position(int64_t t)
{
    return (t & 35) | ((t & 12) << 1) | ((t & 16) >> 2);
}

/* The constants of GELU, with which both epilogues compute; doc/spmm.md. */
#define GELU_CUBE   0.044715f
#define GELU_FACTOR (-1.5957691216057308f) /* -2 sqrt(2 / pi) */
#define EXP_LOW     (-87.0f)
#define EXP_HIGH    88.0f
#define EXP_LOG2E   1.44269504088896341f
#define EXP_LN2_HIGH                                                           \
    0.693359375f /* 10 bits: its product with an exponent is exact */
#define EXP_LN2_LOW (-2.12194440054690583e-4f)
#define EXP_C2      0.5f
#define EXP_C3      1.66666666666666667e-1f
#define EXP_C4      4.16666666666666667e-2f
#define EXP_C5      8.33333333333333333e-3f
#define EXP_C6      1.38888888888888889e-3f
#define EXP_C7      1.98412698412698413e-4f

#endif
