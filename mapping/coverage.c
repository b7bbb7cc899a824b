/* The geometry of a leaf's step, and the proof that every point of every Einsum
 * is computed exactly once: tiles divide what they tile (nodes.c), the ranks
 * left at a leaf are run through inside its step, so points are missed or
 * repeated only by loops over foreign ranks, by `at`, or by leaves that are
 * absent or doubled. */
#include "mapping/builder.h"
#include "mapping/step.h"

static const struct tree_item *leaf_item(struct builder *b, int leaf)
{
    return b->items->pdata[b->plan->leaves[leaf].node];
}

static struct tree_name *leaf_name(struct builder *b, int leaf)
{
    const struct tree_item *item = leaf_item(b, leaf);
    const struct plan_leaf *l = &b->plan->leaves[leaf];
    const char *name = b->workload->statements[l->statement].name;
    for (guint i = 0; i < item->names->len; i++) {
        struct tree_name *n = &g_array_index(item->names, struct tree_name, i);
        if (g_str_equal(n->text, name)) {
            return n;
        }
    }
    BUG("leaf without a name");
}

/* ---- one step ----------------------------------------------------------- */

static enum status check_tile(struct builder *b, const struct tree_pair *loop,
                              int64_t tile, int64_t left)
{
    if (tile >= 1 && tile <= left && left % tile == 0) {
        return OK;
    }
    const char *code = tile < 1      ? "mapping-tile-size"
                       : tile > left ? "mapping-tile-too-large"
                                     : "mapping-uneven-tile";
    const char *what = tile < 1      ? "is below 1 for"
                       : tile > left ? "is larger than"
                                     : "does not divide";
    diag_error(b->diags, expr_span(loop->value), code, NULL,
               "tile size %" G_GINT64_FORMAT " %s rank '%s' (%" G_GINT64_FORMAT
               " here)",
               tile, what, loop->key.text, left);
    return ERR_INPUT;
}

/* The loops written inside the leaf, then the ranks that neither a loop nor an
 * axis takes, one index at a time in the order of the statement. */
static enum status build_step(struct builder *b, int leaf_id, struct step *step)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    const struct tree_item *item = leaf_item(b, leaf_id);
    int64_t extent[EINSUM_MAX_RANKS];
    node_extents(b->plan, leaf->node, extent);
    step->loop_count = 0;
    for (guint i = 0; i < item->loops->len; i++) {
        const struct tree_pair *loop =
            &g_array_index(item->loops, struct tree_pair, i);
        int rank = workload_find_rank(b->workload, loop->key.text);
        int position = -1;
        for (int r = 0; r < s->rank_count; r++) {
            position = s->rank[r] == rank ? r : position;
        }
        if (rank < 0 || position < 0) {
            diag_error(
                b->diags, loop->key.span,
                rank < 0 ? "mapping-unknown-rank" : "mapping-foreign-rank",
                NULL, "Einsum '%s' has no rank '%s'", s->name, loop->key.text);
            return ERR_INPUT;
        }
        if (step->loop_count == STEP_MAX_WRITTEN) {
            diag_error(b->diags, loop->key.span, "mapping-too-many-nodes", NULL,
                       "a compute node has at most %d loops", STEP_MAX_WRITTEN);
            return ERR_INPUT;
        }
        int64_t tile = 0;
        TRY(expr_eval(loop->value, b->scope, b->diags, &tile));
        TRY(check_tile(b, loop, tile, extent[rank]));
        step->loop[step->loop_count++] =
            (struct step_loop){rank, extent[rank] / tile};
        extent[rank] = tile;
    }
    for (int r = 0; r < s->rank_count; r++) {
        int rank = s->rank[r];
        if (leaf->axis_of[r] < 0 && extent[rank] > 1) {
            step->loop[step->loop_count++] =
                (struct step_loop){rank, extent[rank]};
            extent[rank] = 1;
        }
    }
    for (int r = 0; r < b->workload->rank_count; r++) {
        step->lane_extent[r] = extent[r];
    }
    return OK;
}

enum status step_of_leaf(struct builder *b, int leaf, struct step *step)
{
    return build_step(b, leaf, step);
}

