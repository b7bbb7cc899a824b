/* Chains: the loops and lanes above a place, outermost first, followed without
 * taking every iteration. Private to mapping/.
 *
 * The iterations of a loop fall into two classes, full tiles and a remainder,
 * and all of a class behave alike up to a translation. So what a visit costs is
 * worked out once per class, and what happens between two neighbouring visits
 * once per kind of neighbours: the cost of counting depends on how many uneven
 * loops there are, not on how often they run.
 *
 * With predicates, visits in which no point exists are left out. Iterations of a
 * loop then fall into runs, found by bisection: with all points, where nothing
 * more is to be looked at inside; with none; and, one by one, with some. Of those,
 * boxes alike up to a translation along which the predicate stays the same are
 * looked into once.
 *
 * Lanes that are idle, or partly used, at the same iterations behave alike too:
 * they are followed one for each kind. */
#ifndef WEIR_MAPPING_CHAIN_H
#define WEIR_MAPPING_CHAIN_H

#include "mapping/step.h"
#include "mapping/strides.h"

#define CHAIN_MAX_LINKS (MAX_LOOPS + STEP_MAX_WRITTEN + 2 * EINSUM_MAX_RANKS)

struct chain_link {
    int rank;
    int64_t tile;
    int node;                     /* of the plan, or -1: inside a leaf's step */
    const struct arch_axis *axis; /* of lanes; NULL: a loop */
    bool is_last;   /* visited in the last iteration only (`at`) */
    bool is_first;  /* in the first iteration only */
    bool is_single; /* of lanes: count the first only */
    int64_t lane;   /* the one that is followed */
    int64_t alike;  /* lanes from it on that are as it is */
};

#define CHAIN_MAX_MASKED 32

struct chain {
    const struct workload *workload;
    int count;
    struct chain_link link[CHAIN_MAX_LINKS];
    /* Statements with a predicate: a visit needs a point of one of them. 0: every
     * visit happens. */
    int masked_count;
    int masked[CHAIN_MAX_MASKED];
    bool is_unmasked; /* a statement without a predicate takes part */
    unsigned masked_ranks;
    /* From this link on a visit that has a point is taken whole. */
    int masked_links;
};

/* A range of every rank, by rank id: half open. */
struct region {
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
};

/* What is looked at in each visit: a tile, which is fetched when it is another
 * one than in the visit before. */
struct chain_tile {
    /* Elements when each rank (by id) has `extent`; false on overflow. */
    bool (*count)(const void *context, const int64_t *extent,
                  int64_t *elements);
    const void *context;
    /* Tiles are the same if the values of every index of the uses marked by
     * `is_counted` are. NULL: no two visits have the same. */
    const GArray *uses;
    const bool *is_counted;
    /* Iterations of the links before this one have nothing in common. */
    int fresh;
    /* Elements of `to` that `from` has as well, counted likewise: those that stay
     * where a tile moves on by the same stride (strides.h); false on overflow.
     * NULL: all are fetched. */
    bool (*kept)(const void *context, const struct region *from,
                 const struct region *to, int64_t *elements);
    bool counts_lanes; /* `count` has all lanes that are alike */
};

struct chain_total {
    int64_t elements;
    int64_t events; /* of the first lanes */
};

/* The links above `node`, without any `at`. */
void chain_of_node(const struct plan *plan, int node, struct chain *chain);
/* The links above a leaf, with its `at`. */
void chain_of_leaf(const struct plan *plan, int leaf, struct chain *chain);
/* A statement that takes part in the visits. */
void chain_add_statement(struct chain *chain, int statement);
/* Leaves out loops over ranks that the statement reduces. */
void chain_drop_reduced(struct chain *chain, const struct einsum_statement *s);
/* Follows those in their first iteration only. */
void chain_first_reduced(struct chain *chain, const struct einsum_statement *s);
/* Leaves out loops and lanes over ranks that the statement has, and
 * predicates. */
void chain_keep_foreign(struct chain *chain, const struct einsum_statement *s);
/* The loops inside a leaf's step come after. */
void chain_add_step(struct chain *chain, const struct step *step);

/* What is fetched in all visits of all lanes that are counted. False on
 * overflow. */
bool chain_count_fetched(struct chain *chain, const struct chain_tile *tile,
                         struct chain_total *total);
/* Elements of the statement's output that each counted lane works on in the
 * whole run, summed over lanes. */
bool chain_count_covered(struct chain *chain, const struct einsum_statement *s,
                         int64_t *elements);

/* ---- visit by visit (moves.c) --------------------------------------------- */

/* Which points of a region the chain's statements have, quickly. */
enum box_points chain_classify_region(const struct chain *chain,
                                      const struct region *region);
/* Have they any? Exactly. */
bool chain_has_point(const struct chain *chain, const struct region *region);
bool chain_is_same_tile(const struct chain *chain,
                        const struct chain_tile *tile, const struct region *a,
                        const struct region *b);
/* What is fetched by a visit that has another tile than the one before; `left` are
 * the regions that the links before each leave of it. False on overflow. */
bool chain_count_visit(const struct chain *chain, const struct chain_tile *tile,
                       const struct region *left, int64_t *elements);
/* What is fetched in the visits of `region` by the links from `at` on, by the
 * lanes that the links name. False on overflow. */
bool chain_count_region(const struct chain *chain,
                        const struct chain_tile *tile, int at,
                        const struct region *region, struct chain_total *total);

/* Does a predicate name the rank of link `at`, which is one of lanes? Then no two of
 * them are alike. */
bool chain_has_masked_lanes(const struct chain *chain, int at);

/* Of one kind of lanes, those that the links name, `lanes` in number;
 * `is_first`: none before it. False ends it. */
typedef bool chain_lanes_function(struct chain *chain, int64_t lanes,
                                  bool is_first, void *context);
bool chain_each_kind(struct chain *chain, chain_lanes_function *function,
                     void *context);

#endif
