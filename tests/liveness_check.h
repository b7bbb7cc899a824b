/* Is there room for what a hold keeps? The walked schedule says when an element
 * enters a hold (computed below it, or fetched) and when it is taken from it for
 * the last time (read by a leaf, or fetched by a hold inside); in between it
 * occupies room. The most elements that are there at once, in program order, must
 * fit into the footprint that the plan counts. Include after cmocka.h. */
#ifndef WEIR_TESTS_LIVENESS_CHECK_H
#define WEIR_TESTS_LIVENESS_CHECK_H

#include "tests/walk_checks.h"

/* The life of every element of one tensor in one hold, one visit at a time. */
struct liveness {
    const struct oracle *oracle;
    int hold;
    int tensor;
    int64_t *first; /* [visit * elements + element]: event number; -1: none */
    int64_t *last;
    int64_t elements;
    int64_t visits;
};

static inline void liveness_touch(struct liveness *l, int64_t visit,
                                  int64_t element, int64_t event)
{
    int64_t *first = &l->first[visit * l->elements + element];
    *first = *first < 0 ? event : *first;
    l->last[visit * l->elements + element] = event;
}

/* Does the leaf touch the tensor in this very hold? */
static inline bool liveness_is_direct(const struct liveness *l, int leaf)
{
    const struct plan *plan = l->oracle->plan;
    return oracle_hold(plan, plan->leaves[leaf].node, l->tensor, false) ==
           l->hold;
}

static inline void liveness_touch_box(struct liveness *l,
                                      const struct walk_event *event,
                                      const struct einsum_access *access,
                                      int64_t number)
{
    const struct einsum_statement *s = oracle_statement(l->oracle, event->leaf);
    struct oracle_step step = {.leaf = event->leaf};
    memcpy(step.lo, event->lo, sizeof(step.lo));
    memcpy(step.hi, event->hi, sizeof(step.hi));
    int64_t visit = oracle_visit(l->oracle, l->hold, &step);
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, step.lo, sizeof(point));
    do {
        liveness_touch(l, visit, oracle_element(l->oracle, s, access, point),
                       number);
    } while (oracle_next_point(s, step.lo, step.hi, point));
}

/* Reads come before the write of the same step: it may take their place. */
static inline void liveness_compute(struct liveness *l,
                                    const struct walk_event *event,
                                    int64_t number)
{
    const struct einsum_statement *s = oracle_statement(l->oracle, event->leaf);
    if (!oracle_is_below(l->oracle->plan,
                         l->oracle->plan->leaves[event->leaf].node, l->hold) ||
        !liveness_is_direct(l, event->leaf)) {
        return;
    }
    for (int r = 0; r < s->read_count; r++) {
        const struct einsum_access *read = &s->resolved_reads[r];
        if (read->tensor == l->tensor &&
            !oracle_is_forwarded(l->oracle, event->leaf, read)) {
            liveness_touch_box(l, event, read, 2 * number);
        }
    }
    if (s->output.tensor == l->tensor) {
        liveness_touch_box(l, event, &s->output, 2 * number + 1);
    }
}

static inline int64_t liveness_most(const struct liveness *l, int64_t events)
{
    g_autofree int64_t *change = g_new0(int64_t, (gsize)(2 * events + 3));
    for (int64_t i = 0; i < l->visits * l->elements; i++) {
        if (l->first[i] >= 0) {
            change[l->first[i]]++;
            change[l->last[i] + 1]--;
        }
    }
    int64_t now = 0;
    int64_t most = 0;
    for (int64_t e = 0; e < 2 * events + 2; e++) {
        now += change[e];
        most = MAX(most, now);
    }
    return most;
}

/* Elements of the tensor that are in the hold at once, at most. */
static inline int64_t liveness_count(const struct oracle *oracle, int hold,
                                     int tensor)
{
    const struct plan *plan = oracle->plan;
    struct liveness l = {
        .oracle = oracle,
        .hold = hold,
        .tensor = tensor,
        .elements = plan->workload->tensors[tensor].element_count,
        .visits = oracle_visit_count(plan, hold),
    };
    gsize size = (gsize)(l.visits * l.elements);
    l.first = g_new(int64_t, size);
    l.last = g_new(int64_t, size);
    for (gsize i = 0; i < size; i++) {
        l.first[i] = -1;
    }
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event;
    int64_t number = 0;
    while (walk_next(walk, &event)) {
        if (event.kind == WALK_COMPUTE) {
            liveness_compute(&l, &event, number++);
        }
    }
    int64_t most = liveness_most(&l, number);
    g_free(l.first);
    g_free(l.last);
    return most;
}

/* Every hold of a memory with one instance whose tensors have buffers of their
 * own: what its leaves keep in it fits. */
static inline void liveness_check(const struct plan *plan)
{
    struct oracle oracle;
    oracle_init(&oracle, plan);
    for (int n = 0; n < plan->node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        if (node->kind != PLAN_HOLD || node->is_stream || node->is_shared ||
            node->assumption != NULL ||
            plan->arch->memories[node->memory].instances > 1) {
            continue;
        }
        int64_t most = 0;
        for (int i = 0; i < node->held_count; i++) {
            most += liveness_count(&oracle, n, node->held[i]);
        }
        if (most * plan->word_bytes > node->footprint_bytes) {
            print_error("line %d: %" G_GINT64_FORMAT
                        " elements at once, room for %" G_GINT64_FORMAT "\n",
                        node->span.line, most,
                        node->footprint_bytes / plan->word_bytes);
            fail();
        }
    }
    oracle_clear(&oracle);
}

#endif
