/* The stores of a plan's holds: who uses them, how elements lie in a frame, how
 * many frames and lanes there are. */
#include <string.h>

#include "sim/execute/execute.h"

/* ---- the tree ------------------------------------------------------------ */

static bool holds_tensor(const struct plan_node *node, int tensor)
{
    for (int i = 0; node->kind == PLAN_HOLD && i < node->held_count; i++) {
        if (node->held[i] == tensor) {
            return !node->is_stream;
        }
    }
    return false;
}

/* The next hold outwards that keeps the tensor; -1. */
static int find_keeper(const struct plan *plan, int node, int tensor)
{
    int n = plan->nodes[node].parent;
    while (n >= 0 && !holds_tensor(&plan->nodes[n], tensor)) {
        n = plan->nodes[n].parent;
    }
    return n;
}

/* Does the hold name the memory that keeps the tensor anyway? Then nothing moves
 * between the two. */
static bool is_same_place(const struct plan *plan, int node, int tensor)
{
    int keeper = find_keeper(plan, node, tensor);
    int memory = plan->nodes[node].memory;
    if (keeper >= 0) {
        return plan->nodes[keeper].memory == memory;
    }
    return memory == 0 &&
           plan->workload->tensors[tensor].kind != TENSOR_INTERMEDIATE;
}

struct store *store_of_hold(const struct execution *x, int node, int tensor)
{
    for (guint i = 0; i < x->stores->len; i++) {
        struct store *store = g_ptr_array_index(x->stores, i);
        if (store->node == node && store->tensor == tensor) {
            return store;
        }
    }
    return NULL;
}

struct store *store_outside(const struct execution *x, int node, int tensor)
{
    for (int n = find_keeper(x->plan, node, tensor); n >= 0;
         n = find_keeper(x->plan, n, tensor)) {
        struct store *store = store_of_hold(x, n, tensor);
        if (store != NULL) {
            return store;
        }
    }
    return x->outermost[tensor];
}

/* The extent of a rank's largest tile at a node. */
static int64_t tile_extent(const struct plan *plan, int node, int rank)
{
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        const struct plan_node *split = &plan->nodes[n];
        if ((split->kind == PLAN_LOOP || split->kind == PLAN_SPATIAL) &&
            split->rank == rank) {
            return split->tile;
        }
    }
    return plan->workload->rank[rank].extent;
}

/* ---- uses ---------------------------------------------------------------- */

bool leaf_takes_handed(const struct execution *x, int leaf,
                       const struct einsum_access *read)
{
    int first = x->plan->leaves[leaf].forward_from;
    for (int f = first; f >= 0 && f < leaf; f++) {
        int statement = x->plan->leaves[f].statement;
        if (x->workload->statements[statement].output.tensor == read->tensor) {
            return !plan_reads_previous(x->plan, read);
        }
    }
    return false;
}

static void add_use(GArray *uses, int leaf, const struct einsum_statement *s,
                    const struct einsum_access *access)
{
    struct store_use use = {
        .leaf = leaf,
        .is_write = access == &s->output,
        .statement = s,
        .access = access,
    };
    g_array_append_val(uses, use);
}

static void find_uses(const struct execution *x, struct store *store)
{
    for (int l = 0; l < x->plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &x->plan->leaves[l];
        const struct einsum_statement *s =
            &x->workload->statements[leaf->statement];
        if (!plan_is_above(x->plan, store->node, leaf->node)) {
            continue;
        }
        for (int r = 0; r < s->read_count; r++) {
            const struct einsum_access *read = &s->resolved_reads[r];
            if (read->tensor == store->tensor &&
                !leaf_takes_handed(x, l, read)) {
                add_use(store->uses, l, s, read);
            }
        }
        if (s->output.tensor == store->tensor) {
            add_use(store->uses, l, s, &s->output);
        }
    }
}

/* What is computed below a hold is not fetched, but for values of an earlier
 * step of an iterative rank. */
