/* Binding a mapping: picks the variant, evaluates parameters, and runs the
 * steps of builder.h in order. */
#include <string.h>

#include "mapping/builder.h"
#include "mapping/formats.h"
#include "mapping/issue.h"
#include "mapping/lanes.h"
#include "mapping/moves.h"

/* ---- names with values -------------------------------------------------- */

static enum status eval_params(struct builder *b, const GArray *params,
                               const struct scope *chosen)
{
    for (guint i = 0; i < params->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(params, struct tree_pair, i);
        int64_t value = 0;
        if (chosen == NULL || !scope_get(chosen, pair->key.text, &value)) {
            TRY(expr_eval(pair->value, b->scope, b->diags, &value));
        }
        scope_set(b->scope, pair->key.text, value);
        int n = b->plan->param_count++;
        b->plan->param_name =
            g_renew(const char *, b->plan->param_name, (gsize)n + 1);
        b->plan->param_value =
            g_renew(int64_t, b->plan->param_value, (gsize)n + 1);
        b->plan->param_name[n] = pair->key.text;
        b->plan->param_value[n] = value;
    }
    return OK;
}

static enum status choose_variant(struct builder *b,
                                  const struct tree_variant **chosen)
{
    for (guint v = 0; v < b->mapping->variants->len; v++) {
        const struct tree_variant *variant = b->mapping->variants->pdata[v];
        int64_t is_chosen = 1;
        if (variant->when != NULL) {
            TRY(expr_eval(variant->when, b->scope, b->diags, &is_chosen));
        }
        if (is_chosen != 0) {
            *chosen = variant;
            return OK;
        }
    }
    diag_error(b->diags, b->mapping->span, "mapping-no-variant", NULL,
               "no variant of mapping '%s' fits these shapes",
               b->mapping->name);
    return ERR_INPUT;
}

/* ---- phases ------------------------------------------------------------- */

static void add_child(struct plan_phase *phase, const struct plan *plan,
                      int node)
{
    const struct plan_node *n = &plan->nodes[node];
    phase->children = g_renew(struct plan_child, phase->children,
                              (gsize)phase->child_count + 1);
    phase->children[phase->child_count++] =
        (struct plan_child){node, n->slot, n->delay};
    phase->slot_count = MAX(phase->slot_count, n->slot + 1);
    phase->max_delay = MAX(phase->max_delay, n->delay);
}

static const char *phase_name(struct builder *b, int first)
{
    int leaf = -1;
    for (int l = 0; l < b->plan->leaf_count; l++) {
        if (plan_is_above(b->plan, first, b->plan->leaves[l].node)) {
            if (leaf >= 0) {
                return b->mapping->name;
            }
            leaf = l;
        }
    }
    return b->workload->statements[b->plan->leaves[leaf].statement].name;
}

/* Iterations of all loops above `node`. */
static enum status count_iterations(struct builder *b, int node,
                                    int64_t *iterations)
{
    int splits[MAX_LOOPS];
    int count = node_splits(b->plan, node, splits);
    int64_t extent[EINSUM_MAX_RANKS];
    for (int r = 0; r < b->workload->rank_count; r++) {
        extent[r] = b->workload->rank[r].extent;
    }
    return splits_count_iterations(b->plan, splits, count, 0, extent,
                                   iterations)
               ? OK
               : diag_fail(b->diags, ERR_LIMIT, "mapping-limit",
                           "iterations exceed 64 bits");
}

static enum status add_phase(struct builder *b, int first, const char *name)
{
    struct plan_phase phase = {.node = first, .pipeline = -1};
    phase.iteration_count = 1;
    int node = first;
    int loops[MAX_LOOPS];
    while (node_is_split(&b->plan->nodes[node]) ||
           b->plan->nodes[node].kind == PLAN_HOLD) {
        if (b->plan->nodes[node].kind == PLAN_LOOP) {
            loops[phase.loop_count++] = node;
        }
        node = b->plan->nodes[node].first_child;
    }
    TRY(count_iterations(b, node, &phase.iteration_count));
    phase.loops = g_new0(int, (gsize)phase.loop_count + 1);
    memcpy(phase.loops, loops, sizeof(int) * (size_t)phase.loop_count);
    phase.name = name != NULL ? name : phase_name(b, first);
    if (b->plan->nodes[node].kind == PLAN_PIPELINE) {
        phase.pipeline = node;
        for (int c = b->plan->nodes[node].first_child; c >= 0;
             c = b->plan->nodes[c].next_sibling) {
            add_child(&phase, b->plan, c);
        }
    } else {
        add_child(&phase, b->plan, node);
        phase.slot_count = 1;
        phase.max_delay = 0;
        phase.children[0].slot = 0;
        phase.children[0].delay = 0;
    }
    g_array_append_val(b->phases, phase);
    return OK;
}

