#include "cli/passes_output.h"

#include <inttypes.h>
#include <string.h>

#include "reports/reports.h"

static void add_ranks(struct table *table, const struct workload *workload,
                      const int *ranks, int count)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < count; i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? "," : "",
                               workload->rank[ranks[i]].name);
    }
    table_add_text(table, count == 0 ? NULL : text->str);
}

/* ---- families -------------------------------------------------------------- */

static void print_families(const struct pass_analysis *analysis, GString *out)
{
    AUTO(table) table = table_new();
    table_add_text_column(table, "family");
    table_add_metric_column(table, METRIC_PASSES);
    table_add_metric_column(table, METRIC_CHAIN);
    table_add_text_column(table, "live for each");
    table_add_text_column(table, "peak");
    table_add_metric_column(table, METRIC_PEAK);
    table_add_text_column(table, "grows");
    for (int i = 0; i < analysis->family_count; i++) {
        const struct pass_family *family = &analysis->families[i];
        add_ranks(table, analysis->workload, family->rank, family->rank_count);
        table_add_count(table, family->pass_count);
        table_add_count(table, family->chain_length);
        add_ranks(table, analysis->workload, family->per, family->per_count);
        table_add_text(table, family->peak);
        table_add_count(table, family->peak_elements);
        table_add_text(table, family->grows ? "yes" : "no");
    }
    table_print(table, out);
}

static void print_live(const struct pass_analysis *analysis, GString *out)
{
    AUTO(table) table = table_new();
    bool has_rows = false;
    table_add_text_column(table, "held");
    table_add_text_column(table, "over");
    table_add_text_column(table, "from pass");
    table_add_text_column(table, "to pass");
    table_add_text_column(table, "extent");
    table_add_headed_column(table, METRIC_FOOTPRINT, "each");
    for (int i = 0; i < analysis->family_count; i++) {
        const struct pass_family *family = &analysis->families[i];
        for (int j = 0; j < family->live_count; j++) {
            const struct pass_live *live = &family->live[j];
            g_autofree char *first =
                g_strdup_printf("%" PRId64, live->first_pass);
            g_autofree char *last =
                g_strdup_printf("%" PRId64, live->last_pass);
            table_add_text(table,
                           analysis->workload->tensors[live->tensor].name);
            table_add_text(table, family->name);
            table_add_text(table, first);
            table_add_text(table, last);
            table_add_text(table, live->extent);
            table_add_count(table, live->elements);
            has_rows = true;
        }
    }
    if (has_rows) {
        g_string_append_c(out, '\n');
        table_print(table, out);
    }
}

/* ---- what forces passes ---------------------------------------------------- */

static const struct pass_fiber *find_fiber(const struct pass_analysis *analysis,
                                           int family)
{
    const struct pass_tensor *tensor =
        &analysis->tensors[analysis->families[family].tensor];
    for (int i = 0; i < tensor->fiber_count; i++) {
        if (tensor->fibers[i].family == family) {
            return &tensor->fibers[i];
        }
    }
    BUG("tensor without the family that names it");
}

static void print_waits(const struct pass_analysis *analysis, GString *out)
{
    const struct workload *workload = analysis->workload;
    for (int i = 0; i < analysis->family_count; i++) {
        const struct pass_family *family = &analysis->families[i];
        if (family->pass_count < 2) {
            continue;
        }
        const struct pass_fiber *fiber = find_fiber(analysis, i);
        g_string_append_printf(
            out, "\n%" PRId64 " passes over %s, by fibers of %s:\n",
            family->pass_count, family->name,
            workload->tensors[family->tensor].name);
        for (int j = 0; j < fiber->wait_count; j++) {
            const struct pass_wait *wait = &fiber->waits[j];
            g_string_append_printf(out, "  pass %" PRId64 ": %s waits for %s\n",
                                   wait->pass,
                                   workload->statements[wait->statement].name,
                                   workload->statements[wait->reduction].name);
        }
    }
}

/* ---- tensors --------------------------------------------------------------- */

