/* Another tiling of a bound plan, by its formulas: no allocation, no names, no
 * walk. The numbers are those that binding the mapping with these tiles would
 * give (tests/property/model_retile.c). */
#include "mapping/retile.h"

#include <string.h>

static bool multiply(int64_t *product, int64_t factor)
{
    return !__builtin_mul_overflow(*product, factor, product);
}

/* ---- tiles ---------------------------------------------------------------- */

static enum retiling place_tiles(struct retiler *r, const int64_t *tiles)
{
    for (int i = 0; i < r->variable_count; i++) {
        r->value[r->variables[i]] = tiles[i];
    }
    for (int i = 0; i < r->split_count; i++) {
        const struct split *split = &r->splits[i];
        int64_t extent = r->value[split->extent];
        int64_t tile = r->value[i];
        if (tile < 1 || tile > extent) {
            return RETILING_TILE;
        }
        r->trips[i] = tile == 1 ? extent : tile == extent ? 1 : extent / tile;
        if (r->trips[i] * tile != extent) {
            return RETILING_TILE;
        }
        struct plan_node *node = &r->plan->nodes[split->node];
        if (split->is_loop || split->is_lane) {
            node->tile = tile;
            node->trips = r->trips[i];
            node->least_trips = r->trips[i];
        }
    }
    for (guint i = 0; i < r->insides->len; i++) {
        const struct inside *inside =
            &g_array_index(r->insides, struct inside, i);
        if ((r->value[inside->extent] == inside->full) != inside->is_full) {
            return RETILING_STRUCTURE;
        }
    }
    return RETILING_OK;
}

/* Lanes of an axis, of spatial nodes one inside another. */
static bool fits_axes(const struct retiler *r)
{
    for (int i = 0; i < r->split_count; i++) {
        const struct split *split = &r->splits[i];
        if (!split->is_lane || r->trips[i] == 1) {
            continue;
        }
        int64_t taken = r->trips[i] *
                        spatial_lanes_above(r->plan, split->node, split->axis);
        if (taken > split->axis_size) {
            return false;
        }
    }
    return true;
}

/* ---- leaves --------------------------------------------------------------- */

static int64_t lanes_above(const struct retiler *r, int node, int axis)
{
    return r->has_lanes ? spatial_lanes_above(r->plan, node, axis) : 1;
}

static bool fits_unit(const struct retiler *r, struct plan_leaf *leaf,
                      int leaf_id)
{
    const struct einsum_statement *s =
        &r->plan->workload->statements[leaf->statement];
    const struct arch_unit *unit = &r->plan->arch->units[leaf->unit];
    int end = r->step_first[leaf_id] + r->step_count[leaf_id];
    for (int i = 0; i < s->rank_count; i++) {
        leaf->lane_extent[i] = 1;
        if (leaf->axis_of[i] < 0) {
            continue;
        }
        int64_t extent = -1;
        for (int k = end - 1; k >= r->step_first[leaf_id] && extent < 0; k--) {
            extent = r->splits[k].rank == s->rank[i] ? r->value[k] : -1;
        }
        extent = extent < 0 ? leaf->step_extent[i] : extent;
        const struct arch_axis *axis = &unit->axis[leaf->axis_of[i]];
        leaf->lane_extent[i] = extent;
        leaf->lanes_used *= extent;
        if (extent * lanes_above(r, leaf->node, axis->id) > axis->size) {
            return false;
        }
    }
    return true;
}

