/* What filling and draining add to the steady state of a phase.
 *
 * In the steady state every one of N steps takes the sum over slots s of the
 * resource (unit, or child) r(s) that is busiest there over the run. There are
 * N + D steps, D the largest delay: in the first ones and the last ones children
 * are missing. These are laid out one by one,
 *
 *     fill  = sum over steps 0 .. D of    (length - work of r in the step)
 *     drain = sum over steps N .. N+D-1 of (length - work of r) + the way out
 *
 * where in step 0 .. D the first operands of a child (arrival.c) may be late. All
 * other steps take at least the work of r, whose sum over all steps is the steady
 * state; so steady state, fill and drain together bound the simulation from below.
 *
 * A phase that waits for a memory or network takes that long whatever the units
 * do; then only what is beyond it counts. Likewise all that a memory reads has to
 * be read before the last of it is used.
 *
 * Steps of irregular plans are not alike: then everything waits for the first
 * operands of whichever child has them first. */
#include <string.h>

#include "model/arrival.h"
#include "model/counts.h"

struct layout {
    const struct plan *plan;
    const struct plan_phase *phase;
    int phase_id;
    const struct arrivals *arrivals;
    int64_t *taken; /* by leaf: of its unit's cycles, by all its steps */
    int64_t *busy;  /* of an iteration in which it runs */
    int *busiest;   /* by slot: a unit, or unit_count + a child */
    int64_t *until; /* by unit, then by child: their work of the slot ends */
    int64_t *work;  /* likewise: how much it is */
    int64_t *ended; /* by child: its last work */
    int64_t now;
};

struct parts {
    int64_t fill;
    int64_t drain;
    int64_t late; /* of the fill, because operands are on their way */
};

/* ---- an iteration --------------------------------------------------------- */

/* Iterations of one trip of the phase's loop number l. */
static int64_t iterations_inside(const struct layout *o, int l)
{
    int64_t inside = 1;
    for (int i = o->phase->loop_count; i-- > l + 1;) {
        inside *= o->plan->nodes[o->phase->loops[i]].trips;
    }
    return inside;
}

/* Does the leaf run (`at`) in iteration i? -1: in how many does it? */
static int64_t count_runs(const struct layout *o, int leaf_id, int64_t i)
{
    const struct plan_leaf *leaf = &o->plan->leaves[leaf_id];
    int64_t runs = i < 0 ? o->phase->iteration_count : 1;
    for (int l = 0; l < o->phase->loop_count; l++) {
        int node = o->phase->loops[l];
        int64_t trips = o->plan->nodes[node].trips;
        for (int a = 0; a < leaf->at_count; a++) {
            if (leaf->at_node[a] != node) {
                continue;
            }
            bool is_last = i / iterations_inside(o, l) % trips == trips - 1;
            runs = i < 0 ? runs / trips : is_last ? runs : 0;
        }
    }
    return runs;
}

static void fill_busy(struct layout *o)
{
    for (int l = 0; l < o->plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &o->plan->leaves[l];
        if (leaf->phase == o->phase_id) {
            o->busy[l] = o->taken[l] / count_runs(o, l, -1);
        }
    }
}

static int slot_of(const struct layout *o, int leaf)
{
    return o->phase->children[o->plan->leaves[leaf].child].slot;
}

/* The unit or child with the most work of the slot in the whole run. */
static void find_busiest(struct layout *o)
{
    int units = o->plan->arch->unit_count;
    int count = units + o->phase->child_count;
    for (int s = 0; s < o->phase->slot_count; s++) {
        memset(o->work, 0, sizeof(int64_t) * (size_t)count);
        for (int l = 0; l < o->plan->leaf_count; l++) {
            const struct plan_leaf *leaf = &o->plan->leaves[l];
            if (leaf->phase == o->phase_id && slot_of(o, l) == s) {
                o->work[leaf->unit] += o->taken[l];
                o->work[units + leaf->child] += o->taken[l];
            }
        }
        o->busiest[s] = 0;
        for (int r = 1; r < count; r++) {
            o->busiest[s] =
                o->work[r] > o->work[o->busiest[s]] ? r : o->busiest[s];
        }
    }
}

/* ---- steps one by one ----------------------------------------------------------- */

/* Lays out a slot of a step; returns the work of its busiest resource. Has it any
 * work at all? */
