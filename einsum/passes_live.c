/* What is on chip while a family is traversed, if every input fiber is read
 * once and every statement runs as early as it can. A tensor that is first there
 * in one pass and read along the fiber again in a later one is held with its
 * whole extent along the family. Sums, maxima and tensors that advance along
 * the family are carried: one element of each fiber. All of it is counted for
 * one point of the ranks that all these tensors share: for each (b, h, p). */
#include "einsum/passes.h"

#include <string.h>

#include "einsum/affine.h"

struct live_tensor {
    int tensor;
    int64_t first_time;
    int64_t last_time;
    bool is_held; /* along the family; else carried */
};

struct live_finder {
    const struct axes *axes;
    const struct pass_order *order;
    int root;
    GArray *found;                 /* struct live_tensor */
    bool is_per[EINSUM_MAX_RANKS]; /* by axis */
};

/* ---- which tensors ------------------------------------------------------- */

static bool has_family(const struct axes *axes, int tensor, int root)
{
    bool has[EINSUM_MAX_RANKS];
    axes_of_tensor(axes, tensor, has);
    for (int axis = 0; axis < EINSUM_MAX_RANKS; axis++) {
        if (has[axis] && axes_is_within(axes, axis, root)) {
            return true;
        }
    }
    return false;
}

/* The read moves along the family; AV's of RNV[M1] needs one slice only. */
static bool is_along(const struct axes *axes, const struct einsum_access *read,
                     int root)
{
    for (int d = 0; d < read->dim_count; d++) {
        int axis = axes_of_dim(axes, read->tensor, d);
        if (axis >= 0 && axes_is_within(axes, axis, root) &&
            (!pass_index_is_affine(read, d) ||
             axes_moves(axes, &read->index[d], root))) {
            return true;
        }
    }
    return false;
}

/* Of the tensor's first part, if it has several. */
static int64_t find_first_time(const struct live_finder *finder, int producer)
{
    int64_t first = INT64_MAX;
    for (int part = producer; part >= 0;
         part = finder->axes->workload->statements[part].next_part) {
        first = MIN(first, finder->order->statement_time[part]);
    }
    return first;
}

static void find_held(struct live_finder *finder, int tensor)
{
    const struct workload *workload = finder->axes->workload;
    int producer = workload->tensors[tensor].producer;
    int64_t first = INT64_MAX;
    int64_t last = 0;
    if (producer >= 0) {
        first = find_first_time(finder, producer);
    }
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        for (int j = 0; j < s->read_count && s->kind == EINSUM_COMPUTE; j++) {
            if (s->resolved_reads[j].tensor == tensor &&
                is_along(finder->axes, &s->resolved_reads[j], finder->root)) {
                int64_t time = finder->order->statement_time[i];
                last = MAX(last, time);
                first = producer < 0 ? MIN(first, time) : first;
            }
        }
    }
    if (last > first) {
        struct live_tensor live = {tensor, first, last, true};
        g_array_append_val(finder->found, live);
    }
}

static bool is_carried(const struct live_finder *finder, int tensor)
{
    const struct einsum_tensor *t = &finder->axes->workload->tensors[tensor];
    bool advances =
        t->producer >= 0 && t->iterative_rank >= 0 &&
        axes_is_within(finder->axes, finder->axes->of_rank[t->iterative_rank],
                       finder->root);
    bool completes = false;
    for (int part = t->producer; part >= 0;
         part = finder->axes->workload->statements[part].next_part) {
        completes = completes ||
                    pass_statement_completes(finder->axes, finder->root, part);
    }
    return advances || completes;
}

static void find_tensors(struct live_finder *finder)
{
    const struct workload *workload = finder->axes->workload;
    for (int i = 0; i < workload->tensor_count; i++) {
        int producer = workload->tensors[i].producer;
        if (producer >= 0 &&
            workload->statements[producer].kind != EINSUM_COMPUTE) {
            continue;
        }
        guint before = finder->found->len;
        if (has_family(finder->axes, i, finder->root)) {
            find_held(finder, i);
        }
        if (finder->found->len == before && is_carried(finder, i)) {
            int64_t time = find_first_time(finder, producer);
            struct live_tensor live = {i, time, time, false};
            g_array_append_val(finder->found, live);
        }
    }
}

/* Whole fibers, then summaries, then what is carried; each in text order. */
static int find_class(const struct live_finder *finder,
                      const struct live_tensor *live)
{
    bool has[EINSUM_MAX_RANKS];
    axes_of_tensor(finder->axes, live->tensor, has);
    if (!live->is_held) {
        return 2;
    }
    return axes_cover(finder->axes, has, finder->root) ? 0 : 1;
}

static gint compare_live(gconstpointer a, gconstpointer b, gpointer finder)
{
    const struct live_tensor *x = a;
    const struct live_tensor *y = b;
    int difference = find_class(finder, x) - find_class(finder, y);
    return difference != 0 ? difference : x->tensor - y->tensor;
}

