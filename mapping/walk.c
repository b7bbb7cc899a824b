/* Walks a plan: which moves and tile steps happen, in which order.
 *
 * A child's program is walked by an explicit stack of nodes, one frame per node
 * on the way down: a loop counts, a hold moves its tiles on entry and on exit,
 * a compute yields a step. Whether a move is due follows from the loops above
 * its hold alone (struct flow_rule): a tile is fetched when every loop inside
 * the one that moves it is at its first iteration, drained when all are at
 * their last. In an irregular plan it follows from the visits before and after
 * (moves.c), and how often a loop runs is what its tile leaves of the extent at
 * its place.
 *
 * Lanes of a spatial node step together: a program runs as the first of them
 * does, which has the most to do, and the boxes of the others follow each of its
 * steps. */
#include "mapping/builder.h"
#include "mapping/moves.h"

/* ---- when a move is due ------------------------------------------------- */

/* `index` by node id. */
static bool is_due(const struct plan *plan, const struct flow_rule *rule,
                   enum flow_kind kind, const int64_t *index)
{
    for (int i = 0; i < rule->loop_count; i++) {
        const int64_t trips = plan->nodes[rule->loop[i]].trips;
        const int64_t now = index[rule->loop[i]];
        if (rule->is_last[i]) {
            if (now != trips - 1) {
                return false;
            }
        } else if (i > rule->innermost &&
                   now != (kind == FLOW_DRAIN ? trips - 1 : 0)) {
            return false;
        }
    }
    return true;
}

/* Has the tile of this visit been here before? Only then there is something to
 * fetch back. */
static bool is_revisit(const struct plan *plan, const struct plan_flow *flow,
                       const struct flow_rule *rule, const int64_t *index)
{
    const struct einsum_statement *s =
        &plan->workload->statements[plan->leaves[flow->leaf].statement];
    for (int i = 0; i <= rule->innermost; i++) {
        int rank = plan->nodes[rule->loop[i]].rank;
        for (int r = 0; r < s->rank_count; r++) {
            if (s->rank[r] == rank && s->is_reduced[r] &&
                index[rule->loop[i]] > 0) {
                return true;
            }
        }
    }
    return false;
}

static bool moves_now(const struct plan *plan, int flow_id,
                      const int64_t *index, struct walk_move *move)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    const struct flow_rule *rule = &plan->rules[flow_id];
    if (!plan->is_regular) {
        return moves_count(plan, flow_id, index, move);
    }
    *move = (struct walk_move){flow_id, flow->elements, flow->elements};
    return is_due(plan, rule, flow->kind, index) &&
           (flow->kind != FLOW_REFILL || is_revisit(plan, flow, rule, index));
}

/* ---- uneven loops ------------------------------------------------------- */

/* What iteration `index` of a split leaves of a range. */
static void narrow(const struct plan_node *split, int64_t index, int64_t *low,
                   int64_t *high)
{
    *low += index * split->tile;
    *high = MIN(*high, *low + split->tile);
}

/* The range of a rank at `node`; indices of splits by node id. */
static void range_at(const struct plan *plan, int node, int rank,
                     const int64_t *index, int64_t *low, int64_t *high)
{
    int splits[MAX_LOOPS];
    int count = node_splits(plan, node, splits);
    *low = 0;
    *high = plan->workload->rank[rank].extent;
    for (int i = 0; i < count; i++) {
        if (plan->nodes[splits[i]].rank == rank) {
            narrow(&plan->nodes[splits[i]], index[splits[i]], low, high);
        }
    }
}

static int64_t trips_at(const struct plan *plan, int loop, const int64_t *index)
{
    const struct plan_node *node = &plan->nodes[loop];
    if (node->trips == node->least_trips) {
        return node->trips;
    }
    int64_t low = 0;
    int64_t high = 0;
    range_at(plan, loop, node->rank, index, &low, &high);
    return num_ceil_div(high - low, node->tile);
}

static void decode_iteration(const struct plan *plan,
                             const struct plan_phase *phase, int64_t iteration,
                             int64_t *index)
{
    for (int l = phase->loop_count; l-- > 0;) {
        int64_t trips = plan->nodes[phase->loops[l]].trips;
        index[phase->loops[l]] = iteration % trips;
        iteration /= trips;
    }
}