static void assign_leaves(struct builder *b, int phase_id)
{
    const struct plan_phase *phase =
        &g_array_index(b->phases, struct plan_phase, phase_id);
    for (int l = 0; l < b->plan->leaf_count; l++) {
        struct plan_leaf *leaf = &b->plan->leaves[l];
        for (int c = 0; c < phase->child_count; c++) {
            if (plan_is_above(b->plan, phase->children[c].node, leaf->node)) {
                leaf->phase = phase_id;
                leaf->child = c;
            }
        }
    }
}

static enum status build_phases(struct builder *b)
{
    int node = 0;
    while (b->plan->nodes[node].kind == PLAN_HOLD) {
        node = b->plan->nodes[node].first_child;
    }
    if (b->plan->nodes[node].kind != PLAN_PHASES) {
        TRY(add_phase(b, 0, b->mapping->name));
    } else {
        const struct tree_item *item = b->items->pdata[node];
        guint i = 0;
        for (int c = b->plan->nodes[node].first_child; c >= 0;
             c = b->plan->nodes[c].next_sibling) {
            const struct tree_branch *branch = item->branches->pdata[i++];
            TRY(add_phase(b, c, branch->name));
        }
    }
    b->plan->phases = (struct plan_phase *)(void *)b->phases->data;
    b->plan->phase_count = (int)b->phases->len;
    for (int p = 0; p < b->plan->phase_count; p++) {
        assign_leaves(b, p);
    }
    return OK;
}

/* ---- all steps ---------------------------------------------------------- */

enum status builder_run(struct builder *b, const struct scope *chosen)
{
    const struct tree_variant *variant = NULL;
    TRY(eval_params(b, b->mapping->params, chosen));
    TRY(choose_variant(b, &variant));
    TRY(eval_params(b, variant->params, chosen));
    TRY(build_nodes(b, variant));
    TRY(diags_status(b->diags));
    TRY(check_spatial(b));
    TRY(build_leaf_steps(b));
    TRY(check_coverage(b));
    TRY(build_issue(b));
    TRY(build_phases(b));
    TRY(check_order(b));
    TRY(build_flows(b));
    TRY(build_formats(b));
    return check_residency(b);
}

void builder_clear_sources(GArray *sources)
{
    for (guint i = 0; sources != NULL && i < sources->len; i++) {
        struct flow_source *source =
            &g_array_index(sources, struct flow_source, i);
        if (source->uses != NULL) {
            g_array_unref(source->uses);
            g_free(source->is_counted);
        }
    }
    g_clear_pointer(&sources, g_array_unref);
}

void builder_hand_over(struct builder *b)
{
    builder_clear_sources(b->sources);
    b->plan->node_count = (int)b->nodes->len;
    b->plan->nodes = (struct plan_node *)(void *)g_array_free(b->nodes, FALSE);
    b->plan->leaf_count = (int)b->leaves->len;
    b->plan->leaves =
        (struct plan_leaf *)(void *)g_array_free(b->leaves, FALSE);
    b->plan->phase_count = (int)b->phases->len;
    b->plan->phases =
        (struct plan_phase *)(void *)g_array_free(b->phases, FALSE);
    b->plan->flow_count = (int)b->flows->len;
    b->plan->flows = (struct plan_flow *)(void *)g_array_free(b->flows, FALSE);
    b->plan->rules = (struct flow_rule *)(void *)g_array_free(b->rules, FALSE);
    b->plan->crossing_count = (int)b->crossings->len;
    b->plan->crossings =
        (struct plan_crossing *)(void *)g_array_free(b->crossings, FALSE);
    g_ptr_array_unref(b->items);
    scope_free(b->scope);
}

