/* When the tile of a hold changes: the loops above it, which of them move the
 * tile, and where in the software pipeline its uses stand (struct flow_rule). */
#include "mapping/flows.h"

/* The loops above the hold; those in whose last iteration alone every use
 * happens are marked. */
struct flow_rule visits_loops(struct builder *b, int hold, const GArray *uses)
{
    struct flow_rule rule = {.innermost = -1};
    rule.loop_count = node_loops(b->plan, -1, hold, rule.loop);
    for (int i = 0; i < rule.loop_count; i++) {
        rule.is_last[i] = uses->len > 0;
        for (guint u = 0; u < uses->len; u++) {
            const struct plan_leaf *leaf =
                &b->plan
                     ->leaves[g_array_index(uses, struct tensor_use, u).leaf];
            bool is_last = false;
            for (int a = 0; a < leaf->at_count; a++) {
                is_last |= leaf->at_node[a] == rule.loop[i];
            }
            rule.is_last[i] &= is_last;
        }
        rule.has_last |= rule.is_last[i];
    }
    return rule;
}

static bool moves_tile(const struct plan_node *loop, const GArray *uses,
                       const bool *is_counted)
{
    for (guint u = 0; u < uses->len; u++) {
        if (is_counted[u] && loop->trips > 1 &&
            access_uses_rank(g_array_index(uses, struct tensor_use, u).access,
                             loop->rank)) {
            return true;
        }
    }
    return false;
}

/* How often the tile of the accesses marked by `is_counted` changes, and by
 * which loop. */
enum status visits_count(struct builder *b, struct flow_rule *rule,
                         const GArray *uses, const bool *is_counted,
                         bool is_stream, int64_t *visits)
{
    for (int i = 0; i < rule->loop_count; i++) {
        const struct plan_node *loop = &b->plan->nodes[rule->loop[i]];
        if (!rule->is_last[i] &&
            (is_stream || moves_tile(loop, uses, is_counted))) {
            rule->innermost = i;
        }
    }
    *visits = 1;
    rule->iterations = 1;
    for (int i = 0; i < rule->loop_count; i++) {
        int64_t trips = b->plan->nodes[rule->loop[i]].trips;
        int64_t *product = i <= rule->innermost ? visits : &rule->iterations;
        if (!(i <= rule->innermost && rule->is_last[i]) &&
            !num_mul(*product, trips, product)) {
            return flows_limit(b);
        }
    }
    return OK;
}

/* Where in the software pipeline the counted uses stand. */
void visits_place(struct builder *b, int hold, const GArray *uses,
                  const bool *is_counted, struct flow_rule *rule)
{
    bool is_first = true;
    for (guint u = 0; u < uses->len; u++) {
        if (!is_counted[u]) {
            continue;
        }
        const struct plan_leaf *leaf =
            &b->plan->leaves[g_array_index(uses, struct tensor_use, u).leaf];
        int delay = leaf_delay(b->plan, leaf);
        if (is_first) {
            int child = b->plan->phases[leaf->phase].children[leaf->child].node;
            rule->phase = leaf->phase;
            rule->is_outer = !plan_is_above(b->plan, child, hold);
            rule->first_delay = delay;
            rule->last_delay = delay;
        }
        rule->first_delay = MIN(rule->first_delay, delay);
        rule->last_delay = MAX(rule->last_delay, delay);
        is_first = false;
    }
}

/* A hold above the pipeline keeps its tile while the loops between it and the
 * pipeline run: they join those that must be at their first (or last) iteration
 * when the tile moves. */
enum status visits_extend(struct builder *b, int hold, struct flow_rule *rule)
{
    const struct plan_phase *phase = &b->plan->phases[rule->phase];
    for (int i = 0; rule->is_outer && i < phase->loop_count; i++) {
        if (!plan_is_above(b->plan, hold, phase->loops[i])) {
            continue;
        }
        if (rule->loop_count == MAX_LOOPS ||
            !num_mul(rule->iterations, b->plan->nodes[phase->loops[i]].trips,
                     &rule->iterations)) {
            return flows_limit(b);
        }
        rule->loop[rule->loop_count++] = phase->loops[i];
    }
    return OK;
}