/* Do all loops of the phase run equally often wherever they stand? */
static bool has_equal_trips(const struct plan *plan,
                            const struct plan_phase *phase)
{
    for (int l = 0; l < phase->loop_count; l++) {
        const struct plan_node *loop = &plan->nodes[phase->loops[l]];
        if (loop->trips != loop->least_trips) {
            return false;
        }
    }
    return true;
}

/* Loop by loop: full tiles, all with as many iterations inside, and the rest. */
void walk_decode_uneven(const struct plan *plan, const struct plan_phase *phase,
                        int64_t iteration, int64_t *index)
{
    int splits[MAX_LOOPS];
    int count = node_splits(plan, phase->children[0].node, splits);
    int64_t extent[EINSUM_MAX_RANKS];
    if (has_equal_trips(plan, phase)) {
        for (int i = 0; i < count; i++) {
            index[splits[i]] = 0; /* lanes: the first */
        }
        decode_iteration(plan, phase, iteration, index);
        return;
    }
    for (int r = 0; r < plan->workload->rank_count; r++) {
        extent[r] = plan->workload->rank[r].extent;
    }
    for (int i = 0; i < count; i++) {
        const struct plan_node *split = &plan->nodes[splits[i]];
        int64_t *left = &extent[split->rank];
        int64_t full = *left / split->tile;
        int64_t rest = *left % split->tile;
        index[splits[i]] = 0;
        *left = MIN(*left, split->tile);
        if (split->kind == PLAN_SPATIAL) {
            continue;
        }
        int64_t inside = 0;
        if (!splits_count_iterations(plan, splits, count, i + 1, extent,
                                     &inside)) {
            BUG("iterations exceed 64 bits");
        }
        index[splits[i]] = MIN(iteration / inside, full > 0 ? full : 0);
        iteration -= index[splits[i]] * inside;
        *left = full > 0 && index[splits[i]] == full ? rest : *left;
    }
}

/* ---- holds above the pipeline ------------------------------------------- */

/* Where the loops above the pipeline stand, by node id. */
static void decode(const struct plan *plan, const struct plan_phase *phase,
                   int64_t iteration, int64_t *index)
{
    if (plan->is_regular) {
        decode_iteration(plan, phase, iteration, index);
    } else {
        walk_decode_uneven(plan, phase, iteration, index);
    }
}

void walk_find_place(const struct plan *plan, int phase, int64_t iteration,
                     int64_t *index)
{
    decode(plan, &plan->phases[phase], iteration, index);
}

/* Do the loops between a hold and the pipeline below it stand at their first
 * iteration (their last, of what is drained)? Only then the hold is visited. */
static bool is_at_hold(const struct plan *plan, int flow_id,
                       const int64_t *index)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    const struct plan_phase *phase = &plan->phases[plan->rules[flow_id].phase];
    for (int l = 0; l < phase->loop_count; l++) {
        int loop = phase->loops[l];
        int64_t at =
            flow->kind == FLOW_DRAIN ? trips_at(plan, loop, index) - 1 : 0;
        if (plan_is_above(plan, flow->node, loop) && index[loop] != at) {
            return false;
        }
    }
    return true;
}

/* With a quick answer for the usual rule: no `at`, first visits not told
 * apart. */
static bool outer_moves(const struct plan *plan, int flow_id, int64_t iteration,
                        struct walk_move *move)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    const struct flow_rule *rule = &plan->rules[flow_id];
    int64_t index[MAX_NODES];
    if (!plan->is_regular) {
        walk_decode_uneven(plan, &plan->phases[rule->phase], iteration, index);
        return is_at_hold(plan, flow_id, index) &&
               moves_now(plan, flow_id, index, move);
    }
    if (!rule->has_last) {
        int64_t at = flow->kind == FLOW_DRAIN ? iteration + 1 : iteration;
        if (at % rule->iterations != 0 || flow->kind != FLOW_REFILL) {
            *move = (struct walk_move){flow_id, flow->elements, flow->elements};
            return at % rule->iterations == 0;
        }
    }
    decode_iteration(plan, &plan->phases[rule->phase], iteration, index);
    return moves_now(plan, flow_id, index, move);
}

bool walk_outer_fill(const struct plan *plan, int phase, int flow, int64_t step,
                     struct walk_move *move)
{
    const struct flow_rule *rule = &plan->rules[flow];
    enum flow_kind kind = plan->flows[flow].kind;
    int64_t iteration = step - rule->first_delay;
    return rule->is_outer && rule->phase == phase &&
           (kind == FLOW_FILL || kind == FLOW_REFILL) && iteration >= 0 &&
           iteration < plan->phases[phase].iteration_count &&
           outer_moves(plan, flow, iteration, move);
}