static int64_t lay_slot(struct layout *o, int64_t step, int slot, bool is_late,
                        bool *has_work)
{
    int units = o->plan->arch->unit_count;
    int count = units + o->phase->child_count;
    int64_t end = o->now;
    for (int r = 0; r < count; r++) {
        o->until[r] = o->now;
        o->work[r] = 0;
    }
    *has_work = false;
    for (int l = 0; l < o->plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &o->plan->leaves[l];
        if (leaf->phase != o->phase_id || slot_of(o, l) != slot) {
            continue;
        }
        int64_t i = step - o->phase->children[leaf->child].delay;
        if (i < 0 || i >= o->phase->iteration_count ||
            count_runs(o, l, i) == 0) {
            continue;
        }
        int child = units + leaf->child;
        int64_t ready =
            i == 0 && is_late ? o->arrivals->ready_cycles[leaf->child] : 0;
        o->until[leaf->unit] = MAX(o->until[leaf->unit], ready) + o->busy[l];
        o->until[child] = MAX(o->until[child], ready) + o->busy[l];
        o->work[leaf->unit] += o->busy[l];
        o->work[child] += o->busy[l];
        o->ended[leaf->child] = MAX(o->until[leaf->unit], o->until[child]);
        end = MAX(end, o->ended[leaf->child]);
        *has_work = true;
    }
    o->now = end;
    return o->work[o->busiest[slot]];
}

/* From the end of the last slot with work until everything has arrived. */
static int64_t way_out(const struct layout *o, int64_t step, int slot)
{
    int64_t end = o->now;
    for (int c = 0; c < o->phase->child_count; c++) {
        const struct plan_child *child = &o->phase->children[c];
        int64_t i = step - child->delay;
        if (child->slot == slot && i >= 0 && i < o->phase->iteration_count &&
            o->ended[c] > 0) {
            end = MAX(end, o->ended[c] + o->arrivals->tail_cycles[c]);
        }
    }
    return end - o->now;
}

/* Steps from .. to-1; what they take beyond the work of the busiest. */
static int64_t lay_steps(struct layout *o, int64_t from, int64_t to,
                         bool is_late, int64_t *tail)
{
    int64_t begin = o->now;
    int64_t work = 0;
    for (int64_t step = from; step < to; step++) {
        for (int s = 0; s < o->phase->slot_count; s++) {
            bool has_work = false;
            memset(o->ended, 0,
                   sizeof(int64_t) * (size_t)o->phase->child_count);
            work += lay_slot(o, step, s, is_late, &has_work);
            *tail = has_work ? way_out(o, step, s) : *tail;
        }
    }
    return o->now - begin - work;
}

static struct parts lay_out(struct layout *o)
{
    int64_t steps = o->phase->iteration_count + o->phase->max_delay;
    int64_t first = MIN(o->phase->max_delay + 1, steps);
    int64_t tail = 0;
    fill_busy(o);
    find_busiest(o);
    o->now = 0;
    int64_t on_time = lay_steps(o, 0, first, false, &tail);
    o->now = 0;
    struct parts parts = {.fill = lay_steps(o, 0, first, true, &tail)};
    parts.late = parts.fill - on_time;
    int64_t last = MAX(o->phase->iteration_count, first);
    if (last == steps && first < steps) {
        last = steps - 1; /* of a phase without delays, for its way out */
    }
    parts.drain = lay_steps(o, last, steps, false, &tail) + tail;
    return parts;
}

/* ---- irregular plans ------------------------------------------------------------- */

static struct parts bound_irregular(const struct layout *o)
{
    struct parts parts = {.fill = INT64_MAX};
    for (int c = 0; c < o->phase->child_count; c++) {
        parts.fill = MIN(parts.fill, o->arrivals->ready_cycles[c]);
    }
    parts.fill = o->phase->child_count > 0 ? parts.fill : 0;
    parts.late = parts.fill;
    parts.drain = o->phase->child_count == 1 ? o->arrivals->tail_cycles[0] : 0;
    return parts;
}

/* ---- memories ---------------------------------------------------------------------- */

/* The shortest tile step that uses what the flow brings. */
static int64_t least_use(const struct plan *plan, const struct plan_flow *flow)
{
    int64_t least = INT64_MAX;
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        bool is_below = flow->node < 0
                            ? flow->leaf == l
                            : plan_is_above(plan, flow->node, leaf->node);
        if (is_below) {
            least = MIN(least, leaf->busy_cycles_per_step);
        }
    }
    return least == INT64_MAX ? 0 : least;
}

