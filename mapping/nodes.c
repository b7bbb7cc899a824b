/* From the written tree to plan nodes: names become ids, expressions numbers.
 * Loops are checked against the extent that is left at their place. */
#include <string.h>

#include "mapping/builder.h"

static enum status build_items(struct builder *b, const GPtrArray *items,
                               guint from, int parent, int *previous);

/* ---- names -------------------------------------------------------------- */

void builder_report_unknown(struct builder *b, const struct tree_name *name,
                            const char *what, const char *code,
                            GPtrArray *known)
{
    g_autofree char *suggestion =
        suggest_text(name->text, (const char *const *)known->pdata, known->len);
    diag_error(b->diags, name->span, code, suggestion, "unknown %s '%s'", what,
               name->text);
}

int builder_find_rank(struct builder *b, const struct tree_name *name)
{
    int rank = workload_find_rank(b->workload, name->text);
    if (rank < 0) {
        g_autoptr(GPtrArray) known = g_ptr_array_new();
        for (int i = 0; i < b->workload->rank_count; i++) {
            g_ptr_array_add(known,
                            (void *)(uintptr_t)b->workload->rank[i].name);
        }
        builder_report_unknown(b, name, "rank", "mapping-unknown-rank", known);
    }
    return rank;
}

static int find_tensor(struct builder *b, const struct tree_name *name)
{
    int tensor = workload_find_tensor(b->workload, name->text);
    if (tensor < 0) {
        g_autoptr(GPtrArray) known = g_ptr_array_new();
        for (int i = 0; i < b->workload->tensor_count; i++) {
            g_ptr_array_add(known,
                            (void *)(uintptr_t)b->workload->tensors[i].name);
        }
        builder_report_unknown(b, name, "tensor", "mapping-unknown-tensor",
                               known);
        return -1;
    }
    return workload_resolve_tensor(b->workload, tensor);
}

static int find_memory(struct builder *b, const struct tree_name *name)
{
    int memory = arch_find_memory(b->arch, name->text);
    if (memory < 0) {
        g_autoptr(GPtrArray) known = g_ptr_array_new();
        for (int i = 0; i < b->arch->memory_count; i++) {
            g_ptr_array_add(known,
                            (void *)(uintptr_t)b->arch->memories[i].name);
        }
        builder_report_unknown(b, name, "memory", "mapping-unknown-memory",
                               known);
    }
    return memory;
}

static int find_unit(struct builder *b, const struct tree_name *name)
{
    int unit = arch_find_unit(b->arch, name->text);
    if (unit < 0) {
        g_autoptr(GPtrArray) known = g_ptr_array_new();
        for (int i = 0; i < b->arch->unit_count; i++) {
            g_ptr_array_add(known, (void *)(uintptr_t)b->arch->units[i].name);
        }
        builder_report_unknown(b, name, "unit", "mapping-unknown-unit", known);
    }
    return unit;
}

static int find_statement(struct builder *b, const struct tree_name *name)
{
    int id = workload_find_statement(b->workload, name->text);
    if (id < 0) {
        g_autoptr(GPtrArray) known = g_ptr_array_new();
        for (int i = 0; i < b->workload->statement_count; i++) {
            const struct einsum_statement *s = &b->workload->statements[i];
            if (s->kind == EINSUM_COMPUTE) {
                g_ptr_array_add(known, (void *)(uintptr_t)s->name);
            }
        }
        builder_report_unknown(b, name, "Einsum", "mapping-unknown-einsum",
                               known);
    }
    return id;
}

/* ---- nodes -------------------------------------------------------------- */

static int add_node(struct builder *b, enum plan_kind kind, int parent,
                    int *previous, struct span span,
                    const struct tree_item *item)
{
    struct plan_node node = {
        .kind = kind,
        .parent = parent,
        .first_child = -1,
        .next_sibling = -1,
        .span = span,
        .leaf = -1,
        .rank = -1,
        .memory = -1,
        .axis = -1,
    };
    int id = (int)b->nodes->len;
    g_array_append_val(b->nodes, node);
    g_ptr_array_add(b->items, (void *)(uintptr_t)item);
    struct plan_node *nodes = (struct plan_node *)(void *)b->nodes->data;
    if (*previous >= 0) {
        nodes[*previous].next_sibling = id;
    } else if (parent >= 0) {
        nodes[parent].first_child = id;
    }
    *previous = id;
    b->plan->nodes = nodes;
    b->plan->node_count = (int)b->nodes->len;
    return id;
}

