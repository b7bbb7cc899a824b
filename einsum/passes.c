/* The pass analysis of a workload (doc/passes.md), and what its counts come
 * to: operations, compulsory traffic, their ratio. */
#include "einsum/passes.h"

#include <stdarg.h>

/* ---- families ------------------------------------------------------------ */

/* Roots become families; returns the family of each root, else -1. */
static void list_families(const struct axes *axes,
                          struct pass_analysis *analysis, int *family_of_root)
{
    const struct workload *workload = axes->workload;
    analysis->families =
        g_new0(struct pass_family, (size_t)workload->rank_count);
    for (int root = 0; root < workload->rank_count; root++) {
        family_of_root[root] = -1;
        if (axes->of_rank[root] != root || axes->parent[root] >= 0) {
            continue;
        }
        struct pass_family *family =
            &analysis->families[analysis->family_count];
        family_of_root[root] = analysis->family_count++;
        family->name = workload->rank[root].name;
        family->extent = workload->rank[root].extent;
        family->pass_count = 1;
        family->tensor = -1;
        for (int r = 0; r < workload->rank_count; r++) {
            if (axes_root(axes, axes->of_rank[r]) == root) {
                family->rank[family->rank_count++] = r;
            }
        }
    }
}

static enum status find_live(const struct axes *axes,
                             const struct pass_schedule *schedule,
                             struct pass_analysis *analysis,
                             const int *family_of_root)
{
    for (int root = 0; root < axes->workload->rank_count; root++) {
        int family = family_of_root[root];
        if (family < 0) {
            continue;
        }
        TRY(pass_family_find_live(axes, schedule, root,
                                  &analysis->families[family]));
    }
    return OK;
}

/* ---- tensors ------------------------------------------------------------- */

static void add_fiber(struct pass_analysis *analysis, int tensor,
                      const struct pass_fiber *fiber)
{
    struct pass_family *family = &analysis->families[fiber->family];
    bool is_more = fiber->pass_count > family->pass_count;
    if (fiber->is_whole && (is_more || family->tensor < 0)) {
        family->pass_count = fiber->pass_count;
        family->tensor = tensor;
        analysis->pass_count = MAX(analysis->pass_count, fiber->pass_count);
    }
}

static void find_fibers(const struct axes *axes,
                        const struct pass_schedule *schedule,
                        struct pass_analysis *analysis,
                        const int *family_of_root)
{
    const struct workload *workload = axes->workload;
    for (int i = 0; i < workload->tensor_count; i++) {
        struct pass_tensor *tensor = &analysis->tensors[i];
        int producer = workload->tensors[i].producer;
        if (producer >= 0 &&
            workload->statements[producer].kind != EINSUM_COMPUTE) {
            continue;
        }
        pass_fibers_find(axes, schedule, i, tensor);
        for (int j = 0; j < tensor->fiber_count; j++) {
            struct pass_fiber *fiber = &tensor->fibers[j];
            fiber->family = family_of_root[fiber->family];
            add_fiber(analysis, i, fiber);
        }
    }
}

/* ---- counts -------------------------------------------------------------- */

/* Over the points that exist. */
MUST_USE static bool count_statement(struct pass_analysis *analysis,
                                     int statement_id)
{
    int64_t ops[EINSUM_OP_COUNT];
    int64_t points = 0;
    if (workload_count_points(analysis->workload, statement_id, &points) !=
            OK ||
        workload_count_ops(analysis->workload, statement_id, ops) != OK) {
        return false;
    }
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (!num_add(analysis->ops[op], ops[op], &analysis->ops[op]) ||
            !num_add(analysis->op_count, ops[op], &analysis->op_count)) {
            return false;
        }
    }
    return num_add(analysis->point_count, points, &analysis->point_count);
}