/* Steps, lanes and cycles of a leaf. */
static enum retiling count_leaf(struct retiler *r, int leaf_id)
{
    struct plan_leaf *leaf = &r->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &r->plan->workload->statements[leaf->statement];
    const int *extent = r->leaf_extent + (ptrdiff_t)leaf_id * EINSUM_MAX_RANKS;
    leaf->step_count = 1;
    leaf->lanes_used = 1;
    leaf->trips_per_step = 1;
    leaf->points_per_step = 1;
    leaf->reduce_latency_cycles = 0;
    bool fits = true;
    for (int i = r->above_first[leaf_id]; i < r->above_first[leaf_id + 1];
         i++) {
        const struct above *above = &g_array_index(r->above, struct above, i);
        fits &= multiply(above->is_lane ? &leaf->lanes_used : &leaf->step_count,
                         r->trips[above->split]);
    }
    for (int i = 0; i < s->rank_count; i++) {
        leaf->step_extent[i] = r->value[extent[i]];
        fits &= multiply(&leaf->points_per_step, leaf->step_extent[i]);
    }
    for (int i = 0; i < r->step_count[leaf_id]; i++) {
        fits &= multiply(&leaf->trips_per_step,
                         r->trips[r->step_first[leaf_id] + i]);
    }
    leaf->busy_cycles_per_step = leaf->trips_per_step;
    fits = fits && multiply(&leaf->busy_cycles_per_step, leaf->cycles_per_trip);
    leaf->busy_cycles = leaf->busy_cycles_per_step;
    fits = fits && multiply(&leaf->busy_cycles, leaf->step_count);
    return !fits                         ? RETILING_LIMIT
           : fits_unit(r, leaf, leaf_id) ? RETILING_OK
                                         : RETILING_LANES;
}

static enum retiling count_reductions(struct retiler *r)
{
    for (guint i = 0; i < r->reductions->len; i++) {
        const struct lane_reduction *reduction =
            &g_array_index(r->reductions, struct lane_reduction, i);
        int64_t lanes = reduction->trips >= 0 ? r->trips[reduction->trips]
                                              : r->value[reduction->value];
        if (lanes == 1) {
            continue;
        }
        if (reduction->axis->reduce == ARCH_REDUCE_NONE) {
            return RETILING_STRUCTURE;
        }
        r->plan->leaves[reduction->leaf].reduce_latency_cycles +=
            coverage_count_reduce_cycles(reduction->axis, lanes);
    }
    return RETILING_OK;
}

static enum retiling count_leaves(struct retiler *r)
{
    for (int l = 0; l < r->plan->leaf_count; l++) {
        enum retiling result = count_leaf(r, l);
        if (result != RETILING_OK) {
            return result;
        }
    }
    for (int p = 0; p < r->plan->phase_count; p++) {
        struct plan_phase *phase = &r->plan->phases[p];
        phase->iteration_count = 1;
        for (int i = 0; i < phase->loop_count; i++) {
            if (!multiply(&phase->iteration_count,
                          r->plan->nodes[phase->loops[i]].trips)) {
                return RETILING_LIMIT;
            }
        }
    }
    return count_reductions(r);
}

/* ---- flows ---------------------------------------------------------------- */

static int64_t count_dim(const struct retiler *r, const struct dim *dim)
{
    int64_t inner = r->value[dim->extent];
    if (dim->kind == DIM_RANGE) {
        return MAX(inner + dim->constant, dim->least);
    }
    int64_t outer = r->value[dim->outer];
    /* Rows of `inner` neighbours, `step` apart: they meet or leave gaps. */
    return inner == 1 || outer == 1 || inner < dim->step
               ? outer * inner
               : dim->step * (outer - 1) + inner;
}

static bool count_general(const struct retiler *r, const struct formula *f,
                          int64_t *elements)
{
    int64_t extent[EINSUM_MAX_RANKS];
    for (int k = 0; k < r->plan->workload->rank_count; k++) {
        extent[k] = r->value[f->rank_extent[k]];
    }
    if (f->access == NULL) {
        return uses_count_elements(f->uses, f->is_counted, extent,
                                   f->skipped_dim, elements);
    }
    enum flow_kind kind = r->plan->flows[f->flow].kind;
    *elements = flows_lane_footprint(
        r->plan, &r->plan->leaves[f->leaf], f->access,
        kind == FLOW_WRITE || kind == FLOW_PARTIAL, extent);
    return true;
}

/* At one point in time. */
static bool count_elements(const struct retiler *r, const struct formula *f,
                           int64_t *elements)
{
    *elements = 1;
    bool fits = true;
    if (f->is_general) {
        fits = count_general(r, f, elements);
    } else {
        for (int d = 0; d < f->dim_count; d++) {
            fits &= multiply(elements, count_dim(r, &f->dim[d]));
        }
    }
    if (f->slice_extent >= 0) {
        fits &=
            multiply(elements, MIN(r->value[f->slice_extent] + f->slice_reach,
                                   f->slice_most));
    }
    return fits;
}