static struct plan_node *node_at(struct builder *b, int id)
{
    return &g_array_index(b->nodes, struct plan_node, id);
}

enum status builder_check_tile(struct builder *b, const struct expr *value,
                               const char *rank, int64_t tile, int64_t left)
{
    if (tile < 1) {
        diag_error(b->diags, expr_span(value), "mapping-tile-size", NULL,
                   "tile size %" G_GINT64_FORMAT " of rank '%s' is below 1",
                   tile, rank);
        return ERR_INPUT;
    }
    if (tile > left) {
        diag_error(b->diags, expr_span(value), "mapping-tile-too-large", NULL,
                   "tile size %" G_GINT64_FORMAT
                   " is larger than rank '%s' (%" G_GINT64_FORMAT " here)",
                   tile, rank, left);
        return ERR_INPUT;
    }
    return OK;
}

static enum status build_loop(struct builder *b, const struct tree_item *item,
                              int id)
{
    int rank = builder_find_rank(b, &item->loop.key);
    if (rank < 0) {
        return ERR_INPUT;
    }
    int64_t tile = 0;
    int64_t extent[MAX_EXTENTS];
    int extents = node_possible_extents(b->plan, id, rank, extent);
    TRY(expr_eval(item->loop.value, b->scope, b->diags, &tile));
    TRY(builder_check_tile(b, item->loop.value, b->workload->rank[rank].name,
                           tile, extent[0]));
    struct plan_node *node = node_at(b, id);
    node->rank = rank;
    node->tile = tile;
    node->trips = num_ceil_div(extent[0], tile);
    node->least_trips = node->trips;
    for (int e = 0; e < extents; e++) {
        node->least_trips =
            MIN(node->least_trips, num_ceil_div(extent[e], tile));
        b->plan->is_regular &= extent[e] % tile == 0;
    }
    return OK;
}

static enum status bind_first_reads(struct builder *b,
                                    const struct tree_item *item,
                                    struct plan_node *node)
{
    for (guint i = 0; i < item->first_reads->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(item->first_reads, struct tree_pair, i);
        int64_t elements = 0;
        int held = 0;
        int tensor = find_tensor(b, &pair->key);
        TRY(expr_eval(pair->value, b->scope, b->diags, &elements));
        while (held < node->held_count && node->held[held] != tensor) {
            held++;
        }
        if (held == node->held_count || elements < 0) {
            diag_error(b->diags, pair->key.span, "mapping-first-reads", NULL,
                       "first_reads takes tensors of this hold and counts of "
                       "elements, not '%s': %" G_GINT64_FORMAT,
                       pair->key.text, elements);
            return ERR_INPUT;
        }
        node->first_reads[held] = elements;
    }
    return OK;
}

static enum status build_hold(struct builder *b, const struct tree_item *item,
                              int id)
{
    int memory = find_memory(b, &item->place);
    int64_t copies = 0; /* 0: as many as needed, decided in capacity.c */
    if (item->copies != NULL) {
        TRY(expr_eval(item->copies, b->scope, b->diags, &copies));
        if (copies < 1) {
            diag_error(b->diags, expr_span(item->copies), "mapping-copies",
                       NULL, "copies %" G_GINT64_FORMAT " is below 1", copies);
            return ERR_INPUT;
        }
    }
    struct plan_node *node = node_at(b, id);
    node->memory = memory;
    node->spills_through = item->spills_through;
    node->refetches = item->refetches;
    node->is_stream = item->is_stream;
    node->is_shared = item->is_shared;
    node->can_spill = item->can_spill;
    node->is_resident = item->is_resident;
    node->is_copy = item->is_copy;
    node->copies = copies;
    node->assumption = item->assumption;
    for (guint i = 0; i < item->names->len; i++) {
        const struct tree_name *name =
            &g_array_index(item->names, struct tree_name, i);
        int tensor = find_tensor(b, name);
        if (node->held_count == PLAN_MAX_HELD) {
            diag_error(b->diags, name->span, "mapping-too-many-held", NULL,
                       "a hold takes at most %d tensors", PLAN_MAX_HELD);
            return ERR_INPUT;
        }
        if (tensor >= 0 && node_holds(node, tensor)) {
            diag_error(b->diags, name->span, "mapping-held-twice", NULL,
                       "'%s' is listed twice", name->text);
        } else if (tensor >= 0) {
            node->held[node->held_count++] = tensor;
        }
    }
    TRY(bind_first_reads(b, item, node));
    return memory < 0 ? ERR_INPUT : diags_status(b->diags);
}

