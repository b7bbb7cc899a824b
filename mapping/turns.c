/* What stays in a memory while other children of a sequence have their turn.
 *
 * Children take turns in a memory: what one of them holds gives way to the next.
 * But if the sequence runs again, by a loop that does not move a tile, the tile is
 * not fetched anew (visits.c), so it was there all the time. Results stay between
 * iterations of loops that they are added up over; what is computed again need
 * not. */
#include "mapping/turns.h"

#include <string.h>

#include "mapping/flows.h"

static bool runs_last(const struct plan *plan, const GArray *uses, int loop)
{
    for (guint u = 0; u < uses->len; u++) {
        const struct plan_leaf *leaf =
            &plan->leaves[g_array_index(uses, struct tensor_use, u).leaf];
        bool is_last = false;
        for (int a = 0; a < leaf->at_count; a++) {
            is_last |= leaf->at_node[a] == loop;
        }
        if (!is_last) {
            return false;
        }
    }
    return true;
}

static bool moves(const GArray *uses, int rank)
{
    for (guint u = 0; u < uses->len; u++) {
        if (access_uses_rank(g_array_index(uses, struct tensor_use, u).access,
                             rank)) {
            return true;
        }
    }
    return false;
}

/* Is the tile wanted again in the next iteration of a loop that does not move it?
 * All that is fetched is; of results, those to be added to. */
static bool keeps(const struct builder *b, const GArray *uses, int rank)
{
    for (guint u = 0; u < uses->len; u++) {
        const struct tensor_use *use =
            &g_array_index(uses, struct tensor_use, u);
        if (!use->is_write) {
            continue;
        }
        const struct einsum_statement *s =
            &b->workload->statements[b->plan->leaves[use->leaf].statement];
        for (int r = 0; r < s->rank_count; r++) {
            if (s->rank[r] == rank && s->is_reduced[r]) {
                return true;
            }
        }
        return false;
    }
    return true;
}

static void list_loops(struct builder *b, const GArray *uses,
                       struct turns_tile *tile)
{
    int loops[MAX_LOOPS];
    int count = node_loops(b->plan, -1, tile->hold, loops);
    for (int i = 0; i < count; i++) {
        int rank = b->plan->nodes[loops[i]].rank;
        if (!runs_last(b->plan, uses, loops[i])) {
            tile->loop[tile->loop_count++] = (struct turns_loop){
                .node = loops[i],
                .is_inside = plan_is_above(b->plan, tile->sequence, loops[i]),
                .moves = moves(uses, rank),
                .keeps = keeps(b, uses, rank),
            };
        }
    }
}

static void list_hold(struct builder *b, int hold, int child, GArray *tiles)
{
    const struct plan_node *node = &b->plan->nodes[hold];
    for (int i = 0; i < node->held_count; i++) {
        g_autoptr(GArray) uses = uses_below(b, hold, node->held[i]);
        struct turns_tile tile = {.hold = hold,
                                  .held = i,
                                  .child = child,
                                  .sequence = b->plan->nodes[child].parent};
        if (uses->len > 0) {
            list_loops(b, uses, &tile);
            g_array_append_val(tiles, tile);
        }
    }
}

GArray *turns_list(struct builder *b)
{
    GArray *tiles = g_array_new(FALSE, TRUE, sizeof(struct turns_tile));
    for (int h = 0; h < b->plan->node_count; h++) {
        const struct plan_node *nodes = b->plan->nodes;
        if (nodes[h].kind != PLAN_HOLD || nodes[h].is_stream) {
            continue;
        }
        for (int n = h; nodes[n].parent >= 0; n = nodes[n].parent) {
            if (nodes[nodes[n].parent].kind == PLAN_SEQUENCE) {
                list_hold(b, h, n, tiles);
            }
        }
    }
    return tiles;
}

/* Is the tile the same in two visits of the child, one after the other? */
static bool stays(const struct plan *plan, const struct turns_tile *tile)
{
    bool is_again = false;
    for (int i = 0; i < tile->loop_count; i++) {
        const struct turns_loop *loop = &tile->loop[i];
        const struct plan_node *node = &plan->nodes[loop->node];
        if (loop->moves && node->least_trips > 1) {
            is_again = false;
        } else if (!loop->moves && !loop->is_inside) {
            is_again |= loop->keeps && node->trips > 1;
        }
    }
    return is_again;
}

/* Of the tiles from `first` on, which are of one hold and child. */
static bool add_hold(const struct plan *plan, const GArray *tiles, guint first,
                     struct turns_bytes *bytes)
{
    const struct turns_tile *tile =
        &g_array_index(tiles, struct turns_tile, first);
    const struct plan_node *hold = &plan->nodes[tile->hold];
    int64_t staying = 0;
    for (guint i = first; i < tiles->len; i++) {
        const struct turns_tile *other =
            &g_array_index(tiles, struct turns_tile, i);
        if (other->hold != tile->hold || other->child != tile->child) {
            break;
        }
        int64_t own = stays(plan, other) ? hold->held_bytes[other->held] : 0;
        staying = hold->is_shared ? MAX(staying, own) : staying + own;
    }
    int64_t *own = &bytes[tile->child].own;
    int64_t *children = &bytes[tile->sequence].children;
    return num_add(*own, staying, own) && num_add(*children, staying, children);
}

bool turns_count(const struct plan *plan, const GArray *tiles, int memory,
                 struct turns_bytes *bytes)
{
    memset(bytes, 0, sizeof *bytes * (size_t)plan->node_count);
    const struct turns_tile *before = NULL;
    for (guint i = 0; i < tiles->len; i++) {
        const struct turns_tile *tile =
            &g_array_index(tiles, struct turns_tile, i);
        bool is_new = before == NULL || before->hold != tile->hold ||
                      before->child != tile->child;
        before = tile;
        if (is_new && plan->nodes[tile->hold].memory == memory &&
            !add_hold(plan, tiles, i, bytes)) {
            return false;
        }
    }
    return true;
}