int walk_outer_fills(const struct plan *plan, int phase, int64_t step,
                     struct walk_move *moves, int capacity)
{
    int count = 0;
    for (int f = 0; f < plan->flow_count && count < capacity; f++) {
        count += walk_outer_fill(plan, phase, f, step, &moves[count]);
    }
    return count;
}

int walk_outer_drains(const struct plan *plan, int phase, int child,
                      int64_t iteration, struct walk_move *moves, int capacity)
{
    int count = 0;
    for (int f = 0; f < plan->flow_count && count < capacity; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        const struct flow_rule *rule = &plan->rules[f];
        count += rule->is_outer && rule->phase == phase &&
                 flow->kind == FLOW_DRAIN &&
                 plan->leaves[flow->leaf].child == child &&
                 outer_moves(plan, f, iteration, &moves[count]);
    }
    return count;
}

void walk_use_delays(const struct plan *plan, int flow, int *first, int *last)
{
    *first = plan->rules[flow].first_delay;
    *last = plan->rules[flow].last_delay;
}

int64_t walk_tile_iterations(const struct plan *plan, int flow)
{
    return plan->rules[flow].iterations;
}

int64_t walk_visit_iterations(const struct plan *plan, int flow_id)
{
    const struct plan_flow *flow = &plan->flows[flow_id];
    const struct plan_phase *phase = &plan->phases[plan->rules[flow_id].phase];
    int64_t iterations = 1; /* within those of the phase */
    if (!has_equal_trips(plan, phase)) {
        return 1;
    }
    for (int l = 0; l < phase->loop_count; l++) {
        if (plan_is_above(plan, flow->node, phase->loops[l])) {
            iterations *= plan->nodes[phase->loops[l]].trips;
        }
    }
    return iterations;
}

/* ---- one child's program ------------------------------------------------ */

enum stage { STAGE_ENTER, STAGE_MOVES, STAGE_INSIDE, STAGE_DRAINS };

struct frame {
    int node;
    enum stage stage;
    int cursor; /* next flow of a hold */
};

struct walk_child {
    const struct plan *plan;
    int phase;
    int child;
    bool want_boxes;
    int depth;
    struct frame *stack;
    int64_t *index; /* by node id: iteration of each loop, lane of each spatial
                       node: 0 but while the lanes of a step are asked for */
    int asked;      /* the leaf node whose lanes are, or -1 */
    struct step_costs *costs; /* NULL: not asked for */
};

struct walk_child *walk_child_new(const struct plan *plan, int phase, int child,
                                  bool want_boxes)
{
    struct walk_child *walk = g_new0(struct walk_child, 1);
    walk->plan = plan;
    walk->phase = phase;
    walk->child = child;
    walk->want_boxes = want_boxes;
    if (!plan->is_regular && !want_boxes) {
        walk->costs = step_costs_new(plan);
    }
    walk->stack = g_new0(struct frame, (gsize)plan->node_count + 1);
    walk->index = g_new0(int64_t, (gsize)plan->node_count + 1);
    return walk;
}

void walk_child_free(struct walk_child *walk)
{
    if (walk != NULL) {
        step_costs_free(walk->costs);
        g_free(walk->stack);
        g_free(walk->index);
        g_free(walk);
    }
}

void walk_child_start(struct walk_child *walk, int64_t iteration)
{
    const struct plan_phase *phase = &walk->plan->phases[walk->phase];
    decode(walk->plan, phase, iteration, walk->index);
    walk->asked = -1;
    walk->depth = 1;
    walk->stack[0] =
        (struct frame){phase->children[walk->child].node, STAGE_ENTER, 0};
}

const int64_t *walk_child_index(const struct walk_child *walk)
{
    return walk->index;
}

static bool runs_now(const struct walk_child *walk,
                     const struct plan_leaf *leaf)
{
    for (int i = 0; i < leaf->at_count; i++) {
        int loop = leaf->at_node[i];
        if (walk->index[loop] != trips_at(walk->plan, loop, walk->index) - 1) {
            return false;
        }
    }
    return true;
}

/* The box of the lane that `index` names; false if it has no part. A leaf
 * outside of whose rank a loop runs (`at`) covers it all. */
