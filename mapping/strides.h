/* What a tile keeps as it moves. Private to mapping/.
 *
 * A buffer that is filled as a ring keeps what a tile has in common with the one
 * before, as long as the tile moves on by the same stride; of a tile that comes
 * after another stride nothing is kept, and the stride of the move after that is
 * taken as the new one. (So Timeloop: NVlabs/timeloop, 4cf6d4c, residual state is
 * dropped when a stride changes.) What a sequence of moves fetches therefore
 * depends on the stride before it, but only on whether its first move goes on by
 * that: two numbers tell of any sequence. */
#ifndef WEIR_MAPPING_STRIDES_H
#define WEIR_MAPPING_STRIDES_H

#include <stdbool.h>
#include <stdint.h>

#include "einsum/einsum.h"

/* The distance of a tile from the one before, by dimension. */
struct stride {
    bool is_known; /* else any stride goes on by it */
    int64_t by[EINSUM_MAX_DIMS];
};

/* From one tile to the next. Without a distance, `fresh` are fetched whatever
 * the stride. */
struct stride_move {
    bool is_none; /* the same tile */
    struct stride by;
    int64_t whole; /* elements of the tile */
    int64_t fresh; /* without those that the tile before has */
};

struct strides {
    bool has_moved;
    struct stride first; /* of the first move */
    struct stride_pass {
        int64_t elements; /* fetched */
        int64_t events;   /* that fetch anything */
        struct stride after;
    } pass[2]; /* the first move goes on by the stride before; it does not */
};

/* Does a move by `by` go on by `stride`? */
bool stride_goes_on(const struct stride *stride, const struct stride *by);

/* One move more, another sequence, `times` times a move and a sequence. False on
 * overflow. */
bool strides_move(struct strides *strides, const struct stride_move *move);
bool strides_append(struct strides *strides, const struct strides *more);
bool strides_repeat(struct strides *strides, int64_t times,
                    const struct stride_move *move, const struct strides *more);

#endif