/* ---- for each point of which ranks --------------------------------------- */

static void find_per(struct live_finder *finder)
{
    for (int axis = 0; axis < EINSUM_MAX_RANKS; axis++) {
        finder->is_per[axis] =
            finder->found->len > 0 &&
            !axes_is_within(finder->axes, axis, finder->root);
    }
    for (guint i = 0; i < finder->found->len; i++) {
        bool has[EINSUM_MAX_RANKS];
        axes_of_tensor(
            finder->axes,
            g_array_index(finder->found, struct live_tensor, i).tensor, has);
        for (int axis = 0; axis < EINSUM_MAX_RANKS; axis++) {
            finder->is_per[axis] = finder->is_per[axis] && has[axis];
        }
    }
}

static void set_per(const struct live_finder *finder,
                    struct pass_family *family)
{
    for (int axis = 0; axis < EINSUM_MAX_RANKS; axis++) {
        if (finder->is_per[axis]) {
            family->per[family->per_count++] = axis;
        }
    }
}

/* ---- extents ------------------------------------------------------------- */

/* Ranks that are fixed where the tensor's extent along one axis is asked for:
 * those of `per` and of its other dimensions. */
static bool is_fixed(const struct live_finder *finder, const bool *has,
                     guint32 ranks)
{
    const struct axes *axes = finder->axes;
    for (int r = 0; r < axes->workload->rank_count; r++) {
        int axis = axes->of_rank[r];
        if ((ranks >> r & 1U) != 0 && !finder->is_per[axis] && !has[axis]) {
            return false;
        }
    }
    return true;
}

/* The statement's conditions leave a window of the axis. */
static bool find_window(const struct live_finder *finder, const bool *has,
                        int statement, int axis, struct pass_window *window)
{
    int rank = axes_rank_of(finder->axes, statement, axis);
    if (rank < 0 ||
        !pass_window_find(finder->axes->workload, statement, rank, window)) {
        return false;
    }
    if (!is_fixed(finder, has, window->ranks)) {
        g_free(window->text);
        return false;
    }
    return true;
}

/* The largest window of all that read the tensor. */
static bool find_read_window(const struct live_finder *finder, const bool *has,
                             int tensor, int axis, struct pass_window *largest)
{
    const struct workload *workload = finder->axes->workload;
    bool is_window = true;
    *largest = (struct pass_window){NULL, -1, 0};
    for (int i = 0; i < workload->statement_count && is_window; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        bool reads = false;
        for (int j = 0; j < s->read_count; j++) {
            reads = reads || s->resolved_reads[j].tensor == tensor;
        }
        struct pass_window window;
        if (!reads || s->kind != EINSUM_COMPUTE) {
            continue;
        }
        is_window = find_window(finder, has, i, axis, &window);
        if (is_window && window.elements > largest->elements) {
            g_free(largest->text);
            *largest = window;
        } else if (is_window) {
            g_free(window.text);
        }
    }
    if (!is_window || largest->text == NULL) {
        g_free(largest->text);
        return false;
    }
    return true;
}

/* "W", in brackets if it is a sum. */
static void multiply_window(const struct pass_window *window, GString *text,
                            int64_t *elements)
{
    bool is_sum = strpbrk(window->text, "+-") != NULL;
    g_string_append_printf(text, "%s%s%s%s", text->len > 0 ? "*" : "",
                           is_sum ? "(" : "", window->text, is_sum ? ")" : "");
    *elements *= window->elements;
}

/* At most the tensor's elements. */
static void multiply(const struct live_finder *finder, int tensor,
                     const bool *has, int axis, GString *text,
                     int64_t *elements)
{
    const struct axes *axes = finder->axes;
    int producer = axes->workload->tensors[tensor].producer;
    struct pass_window window;
    bool is_part =
        producer >= 0 &&
        (axes->workload->statements[producer].features & EINSUM_PART) != 0;
    if ((producer >= 0 && !is_part &&
         find_window(finder, has, producer, axis, &window)) ||
        find_read_window(finder, has, tensor, axis, &window)) {
        multiply_window(&window, text, elements);
        g_free(window.text);
        return;
    }
    g_string_append_printf(text, "%s%s", text->len > 0 ? "*" : "",
                           axes_shape(axes, axis));
    *elements *= axes_extent(axes, axis);
}