static bool fill_box(const struct plan *plan, int leaf_id, const int64_t *index,
                     struct walk_event *event)
{
    const struct plan_leaf *leaf = &plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &plan->workload->statements[leaf->statement];
    int64_t low[EINSUM_MAX_RANKS] = {0};
    int64_t high[EINSUM_MAX_RANKS];
    int splits[MAX_LOOPS];
    int count = node_splits(plan, leaf->node, splits);
    for (int r = 0; r < plan->workload->rank_count; r++) {
        high[r] = plan->workload->rank[r].extent;
    }
    for (int i = 0; i < count; i++) {
        const struct plan_node *split = &plan->nodes[splits[i]];
        narrow(split, index[splits[i]], &low[split->rank], &high[split->rank]);
    }
    bool has_points = true;
    for (int r = 0; r < s->rank_count; r++) {
        event->lo[r] = low[s->rank[r]];
        event->hi[r] = high[s->rank[r]];
        has_points &= event->lo[r] < event->hi[r];
    }
    return has_points;
}

/* Has the lane that `index` names a point? */
static bool lane_has_point(const struct plan *plan, int leaf_id,
                           const int64_t *index)
{
    const struct plan_leaf *leaf = &plan->leaves[leaf_id];
    struct walk_event box;
    bool is_any = true;
    if (leaf->is_masked) {
        if (!fill_box(plan, leaf_id, index, &box)) {
            return false;
        }
        if (box_has_point(plan->workload, leaf->statement, box.lo, box.hi,
                          &is_any) != OK) {
            BUG("points of a step exceed 64 bits");
        }
    }
    return is_any;
}

/* The next lane of the spatial nodes above the leaf, innermost fastest; false,
 * and the first again, after the last one. */
static bool next_lane(const struct plan *plan, int node, int64_t *index)
{
    for (int n = plan->nodes[node].parent; n >= 0; n = plan->nodes[n].parent) {
        if (plan->nodes[n].kind == PLAN_SPATIAL) {
            if (++index[n] < plan->nodes[n].trips) {
                return true;
            }
            index[n] = 0;
        }
    }
    return false;
}

/* Steps in which no point exists are left out. Lanes of spatial nodes have the
 * same unless a predicate names their ranks: then the first with one is found, and
 * stays in `index`. */
static bool find_point(const struct plan *plan, int leaf_id, int64_t *index)
{
    bool is_found = lane_has_point(plan, leaf_id, index);
    while (!is_found && plan->has_masked_lanes &&
           next_lane(plan, plan->leaves[leaf_id].node, index)) {
        is_found = lane_has_point(plan, leaf_id, index);
    }
    return is_found;
}

bool walk_child_next_lane(struct walk_child *walk, struct walk_event *event)
{
    const struct plan *plan = walk->plan;
    walk->asked = plan->leaves[event->leaf].node;
    while (next_lane(plan, walk->asked, walk->index)) {
        if (fill_box(plan, event->leaf, walk->index, event) &&
            (!plan->has_masked_lanes ||
             lane_has_point(plan, event->leaf, walk->index))) {
            return true;
        }
    }
    walk->asked = -1;
    return false;
}

/* Back to the first lane, wherever the asking stopped. */
static void first_lane(struct walk_child *walk)
{
    for (int n = walk->asked; n >= 0; n = walk->plan->nodes[n].parent) {
        if (walk->plan->nodes[n].kind == PLAN_SPATIAL) {
            walk->index[n] = 0;
        }
    }
    walk->asked = -1;
}

static void push(struct walk_child *walk, int node)
{
    walk->stack[walk->depth++] = (struct frame){node, STAGE_ENTER, 0};
}

/* Yields the next due flow of the hold on top of the stack, from its cursor. */
static bool next_move(struct walk_child *walk, struct frame *top,
                      bool is_leaving, struct walk_event *event)
{
    const struct plan *plan = walk->plan;
    while (top->cursor < plan->flow_count) {
        int f = top->cursor++;
        const struct plan_flow *flow = &plan->flows[f];
        if (flow->node == top->node &&
            (flow->kind == FLOW_DRAIN) == is_leaving &&
            moves_now(plan, f, walk->index, &event->move)) {
            event->kind = WALK_MOVE;
            return true;
        }
    }
    top->cursor = 0;
    return false;
}