/* Iterations down to the innermost loop that moves the elements. */
static bool count_visits(const struct retiler *r, const struct formula *f,
                         int64_t *visits)
{
    int64_t product = 1;
    bool fits = true;
    *visits = 1;
    for (int i = 0; i < f->loop_count; i++) {
        int64_t trips = r->trips[f->loop[i]];
        if (trips > 1 && !f->is_last[i]) {
            fits &= multiply(&product, trips);
            *visits = f->is_mover[i] ? product : *visits;
        }
    }
    return fits;
}

struct lane_counts {
    int64_t all;
    int64_t outside; /* shared ones count once */
};

static bool count_lanes(const struct retiler *r, const struct formula *f,
                        struct lane_counts *lanes)
{
    bool fits = true;
    *lanes = (struct lane_counts){1, 1};
    for (int i = 0; i < f->lane_count; i++) {
        int64_t trips = r->trips[f->lane[i].split];
        fits &= multiply(&lanes->all, trips);
        fits &= f->lane[i].is_single || multiply(&lanes->outside, trips);
    }
    return fits;
}

/* Do the lanes send partial results that are added up in the place outside? */
static bool adds_up_outside(const struct retiler *r, const struct formula *f)
{
    for (int i = 0; i < f->lane_count; i++) {
        if (f->lane[i].is_unreduced && r->trips[f->lane[i].split] > 1) {
            return true;
        }
    }
    return false;
}

/* What comes back is what was sent for not the first time. Where the hold that
 * the sums are in sends them on to be added up, nothing returns to it, and each
 * of its visits begins anew. */
static enum retiling count_returned(struct retiler *r, const struct formula *f)
{
    struct plan_flow *flow = &r->plan->flows[f->flow];
    const struct plan_flow *sent = &r->plan->flows[f->product];
    const struct formula *on =
        f->sent_on < 0
            ? NULL
            : &g_array_index(r->formulas, struct formula, (guint)f->sent_on);
    bool is_refill = flow->kind == FLOW_REFILL;
    bool is_outside = is_refill && adds_up_outside(r, f);
    bool begins_anew = on != NULL && adds_up_outside(r, on);
    if (is_refill && begins_anew) {
        return RETILING_STRUCTURE;
    }
    int64_t first_outside = f->distinct;
    int64_t first_inside = f->distinct;
    bool fits = true;
    for (int i = 0; i < f->lane_count; i++) {
        const struct lane *lane = &f->lane[i];
        int64_t trips = lane->is_moved ? 1 : r->trips[lane->split];
        bool is_single = lane->is_single ||
                         ((is_outside || !is_refill) && lane->is_unreduced);
        fits &= multiply(&first_inside, trips);
        fits &= is_single || multiply(&first_outside, trips);
    }
    if (begins_anew) {
        first_outside = r->plan->flows[on->flow].inner_total;
    }
    flow->total = sent->total - first_outside;
    flow->inner_total = !is_refill   ? flow->total
                        : is_outside ? 0
                                     : sent->inner_total - first_inside;
    flow->elements = sent->elements;
    flow->events = flow->elements > 0 ? flow->total / flow->elements : 0;
    return fits ? RETILING_OK : RETILING_LIMIT;
}

static bool count_flow(struct retiler *r, const struct formula *f)
{
    struct plan_flow *flow = &r->plan->flows[f->flow];
    struct lane_counts lanes;
    int64_t elements = 1;
    int64_t visits = 1;
    if (!count_elements(r, f, &elements) || !count_visits(r, f, &visits) ||
        !count_lanes(r, f, &lanes)) {
        return false;
    }
    if (f->leaf >= 0) { /* `visits` are those of one step */
        if (!multiply(&elements, visits)) {
            return false;
        }
        visits = r->plan->leaves[f->leaf].step_count;
        lanes.all = lanes.outside;
    }
    flow->elements = elements;
    flow->events = visits;
    bool fits = multiply(&elements, visits);
    flow->total = elements;
    flow->inner_total = elements;
    return fits && multiply(&flow->total, lanes.outside) &&
           multiply(&flow->inner_total, lanes.all);
}