static void mark_fetched(const struct execution *x, struct store *store)
{
    bool is_computed = false;
    for (guint u = 0; u < store->uses->len; u++) {
        is_computed |= g_array_index(store->uses, struct store_use, u).is_write;
    }
    for (guint u = 0; u < store->uses->len; u++) {
        struct store_use *use =
            &g_array_index(store->uses, struct store_use, u);
        use->is_fetched =
            !use->is_write &&
            (!is_computed || plan_reads_previous(x->plan, use->access));
    }
}

/* ---- layout -------------------------------------------------------------- */

static const struct store_use *use_at(const struct store *store, guint u)
{
    return &g_array_index(store->uses, struct store_use, u);
}

static bool moves_dim(const struct store_use *use, int dim)
{
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        if (use->access->index[dim].coefficient[r] != 0) {
            return true;
        }
    }
    return false;
}

bool store_shapes_dim(const struct execution *x, const struct store *store,
                      guint u, int dim)
{
    bool is_any = false;
    if (dim != x->workload->tensors[store->tensor].iterative_dim ||
        moves_dim(use_at(store, u), dim)) {
        return true;
    }
    for (guint v = 0; v < store->uses->len; v++) {
        is_any |= moves_dim(use_at(store, v), dim);
    }
    return !is_any;
}

/* Do all that shape it move alike? */
static bool is_alike(const struct execution *x, const struct store *store,
                     int dim)
{
    const struct affine *first = NULL;
    for (guint u = 0; u < store->uses->len; u++) {
        const struct affine *index = &use_at(store, u)->access->index[dim];
        if (!store_shapes_dim(x, store, u, dim)) {
            continue;
        }
        if (first != NULL && memcmp(first->coefficient, index->coefficient,
                                    sizeof(first->coefficient)) != 0) {
            return false;
        }
        first = index;
    }
    return true;
}

/* Where accesses move differently, the whole dimension has room. */
static int64_t dim_extent(const struct execution *x, struct store *store,
                          int dim, const struct region *tile)
{
    int64_t low = INT64_MAX;
    int64_t high = INT64_MIN;
    if (dim == store->layout.wrap_dim) {
        return store->layout.slices;
    }
    if (!is_alike(x, store, dim)) {
        return x->workload->tensors[store->tensor].extent[dim];
    }
    store->is_shifted[dim] = true;
    for (guint u = 0; u < store->uses->len; u++) {
        if (store_shapes_dim(x, store, u, dim)) {
            low = MIN(
                low, index_lowest(&use_at(store, u)->access->index[dim], tile));
            high =
                MAX(high,
                    index_highest(&use_at(store, u)->access->index[dim], tile));
        }
    }
    return high - low + 1;
}

/* Do slices take turns? Only where each use moves them by one rank at most. */
static bool can_wrap(const struct store *store, int dim)
{
    for (guint u = 0; u < store->uses->len; u++) {
        const struct affine *index = &use_at(store, u)->access->index[dim];
        int movers = 0;
        for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
            movers += index->coefficient[r] != 0;
        }
        if (movers > 1) {
            return false;
        }
    }
    return true;
}

static void make_layout(const struct execution *x, struct store *store,
                        int64_t slices)
{
    const struct einsum_tensor *t = &x->workload->tensors[store->tensor];
    struct region tile = {0};
    for (int r = 0; r < x->workload->rank_count; r++) {
        tile.high[r] = tile_extent(x->plan, store->node, r);
    }
    bool wraps = slices > 0 && can_wrap(store, t->iterative_dim);
    store->layout = (struct layout){
        .elements = 1,
        .wrap_dim = wraps ? t->iterative_dim : -1,
        .slices = slices,
    };
    for (int d = t->dim_count; d-- > 0;) {
        store->layout.stride[d] = store->layout.elements;
        store->layout.elements *= dim_extent(x, store, d, &tile);
    }
}

/* The tile changes with the ranks of its uses and, where it is computed again,
 * with the loops that do so. */