/* Goes from a finished child to its sibling, or back up. */
static void finish(struct walk_child *walk)
{
    int done = walk->stack[--walk->depth].node;
    if (walk->depth == 0) {
        return;
    }
    const struct plan *plan = walk->plan;
    struct frame *top = &walk->stack[walk->depth - 1];
    const struct plan_node *parent = &plan->nodes[top->node];
    if (parent->kind == PLAN_SEQUENCE && plan->nodes[done].next_sibling >= 0) {
        push(walk, plan->nodes[done].next_sibling);
    }
}

/* Yields the step of a leaf, if it runs now. */
static bool compute(struct walk_child *walk, int leaf, struct walk_event *event)
{
    const struct plan *plan = walk->plan;
    bool is_run = runs_now(walk, &plan->leaves[leaf]) &&
                  find_point(plan, leaf, walk->index);
    if (is_run) {
        walk->asked = plan->leaves[leaf].node; /* lanes before it have none */
        event->kind = WALK_COMPUTE;
        event->leaf = leaf;
        event->cost = walk->costs == NULL
                          ? NULL
                          : step_costs_get(walk->costs, leaf, walk->index);
        if (walk->want_boxes) {
            (void)fill_box(plan, leaf, walk->index, event);
        }
    }
    finish(walk);
    return is_run;
}

/* One move of the stack machine; true if it yields an event. */
static bool advance(struct walk_child *walk, struct walk_event *event)
{
    const struct plan *plan = walk->plan;
    struct frame *top = &walk->stack[walk->depth - 1];
    const struct plan_node *node = &plan->nodes[top->node];
    switch (node->kind) {
    case PLAN_LOOP:
        if (top->stage == STAGE_ENTER) {
            top->stage = STAGE_INSIDE;
            walk->index[top->node] = 0;
        } else if (++walk->index[top->node] ==
                   trips_at(plan, top->node, walk->index)) {
            finish(walk);
            return false;
        }
        push(walk, node->first_child);
        return false;
    case PLAN_SPATIAL:
        if (top->stage == STAGE_ENTER) {
            top->stage = STAGE_INSIDE;
            walk->index[top->node] = 0;
            push(walk, node->first_child);
        } else {
            finish(walk);
        }
        return false;
    case PLAN_HOLD:
        if (top->stage == STAGE_ENTER) {
            if (next_move(walk, top, false, event)) {
                return true;
            }
            top->stage = STAGE_INSIDE;
            push(walk, node->first_child);
            return false;
        }
        if (next_move(walk, top, true, event)) {
            return true;
        }
        finish(walk);
        return false;
    case PLAN_SEQUENCE:
        if (top->stage == STAGE_ENTER) {
            top->stage = STAGE_INSIDE;
            push(walk, node->first_child);
        } else {
            finish(walk);
        }
        return false;
    case PLAN_COMPUTE:
        return compute(walk, node->leaf, event);
    case PLAN_PHASES:
    case PLAN_PIPELINE:
        break;
    }
    BUG("node kind %d inside a child", (int)node->kind);
}

bool walk_child_next(struct walk_child *walk, struct walk_event *event)
{
    first_lane(walk);
    while (walk->depth > 0) {
        if (advance(walk, event)) {
            event->phase = walk->phase;
            event->child = walk->child;
            event->index = walk->index;
            return true;
        }
    }
    return false;
}

/* ---- the whole schedule ------------------------------------------------- */

enum position { AT_PHASE, AT_STEP, AT_FILLS, AT_SLOT, AT_CHILD, AT_DRAINS };

struct walk {
    const struct plan *plan;
    bool want_boxes;
    enum position position;
    int phase;
    int64_t step;
    int slot;
    int child;
    struct walk_child *program; /* of the child being walked, or NULL */
    struct walk_move *pending;  /* room for all flows */
    int pending_count;
    int pending_next;
    int64_t *index; /* of the pending move that is yielded */
};

struct walk *walk_new(const struct plan *plan, bool want_boxes)
{
    struct walk *walk = g_new0(struct walk, 1);
    walk->plan = plan;
    walk->want_boxes = want_boxes;
    walk->pending = g_new0(struct walk_move, (gsize)plan->flow_count + 1);
    walk->index = g_new0(int64_t, (gsize)plan->node_count + 1);
    return walk;
}

void walk_free(struct walk *walk)
{
    if (walk != NULL) {
        g_free(walk->pending);
        g_free(walk->index);
        walk_child_free(walk->program);
        g_free(walk);
    }
}