/* ---- computes ----------------------------------------------------------- */

static int rank_position(const struct einsum_statement *statement, int rank)
{
    for (int i = 0; i < statement->rank_count; i++) {
        if (statement->rank[i] == rank) {
            return i;
        }
    }
    return -1;
}

static enum status bind_spatial(struct builder *b, const struct tree_item *item,
                                struct plan_leaf *leaf)
{
    const struct einsum_statement *statement =
        &b->workload->statements[leaf->statement];
    const struct arch_unit *unit = &b->arch->units[leaf->unit];
    for (guint i = 0; i < item->spatial->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(item->spatial, struct tree_pair, i);
        int rank = builder_find_rank(b, &pair->key);
        if (rank < 0) {
            return ERR_INPUT;
        }
        g_autoptr(GPtrArray) known = g_ptr_array_new();
        int axis = -1;
        for (int a = 0; a < unit->axis_count; a++) {
            g_ptr_array_add(known, (void *)(uintptr_t)unit->axis[a].name);
            if (strcmp(unit->axis[a].name, pair->word.text) == 0) {
                axis = a;
            }
        }
        if (axis < 0) {
            builder_report_unknown(b, &pair->word, "axis",
                                   "mapping-unknown-axis", known);
            return ERR_INPUT;
        }
        for (int r = 0; r < statement->rank_count; r++) {
            if (leaf->axis_of[r] == axis) {
                diag_error(b->diags, pair->word.span, "mapping-axis-twice",
                           NULL, "axis '%s' already carries rank '%s'",
                           pair->word.text,
                           b->workload->rank[statement->rank[r]].name);
                return ERR_INPUT;
            }
        }
        int position = rank_position(statement, rank);
        if (position < 0) {
            diag_error(b->diags, pair->key.span, "mapping-foreign-rank", NULL,
                       "Einsum '%s' has no rank '%s' to spread over '%s'",
                       statement->name, pair->key.text, pair->word.text);
            return ERR_INPUT;
        }
        leaf->axis_of[position] = axis;
    }
    return OK;
}

static enum status bind_at(struct builder *b, const struct tree_item *item,
                           struct plan_leaf *leaf)
{
    int loops[MAX_LOOPS];
    int count = node_loops(b->plan, -1, leaf->node, loops);
    for (guint i = 0; i < item->at->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(item->at, struct tree_pair, i);
        int rank = builder_find_rank(b, &pair->key);
        if (rank < 0) {
            return ERR_INPUT;
        }
        bool is_found = false;
        for (int l = 0; l < count; l++) {
            if (node_at(b, loops[l])->rank != rank) {
                continue;
            }
            is_found = true;
            if (leaf->at_count == PLAN_MAX_AT) {
                diag_error(b->diags, pair->key.span, "mapping-at-form", NULL,
                           "'at' names at most %d loops", PLAN_MAX_AT);
                return ERR_INPUT;
            }
            leaf->at_node[leaf->at_count++] = loops[l];
        }
        if (!is_found) {
            diag_error(b->diags, pair->key.span, "mapping-at-form", NULL,
                       "no loop over '%s' stands above this compute",
                       pair->key.text);
            return ERR_INPUT;
        }
    }
    return OK;
}

/* A unit that skips can as well gate, one that gates can compute. */
static enum status bind_masking(struct builder *b, const struct tree_item *item,
                                struct plan_leaf *leaf)
{
    static const char *const words[] = {"compute", "gate", "skip"};
    const struct arch_unit *unit = &b->arch->units[leaf->unit];
    leaf->masking = unit->masking;
    if (item->masked.text == NULL) {
        return OK;
    }
    for (int i = 0; i < (int)G_N_ELEMENTS(words); i++) {
        if (!g_str_equal(words[i], item->masked.text)) {
            continue;
        }
        if (i > (int)unit->masking) {
            diag_error(b->diags, item->masked.span, "mapping-masked", NULL,
                       "unit '%s' cannot %s points that a predicate leaves out",
                       unit->name, item->masked.text);
            return ERR_INPUT;
        }
        leaf->masking = (enum arch_masking)i;
        return OK;
    }
    diag_error(b->diags, item->masked.span, "mapping-masked", NULL,
               "'masked' is compute, gate or skip, not '%s'",
               item->masked.text);
    return ERR_INPUT;
}