/* "m:3 e:1", summaries "m1:2" by the family's name and a star. */
static char *print_fibers(const struct pass_analysis *analysis,
                          const struct pass_tensor *tensor)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < tensor->fiber_count; i++) {
        const struct pass_fiber *fiber = &tensor->fibers[i];
        g_string_append_printf(text, "%s%s%s:%" PRId64, i > 0 ? " " : "",
                               analysis->families[fiber->family].name,
                               fiber->is_whole ? "" : "*", fiber->pass_count);
    }
    return g_strdup(text->str);
}

static void print_tensors(const struct pass_analysis *analysis, GString *out)
{
    AUTO(table) table = table_new();
    table_add_text_column(table, "tensor");
    table_add_metric_column(table, METRIC_PASSES);
    table_add_text_column(table, "footprint");
    table_add_metric_column(table, METRIC_FOOTPRINT);
    table_add_text_column(table, "by family (* summaries)");
    for (int i = 0; i < analysis->workload->tensor_count; i++) {
        const struct pass_tensor *tensor = &analysis->tensors[i];
        if (tensor->footprint == NULL) { /* a view */
            continue;
        }
        g_autofree char *fibers = print_fibers(analysis, tensor);
        table_add_text(table, analysis->workload->tensors[i].name);
        table_add_count(table, tensor->pass_count);
        table_add_text(table, tensor->footprint);
        table_add_count(table, tensor->footprint_elements);
        table_add_text(table, fibers);
    }
    g_string_append_c(out, '\n');
    table_print(table, out);
}

/* ---- counts ---------------------------------------------------------------- */

static void add_ops(struct table *table, const int64_t *ops)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (ops[op] != 0) {
            g_autofree char *count = units_format_count(ops[op]);
            g_string_append_printf(text, "%s%s %s", text->len > 0 ? ", " : "",
                                   einsum_op_name((enum einsum_op)op), count);
        }
    }
    table_add_text(table, text->len == 0 ? NULL : text->str);
}

static void print_einsums(const struct pass_analysis *analysis, GString *out)
{
    const struct workload *workload = analysis->workload;
    AUTO(table) table = table_new();
    table_add_text_column(table, "Einsum");
    table_add_metric_column(table, METRIC_EINSUM_POINTS);
    table_add_text_column(table, metric_get(METRIC_EINSUM_OPS)->heading);
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        if (statement->kind == EINSUM_COMPUTE) {
            table_add_text(table, statement->name);
            int64_t ops[EINSUM_OP_COUNT];
            table_add_count(table, passes_count_statement(workload, i, ops));
            add_ops(table, ops);
        }
    }
    table_add_text(table, "all");
    table_add_count(table, analysis->point_count);
    add_ops(table, analysis->ops);
    g_string_append_c(out, '\n');
    table_print(table, out);
}

static void print_traffic(const struct passes_result *result, GString *out)
{
    const struct pass_analysis *analysis = result->analysis;
    g_autofree char *inputs = units_format_count(analysis->input_elements);
    g_autofree char *outputs = units_format_count(analysis->output_elements);
    g_autofree char *bytes = units_format_count(analysis->compulsory_bytes);
    g_string_append_printf(
        out,
        "\ncompulsory traffic: %s input and %s output elements of %" PRId64
        " B, %s B; %.4g operations/B\n",
        inputs, outputs, result->word_bytes, bytes, analysis->ops_per_byte);
    if (analysis->compulsory_bytes_most > analysis->compulsory_bytes) {
        g_autofree char *most =
            units_format_count(analysis->compulsory_bytes_most);
        g_string_append_printf(
            out, "that is the least; %s may make it %s B\n",
            !analysis->is_traffic_limited ? "what data decides"
            : analysis->is_traffic_data
                ? "what data decides, or is too much to look at,"
                : "what is too much to look at",
            most);
    }
}

static void print_assumptions(const struct pass_analysis *analysis,
                              GString *out)
{
    for (guint i = 0; i < analysis->assumptions->len; i++) {
        g_string_append_printf(
            out, "%s%s\n", i == 0 ? "\nassumed: " : "         ",
            (const char *)g_ptr_array_index(analysis->assumptions, i));
    }
}

/* ---- the whole ------------------------------------------------------------- */