static struct pass_live describe(const struct live_finder *finder,
                                 const struct live_tensor *live)
{
    const struct axes *axes = finder->axes;
    bool has[EINSUM_MAX_RANKS];
    g_autoptr(GString) text = g_string_new(NULL);
    int64_t elements = 1;
    axes_of_tensor(axes, live->tensor, has);
    bool is_whole = axes_cover(axes, has, finder->root);
    if (live->is_held && is_whole) {
        multiply(finder, live->tensor, has, finder->root, text, &elements);
    }
    for (int axis = 0; axis < EINSUM_MAX_RANKS; axis++) {
        bool is_along = axes_is_within(axes, axis, finder->root);
        if (has[axis] &&
            (is_along ? live->is_held && !is_whole : !finder->is_per[axis])) {
            multiply(finder, live->tensor, has, axis, text, &elements);
        }
    }
    const char *extent = text->len > 0 ? text->str : "1";
    return (struct pass_live){
        .tensor = live->tensor,
        .is_held = live->is_held,
        .first_pass = MAX(1, live->first_time / 2),
        .last_pass = MAX(1, (live->last_time + 1) / 2),
        .extent = g_strdup(extent),
        .elements = elements,
        .grows = live->is_held && axes_grows(axes, extent),
    };
}

/* ---- the peak ------------------------------------------------------------ */

/* What is carried is there all the time; what is held, between its times. */
static bool is_there(const struct live_tensor *live, int64_t time)
{
    return !live->is_held ||
           (live->first_time <= time && time < live->last_time);
}

MUST_USE static bool sum_elements(const struct live_finder *finder,
                                  const struct pass_family *family,
                                  int64_t time, int64_t *sum)
{
    *sum = 0;
    for (int i = 0; i < family->live_count; i++) {
        if (is_there(&g_array_index(finder->found, struct live_tensor, i),
                     time) &&
            !num_add(*sum, family->live[i].elements, sum)) {
            return false;
        }
    }
    return true;
}

/* How many of those from `first` on are there with the same extent. */
static int count_like(const struct live_finder *finder,
                      const struct pass_family *family, int first, int64_t time)
{
    int count = 0;
    for (int i = first; i < family->live_count; i++) {
        count +=
            is_there(&g_array_index(finder->found, struct live_tensor, i),
                     time) &&
            g_str_equal(family->live[i].extent, family->live[first].extent);
    }
    return count;
}

/* "M + 2*M1 + F + 3": equal terms together, numbers last. */
static char *print_sum(const struct live_finder *finder,
                       const struct pass_family *family, int64_t time)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    int ones = 0;
    for (int i = 0; i < family->live_count; i++) {
        char *extent = family->live[i].extent;
        int count = count_like(finder, family, i, time);
        if (!g_hash_table_add(seen, extent) || count == 0) {
            continue;
        }
        if (g_str_equal(extent, "1")) {
            ones = count;
            continue;
        }
        g_string_append(text, text->len > 0 ? " + " : "");
        if (count > 1) {
            g_string_append_printf(text, "%d*", count);
        }
        g_string_append(text, extent);
    }
    if (ones > 0 || text->len == 0) {
        g_string_append_printf(text, "%s%d", text->len > 0 ? " + " : "", ones);
    }
    return g_strdup(text->str);
}

static enum status find_peak(const struct live_finder *finder,
                             struct pass_family *family)
{
    int64_t peak_time = 0;
    family->peak_elements = -1;
    for (int i = -1; i < family->live_count; i++) {
        int64_t sum = 0;
        int64_t time =
            i < 0 ? 0
                  : g_array_index(finder->found, struct live_tensor, (guint)i)
                        .first_time;
        if (!sum_elements(finder, family, time, &sum)) {
            return ERR_LIMIT;
        }
        if (sum > family->peak_elements) {
            family->peak_elements = sum;
            peak_time = time;
        }
    }
    family->peak = print_sum(finder, family, peak_time);
    return OK;
}

/* ---- a family ------------------------------------------------------------ */

enum status pass_family_find_live(const struct axes *axes,
                                  const struct pass_schedule *schedule,
                                  int root, struct pass_family *family)
{
    const struct workload *workload = axes->workload;
    g_autofree bool *is_traversal =
        g_new0(bool, (size_t)workload->statement_count);
    g_autoptr(GArray) found =
        g_array_new(FALSE, FALSE, sizeof(struct live_tensor));
    struct pass_order order;
    for (int i = 0; i < workload->statement_count; i++) {
        bool has[EINSUM_MAX_RANKS];
        axes_of_statement(axes, i, has);
        is_traversal[i] = workload->statements[i].kind == EINSUM_COMPUTE &&
                          axes_cover(axes, has, root);
    }
    pass_order_init(&order, axes, schedule, root, is_traversal, NULL);
    family->chain_length = MAX(1, pass_order_count(&order));
    struct live_finder finder = {axes, &order, root, found, {false}};
    find_tensors(&finder);
    g_array_sort_with_data(found, compare_live, &finder);
    find_per(&finder);
    set_per(&finder, family);
    pass_order_clear(&order);
    family->live = g_new0(struct pass_live, found->len);
    family->live_count = (int)found->len;
    for (guint i = 0; i < found->len; i++) {
        const struct live_tensor *live =
            &g_array_index(found, struct live_tensor, i);
        family->live[i] = describe(&finder, live);
        family->grows = family->grows || family->live[i].grows;
    }
    return find_peak(&finder, family);
}
