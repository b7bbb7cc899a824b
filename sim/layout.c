#include "sim/layout.h"

struct layout {
    const struct plan *plan;
    int64_t word_bytes;
    int64_t *base_bytes; /* by tensor */
    int64_t *cursor;     /* elements: of events without a place */
};

enum status layout_new(const struct plan *plan, struct layout **result)
{
    const struct workload *w = plan->workload;
    AUTO(layout) layout = g_new0(struct layout, 1);
    layout->plan = plan;
    layout->word_bytes = arch_word_bytes(&plan->arch->memories[0]);
    layout->base_bytes = g_new0(int64_t, (gsize)w->tensor_count + 1);
    layout->cursor = g_new0(int64_t, (gsize)w->tensor_count + 1);
    int64_t end_bytes = 0;
    for (int t = 0; t < w->tensor_count; t++) {
        int64_t bytes = 0;
        layout->base_bytes[t] = end_bytes;
        if (!num_mul(w->tensors[t].element_count, layout->word_bytes, &bytes) ||
            !num_add(end_bytes, bytes, &end_bytes) ||
            !num_add(end_bytes, LAYOUT_ALIGN_BYTES - 1, &end_bytes)) {
            return ERR_LIMIT;
        }
        end_bytes -= end_bytes % LAYOUT_ALIGN_BYTES;
    }
    *result = g_steal_pointer(&layout);
    return OK;
}

void layout_free(struct layout *layout)
{
    if (layout != NULL) {
        g_free(layout->base_bytes);
        g_free(layout->cursor);
        g_free(layout);
    }
}

/* ---- boxes --------------------------------------------------------------- */

struct ranges {
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
};

/* What the splits above a node leave of every rank, all lanes together. */
static void narrow(const struct plan *plan, int node, const int64_t *index,
                   struct ranges *ranges)
{
    if (plan->nodes[node].parent >= 0) {
        narrow(plan, plan->nodes[node].parent, index, ranges);
    }
    const struct plan_node *split = &plan->nodes[node];
    if (split->kind != PLAN_LOOP && split->kind != PLAN_SPATIAL) {
        return;
    }
    int64_t *low = &ranges->low[split->rank];
    int64_t *high = &ranges->high[split->rank];
    bool is_loop = split->kind == PLAN_LOOP;
    *low += is_loop ? index[node] * split->tile : 0;
    *high = MIN(*high, *low + split->tile * (is_loop ? 1 : split->trips));
}

/* Widens the walk's box by what the access reaches in the ranges; false if it is
 * not affine. */
static bool add_access(const struct workload *w,
                       const struct einsum_access *access,
                       const struct ranges *ranges, bool is_first,
                       struct layout_walk *walk)
{
    const struct einsum_tensor *tensor = &w->tensors[access->tensor];
    for (int d = 0; d < access->dim_count; d++) {
        int64_t low = access->index[d].constant;
        int64_t high = low;
        for (int r = 0; r < w->rank_count; r++) {
            int64_t by = access->index[d].coefficient[r];
            int64_t first = by * ranges->low[r];
            int64_t last = by * (ranges->high[r] - 1);
            low += MIN(first, last);
            high += MAX(first, last);
        }
        low = CLAMP(low, 0, tensor->extent[d] - 1);
        high = CLAMP(high + 1, low + 1, tensor->extent[d]);
        walk->low[d] = is_first ? low : MIN(walk->low[d], low);
        walk->high[d] = is_first ? high : MAX(walk->high[d], high);
    }
    return access->beyond_affine == 0;
}

static bool add_leaf(const struct plan *plan, int leaf,
                     const struct ranges *ranges, bool *is_first,
                     struct layout_walk *walk)
{
    const struct einsum_statement *s =
        &plan->workload->statements[plan->leaves[leaf].statement];
    bool is_known = true;
    for (int i = 0; i <= s->read_count; i++) {
        const struct einsum_access *access =
            i < s->read_count ? &s->resolved_reads[i] : &s->output;
        if (access->tensor == walk->tensor) {
            is_known &=
                add_access(plan->workload, access, ranges, *is_first, walk);
            *is_first = false;
        }
    }
    return is_known;
}