static enum status limit_reached(struct builder *b, int leaf)
{
    return diag_fail(
        b->diags, ERR_LIMIT, "mapping-limit", "counts of '%s' exceed 64 bits",
        b->workload->statements[b->plan->leaves[leaf].statement].name);
}

static enum status check_axes(struct builder *b, int leaf_id,
                              const struct step *step)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    const struct arch_unit *unit = &b->arch->units[leaf->unit];
    leaf->lanes_used = 1;
    leaf->reduce_latency_cycles = 0;
    for (int r = 0; r < s->rank_count; r++) {
        if (leaf->axis_of[r] < 0) {
            continue;
        }
        const struct arch_axis *axis = &unit->axis[leaf->axis_of[r]];
        const char *rank = b->workload->rank[s->rank[r]].name;
        int64_t extent = step->lane_extent[s->rank[r]];
        struct span span = leaf_name(b, leaf_id)->span;
        if (extent > axis->size) {
            diag_error(b->diags, span, "mapping-spatial-size", NULL,
                       "Einsum '%s' spreads %" G_GINT64_FORMAT
                       " values of rank '%s' over axis '%s' of '%s', which has "
                       "%" G_GINT64_FORMAT " lanes",
                       s->name, extent, rank, axis->name, unit->name,
                       axis->size);
            return ERR_INPUT;
        }
        if (s->is_reduced[r] && extent > 1) {
            if (axis->reduce == ARCH_REDUCE_NONE) {
                diag_error(b->diags, span, "mapping-spatial-reduce", NULL,
                           "Einsum '%s' reduces rank '%s' across axis '%s' of "
                           "'%s', which cannot reduce",
                           s->name, rank, axis->name, unit->name);
                return ERR_INPUT;
            }
            int64_t hops = extent;
            if (axis->reduce == ARCH_REDUCE_TREE) {
                for (hops = 0; (INT64_C(1) << hops) < extent; hops++) {
                }
            }
            int64_t latency = 0;
            if (!num_mul(hops, axis->hop_cycles, &latency) ||
                !num_add(leaf->reduce_latency_cycles, latency,
                         &leaf->reduce_latency_cycles)) {
                return limit_reached(b, leaf_id);
            }
        }
        leaf->lanes_used *= extent;
    }
    return OK;
}

/* Cycles one lane needs for one point: the operations in turn, or, chained, the
 * slowest of them. */
static enum status count_cycles_per_trip(struct builder *b, int leaf_id)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    const struct arch_unit *unit = &b->arch->units[leaf->unit];
    int64_t cycles = 0;
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (s->ops_per_point[op] == 0) {
            continue;
        }
        const struct arch_op *cost =
            arch_find_op(unit, einsum_op_name((enum einsum_op)op));
        if (cost == NULL) {
            diag_error(b->diags, leaf_name(b, leaf_id)->span, "mapping-no-op",
                       NULL,
                       "Einsum '%s' needs '%s', which unit '%s' cannot do",
                       s->name, einsum_op_name((enum einsum_op)op), unit->name);
            return ERR_INPUT;
        }
        int64_t part = 0;
        if (!num_mul(s->ops_per_point[op], cost->cycles, &part) ||
            !num_add(leaf->is_chained ? 0 : cycles, part, &part)) {
            return diag_fail(b->diags, ERR_LIMIT, "mapping-limit",
                             "cycles of '%s' exceed 64 bits", s->name);
        }
        cycles = leaf->is_chained && cycles > part ? cycles : part;
    }
    leaf->cycles_per_trip = cycles;
    return OK;
}