/* After the last of what is fetched from a memory has passed its ports. */
static enum status count_after(const struct plan *plan, int phase, int memory,
                               int64_t *cycles)
{
    int64_t least = INT64_MAX;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        bool is_fetched = flow->node < 0
                              ? flow->kind == FLOW_READ && flow->memory == 0
                              : flow->kind == FLOW_FILL;
        int outside = flow->node < 0 ? flow->memory : flow->outer;
        bool is_read_here = (outside == memory && flow->kind != FLOW_WRITE &&
                             flow->kind != FLOW_DRAIN) ||
                            (flow->node >= 0 && flow->memory == memory &&
                             flow->kind == FLOW_DRAIN);
        struct model_latency latency;
        if (model_flow_phase(plan, flow) != phase || !is_read_here ||
            flow->total == 0) {
            continue;
        }
        if (!is_fetched || !plan->is_regular) {
            *cycles = 0;
            return OK;
        }
        TRY(model_count_latency(plan, f, &latency));
        least = MIN(least, latency.memory_cycles + latency.hop_cycles +
                               least_use(plan, flow));
    }
    *cycles = least == INT64_MAX ? 0 : least;
    return OK;
}

/* Reads, and what follows them. */
static enum status count_reads(const struct plan *plan, int phase,
                               struct diags *diags, int64_t *longest)
{
    *longest = 0;
    for (int m = 0; m < plan->arch->memory_count; m++) {
        int64_t reads = 0;
        int64_t after = 0;
        TRY(model_phase_reads(plan, phase, m, diags, &reads));
        TRY(count_after(plan, phase, m, &after));
        *longest = reads > 0 ? MAX(*longest, reads - 1 + after) : *longest;
    }
    return OK;
}

/* ---- the phase ----------------------------------------------------------------------- */

static void layout_init(struct layout *o, const struct plan *plan, int phase,
                        const struct arrivals *arrivals)
{
    gsize resources =
        (gsize)(plan->arch->unit_count + plan->phases[phase].child_count);
    *o = (struct layout){
        .plan = plan,
        .phase = &plan->phases[phase],
        .phase_id = phase,
        .arrivals = arrivals,
        .taken = g_new0(int64_t, (gsize)plan->leaf_count + 1),
        .busy = g_new0(int64_t, (gsize)plan->leaf_count + 1),
        .busiest = g_new0(int, (gsize)plan->phases[phase].slot_count + 1),
        .until = g_new0(int64_t, resources + 1),
        .work = g_new0(int64_t, resources + 1),
        .ended = g_new0(int64_t, (gsize)plan->phases[phase].child_count + 1),
    };
}

static void layout_clear(struct layout *o)
{
    g_free(o->taken);
    g_free(o->busy);
    g_free(o->busiest);
    g_free(o->until);
    g_free(o->work);
    g_free(o->ended);
}

enum status model_phase_fill(const struct plan *plan, int phase,
                             const struct phase_cycles *steady,
                             struct diags *diags, int64_t *fill, int64_t *drain)
{
    AUTO(arrivals) arrivals = NULL;
    struct layout layout;
    int64_t reads = 0;
    TRY(arrivals_new(plan, phase, &arrivals));
    layout_init(&layout, plan, phase, arrivals);
    for (int l = 0; l < plan->leaf_count; l++) {
        /* In the steady state it was found to fit. */
        (void)model_count_taken(plan, &plan->leaves[l], &layout.taken[l]);
    }
    struct parts parts =
        plan->is_regular ? lay_out(&layout) : bound_irregular(&layout);
    layout_clear(&layout);
    /* What the first steps wait for reductions may pass while operands come. */
    parts.fill -= MIN(parts.late, steady->early_wait_cycles);
    TRY(count_reads(plan, phase, diags, &reads));
    int64_t with_units = 0;
    if (!num_add(steady->unit_cycles, parts.fill, &with_units) ||
        !num_add(with_units, parts.drain, &with_units)) {
        return diag_fail(diags, ERR_LIMIT, "model-limit",
                         "cycles exceed 64 bits");
    }
    int64_t beyond = MAX(with_units, reads) - steady->cycles;
    *drain = with_units >= reads ? CLAMP(parts.drain, 0, MAX(beyond, 0))
                                 : MAX(beyond, 0);
    *fill = MAX(beyond, 0) - *drain;
    return OK;
}