enum status builder_start(struct builder *b, const struct mapping *mapping,
                          const struct workload *workload,
                          const struct arch *arch, struct diags *diags,
                          bool keeps_empty_flows)
{
    if (strcmp(mapping->cascade, workload->name) != 0) {
        diag_error(diags, mapping->span, "mapping-wrong-cascade", NULL,
                   "mapping '%s' is for cascade '%s', not '%s'", mapping->name,
                   mapping->cascade, workload->name);
        return ERR_INPUT;
    }
    struct plan *plan = g_new0(struct plan, 1);
    plan->mapping = mapping;
    plan->workload = workload;
    plan->notes = g_ptr_array_new_with_free_func(g_free);
    plan->arch = arch;
    plan->word_bytes = num_ceil_div(arch->word_bits, 8);
    plan->clock_hz = arch->clock_hz;
    plan->is_regular = true;
    if (projection_new(plan, mapping, diags) != OK) {
        plan_free(plan);
        return ERR_INPUT;
    }
    *b = (struct builder){
        .plan = plan,
        .mapping = mapping,
        .workload = plan->workload,
        .arch = arch,
        .diags = diags,
        .scope = scope_new(NULL),
        .nodes = g_array_new(FALSE, TRUE, sizeof(struct plan_node)),
        .leaves = g_array_new(FALSE, TRUE, sizeof(struct plan_leaf)),
        .phases = g_array_new(FALSE, TRUE, sizeof(struct plan_phase)),
        .flows = g_array_new(FALSE, TRUE, sizeof(struct plan_flow)),
        .rules = g_array_new(FALSE, TRUE, sizeof(struct flow_rule)),
        .crossings = g_array_new(FALSE, TRUE, sizeof(struct plan_crossing)),
        .items = g_ptr_array_new(),
        .sources = g_array_new(FALSE, TRUE, sizeof(struct flow_source)),
        .keeps_empty_flows = keeps_empty_flows,
    };
    arch_fill_scope(arch, b->scope);
    for (int i = 0; i < workload->shape_count; i++) {
        scope_set(b->scope, workload->shape_name[i], workload->shape_value[i]);
    }
    return OK;
}

enum status plan_bind(const struct mapping *mapping,
                      const struct workload *workload, const struct arch *arch,
                      const struct scope *chosen, struct diags *diags,
                      struct plan **result)
{
    struct builder b;
    TRY(builder_start(&b, mapping, workload, arch, diags, false));
    AUTO(plan) plan = b.plan;
    enum status status = builder_run(&b, chosen);
    if (status == OK) {
        status = build_capacity(&b);
    }
    if (status == OK && !plan->is_regular) {
        status = moves_new(&b, &plan->moves);
    }
    builder_hand_over(&b);
    TRY(status);
    if (plan->has_masked_lanes) {
        TRY(lanes_sum_schedule(plan, diags));
    }
    *result = g_steal_pointer(&plan);
    return OK;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (int p = 0; p < plan->phase_count; p++) {
        g_free(plan->phases[p].loops);
        g_free(plan->phases[p].children);
    }
    g_free(plan->phases);
    for (int l = 0; l < plan->leaf_count; l++) {
        g_free(plan->leaves[l].instructions);
    }
    g_free(plan->nodes);
    g_free(plan->leaves);
    g_free(plan->flows);
    g_free(plan->rules);
    moves_free(plan->moves);
    g_free(plan->crossings);
    g_free(plan->memories);
    g_free(plan->param_name);
    g_free(plan->param_value);
    g_ptr_array_unref(plan->notes);
    projection_free(plan->projection);
    g_free(plan);
}

int64_t plan_count_spilled(const struct plan *plan, int memory, int64_t total)
{
    const struct plan_memory *m = &plan->memories[memory];
    int64_t spilled = 0;
    if (m->spilled_bytes > 0 &&
        !num_mul_div_floor(total, m->spilled_bytes, m->footprint_bytes,
                           &spilled)) {
        BUG("spilled share of %" G_GINT64_FORMAT " overflows", total);
    }
    return spilled;
}

int64_t plan_count_seen(const struct plan *plan, int memory, int64_t total)
{
    return plan->memories[memory].spills_through
               ? total
               : total - plan_count_spilled(plan, memory, total);
}
