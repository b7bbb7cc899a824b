/* From a bound plan to formulas: which tiles, extents and trips each number of
 * it depends on. */
#include "mapping/formats.h"
#include "mapping/retile.h"

static bool has_overlap(const struct plan *plan, const struct plan_leaf *leaf)
{
    const struct einsum_statement *s =
        &plan->workload->statements[leaf->statement];
    for (int i = 0; i < s->read_count; i++) {
        for (int d = 0; d < s->resolved_reads[i].dim_count; d++) {
            if (affine_overlaps(plan->workload,
                                &s->resolved_reads[i].index[d])) {
                return true;
            }
        }
    }
    return false;
}

static bool keeps_overlap(struct retiler *r, int hold)
{
    const struct plan_node *node = &r->plan->nodes[hold];
    bool keeps = false;
    for (int i = 0; i < node->held_count && !node->is_stream; i++) {
        g_autoptr(GArray) uses = uses_below(&r->builder, hold, node->held[i]);
        keeps |= uses_keep_overlap(r->plan, hold, node->held[i], uses, NULL);
    }
    return keeps;
}

/* What the formulas do not cover. Beside spatial nodes, a tile is the same if its
 * values are, and windows that overlap may be the same by chance. */
static enum status check_supported(struct retiler *r)
{
    bool has_lanes = false;
    if (r->builder.crossings->len > 0) {
        int id =
            g_array_index(r->builder.crossings, struct plan_crossing, 0).fanout;
        const struct arch_fanout *fanout = &r->plan->arch->fanouts[id];
        diag_error(r->builder.diags, fanout->span, "mapping-retile", NULL,
                   "what crosses the network of '%s' cannot be counted for "
                   "other tiles without binding them anew",
                   fanout->name);
    }
    if (r->builder.mapping->formats->len > 0) {
        const struct tree_format *format =
            r->builder.mapping->formats->pdata[0];
        diag_error(r->builder.diags, format->span, "mapping-retile", NULL,
                   "formats cannot be counted for other tiles without binding "
                   "them anew");
    }
    for (int n = 0; n < r->plan->node_count; n++) {
        const struct plan_node *node = &r->plan->nodes[n];
        has_lanes |= node->kind == PLAN_SPATIAL;
        if (node->kind == PLAN_HOLD && keeps_overlap(r, n)) {
            diag_error(r->builder.diags, node->span, "mapping-retile",
                       "say 'refetch: true'",
                       "what windows overlap in, and a hold keeps, cannot be "
                       "counted for other tiles without binding them anew");
        }
        if (node->kind == PLAN_HOLD && node->can_spill) {
            diag_error(r->builder.diags, node->span, "mapping-retile", NULL,
                       "what spills cannot be counted for other tiles without "
                       "binding them anew");
        }
    }
    for (int l = 0; l < r->plan->leaf_count; l++) {
        if (r->plan->leaves[l].is_recomputed) {
            diag_error(
                r->builder.diags, r->plan->nodes[r->plan->leaves[l].node].span,
                "mapping-retile", NULL,
                "what is computed repeatedly cannot be counted for other "
                "tiles without binding them anew");
        }
        const struct einsum_statement *s =
            &r->plan->workload->statements[r->plan->leaves[l].statement];
        if ((s->features & ~(unsigned)EINSUM_PREDICATE) != 0) {
            diag_error(r->builder.diags,
                       r->plan->nodes[r->plan->leaves[l].node].span,
                       "mapping-retile", NULL,
                       "what data decides cannot be counted for other tiles "
                       "without binding it anew");
        }
        if (r->plan->leaves[l].instructions != NULL) {
            diag_error(r->builder.diags,
                       r->plan->nodes[r->plan->leaves[l].node].span,
                       "mapping-retile", NULL,
                       "instructions cannot be counted for other tiles without "
                       "binding them anew");
        }
        if (r->plan->leaves[l].is_masked) {
            diag_error(r->builder.diags,
                       r->plan->nodes[r->plan->leaves[l].node].span,
                       "mapping-retile", NULL,
                       "points that a predicate leaves out cannot be counted "
                       "for other tiles without binding them anew");
        }
    }
    for (int l = 0; l < r->plan->leaf_count && has_lanes; l++) {
        if (has_overlap(r->plan, &r->plan->leaves[l])) {
            diag_error(r->builder.diags,
                       r->plan->nodes[r->plan->leaves[l].node].span,
                       "mapping-retile", NULL,
                       "windows that overlap, below spatial nodes, cannot be "
                       "counted for other tiles without binding them anew");
        }
    }
    return diags_status(r->builder.diags);
}

static void list_places(struct retiler *r)
{
    r->places = g_new0(struct place, (gsize)r->plan->node_count);
    for (int n = 0; n < r->plan->node_count; n++) {
        const struct plan_node *node = &r->plan->nodes[n];
        bool is_hold = node->kind == PLAN_HOLD;
        r->places[n] = (struct place){node->parent, is_hold ? node->memory : -1,
                                      node->kind == PLAN_PIPELINE};
        if (is_hold) {
            r->is_used[node->memory] = true;
        }
    }
}

enum status retiler_compile(struct retiler *r)
{
    TRY(check_supported(r));
    TRY(retile_compile_splits(r));
    r->declared = g_new0(int64_t, (gsize)r->plan->node_count);
    r->footprint = g_new0(int64_t, (gsize)r->plan->node_count);
    r->turns = turns_list(&r->builder);
    r->staying = g_new(struct turns_bytes, (gsize)r->plan->node_count);
    r->is_used = g_new0(bool, (gsize)r->plan->arch->memory_count);
    list_places(r);
    r->formulas = g_array_new(FALSE, TRUE, sizeof(struct formula));
    r->kepts = g_array_new(FALSE, TRUE, sizeof(struct kept));
    r->reductions = g_array_new(FALSE, TRUE, sizeof(struct lane_reduction));
    r->insides = g_array_new(FALSE, TRUE, sizeof(struct inside));
    for (guint f = 0; f < r->builder.flows->len; f++) {
        TRY(retile_compile_flow(r, (int)f));
    }
    retile_connect_flows(r);
    for (int l = 0; l < r->plan->leaf_count; l++) {
        retile_compile_reductions(r, l);
    }
    for (int n = 0; n < r->plan->node_count; n++) {
        if (r->plan->nodes[n].kind == PLAN_HOLD) {
            retile_compile_hold(r, n);
        }
    }
    return OK;
}
