/* Functional execution: the schedule applied to data, in program order.
 *
 * For every element of a computed tensor it is counted how many contributions
 * it has got: one for each point of the ranks its statement reduces. An element
 * is finished when it has got all of them; what an INITIAL statement sets is
 * finished from the start. A tile step may read finished elements only and may
 * not give an element more than it needs.
 *
 * A predicate leaves points out: then the contributions of every element are
 * counted beforehand, and points are looked at one by one. An element that gets
 * none is finished from the start.
 *
 * Where a mapping computes an Einsum again (`recompute: true`), an element that is
 * finished begins anew with its next contribution, from the reduction's identity;
 * lanes that make the same values, each for itself, are followed once.
 *
 * Accesses are affine, so the elements that a box of the iteration space touches
 * are base + sum of stride * index over the ranks that occur in the access:
 * each element is looked at once, not once for each point. */
#include <string.h>

#include "sim/sim.h"

struct tracker {
    const struct workload *workload;
    struct diags *diags;
    /* By tensor id; NULL for inputs and views. */
    int64_t **got;
    int64_t *needed; /* contributions of an element, by tensor id */
    /* Of tensors that are computed repeatedly, by tensor id: `got` and the data
     * of an element before anything is computed; NULL of others. */
    struct beginning *beginnings;
    GArray *boxes; /* of the lanes of a step that computes repeatedly: int64_t,
                      lo and hi of each */
};

struct beginning {
    int64_t *got;
    double *value;
    double *error;
};

/* Of tensors whose statement has a predicate, `got` counts up from minus the
 * contributions that the element is to get, and `needed` is 0. */

/* ---- elements of a box --------------------------------------------------- */

/* The elements of an access in a box, as nested counts over flat offsets. */
struct image {
    int64_t base;
    int depth;
    int64_t count[EINSUM_MAX_RANKS];
    int64_t stride[EINSUM_MAX_RANKS];
};

static bool has_rank(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return true;
        }
    }
    return false;
}

/* What no rank of the statement iterates, the box has all of: where data decides
 * (plan->workload), and what a selection gives of a fiber. */
static struct image image_of_box(const struct workload *workload,
                                 const struct einsum_statement *s,
                                 const struct einsum_access *access,
                                 const int64_t *lo, const int64_t *hi)
{
    struct image image = {.base = einsum_access_base(workload, access)};
    for (int r = 0; r < s->rank_count; r++) {
        int64_t stride = einsum_access_stride(workload, access, s->rank[r]);
        image.base += stride * lo[r];
        if (stride != 0 && hi[r] - lo[r] > 1) {
            image.count[image.depth] = hi[r] - lo[r];
            image.stride[image.depth++] = stride;
        }
    }
    for (int r = 0; r < workload->rank_count; r++) {
        int64_t stride =
            has_rank(s, r) ? 0 : einsum_access_stride(workload, access, r);
        if (stride != 0 && workload->rank[r].extent > 1) {
            image.count[image.depth] = workload->rank[r].extent;
            image.stride[image.depth++] = stride;
        }
    }
    return image;
}

enum visit { VISIT_CHECK, VISIT_FINISH, VISIT_CONTRIBUTE };

/* The offset of the next element of the image, `at` by level; -1 after the last.
 */
static int64_t next_offset(const struct image *image, int64_t *at,
                           int64_t offset)
{
    for (int level = image->depth - 1; level >= 0; level--) {
        offset += image->stride[level];
        if (++at[level] < image->count[level]) {
            return offset;
        }
        offset -= image->stride[level] * image->count[level];
        at[level] = 0;
    }
    return -1;
}

/* False if the element is not as it should be. */
static bool visit_element(enum visit visit, int64_t *got, int64_t needed,
                          int64_t amount)
{
    switch (visit) {
    case VISIT_CHECK:
        return *got == needed;
    case VISIT_FINISH:
        *got = needed;
        return true;
    case VISIT_CONTRIBUTE:
        *got += amount;
        return *got <= needed;
    }
    BUG("visit %d", (int)visit);
}

/* Visits each element of the image; the offset of the first that is wrong, or
 * -1. */
static int64_t visit_image(const struct image *image, enum visit visit,
                           int64_t *got, int64_t needed, int64_t amount)
{
    int64_t at[EINSUM_MAX_RANKS] = {0};
    for (int64_t offset = image->base; offset >= 0;
         offset = next_offset(image, at, offset)) {
        if (!visit_element(visit, &got[offset], needed, amount)) {
            return offset;
        }
    }
    return -1;
}

