/* Streams: what passes through a memory is not kept there, but it must have been
 * sent. A visit of a stream is where the loops above it stand; tile steps find the
 * operands of the visits that were announced last, as many as can be in flight. */
#include "sim/execute/execute.h"

struct stream {
    int node;
    int tensor;
    guint next;     /* the oldest of `visits` */
    GArray *visits; /* uint64_t */
};

static void stream_clear(gpointer pointer)
{
    g_array_unref(((struct stream *)pointer)->visits);
}

static struct stream *find_stream(const struct execution *x, int node,
                                  int tensor)
{
    for (guint i = 0; i < x->streams->len; i++) {
        struct stream *stream = &g_array_index(x->streams, struct stream, i);
        if (stream->node == node && stream->tensor == tensor) {
            return stream;
        }
    }
    return NULL;
}

void streams_new(struct execution *x)
{
    const struct plan *plan = x->plan;
    guint in_flight = 2;
    for (int p = 0; p < plan->phase_count; p++) {
        in_flight = MAX(in_flight, (guint)plan->phases[p].max_delay + 2);
    }
    x->streams = g_array_new(FALSE, FALSE, sizeof(struct stream));
    g_array_set_clear_func(x->streams, stream_clear);
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        if (flow->node < 0 || !plan->nodes[flow->node].is_stream ||
            find_stream(x, flow->node, flow->tensor) != NULL) {
            continue;
        }
        struct stream stream = {
            .node = flow->node,
            .tensor = flow->tensor,
            .visits = g_array_new(FALSE, TRUE, sizeof(uint64_t)),
        };
        g_array_set_size(stream.visits, in_flight);
        g_array_append_val(x->streams, stream);
    }
}

/* Of the loops above the node; never 0. */
static uint64_t visit_of(const struct execution *x, int node,
                         const int64_t *index)
{
    uint64_t visit = UINT64_C(14695981039346656037);
    for (int n = x->plan->nodes[node].parent; n >= 0;
         n = x->plan->nodes[n].parent) {
        if (x->plan->nodes[n].kind == PLAN_LOOP) {
            visit = (visit ^ (uint64_t)index[n]) * UINT64_C(1099511628211);
            visit ^= visit >> 29;
        }
    }
    return visit | 1;
}

void stream_announce(struct execution *x, int node, int tensor,
                     const int64_t *index)
{
    struct stream *stream = find_stream(x, node, tensor);
    if (stream != NULL) {
        g_array_index(stream->visits, uint64_t, stream->next) =
            visit_of(x, node, index);
        stream->next = (stream->next + 1) % stream->visits->len;
    }
}

/* The stream that the leaf takes the tensor from; NULL. */
static struct stream *stream_of_leaf(const struct execution *x, int leaf,
                                     int tensor)
{
    const struct plan *plan = x->plan;
    for (int n = plan->nodes[plan->leaves[leaf].node].parent; n >= 0;
         n = plan->nodes[n].parent) {
        const struct plan_node *node = &plan->nodes[n];
        for (int i = 0; node->kind == PLAN_HOLD && i < node->held_count; i++) {
            if (node->held[i] == tensor) {
                return node->is_stream ? find_stream(x, n, tensor) : NULL;
            }
        }
    }
    return NULL;
}

bool stream_has(const struct execution *x, int leaf, int tensor)
{
    const struct stream *stream = stream_of_leaf(x, leaf, tensor);
    if (stream == NULL) {
        return true;
    }
    uint64_t visit = visit_of(x, stream->node, x->event.index);
    for (guint i = 0; i < stream->visits->len; i++) {
        if (g_array_index(stream->visits, uint64_t, i) == visit) {
            return true;
        }
    }
    return false;
}
