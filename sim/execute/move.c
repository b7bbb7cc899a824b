/* Moves between the stores of holds.
 *
 *   fill     what leaves below will read, as it is outside
 *   refill   partial results come back, and are outside no more
 *   drain    results leave; partial ones are inside no more
 *
 * Partial results that several lanes have of one element are added up on the way
 * or outside. Where one lane has them, a drain must not meet others outside: they
 * would have been fetched first. What is not there does not move; who needs it
 * will say so.
 *
 * Fills of holds above a pipeline are due at the beginning of a step. A value that
 * is made in an early slot for a late one of the same step is not there yet: such
 * a fill goes on at the beginning of each slot. */
#include <math.h>
#include <string.h>

#include "sim/execute/execute.h"

struct transfer {
    struct execution *x;
    enum flow_kind kind;
    struct store *inner;
    struct store *outer;
    int64_t inner_lane;
    int64_t outer_lane;
    bool adds_up;    /* lanes share elements of the result */
    bool is_late;    /* the frame has been begun */
    int64_t waiting; /* elements that a fill did not find */
    const struct einsum_statement *statement; /* of a DRAIN or REFILL */
};

static bool reduces(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank && s->is_reduced[r]) {
            return true;
        }
    }
    return false;
}

/* Are there lanes between the two that each have a part of the reduction? */
static bool lanes_add_up(const struct execution *x, const struct store *inner,
                         const struct store *outer,
                         const struct einsum_statement *s)
{
    const struct plan *plan = x->plan;
    for (int n = plan->nodes[inner->node].parent; n >= 0 && n != outer->node;
         n = plan->nodes[n].parent) {
        const struct plan_node *node = &plan->nodes[n];
        if (node->kind == PLAN_SPATIAL && node->trips > 1 &&
            reduces(s, node->rank)) {
            return true;
        }
    }
    return false;
}

static bool is_partial(const struct execution *x, const struct store *store,
                       int64_t at, int64_t element)
{
    return store->credit != NULL && store->credit[at] != 0 &&
           store->credit[at] !=
               credits_needed(x->credits, store->tensor, element);
}

/* Makes room at `at` for the element, which is not there yet. */
static enum status displace(struct execution *x, struct store *store,
                            int64_t lane, int64_t at, int64_t element)
{
    if (store->tag == NULL || store->tag[at] == element) {
        return OK;
    }
    if (store->tag[at] >= 0 && is_partial(x, store, at, store->tag[at])) {
        return complain_lost(x, store, store->tag[at], store->credit[at],
                             element);
    }
    store->present[lane] += store->tag[at] < 0;
    store->tag[at] = element;
    if (store->credit != NULL) {
        store->credit[at] = 0;
    }
    return OK;
}

static void copy_element(struct store *to, int64_t to_at,
                         const struct store *from, int64_t from_at)
{
    to->value[to_at] = from->value[from_at];
    if (to->error != NULL) {
        to->error[to_at] = from->error[from_at];
    }
    if (to->credit != NULL) {
        to->credit[to_at] = from->credit[from_at];
    }
}

static void forget(struct store *store, int64_t lane, int64_t at)
{
    store->credit[at] = 0;
    if (store->tag != NULL) {
        store->tag[at] = -1;
        store->present[lane]--;
    }
}

/* ---- one element --------------------------------------------------------- */

static enum status fetch(struct transfer *t, int64_t element, int64_t inner_at,
                         int64_t outer_at)
{
    struct execution *x = t->x;
    bool is_refill = t->kind == FLOW_REFILL;
    if (!store_has(t->outer, outer_at, element) && !is_refill) {
        t->waiting++;
        return OK;
    }
    if (!store_has(t->outer, outer_at, element) ||
        is_partial(x, t->outer, outer_at, element) != is_refill ||
        (store_has(t->inner, inner_at, element) &&
         is_partial(x, t->inner, inner_at, element))) {
        return OK;
    }
    TRY(displace(x, t->inner, t->inner_lane, inner_at, element));
    copy_element(t->inner, inner_at, t->outer, outer_at);
    if (is_refill) {
        forget(t->outer, t->outer_lane, outer_at);
    }
    return OK;
}

/* In the format in which the statement adds up, or multiplies. */
static double combine(const struct transfer *t, enum format_operation operation,
                      double a, double b)
{
    const struct einsum_arithmetic *arithmetic = t->x->data->arithmetic;
    enum einsum_op op = operation == FORMAT_MULTIPLY ? EINSUM_MUL
                        : t->statement->ops_per_point[EINSUM_MAC] > 0
                            ? EINSUM_MAC
                            : EINSUM_ADD;
    if (arithmetic == NULL) {
        return operation == FORMAT_ADD ? a + b : a * b;
    }
    return format_apply(operation, arithmetic->operation[op].format,
                        &arithmetic->operation[op].policy, a, b);
}

