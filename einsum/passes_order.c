/* In which pass each statement runs, at the earliest. Times are half passes: a
 * traversal runs at an even time 2n, in pass n. What it yields along the fiber
 * can be read in the same pass; what it reduces over the whole of the fiber is
 * there at 2n+1, and a traversal that reads that belongs to pass n+1. A
 * statement that is no traversal of the fiber (it works on summaries, or the
 * ranks do not occur in it) costs no pass: it runs when its operands are there
 * and hands their time on, so that several reductions of summaries between two
 * traversals part them only once. */
#include "einsum/passes.h"

#include "einsum/affine.h"

/* ---- what a dependence carries ------------------------------------------- */

bool pass_read_is_initial(const struct workload *workload,
                          const struct einsum_access *read)
{
    const struct einsum_tensor *tensor = &workload->tensors[read->tensor];
    int dim = tensor->iterative_dim;
    if (dim < 0 || tensor->producer < 0 || !pass_index_is_affine(read, dim) ||
        (workload->statements[tensor->producer].features & EINSUM_PART) != 0) {
        return false;
    }
    const struct affine *written =
        &workload->statements[tensor->producer].output.index[dim];
    return affine_is_constant(&read->index[dim]) &&
           read->index[dim].constant < written->constant;
}

/* T[c] waits for the fiber's elements up to c, or, where T[r+shift] is computed
 * at r, up to c - shift. The first element holds nothing up. */
static bool is_late_constant(const struct workload *workload,
                             const struct einsum_access *read, int dim)
{
    const struct einsum_tensor *tensor = &workload->tensors[read->tensor];
    int64_t shift = 0;
    if (tensor->producer >= 0) {
        shift =
            workload->statements[tensor->producer].output.index[dim].constant;
    }
    return read->index[dim].constant - shift > 0;
}

/* A window: a rank of the family moves it one by one, within a distance that is
 * less than the whole. */
static bool is_local(const struct axes *axes, const struct einsum_statement *s,
                     int read, int dim, int dim_axis)
{
    int tensor = s->resolved_reads[read].tensor;
    double extent = (double)axes->workload->tensors[tensor].extent[dim];
    int carrier = pass_index_carrier(s, read, dim, axes->workload);
    if (carrier < 0 ||
        !axes_is_within(axes, axes->of_rank[carrier], dim_axis)) {
        return false;
    }
    struct trend trend =
        pass_index_trend(s, read, dim, axes->workload, carrier);
    return trend.slope <= 1.0 && trend.high - trend.low < extent - 1.0;
}

/* Where along the axis the read finds its elements is data, or too far away for
 * a window. */
static bool is_anywhere(const struct axes *axes, int axis,
                        const struct einsum_statement *s, int read)
{
    const struct einsum_access *access = &s->resolved_reads[read];
    for (int d = 0; d < access->dim_count; d++) {
        int dim_axis = axes_of_dim(axes, access->tensor, d);
        if (!pass_index_is_affine(access, d) && dim_axis >= 0 &&
            axes_is_outermost(axes, dim_axis, axis) &&
            (pass_index_has_data(s, read, d) ||
             !is_local(axes, s, read, d, dim_axis))) {
            return true;
        }
    }
    return false;
}

/* What is on the fiber can be taken as it comes by. */
static bool can_pass(const struct pass_order *order, int tensor)
{
    const struct einsum_tensor *t = &order->axes->workload->tensors[tensor];
    return order->is_on_fiber == NULL ? t->iterative_dim < 0
                                      : order->is_on_fiber[tensor];
}

/* Some operand comes by anywhere: all that is not on the fiber must be there
 * before it does. */
static bool takes_anywhere(const struct pass_order *order,
                           const struct einsum_statement *s)
{
    for (int i = 0; i < s->read_count; i++) {
        if (can_pass(order, s->resolved_reads[i].tensor) &&
            is_anywhere(order->axes, order->axis, s, i)) {
            return true;
        }
    }
    return false;
}

static bool is_unrestricted_affine(const struct axes *axes, int axis,
                                   const struct einsum_access *read)
{
    for (int d = 0; d < read->dim_count; d++) {
        const struct affine *index = &read->index[d];
        int dim_axis = axes_of_dim(axes, read->tensor, d);
        if (dim_axis < 0 || !axes_is_outermost(axes, dim_axis, axis) ||
            !pass_index_is_affine(read, d)) {
            continue;
        }
        if (affine_is_constant(index) &&
            is_late_constant(axes->workload, read, d)) {
            return true;
        }
        for (int r = 0; r < axes->workload->rank_count; r++) {
            if (index->coefficient[r] < 0 &&
                axes_is_within(axes, axes->of_rank[r], axis)) {
                return true; /* backwards: the last element first */
            }
        }
    }
    return false;
}

