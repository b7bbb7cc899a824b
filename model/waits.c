/* Exposed latency: X reduces across lanes, or its operations are pipelines, and its
 * result arrives `latency` cycles after X has finished; Y, of another child, reads it. What a phase does
 * between the two hides part of it. The rest is found by stepping the recurrence
 * of the slots,
 *
 *     finish(X) >= start of its slot + what its unit and its child do up to X
 *     end(slot)  = max(start + longest unit or child,
 *                      finish(X) + latency + what Y's unit and child do from Y)
 *
 * with the children that are active in each step. Counted is what the first
 * steps really wait, but no more than their steady state does on average: waits
 * while the pipeline fills are the simulator's, like filling itself. Every
 * simplification waits too little (an Einsum that runs in some steps only, `at`,
 * hides as if it ran in all and waits for nothing), so the model stays below the
 * simulation. */
#include "model/counts.h"

#define MAX_WAITS 256
#define HISTORY   128 /* steps looked back; delays are below 64 */
#define SETTLING  96  /* steps until the recurrence is taken to be steady */
#define MEASURED  96

/* Leaf Y, in step t, waits for X's execution of step t - distance. */
struct wait {
    int x;
    int y;
    int64_t distance; /* -1: it never does */
    int64_t delay;    /* between their children */
    int rank; /* the iterative rank, if Y reads the value before; else -1 */
};

/* Where a leaf of the phase stands. */
struct place {
    int unit;
    int child;
    int slot;
    int delay;
};

/* The recurrence at work; arrays by leaf id hold 0 for other phases' leaves. */
struct waits {
    const struct plan *plan;
    int phase;
    int count;
    struct wait wait[MAX_WAITS];
    struct place *place; /* by leaf id */
    int *order;          /* the phase's leaves, slot by slot, in tree order */
    int *slot_start;     /* by slot, and one more: where in `order` */
    int *first_wait;     /* likewise, in `wait`: those whose Y is in the slot */
    int64_t *busy;       /* of a leaf in one iteration of the phase */
    int64_t *emptying;   /* cycles of a leaf's step beyond its busy ones */
    int64_t *before;     /* of a leaf in the slot: work that precedes its end */
    int64_t *unit;       /* by unit: work of the slot so far */
    int64_t *child;      /* by child, likewise */
    int64_t *finish;     /* [step % HISTORY * leaf_count + leaf] */
    int64_t *since;      /* by leaf: from its finish to the end of the step */
    int64_t *slot_end;   /* by slot, where nothing waits */
    int64_t now;
    int64_t early; /* waited in the first steps */
};

/* ---- who waits for whom ------------------------------------------------- */

/* Iterations between two steps of the iterative rank in this phase; 0 if not
 * exactly one loop steps through it. */
static int64_t iterations_inside(const struct plan *plan,
                                 const struct plan_phase *phase, int rank)
{
    int64_t iterations = 1;
    int64_t found = 0;
    for (int i = phase->loop_count; i-- > 0;) {
        const struct plan_node *loop = &plan->nodes[phase->loops[i]];
        if (loop->rank == rank && loop->trips > 1) {
            if (found > 0) {
                return 0;
            }
            found = iterations;
        }
        iterations *= loop->trips;
    }
    return found;
}

static void add_wait(struct waits *w, int x_id, int y_id,
                     const struct einsum_access *read)
{
    const struct plan *plan = w->plan;
    const struct plan_phase *phase = &plan->phases[w->phase];
    const struct plan_leaf *x = &plan->leaves[x_id];
    const struct plan_leaf *y = &plan->leaves[y_id];
    struct wait wait = {
        .x = x_id,
        .y = y_id,
        .delay =
            phase->children[y->child].delay - phase->children[x->child].delay,
        .rank = plan_reads_previous(plan, read)
                    ? plan->workload->tensors[read->tensor].iterative_rank
                    : -1,
    };
    bool is_always = x->at_count == 0 && y->at_count == 0;
    /* Inside one child the wait is part of its program, not of the slots. */
    if (is_always && x->child != y->child && w->count < MAX_WAITS) {
        w->wait[w->count++] = wait;
    }
}

static int compare_slots(const void *a, const void *b, void *user)
{
    const struct wait *x = a;
    const struct wait *y = b;
    const struct waits *w = user;
    int slots = w->place[x->y].slot - w->place[y->y].slot;
    return slots != 0 ? slots : x->y != y->y ? x->y - y->y : x->x - y->x;
}

static void sort_waits(struct waits *w)
{
    g_qsort_with_data(w->wait, w->count, sizeof *w->wait, compare_slots, w);
    int at = 0;
    for (int s = 0; s <= w->plan->phases[w->phase].slot_count; s++) {
        while (at < w->count && w->place[w->wait[at].y].slot < s) {
            at++;
        }
        w->first_wait[s] = at;
    }
}