/* Starts the next child of the current slot that is active in this step. */
static bool start_child(struct walk *walk)
{
    const struct plan_phase *phase = &walk->plan->phases[walk->phase];
    for (; walk->child < phase->child_count; walk->child++) {
        const struct plan_child *child = &phase->children[walk->child];
        int64_t iteration = walk->step - child->delay;
        if (child->slot == walk->slot && iteration >= 0 &&
            iteration < phase->iteration_count) {
            walk->program = walk_child_new(walk->plan, walk->phase, walk->child,
                                           walk->want_boxes);
            walk_child_start(walk->program, iteration);
            return true;
        }
    }
    return false;
}

/* The iteration that an outer move belongs to. */
static int64_t pending_iteration(const struct walk *walk, int flow)
{
    const struct plan *plan = walk->plan;
    int delay = plan->rules[flow].first_delay;
    if (plan->flows[flow].kind == FLOW_DRAIN) {
        delay = plan->phases[walk->phase].children[walk->child].delay;
    }
    return walk->step - delay;
}

static bool yield_pending(struct walk *walk, struct walk_event *event)
{
    if (walk->pending_next == walk->pending_count) {
        return false;
    }
    event->kind = WALK_MOVE;
    event->move = walk->pending[walk->pending_next++];
    if (walk->want_boxes) {
        decode(walk->plan, &walk->plan->phases[walk->phase],
               pending_iteration(walk, event->move.flow), walk->index);
    }
    event->index = walk->index;
    return true;
}

static void collect_fills(struct walk *walk)
{
    walk->pending_next = 0;
    walk->pending_count =
        walk_outer_fills(walk->plan, walk->phase, walk->step, walk->pending,
                         walk->plan->flow_count);
}

/* Innermost holds first: what they drain goes on with the next. */
static void collect_drains(struct walk *walk)
{
    int delay = walk->plan->phases[walk->phase].children[walk->child].delay;
    walk->pending_next = 0;
    walk->pending_count = walk_outer_drains(
        walk->plan, walk->phase, walk->child, walk->step - delay, walk->pending,
        walk->plan->flow_count);
    for (int i = 0; i < walk->pending_count / 2; i++) {
        struct walk_move *other = &walk->pending[walk->pending_count - 1 - i];
        struct walk_move swap = walk->pending[i];
        walk->pending[i] = *other;
        *other = swap;
    }
}

/* One move of the machine; true if it yields an event. */
static bool step_on(struct walk *walk, struct walk_event *event)
{
    const struct plan_phase *phase = &walk->plan->phases[walk->phase];
    switch (walk->position) {
    case AT_PHASE:
        walk->step = 0;
        walk->position = AT_STEP;
        event->kind = WALK_PHASE;
        return true;
    case AT_STEP:
        if (walk->step == phase->iteration_count + phase->max_delay) {
            walk->phase++;
            walk->position = AT_PHASE;
            return false;
        }
        walk->slot = 0;
        collect_fills(walk);
        walk->position = AT_FILLS;
        event->kind = WALK_STEP;
        return true;
    case AT_FILLS:
        if (yield_pending(walk, event)) {
            return true;
        }
        walk->position = AT_SLOT;
        return false;
    case AT_SLOT:
        if (walk->slot == phase->slot_count) {
            walk->step++;
            walk->position = AT_STEP;
            return false;
        }
        walk->child = 0;
        walk->position = AT_CHILD;
        event->kind = WALK_SLOT;
        return true;
    case AT_CHILD:
        if (walk->program == NULL && !start_child(walk)) {
            walk->slot++;
            walk->position = AT_SLOT;
            return false;
        }
        if (walk_child_next(walk->program, event)) {
            return true;
        }
        walk_child_free(walk->program);
        walk->program = NULL;
        collect_drains(walk);
        walk->position = AT_DRAINS;
        return false;
    case AT_DRAINS:
        if (yield_pending(walk, event)) {
            return true;
        }
        walk->child++;
        walk->position = AT_CHILD;
        return false;
    }
    BUG("walk position %d", (int)walk->position);
}

bool walk_next_lane(struct walk *walk, struct walk_event *event)
{
    return walk_child_next_lane(walk->program, event);
}

bool walk_next(struct walk *walk, struct walk_event *event)
{
    while (walk->phase < walk->plan->phase_count) {
        if (step_on(walk, event)) {
            event->phase = walk->phase;
            event->step = walk->step;
            event->slot = walk->slot;
            event->child = walk->child;
            return true;
        }
    }
    event->kind = WALK_END;
    return false;
}