/* Data has a say in which elements of the tensor the statement reads. */
static bool reads_by_data(const struct einsum_statement *s, int tensor)
{
    for (int i = 0; i < s->read_count; i++) {
        const struct einsum_access *read = &s->resolved_reads[i];
        if (read->tensor != tensor) {
            continue;
        }
        if ((s->features & EINSUM_DATA_PREDICATE) != 0) {
            return true;
        }
        for (int d = 0; d < read->dim_count; d++) {
            if (pass_index_has_data(s, i, d)) {
                return true;
            }
        }
    }
    return false;
}

/* Why it is not known how many elements of an input are used. */
static void find_cause(struct pass_analysis *analysis, int tensor)
{
    const struct workload *workload = analysis->workload;
    bool is_data = false;
    for (int i = 0; i < workload->statement_count && !is_data; i++) {
        is_data = reads_by_data(&workload->statements[i], tensor);
    }
    analysis->is_traffic_data = analysis->is_traffic_data || is_data;
    analysis->is_traffic_limited = analysis->is_traffic_limited || !is_data;
}

/* Inputs that are used, outputs all. */
static enum status count_elements(struct pass_analysis *analysis)
{
    const struct workload *workload = analysis->workload;
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        int64_t least = 0;
        int64_t most = 0;
        if (tensor->kind == TENSOR_INPUT) {
            TRY(workload_count_used_elements(workload, i, &least, &most));
        }
        if (least < most) {
            find_cause(analysis, i);
        }
        if (!num_add(analysis->input_elements, least,
                     &analysis->input_elements) ||
            !num_add(analysis->input_elements_most, most,
                     &analysis->input_elements_most) ||
            (tensor->kind == TENSOR_OUTPUT &&
             !num_add(analysis->output_elements, tensor->element_count,
                      &analysis->output_elements))) {
            return ERR_LIMIT;
        }
    }
    return OK;
}

static enum status count_all(struct pass_analysis *analysis, int64_t word_bytes)
{
    const struct workload *workload = analysis->workload;
    int64_t elements = 0;
    int64_t most = 0;
    for (int i = 0; i < workload->statement_count; i++) {
        if (workload->statements[i].kind == EINSUM_COMPUTE &&
            !count_statement(analysis, i)) {
            return ERR_LIMIT;
        }
    }
    TRY(count_elements(analysis));
    if (!num_add(analysis->input_elements, analysis->output_elements,
                 &elements) ||
        !num_mul(elements, word_bytes, &analysis->compulsory_bytes) ||
        !num_add(analysis->input_elements_most, analysis->output_elements,
                 &most) ||
        !num_mul(most, word_bytes, &analysis->compulsory_bytes_most)) {
        return ERR_LIMIT;
    }
    analysis->ops_per_byte =
        analysis->compulsory_bytes == 0
            ? 0.0
            : (double)analysis->op_count / (double)analysis->compulsory_bytes;
    return OK;
}

/* ---- what is assumed ----------------------------------------------------- */

static void assume(struct pass_analysis *analysis, const char *format, ...)
    PRINTF_LIKE(2, 3);

static void assume(struct pass_analysis *analysis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (!g_ptr_array_find_with_equal_func(analysis->assumptions, text,
                                          g_str_equal, NULL)) {
        g_ptr_array_add(analysis->assumptions, g_steal_pointer(&text));
    }
}

static const char *dim_name(const struct einsum_tensor *tensor, int dim)
{
    return tensor->dim_rank[dim] == NULL ? "?" : tensor->dim_rank[dim];
}

static void assume_gathers(struct pass_analysis *analysis,
                           const struct einsum_statement *s)
{
    for (int i = 0; i < s->read_count; i++) {
        const struct einsum_access *read = &s->resolved_reads[i];
        const struct einsum_tensor *tensor =
            &analysis->workload->tensors[read->tensor];
        for (int d = 0; d < read->dim_count; d++) {
            if (pass_index_has_data(s, i, d)) {
                assume(analysis,
                       "'%s' may gather any element of '%s' along '%s'",
                       s->name, tensor->name, dim_name(tensor, d));
            }
        }
    }
}