static void find_key(const struct execution *x, struct store *store)
{
    const struct plan *plan = x->plan;
    for (guint u = 0; u < store->uses->len; u++) {
        const struct store_use *use = use_at(store, u);
        uint32_t own = 0;
        for (int r = 0; r < use->statement->rank_count; r++) {
            int rank = use->statement->rank[r];
            own |= UINT32_C(1) << rank;
            for (int d = 0; d < use->access->dim_count; d++) {
                store->key_ranks |=
                    (uint32_t)(use->access->index[d].coefficient[rank] != 0)
                    << rank;
            }
        }
        for (int n = plan->nodes[store->node].parent;
             use->is_write && plan->leaves[use->leaf].is_recomputed && n >= 0;
             n = plan->nodes[n].parent) {
            if (plan->nodes[n].kind == PLAN_LOOP) {
                store->key_ranks |= (UINT32_C(1) << plan->nodes[n].rank) & ~own;
            }
        }
    }
}

/* ---- lanes --------------------------------------------------------------- */

static void find_lanes(const struct execution *x, struct store *store)
{
    const struct plan *plan = x->plan;
    store->lanes = 1;
    store->lane_node = g_new0(int, (gsize)plan->node_count + 1);
    for (int n = plan->nodes[store->node].parent; n >= 0;
         n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_SPATIAL) {
            store->lane_node[store->lane_depth++] = n;
            store->lanes *= plan->nodes[n].trips;
        }
    }
}

static bool has_axis(const struct arch_memory *memory, int axis)
{
    for (int a = 0; a < memory->axis_count; a++) {
        if (memory->axis[a].id == axis) {
            return true;
        }
    }
    return false;
}

/* Lanes of a leaf below the hold that have an instance of its memory each. */
static int64_t leaf_instances(const struct execution *x,
                              const struct store *store,
                              const struct plan_leaf *leaf)
{
    const struct plan *plan = x->plan;
    const struct arch_memory *memory = &plan->arch->memories[store->memory];
    const struct arch_unit *unit = &plan->arch->units[leaf->unit];
    const struct einsum_statement *s =
        &x->workload->statements[leaf->statement];
    int64_t instances = 1;
    for (int n = plan->nodes[leaf->node].parent; n != store->node;
         n = plan->nodes[n].parent) {
        const struct plan_node *node = &plan->nodes[n];
        if (node->kind == PLAN_SPATIAL && has_axis(memory, node->axis)) {
            instances *= node->trips;
        }
    }
    for (int r = 0; r < s->rank_count; r++) {
        int axis = leaf->axis_of[r];
        if (axis >= 0 && has_axis(memory, unit->axis[axis].id)) {
            instances *= leaf->lane_extent[r];
        }
    }
    return instances;
}

/* A tile lies spread over the instances that its widest use has lanes for. */
static void find_instances(const struct execution *x, struct store *store)
{
    store->instances = 1;
    for (guint u = 0; u < store->uses->len; u++) {
        const struct plan_leaf *leaf = &x->plan->leaves[use_at(store, u)->leaf];
        store->instances =
            MAX(store->instances, leaf_instances(x, store, leaf));
    }
    store->instances =
        MIN(store->instances, x->plan->arch->memories[store->memory].instances);
}

int64_t store_lane(const struct store *store, const struct execution *x,
                   const int64_t *index)
{
    int64_t lane = 0;
    for (int i = store->lane_depth; i-- > 0;) {
        int node = store->lane_node[i];
        lane = lane * x->plan->nodes[node].trips + index[node];
    }
    return lane;
}

/* Splits above the node, outermost first. */
static bool narrow_regions(const struct plan *plan, int node,
                           const int64_t *index, struct region *region)
{
    if (node < 0) {
        return true;
    }
    const struct plan_node *split = &plan->nodes[node];
    bool is_there = narrow_regions(plan, split->parent, index, region);
    if (split->kind == PLAN_LOOP || split->kind == PLAN_SPATIAL) {
        int r = split->rank;
        region->low[r] += index[node] * split->tile;
        region->high[r] = MIN(region->high[r], region->low[r] + split->tile);
        is_there = is_there && region->low[r] < region->high[r];
    }
    return is_there;
}

