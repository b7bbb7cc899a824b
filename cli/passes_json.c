#include "cli/passes_output.h"

static void set_count(json_t *object, const char *key, int64_t count)
{
    json_object_set_new(object, key, json_integer(count));
}

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_string(text));
}

static void set_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

static json_t *make_ops(const int64_t *ops)
{
    json_t *object = json_object();
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (ops[op] != 0) {
            set_count(object, einsum_op_name((enum einsum_op)op), ops[op]);
        }
    }
    return object;
}

/* ---- tensors --------------------------------------------------------------- */

static json_t *make_waits(const struct workload *workload,
                          const struct pass_fiber *fiber)
{
    json_t *list = json_array();
    for (int i = 0; i < fiber->wait_count; i++) {
        const struct pass_wait *wait = &fiber->waits[i];
        json_t *item = json_object();
        set_count(item, "pass", wait->pass);
        set_text(item, "einsum", workload->statements[wait->statement].name);
        set_text(item, "waits_for", workload->statements[wait->reduction].name);
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *make_fiber(const struct pass_analysis *analysis,
                          const struct pass_fiber *fiber)
{
    json_t *object = json_object();
    set_count(object, "passes", fiber->pass_count);
    set_text(object, "footprint", fiber->footprint);
    set_count(object, "footprint_elements", fiber->footprint_elements);
    set_bool(object, "summary", !fiber->is_whole);
    json_object_set_new(object, "forced",
                        make_waits(analysis->workload, fiber));
    return object;
}

static json_t *make_tensors(const struct pass_analysis *analysis)
{
    json_t *object = json_object();
    for (int i = 0; i < analysis->workload->tensor_count; i++) {
        const struct pass_tensor *tensor = &analysis->tensors[i];
        json_t *fibers = json_object();
        if (tensor->footprint == NULL) { /* a view */
            json_decref(fibers);
            continue;
        }
        for (int j = 0; j < tensor->fiber_count; j++) {
            const struct pass_fiber *fiber = &tensor->fibers[j];
            json_object_set_new(fibers, analysis->families[fiber->family].name,
                                make_fiber(analysis, fiber));
        }
        json_t *item = json_object();
        set_count(item, "passes", tensor->pass_count);
        set_text(item, "footprint", tensor->footprint);
        set_count(item, "footprint_elements", tensor->footprint_elements);
        set_bool(item, "grows", tensor->grows);
        json_object_set_new(item, "families", fibers);
        json_object_set_new(object, analysis->workload->tensors[i].name, item);
    }
    return object;
}

/* ---- families -------------------------------------------------------------- */

static json_t *make_rank_names(const struct workload *workload,
                               const int *ranks, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(list, json_string(workload->rank[ranks[i]].name));
    }
    return list;
}

static json_t *make_live(const struct workload *workload,
                         const struct pass_family *family)
{
    json_t *list = json_array();
    for (int i = 0; i < family->live_count; i++) {
        const struct pass_live *live = &family->live[i];
        json_t *item = json_object();
        set_text(item, "tensor", workload->tensors[live->tensor].name);
        set_count(item, "first_pass", live->first_pass);
        set_count(item, "last_pass", live->last_pass);
        set_text(item, "extent", live->extent);
        set_count(item, "elements", live->elements);
        set_bool(item, "grows", live->grows);
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *make_families(const struct pass_analysis *analysis)
{
    const struct workload *workload = analysis->workload;
    json_t *object = json_object();
    for (int i = 0; i < analysis->family_count; i++) {
        const struct pass_family *family = &analysis->families[i];
        json_t *item = json_object();
        json_object_set_new(
            item, "ranks",
            make_rank_names(workload, family->rank, family->rank_count));
        set_count(item, "extent", family->extent);
        set_count(item, "passes", family->pass_count);
        set_count(item, "chain", family->chain_length);
        json_object_set_new(
            item, "per",
            make_rank_names(workload, family->per, family->per_count));
        json_object_set_new(item, "live", make_live(workload, family));
        set_text(item, "peak", family->peak);
        set_count(item, "peak_elements", family->peak_elements);
        set_bool(item, "grows", family->grows);
        json_object_set_new(object, family->name, item);
    }
    return object;
}

/* ---- the cascade ----------------------------------------------------------- */

int64_t passes_count_statement(const struct workload *workload, int statement,
                               int64_t ops[EINSUM_OP_COUNT])
{
    int64_t points = 0;
    if (workload_count_points(workload, statement, &points) != OK ||
        workload_count_ops(workload, statement, ops) != OK) {
        BUG("the analysis counted what cannot be counted");
    }
    return points;
}

static json_t *make_einsums(const struct workload *workload)
{
    json_t *object = json_object();
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        if (statement->kind == EINSUM_COMPUTE) {
            json_t *item = json_object();
            int64_t ops[EINSUM_OP_COUNT];
            set_count(item, "points", passes_count_statement(workload, i, ops));
            json_object_set_new(item, "ops", make_ops(ops));
            json_object_set_new(object, statement->name, item);
        }
    }
    return object;
}

static json_t *make_shapes(const struct workload *workload)
{
    json_t *object = json_object();
    for (int i = 0; i < workload->shape_count; i++) {
        set_count(object, workload->shape_name[i], workload->shape_value[i]);
    }
    return object;
}

static json_t *make_assumptions(const struct pass_analysis *analysis)
{
    json_t *list = json_array();
    for (guint i = 0; i < analysis->assumptions->len; i++) {
        json_array_append_new(
            list, json_string(g_ptr_array_index(analysis->assumptions, i)));
    }
    return list;
}

/* The keys of weir verify. */
static json_t *make_comparison(const struct cascade_comparison *comparison)
{
    json_t *object = json_object();
    set_text(object, "status", comparison->was_run ? "ok" : "too-large");
    set_count(object, "points", comparison->points);
    set_count(object, "undecided_points", comparison->undecided_points);
    set_count(object, "seed", (int64_t)comparison->seed);
    set_bool(object, "file_shapes", comparison->has_file_shapes);
    json_object_set_new(object, "max_abs_error",
                        json_real(comparison->max_abs_error));
    json_object_set_new(object, "bound", json_real(comparison->bound));
    return object;
}

json_t *passes_make_json(const struct passes_result *result)
{
    const struct pass_analysis *analysis = result->analysis;
    const struct workload *workload = analysis->workload;
    json_t *object = json_object();
    json_t *elements = json_object();
    bool grows = false;
    for (int i = 0; i < analysis->family_count; i++) {
        grows = grows || analysis->families[i].grows;
    }
    g_autofree char *class_name =
        g_strdup_printf("%" G_GINT64_FORMAT "-pass", analysis->pass_count);
    set_text(object, "cascade", workload->name);
    set_text(object, "path", result->path);
    set_text(object, "class", class_name);
    set_count(object, "passes", analysis->pass_count);
    set_bool(object, "grows", grows);
    json_object_set_new(object, "families", make_families(analysis));
    json_object_set_new(object, "tensors", make_tensors(analysis));
    json_object_set_new(object, "einsums", make_einsums(workload));
    set_count(object, "points", analysis->point_count);
    json_object_set_new(object, "ops", make_ops(analysis->ops));
    set_count(object, "op_count", analysis->op_count);
    set_count(elements, "input", analysis->input_elements);
    set_count(elements, "input_most", analysis->input_elements_most);
    set_count(elements, "output", analysis->output_elements);
    json_object_set_new(object, "compulsory_elements", elements);
    set_count(object, "word_bytes", result->word_bytes);
    set_count(object, "compulsory_bytes", analysis->compulsory_bytes);
    set_count(object, "compulsory_bytes_most", analysis->compulsory_bytes_most);
    json_object_set_new(object, "ops_per_byte",
                        json_real(analysis->ops_per_byte));
    json_object_set_new(object, "assumptions", make_assumptions(analysis));
    json_object_set_new(object, "shapes", make_shapes(workload));
    if (result->comparison != NULL) {
        json_object_set_new(object, "rewrite",
                            make_comparison(result->comparison));
    }
    return object;
}