static enum status build_compute(struct builder *b,
                                 const struct tree_item *item, guint which,
                                 int id, int forward_from)
{
    const struct tree_name *name =
        &g_array_index(item->names, struct tree_name, which);
    struct plan_leaf leaf = {.node = id, .forward_from = forward_from};
    leaf.statement = find_statement(b, name);
    leaf.unit = find_unit(b, &item->place);
    if (leaf.statement < 0 || leaf.unit < 0) {
        return ERR_INPUT;
    }
    if (b->workload->statements[leaf.statement].kind != EINSUM_COMPUTE) {
        diag_error(b->diags, name->span, "mapping-view-computed", NULL,
                   "'%s' only renames the indices of another tensor; it is "
                   "free and needs no unit",
                   name->text);
        return ERR_INPUT;
    }
    leaf.is_chained = item->is_chained;
    leaf.is_masked = (b->workload->statements[leaf.statement].features &
                      EINSUM_PREDICATE) != 0;
    b->plan->is_regular &= !leaf.is_masked;
    leaf.is_recomputed = item->is_recomputed;
    TRY(bind_masking(b, item, &leaf));
    if (leaf.is_chained && !b->arch->units[leaf.unit].is_chainable) {
        diag_error(b->diags, item->place.span, "mapping-not-chainable", NULL,
                   "unit '%s' cannot chain operations", item->place.text);
        return ERR_INPUT;
    }
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        leaf.axis_of[r] = -1;
    }
    TRY(bind_spatial(b, item, &leaf));
    TRY(bind_at(b, item, &leaf));
    node_at(b, id)->span = name->span;
    node_at(b, id)->leaf = (int)b->leaves->len;
    g_array_append_val(b->leaves, leaf);
    b->plan->leaves = (struct plan_leaf *)(void *)b->leaves->data;
    b->plan->leaf_count = (int)b->leaves->len;
    return OK;
}

/* `compute: [SN, SD]` becomes a sequence whose later leaves take the results of
 * the earlier ones inside the lane. */
static enum status build_computes(struct builder *b,
                                  const struct tree_item *item, int parent,
                                  int *previous)
{
    if (item->names->len == 1) {
        int id = add_node(b, PLAN_COMPUTE, parent, previous, item->span, item);
        return build_compute(b, item, 0, id, -1);
    }
    int sequence =
        add_node(b, PLAN_SEQUENCE, parent, previous, item->span, item);
    int sibling = -1;
    int first_leaf = (int)b->leaves->len;
    for (guint i = 0; i < item->names->len; i++) {
        int id =
            add_node(b, PLAN_COMPUTE, sequence, &sibling, item->span, item);
        TRY(build_compute(b, item, i, id, i == 0 ? -1 : first_leaf));
    }
    return OK;
}

/* ---- branches ----------------------------------------------------------- */

static bool has_above(struct builder *b, int node, enum plan_kind kind)
{
    for (int n = node_at(b, node)->parent; n >= 0; n = node_at(b, n)->parent) {
        if (node_at(b, n)->kind == kind) {
            return true;
        }
    }
    return false;
}

static enum status check_nesting(struct builder *b, int id)
{
    struct plan_node *node = node_at(b, id);
    if (node->kind == PLAN_PIPELINE &&
        (has_above(b, id, PLAN_PIPELINE) || has_above(b, id, PLAN_SEQUENCE))) {
        diag_error(b->diags, node->span, "mapping-nested-pipeline", NULL,
                   "a pipeline stands below loops, holds and phases only");
        return ERR_INPUT;
    }
    if (node->kind == PLAN_PHASES &&
        (has_above(b, id, PLAN_LOOP) || has_above(b, id, PLAN_SPATIAL) ||
         has_above(b, id, PLAN_PIPELINE) || has_above(b, id, PLAN_SEQUENCE) ||
         has_above(b, id, PLAN_PHASES))) {
        diag_error(b->diags, node->span, "mapping-nested-phases", NULL,
                   "phases stand below holds only");
        return ERR_INPUT;
    }
    return OK;
}