static bool find_box(const struct layout *layout, int flow_id,
                     const int64_t *index, struct layout_walk *walk)
{
    const struct plan *plan = layout->plan;
    const struct plan_flow *flow = &plan->flows[flow_id];
    int node = flow->node < 0 ? plan->leaves[flow->leaf].node : flow->node;
    struct ranges ranges = {0};
    bool is_first = true;
    bool is_known = true;
    for (int r = 0; r < plan->workload->rank_count; r++) {
        ranges.high[r] = plan->workload->rank[r].extent;
    }
    narrow(plan, node, index, &ranges);
    for (int l = 0; l < plan->leaf_count; l++) {
        if (flow->node < 0 ? l == flow->leaf
                           : plan_is_above(plan, node, plan->leaves[l].node)) {
            is_known &= add_leaf(plan, l, &ranges, &is_first, walk);
        }
    }
    return is_known && !is_first;
}

/* From the cursor on, as rows of one dimension. */
static void take_anywhere(struct layout *layout, struct layout_walk *walk)
{
    const struct einsum_tensor *tensor =
        &layout->plan->workload->tensors[walk->tensor];
    int64_t *cursor = &layout->cursor[walk->tensor];
    int64_t elements = num_ceil_div(walk->left_bytes, walk->word_bytes);
    walk->dim_count = 1;
    walk->stride[0] = 1;
    walk->low[0] = *cursor;
    walk->high[0] = MIN(tensor->element_count, *cursor + elements);
    *cursor = walk->high[0] == tensor->element_count ? 0 : walk->high[0];
}

void layout_begin(struct layout *layout, int flow, const int64_t *index,
                  int64_t bytes, struct layout_walk *walk)
{
    const struct plan *plan = layout->plan;
    int tensor_id = plan->flows[flow].tensor;
    const struct einsum_tensor *tensor = &plan->workload->tensors[tensor_id];
    *walk = (struct layout_walk){
        .tensor = tensor_id,
        .dim_count = MAX(tensor->dim_count, 1),
        .base_bytes = layout->base_bytes[tensor_id],
        .word_bytes = layout->word_bytes,
        .left_bytes = bytes,
    };
    int64_t stride = 1;
    for (int d = walk->dim_count; d-- > 0;) {
        walk->stride[d] = stride;
        walk->high[d] = 1;
        stride *= d < tensor->dim_count ? tensor->extent[d] : 1;
    }
    bool is_of_memory = plan->flows[flow].node < 0
                            ? plan->flows[flow].memory == 0
                            : plan->flows[flow].outer == 0;
    if (index == NULL || !is_of_memory ||
        !find_box(layout, flow, index, walk)) {
        take_anywhere(layout, walk);
    }
    for (int d = 0; d < walk->dim_count; d++) {
        walk->at[d] = walk->low[d];
    }
}

/* ---- pieces -------------------------------------------------------------- */

/* Dimensions from the result on are whole, so that rows follow one another. */
static int find_row_dim(const struct layout_walk *walk)
{
    int d = walk->dim_count - 1;
    while (d > 0 && walk->low[d] == 0 &&
           walk->high[d] * walk->stride[d] == walk->stride[d - 1]) {
        d--;
    }
    return d;
}

bool layout_next(struct layout_walk *walk, int64_t *address_bytes,
                 int64_t *size_bytes)
{
    if (walk->left_bytes <= 0) {
        return false;
    }
    int row = find_row_dim(walk);
    int64_t element = 0;
    for (int d = 0; d <= row; d++) {
        element += walk->at[d] * walk->stride[d];
    }
    int64_t elements = (walk->high[row] - walk->low[row]) * walk->stride[row];
    *address_bytes = walk->base_bytes + element * walk->word_bytes;
    *size_bytes = MIN(elements * walk->word_bytes, walk->left_bytes);
    walk->left_bytes -= *size_bytes;
    /* The next row; from the beginning again if more moves than the box holds. */
    for (int d = row; d-- > 0;) {
        if (++walk->at[d] < walk->high[d]) {
            return true;
        }
        walk->at[d] = walk->low[d];
    }
    return true;
}
