/* Which links a chain has (chain.h). */
#include "mapping/chain.h"

void chain_of_node(const struct plan *plan, int node, struct chain *chain)
{
    int splits[MAX_LOOPS];
    *chain = (struct chain){.workload = plan->workload,
                            .masked_links = CHAIN_MAX_LINKS};
    chain->count = node_splits(plan, node, splits);
    for (int i = 0; i < chain->count; i++) {
        const struct plan_node *split = &plan->nodes[splits[i]];
        struct chain_link link = {
            .rank = split->rank, .tile = split->tile, .node = splits[i]};
        for (int u = 0; split->kind == PLAN_SPATIAL && link.axis == NULL &&
                        u < plan->arch->unit_count;
             u++) {
            link.axis = unit_find_axis(&plan->arch->units[u], split->axis);
        }
        chain->link[i] = link;
    }
}

void chain_of_leaf(const struct plan *plan, int leaf, struct chain *chain)
{
    const struct plan_leaf *l = &plan->leaves[leaf];
    chain_of_node(plan, l->node, chain);
    for (int i = 0; i < chain->count; i++) {
        for (int a = 0; a < l->at_count; a++) {
            chain->link[i].is_last |= chain->link[i].node == l->at_node[a];
        }
    }
    chain_add_statement(chain, l->statement);
    if (l->masking != ARCH_MASKING_SKIP) {
        chain->masked_links = chain->count;
    }
}

void chain_add_statement(struct chain *chain, int statement)
{
    unsigned ranks = workload_mask_ranks(chain->workload, statement);
    for (int i = 0; i < chain->masked_count; i++) {
        if (chain->masked[i] == statement) {
            return;
        }
    }
    chain->is_unmasked |= (chain->workload->statements[statement].features &
                           EINSUM_PREDICATE) == 0 ||
                          chain->masked_count == CHAIN_MAX_MASKED;
    if (chain->is_unmasked) {
        chain->masked_count = 0;
        return;
    }
    chain->masked[chain->masked_count++] = statement;
    chain->masked_ranks |= ranks;
}

void chain_drop_reduced(struct chain *chain, const struct einsum_statement *s)
{
    int kept = 0;
    for (int i = 0; i < chain->count; i++) {
        bool is_reduced = false;
        for (int r = 0; r < s->rank_count; r++) {
            is_reduced |= s->rank[r] == chain->link[i].rank && s->is_reduced[r];
        }
        chain->link[kept] = chain->link[i];
        kept += !is_reduced || chain->link[i].axis != NULL;
    }
    chain->count = kept;
}

static bool is_rank_of(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return true;
        }
    }
    return false;
}

void chain_first_reduced(struct chain *chain, const struct einsum_statement *s)
{
    for (int i = 0; i < chain->count; i++) {
        struct chain_link *link = &chain->link[i];
        for (int r = 0; r < s->rank_count; r++) {
            link->is_first |= link->axis == NULL && s->is_reduced[r] &&
                              s->rank[r] == link->rank;
        }
    }
}

void chain_keep_foreign(struct chain *chain, const struct einsum_statement *s)
{
    int kept = 0;
    for (int i = 0; i < chain->count; i++) {
        chain->link[kept] = chain->link[i];
        kept += !is_rank_of(s, chain->link[i].rank);
    }
    chain->count = kept;
    chain->masked_count = 0;
}

void chain_add_step(struct chain *chain, const struct step *step)
{
    for (int i = 0; i < step->loop_count; i++) {
        chain->link[chain->count++] = (struct chain_link){
            .rank = step->loop[i].rank, .tile = step->loop[i].tile, .node = -1};
    }
}
