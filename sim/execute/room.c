/* Is there room for what a memory holds?
 *
 * What is really there is counted: the elements of each hold, those of the lane
 * that has most, spread over the instances of the memory below it. Children of
 * phases and sequences take turns: while one runs, what its siblings hold gives
 * way. If a sibling finds its tile again later, as nothing fetched it anew, it
 * was there all the time, and must have fitted. */
#include <string.h>

#include "sim/execute/execute.h"

struct room {
    int *current;          /* by node: child that runs, of those taking turns */
    int64_t *asleep_bytes; /* by store: the most that the memory held while it
                              gave way, itself included */
    int64_t *asleep_since; /* by store: newest frame (of lane 0) then */
    bool *is_asleep;       /* by store */
};

struct room *room_new(const struct execution *x)
{
    struct room *room = g_new0(struct room, 1);
    gsize nodes = (gsize)x->plan->node_count + 1;
    gsize stores = x->stores->len + 1;
    room->current = g_new(int, nodes);
    memset(room->current, 0xff, nodes * sizeof(*room->current));
    room->asleep_bytes = g_new0(int64_t, stores);
    room->asleep_since = g_new(int64_t, stores);
    memset(room->asleep_since, 0xff, stores * sizeof(*room->asleep_since));
    room->is_asleep = g_new0(bool, stores);
    return room;
}

void room_free(struct room *room)
{
    if (room != NULL) {
        g_free(room->current);
        g_free(room->asleep_bytes);
        g_free(room->asleep_since);
        g_free(room->is_asleep);
        g_free(room);
    }
}

static bool takes_turns(const struct plan_node *node)
{
    return node->kind == PLAN_SEQUENCE || node->kind == PLAN_PHASES;
}

/* Does some other child run instead of the one that the store is in? */
static bool gives_way(const struct execution *x, const struct store *store)
{
    const struct plan_node *nodes = x->plan->nodes;
    for (int n = store->node; nodes[n].parent >= 0; n = nodes[n].parent) {
        int parent = nodes[n].parent;
        int current = x->room->current[parent];
        if (takes_turns(&nodes[parent]) && current >= 0 && current != n) {
            return true;
        }
    }
    return false;
}

static void update(struct execution *x)
{
    for (guint i = 0; i < x->stores->len; i++) {
        const struct store *store = g_ptr_array_index(x->stores, i);
        bool is_asleep = gives_way(x, store);
        if (is_asleep && !x->room->is_asleep[i]) {
            x->room->asleep_bytes[i] = 0;
            x->room->asleep_since[i] = store->newest[0];
        }
        x->room->is_asleep[i] = is_asleep;
    }
}

void room_enter(struct execution *x, int node)
{
    const struct plan_node *nodes = x->plan->nodes;
    bool is_new = false;
    for (int n = node; nodes[n].parent >= 0; n = nodes[n].parent) {
        int parent = nodes[n].parent;
        if (takes_turns(&nodes[parent]) && x->room->current[parent] != n) {
            x->room->current[parent] = n;
            is_new = true;
        }
    }
    if (is_new) {
        update(x);
    }
}

/* ---- bytes --------------------------------------------------------------- */

static int64_t count_bytes(const struct execution *x, const struct store *store)
{
    const struct arch_memory *memory = &x->plan->arch->memories[store->memory];
    int64_t most = 0;
    for (int64_t lane = 0; lane < store->lanes; lane++) {
        most = MAX(most, store->present[lane]);
    }
    return num_ceil_div(most, store->instances) * arch_word_bytes(memory);
}

/* Of one hold: its tensors share its room, or each have their own. What a study
 * assumes away (`assume:`) does not count. */
static int64_t count_hold_bytes(const struct execution *x, int node)
{
    const struct plan_node *hold = &x->plan->nodes[node];
    int64_t bytes = 0;
    for (guint i = 0; i < x->stores->len; i++) {
        const struct store *store = g_ptr_array_index(x->stores, i);
        if (store->node == node && !x->room->is_asleep[i]) {
            int64_t own = count_bytes(x, store);
            bytes = hold->is_shared ? MAX(bytes, own) : bytes + own;
        }
    }
    return hold->assumption != NULL ? MIN(bytes, hold->footprint_bytes) : bytes;
}

static int64_t count_memory_bytes(const struct execution *x, int memory)
{
    int64_t bytes = 0;
    for (int n = 0; n < x->plan->node_count; n++) {
        const struct plan_node *node = &x->plan->nodes[n];
        if (node->kind == PLAN_HOLD && node->memory == memory &&
            !node->is_stream) {
            bytes += count_hold_bytes(x, n);
        }
    }
    return bytes;
}

/* What spills lies outside, but is held all the same. */
static int64_t limit_of(const struct execution *x, int memory)
{
    int64_t size = x->plan->arch->memories[memory].size_bytes;
    return size == NUM_UNLIMITED
               ? INT64_MAX
               : size + x->plan->memories[memory].spilled_bytes;
}

static enum status complain(struct execution *x, int memory, int tensor,
                            int64_t bytes)
{
    g_autofree char *step = step_name(x);
    diag_error(x->diags, x->workload->tensors[tensor].span, "execute-capacity",
               NULL,
               "memory '%s' holds %" G_GINT64_FORMAT " bytes%s, with '%s' in "
               "it, and has %" G_GINT64_FORMAT,
               x->plan->arch->memories[memory].name, bytes, step,
               x->workload->tensors[tensor].name,
               x->plan->arch->memories[memory].size_bytes);
    return ERR_INPUT;
}

enum status room_check(struct execution *x, const struct store *store)
{
    if (store->present == NULL || limit_of(x, store->memory) == INT64_MAX) {
        return OK;
    }
    int64_t bytes = count_memory_bytes(x, store->memory);
    for (guint i = 0; i < x->stores->len; i++) {
        const struct store *other = g_ptr_array_index(x->stores, i);
        if (x->room->is_asleep[i] && other->memory == store->memory) {
            x->room->asleep_bytes[i] =
                MAX(x->room->asleep_bytes[i], bytes + count_bytes(x, other));
        }
    }
    return bytes <= limit_of(x, store->memory)
               ? OK
               : complain(x, store->memory, store->tensor, bytes);
}

enum status room_check_kept(struct execution *x, const struct store *store,
                            const struct frame *frame)
{
    for (guint i = 0; i < x->stores->len; i++) {
        if (g_ptr_array_index(x->stores, i) == store &&
            frame->serial <= x->room->asleep_since[i] &&
            x->room->asleep_bytes[i] > limit_of(x, store->memory)) {
            return complain(x, store->memory, store->tensor,
                            x->room->asleep_bytes[i]);
        }
    }
    return OK;
}