static enum retiling count_flows(struct retiler *r)
{
    const struct formula *formulas = (const void *)r->formulas->data;
    for (guint i = 0; i < r->formulas->len; i++) {
        if (formulas[i].product < 0 && !count_flow(r, &formulas[i])) {
            return RETILING_LIMIT;
        }
    }
    for (guint i = 0; i < r->formulas->len; i++) {
        if (formulas[i].product >= 0) {
            enum retiling result = count_returned(r, &formulas[i]);
            if (result != RETILING_OK) {
                return result;
            }
        }
    }
    return RETILING_OK;
}

/* ---- what is kept --------------------------------------------------------- */

static int64_t count_spread(const struct retiler *r, const struct kept *kept)
{
    int64_t most = 1;
    for (int s = 0; s < kept->spread_count; s++) {
        const struct lanes *lanes = &kept->spread[s];
        int64_t product = 1;
        for (int i = 0; i < lanes->trips_count; i++) {
            product *= r->trips[lanes->trips[i]];
        }
        for (int i = 0; i < lanes->value_count; i++) {
            product *= r->value[lanes->value[i]];
        }
        most = MAX(most, product);
    }
    int memory = r->plan->nodes[kept->hold].memory;
    return MIN(most, r->plan->arch->memories[memory].instances);
}

static bool count_kept_tile(struct retiler *r, const struct kept *kept,
                            int64_t *elements)
{
    int64_t slices = kept->is_iterative
                         ? hold_count_slices(&r->builder, kept->hold,
                                             kept->tensor, kept->uses)
                         : 0;
    return slices > 0 ? count_elements(r, &kept->slice, elements) &&
                            multiply(elements, slices)
                      : count_elements(r, &kept->tile, elements);
}

static int64_t count_needed_copies(const struct retiler *r,
                                   const struct kept *kept)
{
    int64_t distance = 1;
    for (int i = 0; i < kept->distance.trips_count; i++) {
        distance *= r->trips[kept->distance.trips[i]];
    }
    return distance >= kept->in_flight
               ? 1
               : num_ceil_div(kept->in_flight, distance);
}

/* Bytes of each hold, as build_hold_footprint has them. */
static enum retiling count_holds(struct retiler *r)
{
    int last = -1;
    for (guint i = 0; i < r->kepts->len; i++) {
        const struct kept *kept = &g_array_index(r->kepts, struct kept, i);
        struct plan_node *node = &r->plan->nodes[kept->hold];
        if (kept->hold != last) {
            node->footprint_bytes = 0;
            node->copies = 1;
            last = kept->hold;
        }
        int64_t declared = r->declared[kept->hold];
        int64_t copies = declared;
        if (declared == 0 || node->assumption == NULL) {
            int64_t needed = count_needed_copies(r, kept);
            if (declared > 0 && declared < needed) {
                return RETILING_COPIES;
            }
            copies = declared > 0 ? declared : needed;
        }
        int64_t bytes = 0;
        if (!count_kept_tile(r, kept, &bytes)) {
            return RETILING_LIMIT;
        }
        bytes = num_ceil_div(bytes, count_spread(r, kept));
        const struct arch_memory *memory =
            &r->plan->arch->memories[node->memory];
        if (!multiply(&bytes, arch_word_bytes(memory)) ||
            !multiply(&bytes, copies)) {
            return RETILING_LIMIT;
        }
        node->held_bytes[kept->held] = bytes;
        node->copies = MAX(node->copies, copies);
        node->footprint_bytes = node->is_shared
                                    ? MAX(node->footprint_bytes, bytes)
                                    : node->footprint_bytes + bytes;
        if (node->footprint_bytes < 0) {
            return RETILING_LIMIT;
        }
    }
    return RETILING_OK;
}

/* What the subtrees of a memory's holds keep at once: branches of a pipeline
 * add up, those of phases and sequences take turns, beside what stays of the
 * others. */