static enum status build_branches(struct builder *b,
                                  const struct tree_item *item, int id)
{
    TRY(check_nesting(b, id));
    int sibling = -1;
    for (guint i = 0; i < item->branches->len; i++) {
        const struct tree_branch *branch = item->branches->pdata[i];
        int64_t slot = 0;
        int64_t delay = 0;
        if (branch->slot != NULL) {
            TRY(expr_eval(branch->slot, b->scope, b->diags, &slot));
        }
        if (branch->delay != NULL) {
            TRY(expr_eval(branch->delay, b->scope, b->diags, &delay));
        }
        if (slot < 0 || slot > 63 || delay < 0 || delay > 63) {
            diag_error(b->diags, branch->span, "mapping-slot-range", NULL,
                       "slot %" G_GINT64_FORMAT " and delay %" G_GINT64_FORMAT
                       " must lie in 0..63",
                       slot, delay);
            return ERR_INPUT;
        }
        int first = (int)b->nodes->len;
        TRY(build_items(b, branch->items, 0, id, &sibling));
        node_at(b, first)->slot = (int)slot;
        node_at(b, first)->delay = (int)delay;
    }
    return OK;
}

/* Room for the nodes of one more item, and for its loop? */
static enum status check_size(struct builder *b, const struct tree_item *item,
                              int parent)
{
    guint needed = item->kind == PLAN_COMPUTE   ? item->names->len + 1
                   : item->kind == PLAN_SPATIAL ? item->spatial->len
                                                : 1;
    int loops = item->kind == PLAN_LOOP      ? 1
                : item->kind == PLAN_SPATIAL ? (int)item->spatial->len
                                             : 0;
    for (int n = parent; n >= 0; n = node_at(b, n)->parent) {
        loops += node_is_split(node_at(b, n));
    }
    if (b->nodes->len + needed <= MAX_NODES && loops <= MAX_LOOPS) {
        return OK;
    }
    diag_error(b->diags, item->span, "mapping-too-many-nodes", NULL,
               "a mapping has at most %d nodes, and %d loops above any of them",
               MAX_NODES, MAX_LOOPS);
    return ERR_INPUT;
}

/* The unit of the first compute node at or below items[from..]. */
static const struct tree_name *find_first_unit(const GPtrArray *items,
                                               guint from)
{
    while (from < items->len) {
        const struct tree_item *item = items->pdata[from++];
        if (item->kind == PLAN_COMPUTE) {
            return &item->place;
        }
        if (item->branches->len > 0) {
            const struct tree_branch *branch = item->branches->pdata[0];
            return find_first_unit(branch->items, 0);
        }
    }
    BUG("a chain that does not end");
}

/* One node for each pair; `id` is that of the first. Returns the last. */
static enum status build_spatials(struct builder *b,
                                  const struct tree_item *item,
                                  const struct tree_name *unit, int *id)
{
    TRY(build_spatial(b, item, 0, *id, unit));
    for (guint i = 1; i < item->spatial->len; i++) {
        int none = -1;
        *id = add_node(b, PLAN_SPATIAL, *id, &none, item->span, item);
        TRY(build_spatial(b, item, i, *id, unit));
    }
    return OK;
}

/* Builds items[from..] as a chain below `parent`. */
static enum status build_items(struct builder *b, const GPtrArray *items,
                               guint from, int parent, int *previous)
{
    while (from < items->len) {
        const struct tree_item *item = items->pdata[from++];
        if (item->kind == PLAN_HOLD && item->when != NULL) {
            int64_t is_present = 0;
            TRY(expr_eval(item->when, b->scope, b->diags, &is_present));
            if (is_present == 0) {
                continue;
            }
        }
        TRY(check_size(b, item, parent));
        if (item->kind == PLAN_COMPUTE) {
            return build_computes(b, item, parent, previous);
        }
        int id = add_node(b, item->kind, parent, previous, item->span, item);
        switch (item->kind) {
        case PLAN_LOOP:
            TRY(build_loop(b, item, id));
            break;
        case PLAN_SPATIAL:
            TRY(build_spatials(b, item, find_first_unit(items, from), &id));
            break;
        case PLAN_HOLD:
            TRY(build_hold(b, item, id));
            break;
        case PLAN_PHASES:
        case PLAN_SEQUENCE:
        case PLAN_PIPELINE:
            return build_branches(b, item, id);
        case PLAN_COMPUTE:
            break;
        }
        parent = id;
        int none = -1;
        if (from < items->len) {
            return build_items(b, items, from, parent, &none);
        }
    }
    return OK;
}

enum status build_nodes(struct builder *b, const struct tree_variant *variant)
{
    int previous = -1;
    return build_items(b, variant->items, 0, -1, &previous);
}