bool store_region(const struct execution *x, const struct store *store,
                  const int64_t *index, struct region *region)
{
    for (int r = 0; r < x->workload->rank_count; r++) {
        region->low[r] = 0;
        region->high[r] = x->workload->rank[r].extent;
    }
    return store->node < 0 ||
           narrow_regions(x->plan, x->plan->nodes[store->node].parent, index,
                          region);
}

/* ---- building ------------------------------------------------------------ */

static void store_free(gpointer pointer)
{
    struct store *store = pointer;
    if (store == NULL) {
        return;
    }
    g_clear_pointer(&store->uses, g_array_unref);
    if (!store->borrows_values) {
        g_free(store->value);
        g_free(store->error);
    }
    g_free(store->lane_node);
    g_free(store->frames);
    g_free(store->newest);
    g_free(store->cursor);
    g_free(store->tag);
    g_free(store->credit);
    g_free(store->present);
    g_free(store);
}

static enum status no_memory(const struct execution *x,
                             const struct store *store)
{
    return diag_fail(x->diags, ERR_MEM, "execute-memory",
                     "no memory for %" G_GINT64_FORMAT
                     " frames of %" G_GINT64_FORMAT " elements of '%s'",
                     store->lanes * store->copies, store->layout.elements,
                     x->workload->tensors[store->tensor].name);
}

static enum status allocate(const struct execution *x, struct store *store)
{
    const struct tensor_data *t = &x->data->tensors[store->tensor];
    int64_t count = 0;
    if (!num_mul(store->lanes, store->copies, &count) ||
        !num_mul(count, store->layout.elements, &count)) {
        return no_memory(x, store);
    }
    bool is_computed = x->workload->tensors[store->tensor].producer >= 0;
    gsize size = (gsize)count;
    gsize lanes = (gsize)store->lanes;
    gsize frames = lanes * (gsize)store->frame_count;
    store->value = g_try_new(double, size);
    store->tag = g_try_new(int64_t, size);
    store->frames = g_try_new0(struct frame, frames);
    store->newest = g_try_new(int64_t, lanes);
    store->cursor = g_try_new(int64_t, lanes * store->uses->len);
    store->present = g_try_new0(int64_t, lanes);
    store->error = t->error != NULL ? g_try_new(double, size) : NULL;
    store->credit = is_computed ? g_try_new0(uint64_t, size) : NULL;
    if (store->value == NULL || store->tag == NULL || store->frames == NULL ||
        store->newest == NULL || store->cursor == NULL ||
        store->present == NULL || (t->error != NULL && store->error == NULL) ||
        (is_computed && store->credit == NULL)) {
        return no_memory(x, store);
    }
    memset(store->tag, 0xff, size * sizeof(*store->tag));
    memset(store->newest, 0xff, lanes * sizeof(*store->newest));
    memset(store->cursor, 0xff,
           lanes * store->uses->len * sizeof(*store->cursor));
    for (gsize f = 0; f < frames; f++) {
        store->frames[f].serial = -1;
    }
    return OK;
}

static int most_delay(const struct plan *plan)
{
    int most = 0;
    for (int p = 0; p < plan->phase_count; p++) {
        most = MAX(most, plan->phases[p].max_delay);
    }
    return most;
}

/* Does the tensor advance along a rank whose loop is outside of the hold, with
 * nothing outside to keep the value before? Then the hold does: it goes over from
 * tile to tile. */
static bool keeps_advancing(const struct execution *x,
                            const struct store *store)
{
    const struct einsum_tensor *t = &x->workload->tensors[store->tensor];
    bool is_stepped = false;
    for (int n = x->plan->nodes[store->node].parent; n >= 0;
         n = x->plan->nodes[n].parent) {
        const struct plan_node *loop = &x->plan->nodes[n];
        is_stepped |= loop->kind == PLAN_LOOP && loop->trips > 1 &&
                      loop->rank == t->iterative_rank;
    }
    return t->iterative_dim >= 0 && t->producer >= 0 && is_stepped &&
           store->layout.wrap_dim < 0 && t->kind == TENSOR_INTERMEDIATE &&
           find_keeper(x->plan, store->node, store->tensor) < 0;
}

