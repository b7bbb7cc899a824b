/* Spatial nodes: the lanes of an axis each take one tile of a rank, all at once.
 * What is held below exists once per lane, so it must be in a memory inside the
 * fan-out; partial results of a reduction across the lanes are combined by the
 * axis, or come from a hold of each lane's own. */
#include <string.h>

#include "mapping/builder.h"

static const struct arch_axis *find_axis(const struct arch_axis *axes,
                                         int count, int id)
{
    for (int a = 0; a < count; a++) {
        if (axes[a].id == id) {
            return &axes[a];
        }
    }
    return NULL;
}

const struct arch_axis *unit_find_axis(const struct arch_unit *unit, int id)
{
    return find_axis(unit->axis, unit->axis_count, id);
}

const struct arch_axis *memory_find_axis(const struct arch_memory *memory,
                                         int id)
{
    return find_axis(memory->axis, memory->axis_count, id);
}

int64_t spatial_lanes_above(const struct plan *plan, int node, int axis)
{
    int64_t lanes = 1;
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_SPATIAL &&
            plan->nodes[n].axis == axis) {
            lanes *= plan->nodes[n].trips;
        }
    }
    return lanes;
}

static enum status find_named_axis(struct builder *b,
                                   const struct tree_name *word,
                                   const struct tree_name *unit_name,
                                   const struct arch_axis **axis)
{
    int id = arch_find_unit(b->arch, unit_name->text);
    if (id < 0) {
        diag_error(b->diags, unit_name->span, "mapping-unknown-unit", NULL,
                   "unknown unit '%s'", unit_name->text);
        return ERR_INPUT;
    }
    const struct arch_unit *unit = &b->arch->units[id];
    g_autoptr(GPtrArray) known = g_ptr_array_new();
    for (int a = 0; a < unit->axis_count; a++) {
        g_ptr_array_add(known, (void *)(uintptr_t)unit->axis[a].name);
        if (strcmp(unit->axis[a].name, word->text) == 0) {
            *axis = &unit->axis[a];
            return OK;
        }
    }
    builder_report_unknown(b, word, "axis", "mapping-unknown-axis", known);
    return ERR_INPUT;
}

/* NULL if no tile is written for the rank. */
static const struct expr *find_tile(const struct tree_item *item,
                                    const char *rank)
{
    for (guint i = 0; i < item->tiles->len; i++) {
        const struct tree_pair *written =
            &g_array_index(item->tiles, struct tree_pair, i);
        if (strcmp(written->key.text, rank) == 0) {
            return written->value;
        }
    }
    return NULL;
}

/* The tile as written, or as large as it takes to use every lane. */
static enum status eval_tile(struct builder *b, const struct tree_item *item,
                             const char *rank, int64_t left, int64_t lanes,
                             int64_t *tile)
{
    const struct expr *written = find_tile(item, rank);
    if (written == NULL) {
        *tile = num_ceil_div(left, MAX(lanes, 1));
        return OK;
    }
    TRY(expr_eval(written, b->scope, b->diags, tile));
    return builder_check_tile(b, written, rank, *tile, left);
}

/* Each tile must be of a rank that the node spreads. */
static enum status check_tile_names(struct builder *b,
                                    const struct tree_item *item)
{
    for (guint i = 0; i < item->tiles->len; i++) {
        const struct tree_name *key =
            &g_array_index(item->tiles, struct tree_pair, i).key;
        bool is_found = false;
        for (guint k = 0; k < item->spatial->len; k++) {
            is_found |=
                strcmp(
                    g_array_index(item->spatial, struct tree_pair, k).key.text,
                    key->text) == 0;
        }
        if (!is_found) {
            diag_error(b->diags, key->span, "mapping-foreign-rank", NULL,
                       "this node does not spread rank '%s'", key->text);
            return ERR_INPUT;
        }
    }
    return OK;
}