static void print_shapes(const struct workload *workload, GString *out)
{
    for (int i = 0; i < workload->shape_count; i++) {
        g_string_append_printf(out, "%s%s=%" PRId64, i > 0 ? " " : "",
                               workload->shape_name[i],
                               workload->shape_value[i]);
    }
    g_string_append(out, "\n\n");
}

static void print_comparison(const struct cascade_comparison *comparison,
                             GString *out)
{
    if (!comparison->was_run) {
        g_string_append(out, "rewritten: too many points to compare values; "
                             "choose smaller shapes with --set\n");
        return;
    }
    g_autofree char *points = units_format_count(comparison->points);
    g_string_append_printf(
        out,
        "rewritten: %s outputs equal on random data%s, off by %.3g at "
        "most, bound %.3g\n",
        points, comparison->has_file_shapes ? " at the file's shapes" : "",
        comparison->max_abs_error, comparison->bound);
    if (comparison->undecided_points > 0) {
        g_autofree char *undecided =
            units_format_count(comparison->undecided_points);
        g_string_append_printf(
            out, "           %s more have no bound: rounding decides on data\n",
            undecided);
    }
}

void passes_print_tables(const struct passes_result *result, GString *out)
{
    const struct pass_analysis *analysis = result->analysis;
    bool grows = false;
    for (int i = 0; i < analysis->family_count; i++) {
        grows = grows || analysis->families[i].grows;
    }
    g_string_append_printf(out, "%s: %" PRId64 "-pass, live state %s\n",
                           analysis->workload->name, analysis->pass_count,
                           grows ? "grows with the inputs"
                                 : "does not grow with the inputs");
    if (result->comparison != NULL) {
        print_comparison(result->comparison, out);
    }
    print_shapes(analysis->workload, out);
    print_families(analysis, out);
    print_waits(analysis, out);
    print_live(analysis, out);
    print_tensors(analysis, out);
    print_einsums(analysis, out);
    print_traffic(result, out);
    print_assumptions(analysis, out);
}

/* The first family with the most passes; among several with one pass, the one
 * with the largest peak. */
static const struct pass_family *
find_main_family(const struct pass_analysis *analysis)
{
    const struct pass_family *found = NULL;
    for (int i = 0; i < analysis->family_count; i++) {
        const struct pass_family *family = &analysis->families[i];
        bool is_more = found == NULL ||
                       family->pass_count > found->pass_count ||
                       (family->pass_count == found->pass_count &&
                        family->peak_elements > found->peak_elements);
        found = is_more ? family : found;
    }
    return found;
}

/* The columns of passes_print_list after the file. */
static void add_analysis(struct table *table,
                         const struct pass_analysis *analysis)
{
    const struct pass_family *family = find_main_family(analysis);
    table_add_count(table, analysis->pass_count);
    table_add_text(table, family == NULL ? NULL : family->name);
    add_ranks(table, analysis->workload, family == NULL ? NULL : family->per,
              family == NULL ? 0 : family->per_count);
    table_add_text(table, family == NULL ? NULL : family->peak);
    table_add_text(table, family != NULL && family->grows ? "yes" : "no");
    table_add_count(table, analysis->op_count);
    table_add_count(table, analysis->compulsory_bytes);
    table_add_ratio(table, analysis->ops_per_byte, 2);
}

void passes_print_list(const struct passes_result *results, size_t count,
                       GString *out)
{
    AUTO(table) table = table_new();
    table_add_text_column(table, "cascade");
    table_add_text_column(table, "file");
    table_add_metric_column(table, METRIC_PASSES);
    table_add_text_column(table, "over");
    table_add_text_column(table, "for each");
    table_add_text_column(table, "live");
    table_add_text_column(table, "grows");
    table_add_metric_column(table, METRIC_CASCADE_OPS);
    table_add_metric_column(table, METRIC_COMPULSORY_BYTES);
    table_add_metric_column(table, METRIC_OPS_PER_BYTE);
    for (size_t i = 0; i < count; i++) {
        table_add_text(table, results[i].workload->name);
        table_add_text(table, results[i].path);
        add_analysis(table, results[i].analysis);
    }
    table_print(table, out);
}