/* An assumption of fewer copies than are needed (`assume:`) is taken at its
 * word: what is assumed away here is given room. */
static enum status add_store(struct execution *x, int node, int at)
{
    const struct plan_node *hold = &x->plan->nodes[node];
    int delay = most_delay(x->plan);
    struct store *store = g_new0(struct store, 1);
    store->node = node;
    store->tensor = hold->held[at];
    store->memory = hold->memory;
    store->uses = g_array_new(FALSE, TRUE, sizeof(struct store_use));
    find_uses(x, store);
    if (store->uses->len == 0 || is_same_place(x->plan, node, store->tensor)) {
        store_free(store);
        return OK;
    }
    g_ptr_array_add(x->stores, store);
    mark_fetched(x, store);
    make_layout(x, store, hold->held_slices[at]);
    find_key(x, store);
    find_lanes(x, store);
    find_instances(x, store);
    store->copies = MAX(hold->held_copies[at], 1);
    if (hold->assumption != NULL) {
        store->copies = MAX(store->copies, delay + 1);
    }
    store->is_carried = keeps_advancing(x, store);
    store->frame_count = store->copies + delay + 3;
    return allocate(x, store);
}

/* Inputs lie in the outermost memory, outputs arrive there, and so does what no
 * hold keeps. */
static enum status add_outermost(struct execution *x, int tensor,
                                 bool is_wanted)
{
    const struct einsum_tensor *t = &x->workload->tensors[tensor];
    const struct tensor_data *data = &x->data->tensors[tensor];
    if (!is_wanted || x->outermost[tensor] != NULL || data->value == NULL) {
        return OK;
    }
    struct store *store = g_new0(struct store, 1);
    x->outermost[tensor] = store;
    *store = (struct store){
        .node = -1,
        .tensor = tensor,
        .layout = layout_of_tensor(t),
        .lanes = 1,
        .copies = 1,
        .value = data->value,
        .error = data->error,
        .borrows_values = true,
    };
    if (t->producer >= 0) {
        store->credit = g_try_new0(uint64_t, (gsize)t->element_count);
        if (store->credit == NULL) {
            return no_memory(x, store);
        }
    }
    return OK;
}

static enum status add_stores(struct execution *x, int node)
{
    const struct plan_node *hold = &x->plan->nodes[node];
    bool keeps = hold->kind == PLAN_HOLD && !hold->is_stream;
    for (int i = 0; keeps && i < hold->held_count; i++) {
        TRY(add_store(x, node, i));
    }
    return OK;
}

enum status stores_new(struct execution *x)
{
    x->stores = g_ptr_array_new_with_free_func(store_free);
    x->outermost = g_new0(struct store *, (gsize)x->workload->tensor_count + 1);
    for (int n = 0; n < x->plan->node_count; n++) {
        TRY(add_stores(x, n));
    }
    for (int t = 0; t < x->workload->tensor_count; t++) {
        TRY(add_outermost(x, t,
                          x->workload->tensors[t].kind != TENSOR_INTERMEDIATE));
    }
    for (int l = 0; l < x->plan->leaf_count; l++) {
        int tensor =
            x->workload->statements[x->plan->leaves[l].statement].output.tensor;
        TRY(add_outermost(x, tensor, leaf_store(x, l, tensor) == NULL));
    }
    return OK;
}

void stores_free(struct execution *x)
{
    for (int t = 0; x->outermost != NULL && t < x->workload->tensor_count;
         t++) {
        store_free(x->outermost[t]);
    }
    g_free(x->outermost);
    g_clear_pointer(&x->stores, g_ptr_array_unref);
}

struct store *leaf_store(const struct execution *x, int leaf, int tensor)
{
    return store_outside(x, x->plan->leaves[leaf].node, tensor);
}