/* From the end of a leaf's step until its results are there. */
static int64_t result_latency(const struct plan_leaf *leaf)
{
    int64_t cycles = 0;
    return num_add(leaf->reduce_latency_cycles, leaf->op_latency_cycles,
                   &cycles)
               ? cycles
               : INT64_MAX;
}

/* How far apart the two are with the tiles that the plan has now. */
static void measure_distances(struct waits *w)
{
    const struct plan *plan = w->plan;
    for (int i = 0; i < w->count; i++) {
        struct wait *wait = &w->wait[i];
        wait->distance = wait->delay;
        if (wait->rank >= 0) {
            int64_t inside =
                iterations_inside(plan, &plan->phases[w->phase], wait->rank);
            wait->distance =
                inside > 0 && inside < HISTORY ? wait->delay + inside : -1;
        }
        bool is_any = result_latency(&plan->leaves[wait->x]) > 0 &&
                      wait->distance >= 0 && wait->distance < HISTORY;
        wait->distance = is_any ? wait->distance : -1;
    }
}

/* Can its result take a while, or have to cross lanes, with any tiles? */
static bool may_be_late(const struct plan *plan, const struct plan_leaf *leaf)
{
    const struct einsum_statement *s =
        &plan->workload->statements[leaf->statement];
    if (leaf->op_latency_cycles > 0) {
        return true;
    }
    for (int i = 0; i < s->rank_count; i++) {
        if (!s->is_reduced[i]) {
            continue;
        }
        if (leaf->axis_of[i] >= 0) {
            return true;
        }
        for (int n = leaf->node; n >= 0; n = plan->nodes[n].parent) {
            if (plan->nodes[n].kind == PLAN_SPATIAL &&
                plan->nodes[n].rank == s->rank[i]) {
                return true;
            }
        }
    }
    return false;
}

/* Y waits for whichever leaf of the phase computes what it reads. */
static void collect_read(struct waits *w, int y,
                         const struct einsum_access *read)
{
    const struct plan *plan = w->plan;
    for (int x = 0; x < plan->leaf_count; x++) {
        const struct plan_leaf *producer = &plan->leaves[x];
        const struct einsum_statement *s =
            &plan->workload->statements[producer->statement];
        if (producer->phase == w->phase && may_be_late(plan, producer) &&
            s->output.tensor == read->tensor) {
            add_wait(w, x, y, read);
        }
    }
}

static void collect_waits(struct waits *w)
{
    const struct plan *plan = w->plan;
    for (int y = 0; y < plan->leaf_count; y++) {
        const struct einsum_statement *s =
            &plan->workload->statements[plan->leaves[y].statement];
        for (int i = 0; i < s->read_count && plan->leaves[y].phase == w->phase;
             i++) {
            collect_read(w, y, &s->resolved_reads[i]);
        }
    }
}

/* ---- stepping ----------------------------------------------------------- */

/* In that step; which slot it is in does not matter. */
static bool is_active(const struct waits *w, int leaf, int64_t step)
{
    return step >= w->place[leaf].delay;
}

/* Adds up the work of the slot's active leaves, in their order, and notes when
 * each has finished if nothing waits. False on overflow. */
static bool lay_out_slot(struct waits *w, int slot, int64_t step,
                         int64_t *length)
{
    const struct plan *plan = w->plan;
    for (int i = w->slot_start[slot]; i < w->slot_start[slot + 1]; i++) {
        w->unit[w->place[w->order[i]].unit] = 0;
        w->child[w->place[w->order[i]].child] = 0;
    }
    *length = 0;
    for (int i = w->slot_start[slot]; i < w->slot_start[slot + 1]; i++) {
        int l = w->order[i];
        if (!is_active(w, l, step)) {
            continue;
        }
        int64_t *unit = &w->unit[w->place[l].unit];
        int64_t *child = &w->child[w->place[l].child];
        if (!num_add(*unit, w->busy[l], unit) ||
            !num_add(*child, w->busy[l], child)) {
            return false;
        }
        w->before[l] = MAX(*unit, *child);
        *length = MAX(*length, w->before[l]);
        int64_t *finish = &w->finish[step % HISTORY * plan->leaf_count + l];
        if (!num_add(w->now, w->before[l], finish)) {
            return false;
        }
    }
    return true;
}

/* What the unit and the child of a leaf have to do from the leaf on. */
static int64_t work_from(const struct waits *w, int leaf, int slot,
                         int64_t step)
{
    const struct place *y = &w->place[leaf];
    int64_t unit = 0;
    int64_t child = 0;
    for (int i = w->slot_start[slot]; i < w->slot_start[slot + 1]; i++) {
        int l = w->order[i];
        const struct place *other = &w->place[l];
        if (l >= leaf && is_active(w, l, step)) {
            unit += other->unit == y->unit ? w->busy[l] : 0;
            child += other->child == y->child ? w->busy[l] : 0;
        }
    }
    return MAX(unit, child);
}

