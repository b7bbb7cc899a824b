/* Which tile a slice is about. Timing walks without boxes; a trace keeps where in
 * the schedule each slice belongs (iteration, ordinal), and the schedule is
 * walked again here, with boxes, for what was recorded alone. */
#include "sim/trace/recorder_names.h"

/* ---- walking again --------------------------------------------------------- */

/* A child's program at one of its tile steps. Slices are in the order of time, so
 * a cursor mostly moves on. */
struct cursor {
    struct walk_child *walk;
    int64_t iteration;      /* -1: not started */
    int64_t events;         /* that were read */
    int64_t steps;          /* tile steps among them */
    struct walk_event step; /* the last of them */
};

struct tiles {
    struct recorder *recorder;
    const struct plan *plan;
    struct cursor **steps; /* by phase and child: for tile steps */
    struct cursor **fills; /* for fills, which run ahead */
};

static void cursor_start(struct cursor *cursor, int64_t iteration)
{
    cursor->iteration = iteration;
    cursor->events = 0;
    cursor->steps = 0;
    walk_child_start(cursor->walk, iteration);
}

static bool cursor_next(struct cursor *cursor)
{
    struct walk_event event;
    if (!walk_child_next(cursor->walk, &event)) {
        return false;
    }
    cursor->events++;
    if (event.kind == WALK_COMPUTE) {
        cursor->steps++;
        cursor->step = event;
    }
    return true;
}

/* The tile step number `ordinal` of the iteration; NULL if there is none. */
static const struct walk_event *find_step(struct cursor *cursor,
                                          int64_t iteration, int64_t ordinal)
{
    if (cursor->iteration != iteration || cursor->steps > ordinal + 1) {
        cursor_start(cursor, iteration);
    }
    while (cursor->steps < ordinal + 1) {
        if (!cursor_next(cursor)) {
            return NULL;
        }
    }
    return &cursor->step;
}

/* The first tile step at or after the event number `index`. */
static const struct walk_event *
find_step_after(struct cursor *cursor, int64_t iteration, int64_t index)
{
    if (cursor->iteration != iteration || cursor->events > index) {
        cursor_start(cursor, iteration);
    }
    int64_t steps = cursor->steps;
    while (cursor->events <= index || cursor->steps == steps) {
        if (cursor->events <= index) {
            steps = cursor->steps;
        }
        if (!cursor_next(cursor)) {
            return NULL;
        }
    }
    return &cursor->step;
}

/* ---- coordinates ----------------------------------------------------------- */

static void add_coordinate(struct tiles *tiles, struct trace_slice *slice,
                           int rank, int64_t lo, int64_t hi)
{
    GArray *coordinates = tiles->recorder->trace->coordinates;
    struct trace_coordinate at = {.rank = rank, .lo = lo, .hi = hi};
    if (slice->coordinate_count == 0) {
        slice->first_coordinate = (int)coordinates->len;
    }
    slice->coordinate_count++;
    g_array_append_val(coordinates, at);
}

/* The box of a tile step, without the ranks that it has all of. */
static void add_box(struct tiles *tiles, struct trace_slice *slice,
                    const struct walk_event *step)
{
    const struct workload *w = tiles->plan->workload;
    const struct einsum_statement *s =
        &w->statements[tiles->plan->leaves[step->leaf].statement];
    for (int k = 0; k < s->rank_count; k++) {
        if (step->hi[k] - step->lo[k] < w->rank[s->rank[k]].extent) {
            add_coordinate(tiles, slice, s->rank[k], step->lo[k], step->hi[k]);
        }
    }
}

static int64_t find_digit(const struct phase *phase, int node,
                          int64_t iteration)
{
    for (int l = 0; l < phase->loop_count; l++) {
        if (phase->loops[l].node == node) {
            return iteration / phase->loops[l].inside % phase->loops[l].trips;
        }
    }
    return -1;
}

static int64_t find_lo(const struct plan *plan, const struct walk_event *step,
                       int rank)
{
    const struct einsum_statement *s =
        &plan->workload->statements[plan->leaves[step->leaf].statement];
    for (int k = 0; k < s->rank_count; k++) {
        if (s->rank[k] == rank) {
            return step->lo[k];
        }
    }
    return 0;
}

/* Where the loops above `node` stand: those above the pipeline by the iteration,
 * those inside a child by one of its tile steps (may be NULL). */
