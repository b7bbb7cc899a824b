/* Where a sparse input is not zero: a grid of blocks, each kept or dropped as a
 * whole, with sums over every corner of the grid, so that the nonzeros of any box
 * are four look-ups. Private to this folder; einsum.h has what others may ask.
 *
 * A packed pattern has two grids: `kept` by coordinate, which decides what the
 * interpreter computes, and `placed`, in which the kept blocks of each line stand
 * next to one another, which decides what is counted: hardware and kernels that
 * work on packed operands take the n-th nonzero, wherever it comes from. */
#ifndef WEIR_EINSUM_PATTERN_H
#define WEIR_EINSUM_PATTERN_H

#include "einsum/einsum.h"

struct einsum_pattern {
    int64_t extent[2]; /* elements */
    int64_t block[2];  /* elements of a block; those at the ends may be cut */
    int64_t grid[2];   /* blocks */
    int packed_dim;    /* -1: not packed */
    /* Kept blocks before a corner: [(grid[0] + 1) * (grid[1] + 1)]. */
    uint32_t *kept;
    uint32_t *placed; /* kept itself unless packed */
    char *text;
};

/* With no block kept; NULL if that is more than PATTERN_MAX_BLOCKS. */
#define PATTERN_MAX_BLOCKS (INT64_C(1) << 27)
struct einsum_pattern *pattern_new(const int64_t extent[2],
                                   const int64_t block[2]);
void pattern_free(struct einsum_pattern *pattern);
/* Before pattern_finish: keeps a block. */
void pattern_keep(struct einsum_pattern *pattern, int64_t row, int64_t column);
/* Sums up; `packed_dim` is the dimension along which blocks move together, or
 * -1. Takes `text`. */
void pattern_finish(struct einsum_pattern *pattern, int packed_dim, char *text);

/* Is the element kept, by coordinate or as placed? */
bool pattern_has(const struct einsum_pattern *pattern, bool is_placed,
                 const int64_t at[2]);

/* ---- drawing -------------------------------------------------------------- */

/* All are pure functions of the seed. Keeps `count` of all blocks, every choice
 * equally likely. */
void pattern_draw(struct einsum_pattern *pattern, int64_t count, uint64_t seed);
/* Keeps count[i] blocks in row i of the grid. */
void pattern_draw_rows(struct einsum_pattern *pattern, const int64_t *count,
                       uint64_t seed);
/* Keeps `keep` of every `of` neighbours along `dim`; of a shorter group at the end
 * as many as it has, at most. */
void pattern_draw_groups(struct einsum_pattern *pattern, int dim, int64_t keep,
                         int64_t of, uint64_t seed);

#endif