/* The read needs more of its operand than was there when the fiber came by. */
static bool is_unrestricted(const struct pass_order *order,
                            const struct einsum_statement *s, int i)
{
    const struct einsum_access *read = &s->resolved_reads[i];
    if (!can_pass(order, read->tensor) &&
        (takes_anywhere(order, s) ||
         is_anywhere(order->axes, order->axis, s, i))) {
        return true;
    }
    return pass_tensor_is_index(order->axes, order->axis, s, read->tensor,
                                order->is_on_fiber) ||
           is_unrestricted_affine(order->axes, order->axis, read);
}

static bool is_outermost_reduced(const struct axes *axes, int axis,
                                 const bool *has, const bool *is_reduced)
{
    if (has[axis]) {
        return is_reduced[axis];
    }
    for (int i = 0; i < axes->split_count; i++) {
        if (axes->split[i].whole == axis &&
            is_outermost_reduced(axes, axes->split[i].part[0], has,
                                 is_reduced)) {
            return true;
        }
    }
    return false;
}

bool pass_statement_completes(const struct axes *axes, int axis, int statement)
{
    const struct einsum_statement *s = &axes->workload->statements[statement];
    bool has[EINSUM_MAX_RANKS];
    bool is_reduced[EINSUM_MAX_RANKS] = {false};
    axes_of_statement(axes, statement, has);
    for (int i = 0; i < s->rank_count; i++) {
        if (s->is_reduced[i]) {
            is_reduced[axes->of_rank[s->rank[i]]] = true;
        }
    }
    return is_outermost_reduced(axes, axis, has, is_reduced);
}

/* ---- one statement ------------------------------------------------------- */

/* Within a recurrence T[r] is what the step before left of T[r+1]. */
static bool is_of_last_step(const struct pass_order *order, int statement,
                            const struct einsum_access *read)
{
    const struct workload *workload = order->axes->workload;
    int dim = workload->tensors[read->tensor].iterative_dim;
    int writer = pass_schedule_part(order->schedule, workload, read->tensor,
                                    order->schedule->group[statement]);
    return dim >= 0 && writer >= 0 && pass_index_is_affine(read, dim) &&
           read->index[dim].constant <
               workload->statements[writer].output.index[dim].constant;
}

static int64_t find_read_time(const struct pass_order *order, int statement,
                              int i)
{
    const struct einsum_statement *s =
        &order->axes->workload->statements[statement];
    const struct einsum_access *read = &s->resolved_reads[i];
    if (pass_read_is_initial(order->axes->workload, read)) {
        return 0;
    }
    int64_t time = is_of_last_step(order, statement, read)
                       ? order->last_tensor_time[read->tensor]
                       : order->tensor_time[read->tensor];
    bool waits = time > 0 && is_unrestricted(order, s, i);
    return waits ? time | 1 : time;
}

static void run_statement(struct pass_order *order, int statement)
{
    const struct einsum_statement *s =
        &order->axes->workload->statements[statement];
    int output = s->output.tensor;
    int64_t time = 0;
    int waits_for = -1;
    for (int i = 0; i < s->read_count; i++) {
        int64_t read_time = find_read_time(order, statement, i);
        if (read_time > time) {
            time = read_time;
            waits_for = order->waits_for[s->resolved_reads[i].tensor];
        }
    }
    if (order->is_traversal[statement]) {
        time = MAX(2, time + time % 2);
    }
    order->statement_time[statement] = time;
    if (time > 0 &&
        (pass_statement_completes(order->axes, order->axis, statement) ||
         takes_anywhere(order, s))) {
        time |= 1;
        waits_for = statement;
    }
    if (time > order->tensor_time[output]) {
        order->tensor_time[output] = time;
        order->waits_for[output] = waits_for;
    }
}

/* ---- recurrences --------------------------------------------------------- */

/* By how much every statement of the group is later than at the last step, if
 * by the same for all and past everything from outside; else 0. */
static int64_t find_even_rise(const struct pass_order *order, int first,
                              int count)
{
    const struct workload *workload = order->axes->workload;
    const int *member = order->schedule->statement + first;
    int group = order->schedule->group[member[0]];
    int64_t rise = -1;
    int64_t earliest = INT64_MAX;
    int64_t outside = 0;
    for (int i = 0; i < count; i++) {
        const struct einsum_statement *s = &workload->statements[member[i]];
        int output = s->output.tensor;
        int64_t own =
            order->tensor_time[output] - order->last_tensor_time[output];
        rise = rise < 0 || rise == own ? own : 0;
        earliest = MIN(earliest, order->last_tensor_time[output]);
        for (int j = 0; j < s->read_count; j++) {
            int tensor = s->resolved_reads[j].tensor;
            if (pass_schedule_part(order->schedule, workload, tensor, group) <
                0) {
                outside = MAX(outside, order->tensor_time[tensor] | 1);
            }
        }
    }
    return earliest > outside ? rise : 0;
}