/* ---- messages ------------------------------------------------------------ */

/* "RM[0,3,17]"; caller frees. */
static char *element_name(const struct workload *workload, int tensor_id,
                          int64_t offset)
{
    const struct einsum_tensor *tensor = &workload->tensors[tensor_id];
    int64_t index[EINSUM_MAX_DIMS] = {0};
    for (int d = tensor->dim_count; d-- > 0;) {
        index[d] = offset % tensor->extent[d];
        offset /= tensor->extent[d];
    }
    GString *name = g_string_new(tensor->name);
    for (int d = 0; d < tensor->dim_count; d++) {
        g_string_append_printf(name, "%s%" G_GINT64_FORMAT, d == 0 ? "[" : ",",
                               index[d]);
    }
    g_string_append(name, tensor->dim_count > 0 ? "]" : "");
    return g_string_free(name, FALSE);
}

static enum status report(struct tracker *tracker,
                          const struct einsum_statement *s,
                          const struct einsum_access *access, int64_t offset,
                          const char *code, const char *what)
{
    g_autofree char *element =
        element_name(tracker->workload, access->tensor, offset);
    int64_t got = tracker->got[access->tensor][offset];
    diag_error(tracker->diags, access->span, code, NULL,
               "Einsum '%s' %s %s: it has %" G_GINT64_FORMAT
               " of %" G_GINT64_FORMAT " contributions",
               s->name, what, element, got, tracker->needed[access->tensor]);
    return ERR_INPUT;
}

/* ---- tracking ------------------------------------------------------------ */

static void tracker_free(struct tracker *tracker)
{
    if (tracker != NULL) {
        for (int t = 0;
             tracker->got != NULL && t < tracker->workload->tensor_count; t++) {
            g_free(tracker->got[t]);
        }
        for (int t = 0;
             tracker->beginnings != NULL && t < tracker->workload->tensor_count;
             t++) {
            g_free(tracker->beginnings[t].got);
            g_free(tracker->beginnings[t].value);
            g_free(tracker->beginnings[t].error);
        }
        g_free(tracker->beginnings);
        g_clear_pointer(&tracker->boxes, g_array_unref);
        g_free(tracker->got);
        g_free(tracker->needed);
        g_free(tracker);
    }
}
BASE_DEFINE_CLEANUP(tracker)

static int64_t count_contributions(const struct workload *workload,
                                   const struct einsum_statement *s)
{
    int64_t points = 1;
    for (int r = 0; r < s->rank_count; r++) {
        points *= s->is_reduced[r] ? workload->rank[s->rank[r]].extent : 1;
    }
    return points; /* at most point_count, which was checked */
}

static void full_box(const struct workload *workload,
                     const struct einsum_statement *s, int64_t *lo, int64_t *hi)
{
    for (int r = 0; r < s->rank_count; r++) {
        lo[r] = 0;
        hi[r] = workload->rank[s->rank[r]].extent;
    }
}

/* Visits all elements that the statement defines. */
static int64_t visit_output(const struct tracker *tracker,
                            const struct einsum_statement *s, enum visit visit)
{
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
    int tensor = s->output.tensor;
    full_box(tracker->workload, s, lo, hi);
    struct image image = image_of_box(tracker->workload, s, &s->output, lo, hi);
    return visit_image(&image, visit, tracker->got[tensor],
                       tracker->needed[tensor], 0);
}

static enum status track_tensor(struct tracker *tracker,
                                const struct einsum_statement *s)
{
    int id = s->output.tensor;
    int64_t count = tracker->workload->tensors[id].element_count;
    bool is_masked = (s->features & EINSUM_PREDICATE) != 0;
    tracker->needed[id] =
        is_masked ? 0 : count_contributions(tracker->workload, s);
    tracker->got[id] = g_try_new0(int64_t, (gsize)count);
    if (tracker->got[id] == NULL) {
        return diag_fail(tracker->diags, ERR_MEM, "execute-memory",
                         "no memory to track %" G_GINT64_FORMAT
                         " elements of '%s'",
                         count, tracker->workload->tensors[id].name);
    }
    return OK;
}