/* The bound of a sum's error covers every order of its additions already. */
static void add_element(const struct transfer *t, int64_t inner_at,
                        int64_t outer_at)
{
    struct store *to = t->outer;
    const struct store *from = t->inner;
    double a = to->value[outer_at];
    double b = from->value[inner_at];
    to->credit[outer_at] += from->credit[inner_at];
    switch (t->statement->reduce) {
    case EINSUM_NO_REDUCE:
        to->value[outer_at] = b;
        break;
    case EINSUM_SUM:
        to->value[outer_at] = combine(t, FORMAT_ADD, a, b);
        break;
    case EINSUM_MAXIMUM:
        to->value[outer_at] = isnan(a) || a > b ? a : b;
        break;
    case EINSUM_MINIMUM:
        to->value[outer_at] = isnan(a) || a < b ? a : b;
        break;
    case EINSUM_PRODUCT:
        to->value[outer_at] = combine(t, FORMAT_MULTIPLY, a, b);
        break;
    }
    if (to->error != NULL) {
        double c = to->error[outer_at];
        double d = from->error[inner_at];
        to->error[outer_at] =
            t->statement->reduce == EINSUM_SUM ? c + d
            : t->statement->reduce == EINSUM_PRODUCT
                ? fabs(a) * d + fabs(b) * c + c * d + fabs(a * b) * 0x1p-52
                : MAX(c, d);
    }
}

/* What was added up outside may be finished by that. */
static enum status finish_element(const struct transfer *t, int64_t element,
                                  int64_t at)
{
    struct execution *x = t->x;
    struct store *store = t->outer;
    const struct einsum_arithmetic *arithmetic = x->data->arithmetic;
    if (is_partial(x, store, at, element)) {
        return OK;
    }
    x->is_done[store->tensor][element] = 1;
    if (arithmetic != NULL &&
        arithmetic->storage[store->tensor].storage.sharing != FORMAT_UNSCALED) {
        return complain_scale(x, t->statement);
    }
    if (arithmetic != NULL) {
        bool is_free =
            x->data->is_free != NULL && x->data->is_free[store->tensor];
        einsum_store_elements(
            arithmetic, store->tensor, &store->value[at],
            store->error == NULL || is_free ? NULL : &store->error[at], 1, 1);
    }
    return OK;
}

static enum status drain(const struct transfer *t, int64_t element,
                         int64_t inner_at, int64_t outer_at)
{
    struct execution *x = t->x;
    if (!store_has(t->inner, inner_at, element) ||
        t->inner->credit[inner_at] == 0) {
        return OK;
    }
    bool meets = store_has(t->outer, outer_at, element) &&
                 is_partial(x, t->outer, outer_at, element);
    if (meets && !t->adds_up) {
        return complain_lost(x, t->outer, element, t->outer->credit[outer_at],
                             element);
    }
    if (meets) {
        add_element(t, inner_at, outer_at);
        TRY(finish_element(t, element, outer_at));
    } else {
        TRY(displace(x, t->outer, t->outer_lane, outer_at, element));
        copy_element(t->outer, outer_at, t->inner, inner_at);
    }
    if (is_partial(x, t->inner, inner_at, element)) {
        forget(t->inner, t->inner_lane, inner_at);
    }
    return OK;
}

/* ---- a tile -------------------------------------------------------------- */

static enum status move_row(struct transfer *t, const struct image *image,
                            int64_t inner_base, int64_t outer_base)
{
    for (int64_t i = 0; i < image->row_count; i++) {
        int64_t element = image->row.element + i * image->row_step.element;
        int64_t inner_at =
            inner_base + image->row.at[0] + i * image->row_step.at[0];
        int64_t outer_at =
            outer_base + image->row.at[1] + i * image->row_step.at[1];
        TRY(t->kind == FLOW_DRAIN ? drain(t, element, inner_at, outer_at)
                                  : fetch(t, element, inner_at, outer_at));
    }
    return OK;
}

static bool is_moved(enum flow_kind kind, const struct store_use *use)
{
    return kind == FLOW_FILL ? use->is_fetched : use->is_write;
}

static enum status move_use(struct transfer *t, const struct store_use *use,
                            const struct region *tile,
                            const struct frame *inner,
                            const struct frame *outer)
{
    if (!is_moved(t->kind, use) ||
        !store_has_room(t->inner, inner, use->access, tile) ||
        !store_has_room(t->outer, outer, use->access, tile)) {
        return OK;
    }
    if (t->outer->is_carried && t->kind == FLOW_FILL) {
        store_carry(t->x, t->outer, t->outer_lane, outer, use->access, tile);
    }
    int64_t inner_base = store_base(t->inner, t->inner_lane, inner);
    int64_t outer_base = store_base(t->outer, t->outer_lane, outer);
    struct place places[] = {store_place(t->inner, inner),
                             store_place(t->outer, outer)};
    struct image image;
    image_init(&image, t->x->workload, use->access, tile, places, 2);
    do {
        TRY(move_row(t, &image, inner_base, outer_base));
    } while (image_next(&image));
    return OK;
}