/* Steps one slot; false on overflow. */
static bool step_slot(struct waits *w, int slot, int64_t step, int64_t *waited)
{
    int64_t length = 0;
    int64_t end = 0;
    if (!lay_out_slot(w, slot, step, &length) ||
        !num_add(w->now, length, &end)) {
        return false;
    }
    int64_t unhindered = end;
    for (int i = w->first_wait[slot]; i < w->first_wait[slot + 1]; i++) {
        const struct wait *wait = &w->wait[i];
        int64_t source = step - wait->distance;
        if (wait->distance < 0 || !is_active(w, wait->y, step) ||
            source < w->place[wait->x].delay) {
            continue;
        }
        int64_t until =
            w->finish[source % HISTORY * w->plan->leaf_count + wait->x];
        if (!num_add(until, result_latency(&w->plan->leaves[wait->x]),
                     &until) ||
            !num_add(until, work_from(w, wait->y, slot, step), &until)) {
            return false;
        }
        end = MAX(end, until);
    }
    *waited = end - unhindered;
    w->now = end;
    return true;
}

static bool step_all(struct waits *w, int64_t step, int64_t *waited)
{
    *waited = 0;
    for (int s = 0; s < w->plan->phases[w->phase].slot_count; s++) {
        int64_t part = 0;
        if (!step_slot(w, s, step, &part)) {
            return false;
        }
        *waited += part;
    }
    return true;
}

/* Does every leaf that is waited for finish as long before the end of the step
 * as in the step before? */
static bool is_like_before(struct waits *w, int64_t step)
{
    bool is_like = true;
    for (int i = 0; i < w->count; i++) {
        int x = w->wait[i].x;
        int64_t finish = w->finish[step % HISTORY * w->plan->leaf_count + x];
        is_like &= w->now - finish == w->since[i];
        w->since[i] = w->now - finish;
    }
    return is_like;
}

/* Steps in which all must be alike before everything stays so: the longest
 * distance, after the last child has begun. 0: nothing waits. */
static int64_t count_settling_steps(const struct waits *w)
{
    int64_t longest = -1;
    for (int i = 0; i < w->count; i++) {
        longest = MAX(longest, w->wait[i].distance);
    }
    return longest + 1;
}

/* What the first min(iterations, SETTLING + MEASURED) steps wait, and the last
 * MEASURED of SETTLING + MEASURED. Steps that can only repeat are not stepped. */
static bool measure(struct waits *w, int64_t iterations, int64_t *first,
                    int64_t *steady)
{
    int64_t needed = count_settling_steps(w);
    int64_t last_begin = w->plan->phases[w->phase].max_delay + needed;
    int64_t alike = 0;
    int64_t waited = 0;
    *first = 0;
    *steady = 0;
    w->early = 0;
    for (int64_t step = 0; step < SETTLING + MEASURED; step++) {
        if (alike <= needed) {
            int64_t before = waited;
            if (!step_all(w, step, &waited)) {
                return false;
            }
            bool is_like = is_like_before(w, step) && waited == before;
            alike = is_like && step > last_begin ? alike + 1 : 0;
        }
        *first += step < iterations ? waited : 0;
        w->early += step <= last_begin && step < iterations ? waited : 0;
        *steady += step >= SETTLING ? waited : 0;
    }
    return true;
}

/* All iterations wait like the steady state; those that were stepped, no more
 * than they did. */
static bool extend(int64_t iterations, int64_t first, int64_t steady,
                   int64_t *cycles)
{
    int64_t all = 0;
    int64_t rest = 0;
    int64_t beyond = MAX(iterations - (SETTLING + MEASURED), 0);
    if (!num_mul_div_floor(iterations, steady, MEASURED, &all) ||
        !num_mul_div_floor(beyond, steady, MEASURED, &rest) ||
        !num_add(first, rest, &first)) {
        return false;
    }
    *cycles = MIN(all, first);
    return true;
}

/* ---- the phase ---------------------------------------------------------- */

static bool fill_busy(struct waits *w)
{
    for (int l = 0; l < w->plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &w->plan->leaves[l];
        /* Steps of the leaf inside one iteration of the phase. */
        int64_t inside = num_ceil_div(
            leaf->step_count, w->plan->phases[w->phase].iteration_count);
        int64_t taken = 0;
        if (leaf->phase == w->phase &&
            (!num_add(leaf->busy_cycles_per_step, w->emptying[l], &taken) ||
             !num_mul(inside, taken, &w->busy[l]))) {
            return false;
        }
    }
    return true;
}

/* Would any wait in steps in which all children are active and none has waited
 * yet? If not, whatever the first steps wait, later ones do not: what is waited
 * for is as late as they are, or less. False on overflow. */