static enum status track_computed(struct tracker *tracker)
{
    const struct workload *workload = tracker->workload;
    enum status status = OK;
    for (int i = 0; i < workload->statement_count && status == OK; i++) {
        if (workload->statements[i].kind == EINSUM_COMPUTE) {
            status = track_tensor(tracker, &workload->statements[i]);
        }
    }
    return status;
}

static int64_t add_points(const struct tracker *tracker, int statement,
                          const int64_t *lo, const int64_t *hi, int64_t amount);

static void expect_masked(struct tracker *tracker)
{
    const struct workload *workload = tracker->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        if (s->kind == EINSUM_COMPUTE &&
            (s->features & EINSUM_PREDICATE) != 0) {
            int64_t lo[EINSUM_MAX_RANKS];
            int64_t hi[EINSUM_MAX_RANKS];
            full_box(workload, s, lo, hi);
            (void)add_points(tracker, i, lo, hi, -1);
        }
    }
}

static void finish_initial(struct tracker *tracker)
{
    for (int i = 0; i < tracker->workload->statement_count; i++) {
        const struct einsum_statement *s = &tracker->workload->statements[i];
        if (s->kind == EINSUM_INITIAL &&
            tracker->got[s->output.tensor] != NULL) {
            visit_output(tracker, s, VISIT_FINISH);
        }
    }
}

static enum status tracker_new(const struct workload *workload,
                               struct diags *diags, struct tracker **result)
{
    AUTO(tracker) tracker = g_new0(struct tracker, 1);
    tracker->workload = workload;
    tracker->diags = diags;
    tracker->got = g_new0(int64_t *, (gsize)workload->tensor_count + 1);
    tracker->needed = g_new0(int64_t, (gsize)workload->tensor_count + 1);
    TRY(track_computed(tracker));
    expect_masked(tracker);
    finish_initial(tracker);
    *result = g_steal_pointer(&tracker);
    return OK;
}

static enum status check_operands(struct tracker *tracker,
                                  const struct einsum_statement *s,
                                  const int64_t *lo, const int64_t *hi)
{
    for (int i = 0; i < s->read_count; i++) {
        const struct einsum_access *read = &s->resolved_reads[i];
        int64_t *got = tracker->got[read->tensor];
        if (got == NULL) {
            continue;
        }
        struct image image = image_of_box(tracker->workload, s, read, lo, hi);
        int64_t offset = visit_image(&image, VISIT_CHECK, got,
                                     tracker->needed[read->tensor], 0);
        if (offset >= 0) {
            return report(tracker, s, read, offset,
                          "execute-unfinished-operand", "reads");
        }
    }
    return OK;
}

static enum status add_contributions(struct tracker *tracker, int statement,
                                     const int64_t *lo, const int64_t *hi)
{
    const struct einsum_statement *s =
        &tracker->workload->statements[statement];
    int tensor = s->output.tensor;
    if ((s->features & EINSUM_PREDICATE) != 0) {
        int64_t wrong = add_points(tracker, statement, lo, hi, 1);
        return wrong < 0 ? OK
                         : report(tracker, s, &s->output, wrong,
                                  "execute-twice", "computes more than all of");
    }
    int64_t amount = 1;
    for (int r = 0; r < s->rank_count; r++) {
        amount *= s->is_reduced[r] ? hi[r] - lo[r] : 1;
    }
    struct image image = image_of_box(tracker->workload, s, &s->output, lo, hi);
    int64_t offset = visit_image(&image, VISIT_CONTRIBUTE, tracker->got[tensor],
                                 tracker->needed[tensor], amount);
    return offset < 0 ? OK
                      : report(tracker, s, &s->output, offset, "execute-twice",
                               "computes more than all of");
}

static enum status check_complete(struct tracker *tracker)
{
    for (int i = 0; i < tracker->workload->statement_count; i++) {
        const struct einsum_statement *s = &tracker->workload->statements[i];
        if (s->kind != EINSUM_COMPUTE) {
            continue;
        }
        int64_t offset = visit_output(tracker, s, VISIT_CHECK);
        if (offset >= 0) {
            return report(tracker, s, &s->output, offset, "execute-missing",
                          "leaves unfinished");
        }
    }
    return OK;
}

/* ---- predicates ---------------------------------------------------------- */

static bool next_point(const struct einsum_statement *s, const int64_t *lo,
                       const int64_t *hi, int64_t *point)
{
    for (int r = s->rank_count; r-- > 0;) {
        if (++point[r] < hi[r]) {
            return true;
        }
        point[r] = lo[r];
    }
    return false;
}