static enum retiling count_memory(struct retiler *r, int memory)
{
    struct plan *plan = r->plan;
    int64_t *inside = r->footprint; /* of a node's branches */
    memset(inside, 0, sizeof *inside * (size_t)plan->node_count);
    int64_t total = 0;
    if (!turns_count(plan, r->turns, memory, r->staying)) {
        return RETILING_LIMIT;
    }
    for (int n = plan->node_count - 1; n >= 0; n--) {
        const struct place *place = &r->places[n];
        if (__builtin_add_overflow(inside[n], r->staying[n].children, &total)) {
            return RETILING_LIMIT;
        }
        if (place->memory == memory &&
            __builtin_add_overflow(total, plan->nodes[n].footprint_bytes,
                                   &total)) {
            return RETILING_LIMIT;
        }
        if (place->parent < 0 || total == 0) {
            continue;
        }
        int64_t *branches = &inside[place->parent];
        if (!r->places[place->parent].adds_up_inside) {
            *branches = MAX(*branches, total - r->staying[n].own);
        } else if (__builtin_add_overflow(*branches, total, branches)) {
            return RETILING_LIMIT;
        }
    }
    plan->memories[memory].footprint_bytes = total;
    int64_t size = plan->arch->memories[memory].size_bytes;
    return size == NUM_UNLIMITED || total <= size ? RETILING_OK
                                                  : RETILING_CAPACITY;
}

static enum retiling count_capacity(struct retiler *r)
{
    enum retiling result = count_holds(r);
    for (int m = 0; m < r->plan->arch->memory_count; m++) {
        if (result == RETILING_OK && r->is_used[m]) {
            result = count_memory(r, m);
        }
    }
    return result;
}

/* ---- all ------------------------------------------------------------------ */

enum retiling retiler_apply(struct retiler *r, const int64_t *tiles)
{
    enum retiling result = place_tiles(r, tiles);
    if (result == RETILING_OK && !fits_axes(r)) {
        result = RETILING_LANES;
    }
    result = result == RETILING_OK ? count_leaves(r) : result;
    result = result == RETILING_OK ? count_capacity(r) : result;
    return result == RETILING_OK ? count_flows(r) : result;
}

enum status retiler_bind(const struct mapping *mapping,
                         const struct workload *workload,
                         const struct arch *arch, const struct scope *chosen,
                         struct diags *diags, struct retiler **result)
{
    AUTO(retiler) r = g_new0(struct retiler, 1);
    TRY(builder_start(&r->builder, mapping, workload, arch, diags, true));
    r->plan = r->builder.plan;
    enum status status = builder_run(&r->builder, chosen);
    if (status == OK) {
        status = retiler_compile(r);
    }
    if (status == OK) {
        status = build_capacity(&r->builder);
    }
    r->sources = g_steal_pointer(&r->builder.sources);
    builder_hand_over(&r->builder);
    r->builder.diags = NULL;
    TRY(status);
    *result = g_steal_pointer(&r);
    return OK;
}

void retiler_free(struct retiler *r)
{
    if (r == NULL) {
        return;
    }
    for (guint i = 0; r->kepts != NULL && i < r->kepts->len; i++) {
        struct kept *kept = &g_array_index(r->kepts, struct kept, i);
        g_array_unref(kept->uses);
        g_free(kept->spread);
    }
    builder_clear_sources(r->sources);
    g_clear_pointer(&r->formulas, g_array_unref);
    g_clear_pointer(&r->kepts, g_array_unref);
    g_clear_pointer(&r->reductions, g_array_unref);
    g_clear_pointer(&r->insides, g_array_unref);
    g_free(r->variables);
    g_free(r->splits);
    g_free(r->value);
    g_free(r->trips);
    g_free(r->declared);
    g_free(r->leaf_extent);
    g_free(r->step_first);
    g_free(r->step_count);
    g_free(r->above_first);
    g_clear_pointer(&r->above, g_array_unref);
    g_free(r->footprint);
    g_clear_pointer(&r->turns, g_array_unref);
    g_free(r->staying);
    g_free(r->is_used);
    g_free(r->places);
    plan_free(r->plan);
    g_free(r);
}

const struct plan *retiler_plan(const struct retiler *r)
{
    return r->plan;
}

int retiler_tile_count(const struct retiler *r)
{
    return r->variable_count;
}

int retiler_node(const struct retiler *r, int tile)
{
    return r->splits[r->variables[tile]].node;
}

int retiler_rank(const struct retiler *r, int tile)
{
    return r->splits[r->variables[tile]].rank;
}

int64_t retiler_tile(const struct retiler *r, int tile)
{
    return r->value[r->variables[tile]];
}