/* Parts are tensors put one behind the other: what they are computed from has
 * fibers that end there. */
static void assume_parts(struct pass_analysis *analysis,
                         const struct einsum_statement *s)
{
    const struct einsum_tensor *tensor =
        &analysis->workload->tensors[s->output.tensor];
    if ((s->features & EINSUM_PART) != 0 && tensor->iterative_rank < 0) {
        assume(analysis,
               "passes over what parts of '%s' are made of count as passes "
               "over '%s'",
               tensor->name, tensor->name);
    }
}

/* What data decides, and how it is read. */
static void list_assumptions(struct pass_analysis *analysis)
{
    const struct workload *workload = analysis->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        assume_gathers(analysis, s);
        assume_parts(analysis, s);
        for (int d = 0; d < s->output.dim_count; d++) {
            if ((s->features & EINSUM_SCATTER) != 0 &&
                !pass_index_is_affine(&s->output, d)) {
                assume(analysis, "'%s' may write any element along '%s'",
                       s->name,
                       dim_name(&workload->tensors[s->output.tensor], d));
            }
        }
        if ((s->features & EINSUM_DATA_PREDICATE) != 0) {
            assume(analysis, "the condition of '%s' on data holds everywhere",
                   s->name);
        }
    }
}

/* ---- the analysis -------------------------------------------------------- */

static enum status analyze(const struct axes *axes, int64_t word_bytes,
                           struct pass_analysis *analysis)
{
    int family_of_root[EINSUM_MAX_RANKS];
    struct pass_schedule schedule;
    pass_schedule_init(&schedule, axes->workload);
    list_families(axes, analysis, family_of_root);
    find_fibers(axes, &schedule, analysis, family_of_root);
    enum status status = find_live(axes, &schedule, analysis, family_of_root);
    pass_schedule_clear(&schedule);
    TRY(status);
    return count_all(analysis, word_bytes);
}

enum status pass_analysis_new(const struct workload *workload,
                              int64_t word_bytes, struct diags *diags,
                              struct pass_analysis **analysis)
{
    AUTO(pass_analysis) made = g_new0(struct pass_analysis, 1);
    struct axes axes;
    made->workload = workload;
    made->pass_count = 1;
    made->assumptions = g_ptr_array_new_with_free_func(g_free);
    list_assumptions(made);
    made->tensors = g_new0(struct pass_tensor, (size_t)workload->tensor_count);
    axes_init(&axes, workload);
    enum status status = analyze(&axes, word_bytes, made);
    if (status != OK) {
        return diag_fail(diags, status, "passes-count-limit",
                         "the counts of cascade '%s' exceed 64-bit integers",
                         workload->name);
    }
    *analysis = g_steal_pointer(&made);
    return OK;
}

static void clear_tensor(struct pass_tensor *tensor)
{
    for (int i = 0; i < tensor->fiber_count; i++) {
        g_free(tensor->fibers[i].footprint);
        g_free(tensor->fibers[i].waits);
    }
    g_free(tensor->fibers);
    g_free(tensor->footprint);
}

static void clear_family(struct pass_family *family)
{
    for (int i = 0; i < family->live_count; i++) {
        g_free(family->live[i].extent);
    }
    g_free(family->live);
    g_free(family->peak);
}

void pass_analysis_free(struct pass_analysis *analysis)
{
    if (analysis == NULL) {
        return;
    }
    for (int i = 0; i < analysis->workload->tensor_count; i++) {
        clear_tensor(&analysis->tensors[i]);
    }
    for (int i = 0; i < analysis->family_count; i++) {
        clear_family(&analysis->families[i]);
    }
    g_ptr_array_unref(analysis->assumptions);
    g_free(analysis->tensors);
    g_free(analysis->families);
    g_free(analysis);
}
