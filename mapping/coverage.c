/* The geometry of a leaf's step, and the proof that every point of every Einsum
 * is computed exactly once: tiles partition what they tile (the last one may be
 * smaller), the ranks left at a leaf are run through inside its step, so points
 * are missed or repeated only by loops over foreign ranks, by `at`, or by leaves
 * that are absent or doubled. */
#include "mapping/chain.h"
#include "mapping/flows.h"

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
        TRY(builder_check_tile(b, loop->value, loop->key.text, tile,
                               extent[rank]));
        step->loop[step->loop_count++] =
            (struct step_loop){rank, tile, num_ceil_div(extent[rank], tile)};
        b->plan->is_regular &= extent[rank] % tile == 0;
        extent[rank] = tile;
    }
    for (int r = 0; r < s->rank_count; r++) {
        int rank = s->rank[r];
        if (leaf->axis_of[r] < 0 && extent[rank] > 1) {
            step->loop[step->loop_count++] =
                (struct step_loop){rank, 1, extent[rank]};
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

/* INT64_MAX: more than that. */
int64_t coverage_count_reduce_cycles(const struct arch_axis *axis,
                                     int64_t lanes)
{
    int64_t hops = lanes;
    if (axis->reduce == ARCH_REDUCE_TREE) {
        for (hops = 0; (INT64_C(1) << hops) < lanes; hops++) {
        }
    }
    int64_t cycles = 0;
    return num_mul(hops, axis->hop_cycles, &cycles) ? cycles : INT64_MAX;
}

/* Partial results of lanes go into one place: only an axis that adds them up on
 * the way can do that. */
static enum status check_lane_reduction(struct builder *b, int leaf_id,
                                        int rank, const struct arch_axis *axis,
                                        int64_t lanes)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    if (axis->reduce == ARCH_REDUCE_NONE) {
        diag_error(b->diags, leaf_name(b, leaf_id)->span,
                   "mapping-spatial-reduce", NULL,
                   "Einsum '%s' reduces rank '%s' across axis '%s' of '%s', "
                   "which cannot reduce",
                   b->workload->statements[leaf->statement].name,
                   b->workload->rank[rank].name, axis->name,
                   b->arch->units[leaf->unit].name);
        return ERR_INPUT;
    }
    int64_t latency = coverage_count_reduce_cycles(axis, lanes);
    return num_add(leaf->reduce_latency_cycles, latency,
                   &leaf->reduce_latency_cycles)
               ? OK
               : limit_reached(b, leaf_id);
}

static bool reduces_rank(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return s->is_reduced[r];
        }
    }
    return false;
}

/* The lanes of spatial nodes above the leaf. Those that reduce need an axis that
 * can, unless each lane holds its partial results. */
static enum status check_lanes_above(struct builder *b, int leaf_id)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int hold = flows_find_keeper(b->plan, leaf->node, s->output.tensor);
    for (int n = b->plan->nodes[leaf->node].parent; n >= 0;
         n = b->plan->nodes[n].parent) {
        const struct plan_node *node = &b->plan->nodes[n];
        if (node->kind != PLAN_SPATIAL) {
            continue;
        }
        if (!num_mul(leaf->lanes_used, node->trips, &leaf->lanes_used)) {
            return limit_reached(b, leaf_id);
        }
        if (node->trips > 1 && reduces_rank(s, node->rank) &&
            (hold < 0 || plan_is_above(b->plan, hold, n))) {
            TRY(check_lane_reduction(
                b, leaf_id, node->rank,
                unit_find_axis(&b->arch->units[leaf->unit], node->axis),
                node->trips));
        }
    }
    return OK;
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
    TRY(check_lanes_above(b, leaf_id));
    for (int r = 0; r < s->rank_count; r++) {
        leaf->lane_extent[r] = step->lane_extent[s->rank[r]];
        if (leaf->axis_of[r] < 0) {
            continue;
        }
        const struct arch_axis *axis = &unit->axis[leaf->axis_of[r]];
        const char *rank = b->workload->rank[s->rank[r]].name;
        int64_t extent = step->lane_extent[s->rank[r]];
        int64_t taken = spatial_lanes_above(b->plan, leaf->node, axis->id);
        if (extent > axis->size / taken) {
            diag_error(b->diags, leaf_name(b, leaf_id)->span,
                       "mapping-spatial-size", NULL,
                       "Einsum '%s' spreads %" G_GINT64_FORMAT
                       " values of rank '%s' over axis '%s' of '%s', which has "
                       "%" G_GINT64_FORMAT " lanes",
                       s->name, extent, rank, axis->name, unit->name,
                       axis->size / taken);
            return ERR_INPUT;
        }
        if (s->is_reduced[r] && extent > 1) {
            TRY(check_lane_reduction(b, leaf_id, s->rank[r], axis, extent));
        }
        leaf->lanes_used *= extent;
    }
    return OK;
}