/* The frame outside. What a move brings for the first time begins it. */
static struct frame *frame_outside(const struct transfer *t)
{
    struct region tile;
    if (t->outer->node < 0) {
        return NULL;
    }
    (void)store_region(t->x, t->outer, t->x->index, &tile);
    struct frame *frame =
        store_find_frame(t->outer, t->outer_lane, store_key(t->outer, &tile));
    return frame != NULL
               ? frame
               : store_begin_frame(t->x, t->outer, t->outer_lane, &tile);
}

/* The frame inside; NULL if nothing is to be done. */
static struct frame *frame_inside(const struct transfer *t,
                                  const struct region *tile, int flow)
{
    uint64_t key = store_key(t->inner, tile);
    struct frame *newest = store_find_frame(t->inner, t->inner_lane, key);
    if (t->kind == FLOW_DRAIN || t->is_late) {
        return newest;
    }
    bool is_newest =
        newest != NULL && newest->serial == t->inner->newest[t->inner_lane];
    if (is_newest && newest->filled_by == flow) {
        return NULL; /* the tile stays */
    }
    if (!is_newest || newest->filled_by >= 0) {
        /* Of several flows of one visit the first begins the frame. */
        bool is_other = is_newest && newest->filled_by != flow;
        newest = is_other
                     ? newest
                     : store_begin_frame(t->x, t->inner, t->inner_lane, tile);
    }
    newest->filled_by = flow;
    return newest;
}

static enum status move_lane(struct transfer *t, int flow)
{
    struct execution *x = t->x;
    struct region tile;
    if (!store_region(x, t->inner, x->index, &tile)) {
        return OK;
    }
    t->inner_lane = store_lane(t->inner, x, x->index);
    t->outer_lane = store_lane(t->outer, x, x->index);
    struct frame *outer = frame_outside(t);
    struct frame *inner = frame_inside(t, &tile, flow);
    if (inner == NULL) {
        return OK;
    }
    for (guint u = 0; u < t->inner->uses->len; u++) {
        const struct store_use *use =
            &g_array_index(t->inner->uses, struct store_use, u);
        TRY(move_use(t, use, &tile, inner, outer));
    }
    return OK;
}

static bool next_lane(const struct execution *x, const struct store *store)
{
    for (int i = 0; i < store->lane_depth; i++) {
        int node = store->lane_node[i];
        if (++x->index[node] < x->plan->nodes[node].trips) {
            return true;
        }
        x->index[node] = 0;
    }
    return false;
}

/* At x->index; all lanes. */
static enum status move_tiles(struct execution *x, int flow_id, bool is_late)
{
    const struct plan_flow *flow = &x->plan->flows[flow_id];
    struct transfer t = {.x = x, .kind = flow->kind, .is_late = is_late};
    t.inner = store_of_hold(x, flow->node, flow->tensor);
    t.outer = store_outside(x, flow->node, flow->tensor);
    if (t.inner == NULL || t.outer == NULL) {
        stream_announce(x, flow->node, flow->tensor, x->index);
        return OK; /* leaves read through it */
    }
    int producer = x->workload->tensors[flow->tensor].producer;
    if (flow->kind == FLOW_DRAIN || flow->kind == FLOW_REFILL) {
        const struct einsum_statement *s = &x->workload->statements[producer];
        t.statement = s;
        t.adds_up = lanes_add_up(x, t.inner, t.outer, s);
    }
    for (int i = 0; i < t.inner->lane_depth; i++) {
        x->index[t.inner->lane_node[i]] = 0;
    }
    do {
        TRY(move_lane(&t, flow_id));
    } while (next_lane(x, t.inner));
    if (t.waiting > 0 && x->is_step_begin) {
        int64_t waiting = flow_id;
        g_array_append_val(x->late, waiting);
        g_array_append_vals(x->late, x->index, (guint)x->plan->node_count);
    }
    TRY(room_check(x, t.inner));
    return room_check(x, t.outer);
}

enum status move_run(struct execution *x)
{
    memcpy(x->index, x->event.index,
           (gsize)x->plan->node_count * sizeof(*x->index));
    return move_tiles(x, x->event.move.flow, false);
}

enum status move_run_late(struct execution *x)
{
    guint nodes = (guint)x->plan->node_count;
    for (guint i = 0; i < x->late->len; i += 1 + nodes) {
        const int64_t *late = &g_array_index(x->late, int64_t, i);
        memcpy(x->index, late + 1, nodes * sizeof(*x->index));
        TRY(move_tiles(x, (int)late[0], true));
    }
    return OK;
}