static bool point_exists(const struct workload *workload, int statement,
                         const int64_t *point)
{
    int64_t end[EINSUM_MAX_RANKS];
    int64_t count = 0;
    for (int r = 0; r < workload->statements[statement].rank_count; r++) {
        end[r] = point[r] + 1;
    }
    return workload_count_box_points(workload, statement, point, end, &count) ==
               OK &&
           count > 0;
}

static int64_t output_offset(const struct workload *workload,
                             const struct einsum_statement *s,
                             const int64_t *point)
{
    int64_t offset = einsum_access_base(workload, &s->output);
    for (int r = 0; r < s->rank_count; r++) {
        offset +=
            einsum_access_stride(workload, &s->output, s->rank[r]) * point[r];
    }
    return offset;
}

/* Adds `amount` to the element of every point of the box that exists; the first
 * element that then has too much, or -1. */
static int64_t add_points(const struct tracker *tracker, int statement,
                          const int64_t *lo, const int64_t *hi, int64_t amount)
{
    const struct workload *workload = tracker->workload;
    const struct einsum_statement *s = &workload->statements[statement];
    int64_t *got = tracker->got[s->output.tensor];
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, lo, sizeof(int64_t) * (size_t)s->rank_count);
    do {
        if (point_exists(workload, statement, point)) {
            int64_t offset = output_offset(workload, s, point);
            got[offset] += amount;
            if (got[offset] > 0) {
                return offset;
            }
        }
    } while (next_point(s, lo, hi, point));
    return -1;
}

/* ---- computed repeatedly ------------------------------------------------- */

static enum status remember(struct tracker *tracker, int tensor,
                            const struct einsum_data *data)
{
    struct beginning *beginning = &tracker->beginnings[tensor];
    gsize count = (gsize)tracker->workload->tensors[tensor].element_count;
    const struct tensor_data *t = &data->tensors[tensor];
    beginning->got = g_try_new(int64_t, count);
    beginning->value = g_try_new(double, count);
    beginning->error = t->error == NULL ? NULL : g_try_new(double, count);
    if (beginning->got == NULL || beginning->value == NULL ||
        (t->error != NULL && beginning->error == NULL)) {
        return diag_fail(tracker->diags, ERR_MEM, "execute-memory",
                         "no memory to begin '%s' anew",
                         tracker->workload->tensors[tensor].name);
    }
    memcpy(beginning->got, tracker->got[tensor], count * sizeof(int64_t));
    memcpy(beginning->value, t->value, count * sizeof(double));
    if (t->error != NULL) {
        memcpy(beginning->error, t->error, count * sizeof(double));
    }
    return OK;
}

static enum status remember_beginnings(struct tracker *tracker,
                                       const struct plan *plan,
                                       const struct einsum_data *data)
{
    const struct workload *workload = tracker->workload;
    tracker->boxes = g_array_new(FALSE, FALSE, sizeof(int64_t));
    tracker->beginnings =
        g_new0(struct beginning, (gsize)workload->tensor_count + 1);
    for (int l = 0; l < plan->leaf_count; l++) {
        const struct plan_leaf *leaf = &plan->leaves[l];
        if (leaf->is_recomputed) {
            TRY(remember(tracker,
                         workload->statements[leaf->statement].output.tensor,
                         data));
        }
    }
    return OK;
}

static void begin_element(struct tracker *tracker, int tensor, int64_t offset,
                          struct einsum_data *data)
{
    const struct beginning *beginning = &tracker->beginnings[tensor];
    struct tensor_data *t = &data->tensors[tensor];
    if (tracker->got[tensor][offset] != tracker->needed[tensor]) {
        return;
    }
    tracker->got[tensor][offset] = beginning->got[offset];
    t->value[offset] = beginning->value[offset];
    if (t->error != NULL) {
        t->error[offset] = beginning->error[offset];
    }
}