static enum status build_leaf_step(struct builder *b, int leaf_id)
{
    struct step step;
    TRY(build_step(b, leaf_id, &step));
    TRY(check_axes(b, leaf_id, &step));
    TRY(count_cycles_per_trip(b, leaf_id));
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int64_t extent[EINSUM_MAX_RANKS];
    node_extents(b->plan, leaf->node, extent);
    leaf->trips_per_step = 1;
    leaf->points_per_step = 1;
    for (int i = 0; i < step.loop_count; i++) {
        if (!num_mul(leaf->trips_per_step, step.loop[i].trips,
                     &leaf->trips_per_step)) {
            return limit_reached(b, leaf_id);
        }
    }
    for (int r = 0; r < s->rank_count; r++) {
        leaf->step_extent[r] = extent[s->rank[r]];
        if (!num_mul(leaf->points_per_step, leaf->step_extent[r],
                     &leaf->points_per_step)) {
            return limit_reached(b, leaf_id);
        }
    }
    if (!num_mul(leaf->trips_per_step, leaf->cycles_per_trip,
                 &leaf->busy_cycles_per_step)) {
        return limit_reached(b, leaf_id);
    }
    return OK;
}

enum status build_leaf_steps(struct builder *b)
{
    for (int l = 0; l < b->plan->leaf_count; l++) {
        TRY(build_leaf_step(b, l));
    }
    return diags_status(b->diags);
}

/* ---- every point once --------------------------------------------------- */

static bool has_rank(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return true;
        }
    }
    return false;
}

static bool is_at(const struct plan_leaf *leaf, int loop)
{
    for (int i = 0; i < leaf->at_count; i++) {
        if (leaf->at_node[i] == loop) {
            return true;
        }
    }
    return false;
}

static enum status check_leaf_coverage(struct builder *b, int leaf_id)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int loops[MAX_LOOPS];
    int count = node_loops(b->plan, -1, leaf->node, loops);
    leaf->step_count = 1;
    for (int i = 0; i < count; i++) {
        const struct plan_node *loop = &b->plan->nodes[loops[i]];
        const char *rank = b->workload->rank[loop->rank].name;
        bool is_own = has_rank(s, loop->rank);
        if (is_at(leaf, loops[i])) {
            if (is_own && loop->trips > 1) {
                diag_error(
                    b->diags, leaf_name(b, leaf_id)->span,
                    "mapping-missing-points", NULL,
                    "Einsum '%s' runs only in the last of %" G_GINT64_FORMAT
                    " iterations over its own rank '%s'",
                    s->name, loop->trips, rank);
                return ERR_INPUT;
            }
            continue;
        }
        if (!is_own && loop->trips > 1) {
            g_autofree char *hint =
                g_strdup_printf("say 'at: {%s: last}' to run it once", rank);
            diag_error(
                b->diags, leaf_name(b, leaf_id)->span, "mapping-recompute",
                hint,
                "Einsum '%s' has no rank '%s': the loop over it computes "
                "every point %" G_GINT64_FORMAT " times",
                s->name, rank, loop->trips);
            return ERR_INPUT;
        }
        if (!num_mul(leaf->step_count, loop->trips, &leaf->step_count)) {
            return limit_reached(b, leaf_id);
        }
    }
    int64_t points = 0;
    if (!num_mul(leaf->step_count, leaf->points_per_step, &points)) {
        return limit_reached(b, leaf_id);
    }
    if (points != s->point_count) {
        BUG("'%s' covers %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " points",
            s->name, points, s->point_count);
    }
    return OK;
}

enum status check_coverage(struct builder *b)
{
    for (int i = 0; i < b->workload->statement_count; i++) {
        const struct einsum_statement *s = &b->workload->statements[i];
        if (s->kind != EINSUM_COMPUTE) {
            continue;
        }
        int seen = -1;
        for (int l = 0; l < b->plan->leaf_count; l++) {
            if (b->plan->leaves[l].statement != i) {
                continue;
            }
            if (seen >= 0) {
                diag_error(b->diags, leaf_name(b, l)->span,
                           "mapping-mapped-twice", NULL,
                           "Einsum '%s' is already computed on line %d",
                           s->name, leaf_name(b, seen)->span.line);
            }
            seen = l;
        }
        if (seen < 0) {
            diag_error(b->diags, b->mapping->span, "mapping-unmapped", NULL,
                       "Einsum '%s' of cascade '%s' is computed nowhere",
                       s->name, b->workload->name);
        }
    }
    TRY(diags_status(b->diags));
    for (int l = 0; l < b->plan->leaf_count; l++) {
        TRY(check_leaf_coverage(b, l));
    }
    return OK;
}