static void run_step(struct pass_order *order, int first, int count)
{
    const struct workload *workload = order->axes->workload;
    const int *member = order->schedule->statement + first;
    for (int i = 0; i < count; i++) {
        int output = workload->statements[member[i]].output.tensor;
        order->last_tensor_time[output] = order->tensor_time[output];
    }
    for (int i = 0; i < count; i++) {
        run_statement(order, member[i]);
    }
}

/* A recurrence along the fiber itself soon changes nothing more. One along
 * another rank may start new passes at every step (power iteration, k-means):
 * followed until it does so evenly, then multiplied. */
static void run_group(struct pass_order *order, int first, int count)
{
    const struct workload *workload = order->axes->workload;
    const int *member = order->schedule->statement + first;
    int rank = workload->statements[member[0]].iterative_rank;
    int64_t steps = rank < 0 ? 1 : workload->rank[rank].extent;
    int64_t even_steps = 0;
    int64_t last_rise = 0;
    for (int64_t step = 0; step < steps; step++) {
        run_step(order, first, count);
        bool has_changed = false;
        for (int i = 0; i < count; i++) {
            int output = workload->statements[member[i]].output.tensor;
            has_changed = has_changed || order->tensor_time[output] !=
                                             order->last_tensor_time[output];
        }
        if (!has_changed && step > 0) {
            return;
        }
        int64_t rise = find_even_rise(order, first, count);
        even_steps = rise > 0 && rise == last_rise ? even_steps + 1 : 0;
        last_rise = rise;
        if (even_steps > count) {
            int64_t more = (steps - step - 1) * rise;
            for (int i = 0; i < count; i++) {
                int output = workload->statements[member[i]].output.tensor;
                order->tensor_time[output] += more;
                order->statement_time[member[i]] += more;
            }
            return;
        }
    }
}

/* ---- the whole cascade --------------------------------------------------- */

void pass_order_init(struct pass_order *order, const struct axes *axes,
                     const struct pass_schedule *schedule, int axis,
                     const bool *is_traversal, const bool *is_on_fiber)
{
    size_t statements = (size_t)axes->workload->statement_count;
    size_t tensors = (size_t)axes->workload->tensor_count;
    *order = (struct pass_order){
        .axes = axes,
        .schedule = schedule,
        .axis = axis,
        .is_traversal = is_traversal,
        .is_on_fiber = is_on_fiber,
        .statement_time = g_new0(int64_t, statements),
        .tensor_time = g_new0(int64_t, tensors),
        .last_tensor_time = g_new0(int64_t, tensors),
        .waits_for = g_new(int, tensors),
    };
    for (size_t i = 0; i < tensors; i++) {
        order->waits_for[i] = -1;
    }
    for (int first = 0; first < schedule->count;) {
        int count = 1;
        while (first + count < schedule->count &&
               schedule->group[schedule->statement[first + count]] ==
                   schedule->group[schedule->statement[first]]) {
            count++;
        }
        run_group(order, first, count);
        first += count;
    }
}

void pass_order_clear(struct pass_order *order)
{
    g_free(order->statement_time);
    g_free(order->tensor_time);
    g_free(order->last_tensor_time);
    g_free(order->waits_for);
}

int64_t pass_order_count(const struct pass_order *order)
{
    int64_t most = 0;
    for (int i = 0; i < order->axes->workload->statement_count; i++) {
        if (order->is_traversal[i]) {
            most = MAX(most, order->statement_time[i] / 2);
        }
    }
    return most;
}

static void add_wait(GArray *waits, struct pass_wait wait)
{
    for (guint i = 0; i < waits->len; i++) {
        const struct pass_wait *known =
            &g_array_index(waits, struct pass_wait, i);
        if (known->statement == wait.statement &&
            known->reduction == wait.reduction) {
            return;
        }
    }
    g_array_append_val(waits, wait);
}

static gint compare_waits(gconstpointer a, gconstpointer b)
{
    const struct pass_wait *x = a;
    const struct pass_wait *y = b;
    if (x->pass != y->pass) {
        return x->pass < y->pass ? -1 : 1;
    }
    return x->statement != y->statement ? x->statement - y->statement
                                        : x->reduction - y->reduction;
}

GArray *pass_order_waits(const struct pass_order *order)
{
    GArray *waits = g_array_new(FALSE, FALSE, sizeof(struct pass_wait));
    const struct workload *workload = order->axes->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        int64_t pass = order->statement_time[i] / 2;
        for (int j = 0; order->is_traversal[i] && j < s->read_count; j++) {
            const struct einsum_access *read = &s->resolved_reads[j];
            if (find_read_time(order, i, j) != 2 * pass - 1 || pass < 2) {
                continue;
            }
            int reduction = order->waits_for[read->tensor];
            if (reduction < 0) { /* the end of a recurrence */
                reduction = workload->tensors[read->tensor].producer;
            }
            add_wait(waits, (struct pass_wait){pass, i, reduction});
        }
    }
    g_array_sort(waits, compare_waits);
    return waits;
}