/* Elements that are finished and get a contribution from the box begin anew. */
static void begin_anew(struct tracker *tracker, int statement,
                       const int64_t *lo, const int64_t *hi,
                       struct einsum_data *data)
{
    const struct workload *workload = tracker->workload;
    const struct einsum_statement *s = &workload->statements[statement];
    int tensor = s->output.tensor;
    if (tracker->beginnings[tensor].got == NULL) {
        return;
    }
    if ((s->features & EINSUM_PREDICATE) == 0) {
        struct image image = image_of_box(workload, s, &s->output, lo, hi);
        int64_t at[EINSUM_MAX_RANKS] = {0};
        for (int64_t offset = image.base; offset >= 0;
             offset = next_offset(&image, at, offset)) {
            begin_element(tracker, tensor, offset, data);
        }
        return;
    }
    int64_t point[EINSUM_MAX_RANKS];
    memcpy(point, lo, sizeof(int64_t) * (size_t)s->rank_count);
    do {
        if (point_exists(workload, statement, point)) {
            begin_element(tracker, tensor, output_offset(workload, s, point),
                          data);
        }
    } while (next_point(s, lo, hi, point));
}

/* Has another lane of the same step made this box? */
static bool is_made(struct tracker *tracker, const struct plan_leaf *leaf,
                    const struct walk_event *event)
{
    guint ranks =
        (guint)tracker->workload->statements[leaf->statement].rank_count;
    gsize size = ranks * sizeof(int64_t);
    if (!leaf->is_recomputed) {
        return false;
    }
    for (guint i = 0; i < tracker->boxes->len; i += 2 * ranks) {
        const int64_t *box = &g_array_index(tracker->boxes, int64_t, i);
        if (memcmp(box, event->lo, size) == 0 &&
            memcmp(box + ranks, event->hi, size) == 0) {
            return true;
        }
    }
    g_array_append_vals(tracker->boxes, event->lo, ranks);
    g_array_append_vals(tracker->boxes, event->hi, ranks);
    return false;
}

/* ---- the whole schedule -------------------------------------------------- */

static enum status run_box(struct tracker *tracker, int statement,
                           const int64_t *lo, const int64_t *hi,
                           struct einsum_data *data)
{
    const struct einsum_statement *s =
        &tracker->workload->statements[statement];
    TRY(check_operands(tracker, s, lo, hi));
    begin_anew(tracker, statement, lo, hi, data);
    TRY(add_contributions(tracker, statement, lo, hi));
    einsum_run_box(tracker->workload, statement, lo, hi, data);
    return OK;
}

/* Position of the iterative rank in the statement; -1 if it has none. */
static int iterative_position(const struct einsum_statement *s)
{
    for (int r = 0; s->iterative_rank >= 0 && r < s->rank_count; r++) {
        if (s->rank[r] == s->iterative_rank) {
            return r;
        }
    }
    return -1;
}

/* A tile step along an iterative rank reads what it has just computed: it is
 * run index by index of that rank. */
static enum status run_lane(struct tracker *tracker, int statement,
                            struct walk_event *event, struct einsum_data *data)
{
    int r = iterative_position(&tracker->workload->statements[statement]);
    if (r < 0) {
        return run_box(tracker, statement, event->lo, event->hi, data);
    }
    enum status status = OK;
    for (int64_t end = event->hi[r]; event->lo[r] < end && status == OK;
         event->lo[r]++) {
        event->hi[r] = event->lo[r] + 1;
        status = run_box(tracker, statement, event->lo, event->hi, data);
    }
    return status;
}

enum status sim_execute(const struct plan *plan, struct diags *diags,
                        struct einsum_data *data)
{
    AUTO(tracker) tracker = NULL;
    TRY(tracker_new(plan->workload, diags, &tracker));
    TRY(remember_beginnings(tracker, plan, data));
    AUTO(walk) walk = walk_new(plan, true);
    struct walk_event event;
    memset(&event, 0, sizeof event);
    enum status status = OK;
    while (status == OK && walk_next(walk, &event)) {
        bool has_lane = event.kind == WALK_COMPUTE;
        g_array_set_size(tracker->boxes, 0);
        while (has_lane && status == OK) {
            const struct plan_leaf *leaf = &plan->leaves[event.leaf];
            if (!is_made(tracker, leaf, &event)) {
                status = run_lane(tracker, leaf->statement, &event, data);
            }
            has_lane = walk_next_lane(walk, &event);
        }
    }
    TRY(status);
    if (data->fault != NULL) {
        diag_error(diags,
                   plan->workload->statements[data->fault_statement].span,
                   "einsum-gather-range", NULL, "%s", data->fault);
        return ERR_INPUT;
    }
    return check_complete(tracker);
}
