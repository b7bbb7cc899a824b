/* What stays in a memory while other children of a sequence have their turn.
 * Private to mapping/. */
#ifndef WEIR_MAPPING_TURNS_H
#define WEIR_MAPPING_TURNS_H

#include "mapping/builder.h"

/* A loop above the hold, outermost first. */
struct turns_loop {
    int node;
    bool is_inside; /* the sequence */
    bool moves;     /* the tile */
    bool keeps;     /* the tile that it does not move is wanted again */
};

/* A tensor of a hold in a child of a sequence. */
struct turns_tile {
    int hold;
    int held;  /* position in the hold */
    int child; /* of the sequence */
    int sequence;
    int loop_count;
    struct turns_loop loop[MAX_LOOPS];
};

/* struct turns_tile, those of one hold and sequence after one another. What is in
 * them is the tree's shape: tiles may have any sizes. */
GArray *turns_list(struct builder *b);

/* Bytes that stay in a memory between two visits, of a node. */
struct turns_bytes {
    int64_t own;      /* of a child of a sequence */
    int64_t children; /* of a sequence: all its children's */
};

/* Fills `bytes`, by node. False on overflow. */
bool turns_count(const struct plan *plan, const GArray *tiles, int memory,
                 struct turns_bytes *bytes);

#endif