enum status build_spatial(struct builder *b, const struct tree_item *item,
                          guint pair_id, int id, const struct tree_name *unit)
{
    const struct tree_pair *pair =
        &g_array_index(item->spatial, struct tree_pair, pair_id);
    TRY(check_tile_names(b, item));
    int rank = builder_find_rank(b, &pair->key);
    if (rank < 0) {
        return ERR_INPUT;
    }
    const struct arch_axis *axis = NULL;
    TRY(find_named_axis(b, &pair->word, unit, &axis));
    int64_t extent[MAX_EXTENTS];
    (void)node_possible_extents(b->plan, id, rank, extent);
    int64_t taken = spatial_lanes_above(b->plan, id, axis->id);
    int64_t tile = 0;
    TRY(eval_tile(b, item, pair->key.text, extent[0], axis->size / taken,
                  &tile));
    int64_t lanes = num_ceil_div(extent[0], tile);
    if (lanes > axis->size / taken) {
        diag_error(b->diags, pair->word.span, "mapping-spatial-size", NULL,
                   "%" G_GINT64_FORMAT " tiles of rank '%s' do not fit on the "
                   "%" G_GINT64_FORMAT " lanes of axis '%s'",
                   lanes, pair->key.text, axis->size / taken, axis->name);
        return ERR_INPUT;
    }
    struct plan_node *node = &g_array_index(b->nodes, struct plan_node, id);
    node->rank = rank;
    node->axis = axis->id;
    node->tile = tile;
    node->trips = lanes;
    node->least_trips = lanes;
    b->plan->is_regular = false;
    return OK;
}

/* ---- after the tree is built -------------------------------------------- */

static void check_unit(struct builder *b, const struct plan_node *node,
                       const struct plan_leaf *leaf)
{
    const struct arch_unit *unit = &b->arch->units[leaf->unit];
    if (unit_find_axis(unit, node->axis) == NULL) {
        diag_error(b->diags, b->plan->nodes[leaf->node].span,
                   "mapping-unknown-axis", NULL,
                   "unit '%s' is not behind the axis that line %d spreads "
                   "rank '%s' over",
                   unit->name, node->span.line,
                   b->workload->rank[node->rank].name);
    }
}

/* Lanes that have points at different times each make results of their own. */
static void check_mask(struct builder *b, const struct plan_node *node,
                       const struct plan_leaf *leaf)
{
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    unsigned ranks = workload_mask_ranks(b->workload, leaf->statement);
    if ((ranks >> node->rank & 1) == 0) {
        return;
    }
    const char *what = !access_uses_rank(&s->output, node->rank) ? "reduced"
                       : leaf->is_recomputed ? "computed repeatedly"
                       : leaf->masking == ARCH_MASKING_SKIP
                           ? "skipped by lanes that step together"
                           : NULL;
    b->plan->has_masked_lanes = true;
    if (what != NULL) {
        diag_error(b->diags, b->plan->nodes[leaf->node].span,
                   "mapping-unsupported",
                   leaf->masking == ARCH_MASKING_SKIP
                       ? "say 'masked: gate', or spread it by 'spatial' of the "
                         "compute node"
                       : "spread it by 'spatial' of the compute node",
                   "spatial nodes over rank '%s', which the predicate of '%s' "
                   "names, are not modelled where it is %s",
                   b->workload->rank[node->rank].name, s->name, what);
    }
}

static void check_hold(struct builder *b, const struct plan_node *node,
                       const struct plan_node *hold)
{
    const struct arch_memory *memory = &b->arch->memories[hold->memory];
    if (memory_find_axis(memory, node->axis) == NULL) {
        diag_error(b->diags, hold->span, "mapping-hold-in-lane",
                   "hold it above the spatial node",
                   "memory '%s' is not inside the lanes over which line %d "
                   "spreads rank '%s'",
                   memory->name, node->span.line,
                   b->workload->rank[node->rank].name);
    }
}

enum status check_spatial(struct builder *b)
{
    for (int n = 0; n < b->plan->node_count; n++) {
        for (int s = b->plan->nodes[n].parent; s >= 0;
             s = b->plan->nodes[s].parent) {
            const struct plan_node *node = &b->plan->nodes[n];
            const struct plan_node *spatial = &b->plan->nodes[s];
            if (spatial->kind != PLAN_SPATIAL) {
                continue;
            }
            if (node->kind == PLAN_COMPUTE) {
                check_unit(b, spatial, &b->plan->leaves[node->leaf]);
                check_mask(b, spatial, &b->plan->leaves[node->leaf]);
            } else if (node->kind == PLAN_HOLD) {
                check_hold(b, spatial, node);
            }
        }
    }
    return diags_status(b->diags);
}