/* Cycles one lane needs for one point: the operations in turn, or, chained, the
 * slowest of them. A point's operations wait for each other; other points come in
 * between. */
static enum status count_cycles_per_trip(struct builder *b, int leaf_id)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    const struct arch_unit *unit = &b->arch->units[leaf->unit];
    int64_t cycles = 0;
    int64_t latency = 0;
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
        int64_t behind = 0;
        if (!num_mul(s->ops_per_point[op], cost->cycles, &part) ||
            !num_mul(s->ops_per_point[op], cost->latency_cycles, &behind) ||
            !num_add(latency, behind, &latency) ||
            !num_add(leaf->is_chained ? 0 : cycles, part, &part)) {
            return diag_fail(b->diags, ERR_LIMIT, "mapping-limit",
                             "cycles of '%s' exceed 64 bits", s->name);
        }
        cycles = leaf->is_chained && cycles > part ? cycles : part;
    }
    leaf->cycles_per_trip = cycles;
    leaf->op_latency_cycles = MAX(latency - cycles, 0);
    return OK;
}

/* Iterations that the loops over one rank from `at` on make of `extent`. */
static int64_t count_rank_trips(const struct step *step, int at, int rank,
                                int64_t extent)
{
    while (at < step->loop_count && step->loop[at].rank != rank) {
        at++;
    }
    if (at == step->loop_count || extent == 0) {
        return extent > 0;
    }
    int64_t tile = step->loop[at].tile;
    return extent / tile * count_rank_trips(step, at + 1, rank, tile) +
           count_rank_trips(step, at + 1, rank, extent % tile);
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
    for (int r = 0; r < s->rank_count; r++) {
        leaf->step_extent[r] = extent[s->rank[r]];
        int64_t trips =
            count_rank_trips(&step, 0, s->rank[r], leaf->step_extent[r]);
        if (!num_mul(leaf->trips_per_step, trips, &leaf->trips_per_step) ||
            !num_mul(leaf->points_per_step, leaf->step_extent[r],
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

/* Loops over ranks that the Einsum lacks compute its points again, which must be
 * asked for; loops over its own that it runs in only once (`at`) would leave some
 * out. */
static enum status check_leaf_loops(struct builder *b, int leaf_id)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int loops[MAX_LOOPS];
    int count = node_splits(b->plan, leaf->node, loops);
    for (int i = 0; i < count; i++) {
        const struct plan_node *loop = &b->plan->nodes[loops[i]];
        const char *rank = b->workload->rank[loop->rank].name;
        bool is_own = has_rank(s, loop->rank);
        bool is_last = is_at(leaf, loops[i]);
        if (loop->trips == 1 || is_own != is_last) {
            continue;
        }
        if (!is_own && leaf->is_recomputed) {
            b->plan->is_regular = false;
            continue;
        }
        if (is_own) {
            diag_error(b->diags, leaf_name(b, leaf_id)->span,
                       "mapping-missing-points", NULL,
                       "Einsum '%s' runs only in the last of %" G_GINT64_FORMAT
                       " iterations over its own rank '%s'",
                       s->name, loop->trips, rank);
            return ERR_INPUT;
        }
        g_autofree char *hint =
            loop->kind == PLAN_SPATIAL
                ? NULL
                : g_strdup_printf("say 'at: {%s: last}' to run it once, or "
                                  "'recompute: true'",
                                  rank);
        diag_error(
            b->diags, leaf_name(b, leaf_id)->span, "mapping-recompute", hint,
            "Einsum '%s' has no rank '%s': the %s it computes "
            "every point %" G_GINT64_FORMAT " times",
            s->name, rank,
            loop->kind == PLAN_SPATIAL ? "spatial node over" : "loop over",
            loop->trips);
        return ERR_INPUT;
    }
    return OK;
}

static bool count_one(const void *context, const int64_t *extent,
                      int64_t *elements)
{
    (void)context;
    (void)extent;
    *elements = 1;
    return true;
}

static bool count_points(const void *context, const int64_t *extent,
                         int64_t *points)
{
    const struct einsum_statement *s = context;
    *points = 1;
    for (int r = 0; r < s->rank_count; r++) {
        if (!num_mul(*points, extent[s->rank[r]], points)) {
            return false;
        }
    }
    return true;
}

static void single_lanes(struct chain *chain, bool is_single)
{
    for (int i = 0; i < chain->count; i++) {
        chain->link[i].is_single = is_single;
    }
}

/* Steps and what they take: of lanes that step together the first has the most
 * to do. */
static enum status count_leaf_steps(struct builder *b, int leaf_id)
{
    struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    struct chain chain;
    struct step step;
    TRY(step_of_leaf(b, leaf_id, &step));
    chain_of_leaf(b->plan, leaf_id, &chain);
    const struct chain_tile steps = {.count = count_one,
                                     .fresh = CHAIN_MAX_LINKS};
    const struct chain_tile points = {
        .count = count_points, .context = s, .fresh = CHAIN_MAX_LINKS};
    struct chain_total total;
    struct chain_total trips;
    if (!chain_count_fetched(&chain, &points, &total)) {
        return limit_reached(b, leaf_id);
    }
    leaf->point_count = total.elements;
    struct chain foreign = chain;
    chain_keep_foreign(&foreign, s);
    int64_t distinct = s->point_count;
    if (!chain_count_fetched(&foreign, &steps, &total) ||
        (leaf->is_masked && leaf->masking != ARCH_MASKING_NONE &&
         workload_count_points(b->workload, leaf->statement, &distinct) !=
             OK) ||
        !num_mul(distinct, total.elements, &distinct)) {
        return limit_reached(b, leaf_id);
    }
    if (leaf->is_masked && leaf->masking != ARCH_MASKING_NONE) {
        leaf->point_count = distinct;
    }
    single_lanes(&chain, true);
    if (!chain_count_fetched(&chain, &steps, &total)) {
        return limit_reached(b, leaf_id);
    }
    leaf->step_count = total.elements;
    chain_add_step(&chain, &step);
    if (!chain_count_fetched(&chain, &steps, &trips) ||
        !num_mul(trips.elements, leaf->cycles_per_trip, &leaf->busy_cycles)) {
        return limit_reached(b, leaf_id);
    }
    if (leaf->point_count != distinct && !leaf->is_masked) {
        BUG("'%s' covers %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " points",
            s->name, leaf->point_count, distinct);
    }
    return OK;
}

static enum status check_leaf_coverage(struct builder *b, int leaf_id)
{
    TRY(check_leaf_loops(b, leaf_id));
    TRY(check_selection(b, leaf_id));
    TRY(check_recompute(b, leaf_id));
    return count_leaf_steps(b, leaf_id);
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