static bool is_any_late(struct waits *w, bool *is_late)
{
    const struct plan_phase *phase = &w->plan->phases[w->phase];
    int64_t step = phase->max_delay; /* all are active */
    w->now = 0;
    *is_late = false;
    for (int s = 0; s < phase->slot_count; s++) {
        int64_t length = 0;
        if (!lay_out_slot(w, s, step, &length) ||
            !num_add(w->now, length, &w->now)) {
            return false;
        }
        w->slot_end[s] = w->now;
    }
    const int64_t *finish = &w->finish[step % HISTORY * w->plan->leaf_count];
    for (int i = 0; i < w->count; i++) {
        const struct wait *wait = &w->wait[i];
        int slot = w->place[wait->y].slot;
        int64_t before = 0; /* that X's step was */
        int64_t until = 0;
        if (wait->distance < 0) {
            continue;
        }
        if (!num_mul(w->now, wait->distance, &before) ||
            !num_add(finish[wait->x], result_latency(&w->plan->leaves[wait->x]),
                     &until) ||
            !num_add(until, work_from(w, wait->y, slot, step), &until)) {
            return false;
        }
        *is_late |= until - before > w->slot_end[slot];
    }
    return true;
}

bool waits_count(struct waits *w, int64_t *cycles)
{
    int64_t iterations = w->plan->phases[w->phase].iteration_count;
    int64_t first = 0;
    int64_t steady = 0;
    bool is_late = false;
    *cycles = 0;
    w->early = 0;
    measure_distances(w);
    if (count_settling_steps(w) == 0) {
        return true;
    }
    if (!fill_busy(w) || !is_any_late(w, &is_late)) {
        return false;
    }
    w->now = 0;
    return !is_late || (measure(w, iterations, &first, &steady) &&
                        extend(iterations, first, steady, cycles));
}

static void place_leaves(struct waits *w)
{
    const struct plan *plan = w->plan;
    const struct plan_phase *phase = &plan->phases[w->phase];
    int count = 0;
    for (int s = 0; s < phase->slot_count; s++) {
        w->slot_start[s] = count;
        for (int l = 0; l < plan->leaf_count; l++) {
            const struct plan_leaf *leaf = &plan->leaves[l];
            if (leaf->phase == w->phase &&
                phase->children[leaf->child].slot == s) {
                w->order[count++] = l;
                w->place[l] =
                    (struct place){leaf->unit, leaf->child, s,
                                   phase->children[leaf->child].delay};
            }
        }
    }
    w->slot_start[phase->slot_count] = count;
}

struct waits *waits_new(const struct plan *plan, int phase)
{
    struct waits *w = g_new0(struct waits, 1);
    w->plan = plan;
    w->phase = phase;
    gsize leaves = (gsize)plan->leaf_count;
    int64_t *numbers = g_new0(int64_t, leaves * (2 + HISTORY) + MAX_WAITS);
    w->busy = numbers;
    w->before = numbers + leaves;
    w->finish = numbers + 2 * leaves;
    w->since = numbers + (2 + HISTORY) * leaves;
    w->emptying = g_new0(int64_t, leaves + 1);
    for (int l = 0; l < plan->leaf_count; l++) {
        w->emptying[l] =
            model_emptying_cycles(&plan->arch->units[plan->leaves[l].unit]);
    }
    w->unit = g_new0(int64_t, (gsize)plan->arch->unit_count);
    w->child = g_new0(int64_t, (gsize)plan->phases[phase].child_count);
    w->place = g_new0(struct place, leaves);
    w->order = g_new0(int, leaves);
    w->slot_start = g_new0(int, (gsize)plan->phases[phase].slot_count + 1);
    w->first_wait = g_new0(int, (gsize)plan->phases[phase].slot_count + 1);
    w->slot_end = g_new0(int64_t, (gsize)plan->phases[phase].slot_count + 1);
    place_leaves(w);
    collect_waits(w);
    sort_waits(w);
    return w;
}

void waits_free(struct waits *w)
{
    if (w == NULL) {
        return;
    }
    g_free(w->busy);
    g_free(w->emptying);
    g_free(w->unit);
    g_free(w->child);
    g_free(w->place);
    g_free(w->order);
    g_free(w->slot_start);
    g_free(w->slot_end);
    g_free(w->first_wait);
    g_free(w);
}

enum status model_exposed_cycles(const struct plan *plan, int phase,
                                 struct diags *diags, int64_t *cycles,
                                 int64_t *early)
{
    AUTO(waits) w = waits_new(plan, phase);
    if (!waits_count(w, cycles)) {
        return diag_fail(diags, ERR_LIMIT, "model-limit",
                         "cycles exceed 64 bits");
    }
    *early = w->early;
    return OK;
}
