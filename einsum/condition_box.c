/* Whether a statement's static conditions hold at all points of a box, at none,
 * or possibly at some: each comparison by the range of its index over the box. An
 * answer of "some" may be too careful; the other two never are. */
#include "einsum/extension.h"

struct box {
    const int64_t *low; /* by rank id; half open */
    const int64_t *high;
};

enum truth { TRUTH_NO, TRUTH_MAYBE, TRUTH_YES };

static void affine_box_range(const struct affine *index, const struct box *box,
                             int64_t *low, int64_t *high)
{
    *low = index->constant;
    *high = index->constant;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t coefficient = index->coefficient[r];
        if (coefficient != 0) {
            int64_t first = coefficient * box->low[r];
            int64_t last = coefficient * (box->high[r] - 1);
            *low += MIN(first, last);
            *high += MAX(first, last);
        }
    }
}

/* False if it is not known. */
static bool node_box_range(const struct index_node *node, const struct box *box,
                           int64_t *low, int64_t *high)
{
    int64_t a[2];
    int64_t b[2];
    if (node->is_affine) {
        affine_box_range(&node->affine, box, low, high);
        return true;
    }
    if (node->kind != INDEX_NODE_OP || node->child[1] == NULL ||
        !node_box_range(node->child[0], box, &a[0], &a[1]) ||
        !node_box_range(node->child[1], box, &b[0], &b[1])) {
        return false;
    }
    if (node->op == EINSUM_ADD) {
        *low = a[0] + b[0];
        *high = a[1] + b[1];
        return true;
    }
    if (node->op == EINSUM_SUB) {
        *low = a[0] - b[1];
        *high = a[1] - b[0];
        return true;
    }
    if (node->op == EINSUM_DIVIDE && b[0] == b[1] && b[0] > 0) {
        *low = floor_div(a[0], b[0]);
        *high = floor_div(a[1], b[0]);
        return true;
    }
    return false;
}

static enum truth compare(const struct condition *condition,
                          const struct box *box)
{
    int64_t low = 0;
    int64_t high = 0;
    if (!node_box_range(condition->index, box, &low, &high)) {
        return TRUTH_MAYBE;
    }
    bool is_zero = low == 0 && high == 0;
    bool has_zero = low <= 0 && high >= 0;
    if (condition->relation == EINSUM_LESS_EQUAL) {
        return high <= 0 ? TRUTH_YES : low > 0 ? TRUTH_NO : TRUTH_MAYBE;
    }
    if (condition->relation == EINSUM_EQUAL) {
        return is_zero ? TRUTH_YES : has_zero ? TRUTH_MAYBE : TRUTH_NO;
    }
    return is_zero ? TRUTH_NO : has_zero ? TRUTH_MAYBE : TRUTH_YES;
}

static enum truth look_up(const struct condition *condition,
                          const struct box *box)
{
    int64_t low[2];
    int64_t high[2];
    for (int d = 0; d < 2; d++) {
        low[d] = box->low[condition->rank[d]];
        high[d] = box->high[condition->rank[d]];
    }
    int64_t kept = pattern_count(condition->pattern, true, low, high);
    return kept == 0                                         ? TRUTH_NO
           : kept == (high[0] - low[0]) * (high[1] - low[1]) ? TRUTH_YES
                                                             : TRUTH_MAYBE;
}

static enum truth judge(const struct condition *condition,
                        const struct box *box)
{
    switch (condition->kind) {
    case CONDITION_ALL:
        return MIN(judge(condition->part[0], box),
                   judge(condition->part[1], box));
    case CONDITION_ANY:
        return MAX(judge(condition->part[0], box),
                   judge(condition->part[1], box));
    case CONDITION_INDEX:
        return compare(condition, box);
    case CONDITION_DATA:
        return TRUTH_MAYBE;
    case CONDITION_PATTERN:
        return look_up(condition, box);
    }
    BUG("condition %d", (int)condition->kind);
}

enum box_points workload_classify_box(const struct workload *workload,
                                      int statement_id, const int64_t *low,
                                      const int64_t *high)
{
    const struct einsum_statement *s = &workload->statements[statement_id];
    const struct box box = {low, high};
    enum truth truth = TRUTH_YES;
    for (int r = 0; r < s->rank_count; r++) {
        if (low[s->rank[r]] >= high[s->rank[r]]) {
            return BOX_NONE;
        }
    }
    for (int i = 0; (s->features & EINSUM_PREDICATE) != 0 &&
                    i < s->extension->condition_count;
         i++) {
        if (!s->extension->condition[i]->has_data) {
            truth = MIN(truth, judge(s->extension->condition[i], &box));
        }
    }
    return truth == TRUTH_YES  ? BOX_ALL
           : truth == TRUTH_NO ? BOX_NONE
                               : BOX_SOME;
}

unsigned workload_mask_ranks(const struct workload *workload, int statement_id)
{
    const struct einsum_statement *s = &workload->statements[statement_id];
    unsigned ranks = 0;
    for (int i = 0; (s->features & EINSUM_PREDICATE) != 0 &&
                    i < s->extension->condition_count;
         i++) {
        if (!s->extension->condition[i]->has_data) {
            ranks |= s->extension->condition[i]->ranks;
        }
    }
    return ranks;
}

bool workload_find_packed(const struct workload *workload, int statement_id,
                          int *packed, int *line)
{
    const struct einsum_statement *s = &workload->statements[statement_id];
    for (int i = 0; (s->features & EINSUM_PREDICATE) != 0 &&
                    i < s->extension->condition_count;
         i++) {
        const struct condition *condition = s->extension->condition[i];
        int dim = condition->kind == CONDITION_PATTERN
                      ? pattern_packed_dim(condition->pattern)
                      : -1;
        if (dim >= 0) {
            *packed = condition->rank[dim];
            *line = condition->rank[1 - dim];
            return true;
        }
    }
    return false;
}

/* Adds the values of affine comparisons at the corner; false beyond `most` or
 * where one is not affine. */
static bool add_corner(const struct condition *condition, const int64_t *low,
                       int most, int64_t *value, int *count)
{
    if (condition->kind == CONDITION_ALL || condition->kind == CONDITION_ANY) {
        return add_corner(condition->part[0], low, most, value, count) &&
               add_corner(condition->part[1], low, most, value, count);
    }
    if (condition->kind != CONDITION_INDEX || !condition->index->is_affine ||
        *count == most) {
        return false;
    }
    const struct affine *index = &condition->index->affine;
    value[*count] = index->constant;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        value[*count] += index->coefficient[r] * low[r];
    }
    (*count)++;
    return true;
}

bool workload_mask_corner(const struct workload *workload, int statement_id,
                          const int64_t *low, int most, int64_t *value,
                          int *count)
{
    const struct einsum_statement *s = &workload->statements[statement_id];
    bool is_affine = true;
    for (int i = 0; (s->features & EINSUM_PREDICATE) != 0 && is_affine &&
                    i < s->extension->condition_count;
         i++) {
        is_affine =
            add_corner(s->extension->condition[i], low, most, value, count);
    }
    return is_affine;
}