static void add_loops(struct tiles *tiles, struct trace_slice *slice, int node,
                      const struct walk_event *step)
{
    const struct plan *plan = tiles->plan;
    const struct phase *phase = tiles->recorder->machine->phases[slice->phase];
    int64_t lo[EINSUM_MAX_RANKS] = {0};
    int64_t tile[EINSUM_MAX_RANKS] = {0};
    for (int n = 0; n < node; n++) {
        const struct plan_node *loop = &plan->nodes[n];
        if (loop->kind != PLAN_LOOP || !plan_is_above(plan, n, node)) {
            continue;
        }
        int64_t digit = find_digit(phase, n, slice->iteration);
        if (digit < 0 && step != NULL) {
            digit =
                (find_lo(plan, step, loop->rank) - lo[loop->rank]) / loop->tile;
        }
        lo[loop->rank] += MAX(digit, 0) * loop->tile;
        tile[loop->rank] = loop->tile;
    }
    for (int rank = 0; rank < plan->workload->rank_count; rank++) {
        int64_t extent = plan->workload->rank[rank].extent;
        if (tile[rank] > 0 && tile[rank] < extent) {
            add_coordinate(tiles, slice, rank, lo[rank],
                           MIN(lo[rank] + tile[rank], extent));
        }
    }
}

/* ---- slices ---------------------------------------------------------------- */

static struct cursor *get_cursor(struct tiles *tiles, struct cursor **cursors,
                                 const struct trace_slice *slice)
{
    struct cursor *cursor = &cursors[slice->phase][slice->child];
    if (cursor->walk == NULL) {
        cursor->walk =
            walk_child_new(tiles->plan, slice->phase, slice->child, true);
        cursor->iteration = -1;
    }
    return cursor;
}

static void find_transfer(struct tiles *tiles, struct trace_slice *slice,
                          int flow_id)
{
    const struct plan *plan = tiles->plan;
    const struct plan_flow *flow = &plan->flows[flow_id];
    bool is_read = flow->kind == FLOW_READ || flow->kind == FLOW_PARTIAL;
    bool is_fill = flow->kind == FLOW_FILL || flow->kind == FLOW_REFILL;
    const struct walk_event *step = NULL;
    if (slice->child >= 0 && slice->ordinal >= 0) {
        step = is_read || is_fill
                   ? find_step_after(get_cursor(tiles, tiles->fills, slice),
                                     slice->iteration, slice->ordinal)
                   : find_step(get_cursor(tiles, tiles->steps, slice),
                               slice->iteration, slice->ordinal);
    }
    add_loops(tiles, slice,
              flow->node >= 0 ? flow->node : plan->leaves[flow->leaf].node,
              step);
}

static void find_tile(struct tiles *tiles, struct trace_slice *slice)
{
    const struct plan *plan = tiles->plan;
    if (slice->iteration < 0) {
        return;
    }
    if (slice->name < plan->flow_count) {
        find_transfer(tiles, slice, slice->name);
        return;
    }
    const struct walk_event *step =
        find_step(get_cursor(tiles, tiles->steps, slice), slice->iteration,
                  slice->ordinal);
    if (step == NULL) {
        BUG("iteration %" G_GINT64_FORMAT " has no tile step %" G_GINT64_FORMAT,
            slice->iteration, slice->ordinal);
    }
    add_box(tiles, slice, step);
}

/* ---- all ------------------------------------------------------------------- */

static struct cursor **cursors_new(const struct plan *plan)
{
    struct cursor **cursors =
        g_new0(struct cursor *, (gsize)plan->phase_count + 1);
    for (int p = 0; p < plan->phase_count; p++) {
        cursors[p] =
            g_new0(struct cursor, (gsize)plan->phases[p].child_count + 1);
    }
    return cursors;
}

static void cursors_free(const struct plan *plan, struct cursor **cursors)
{
    for (int p = 0; p < plan->phase_count; p++) {
        for (int c = 0; c < plan->phases[p].child_count; c++) {
            walk_child_free(cursors[p][c].walk);
        }
        g_free(cursors[p]);
    }
    g_free(cursors);
}

void recorder_find_tiles(struct recorder *recorder)
{
    const struct plan *plan = recorder->machine->plan;
    GArray *slices = recorder->trace->slices;
    struct tiles tiles = {
        .recorder = recorder,
        .plan = plan,
        .steps = cursors_new(plan),
        .fills = cursors_new(plan),
    };
    for (guint i = 0; i < slices->len; i++) {
        find_tile(&tiles, &g_array_index(slices, struct trace_slice, i));
    }
    cursors_free(plan, tiles.steps);
    cursors_free(plan, tiles.fills);
}
