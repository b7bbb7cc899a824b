/* What verify prints. */
#include "cli/verify_output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

bool verify_is_ok(const struct verification *verification)
{
    bool all = true;
    for (size_t i = 0; i < verification->count; i++) {
        all = all && verification->checks[i].is_ok;
    }
    return all;
}

/* ---- JSON ------------------------------------------------------------------ */

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *print_worst(const struct tensor_errors *errors)
{
    json_t *at = json_array();
    for (int d = 0; d < errors->worst_count; d++) {
        json_array_append_new(at, json_integer(errors->worst[d]));
    }
    return json_pack("{so so so so}", "at", at, "value",
                     real(errors->worst_value), "reference",
                     real(errors->worst_reference), "bound",
                     real(errors->worst_bound));
}

/* Without the empty bins at the end. */
static json_t *print_bins(const struct tensor_errors *errors)
{
    json_t *counts = json_array();
    int last = ERROR_BINS - 1;
    while (last > 0 && errors->bins[last] == 0) {
        last--;
    }
    for (int i = 0; i <= last; i++) {
        json_array_append_new(counts, json_integer(errors->bins[i]));
    }
    return json_pack("{si so}", "first_exponent", ERROR_FIRST_EXPONENT,
                     "counts", counts);
}

static void add_statistics(json_t *object, const struct tensor_errors *errors)
{
    json_object_set_new(object, "mean_abs_error", real(errors->mean_abs));
    json_object_set_new(object, "mean_rel_error", real(errors->mean_rel));
    json_object_set_new(object, "max_ulp_error", real(errors->max_ulp));
    json_object_set_new(object, "mean_ulp_error", real(errors->mean_ulp));
    json_object_set_new(object, "worst", print_worst(errors));
    json_object_set_new(object, "ulp_histogram", print_bins(errors));
}

static json_t *print_check(const struct check *check,
                           const struct tensor_errors *errors)
{
    json_t *object = json_pack(
        "{ss ss so so so sI}", "status", check->is_ok ? "ok" : "failed",
        "dtype", check->dtype, "max_abs_error", real(check->max_abs_error),
        "max_rel_error", real(check->max_rel_error), "bound",
        real(check->error_bound), "points", (json_int_t)check->point_count);
    add_statistics(object, errors);
    return object;
}

static const char *kind_name(enum tensor_kind kind)
{
    switch (kind) {
    case TENSOR_INPUT:
        return "input";
    case TENSOR_INTERMEDIATE:
        return "intermediate";
    case TENSOR_OUTPUT:
        return "output";
    }
    BUG("tensor kind %d", (int)kind);
}

static json_t *print_tensors(const struct verification *verification)
{
    json_t *tensors = json_object();
    for (size_t i = 0; i < verification->tensor_count; i++) {
        const struct tensor_errors *errors = &verification->tensors[i];
        json_t *object =
            json_pack("{ss so so so sI}", "kind", kind_name(errors->kind),
                      "max_abs_error", real(errors->max_abs), "max_rel_error",
                      real(errors->max_rel), "bound", real(errors->bound),
                      "points", (json_int_t)errors->point_count);
        add_statistics(object, errors);
        json_object_set_new(tensors, errors->tensor, object);
    }
    return tensors;
}

/* The interpreter's numbers at the top, the schedule's under 'mapped'; 'status'
 * at the top is that of all. */
void verify_print_json(const struct verification *verification, GString *out)
{
    const struct check *check = &verification->checks[0];
    json_t *object = print_check(check, &verification->result[0]);
    json_object_set_new(
        object, "status",
        json_string(verify_is_ok(verification) ? "ok" : "failed"));
    json_object_set_new(object, "kernel", json_string(check->kernel));
    json_object_set_new(object, "seed", json_integer(check->seed));
    json_object_set_new(object, "inputs", json_string(verification->inputs));
    json_object_set_new(object, "cascade", json_string(check->cascade));
    json_object_set_new(object, "shapes", json_loads(check->shapes, 0, NULL));
    if (verification->count > 1) {
        const struct check *mapped = &verification->checks[1];
        json_t *part = print_check(mapped, &verification->result[1]);
        json_object_set_new(part, "arch", json_string(mapped->arch));
        json_object_set_new(part, "mapping", json_string(mapped->mapping));
        json_object_set_new(object, "mapped", part);
    }
    if (verification->tensor_count > 0) {
        json_object_set_new(object, "tensors", print_tensors(verification));
    }
    char *printed =
        json_dumps(object, JSON_REAL_PRECISION(17) | JSON_INDENT(2));
    g_string_append_printf(out, "%s\n", printed);
    free(printed);
    json_decref(object);
}

char *verify_print_details(const struct verification *verification, size_t i)
{
    json_t *tensors = i == 0 ? print_tensors(verification) : json_object();
    const struct tensor_errors *errors = &verification->result[i];
    json_t *object = json_object();
    add_statistics(object, errors);
    json_object_set_new(tensors, errors->tensor, object);
    char *printed = json_dumps(tensors, JSON_REAL_PRECISION(17) | JSON_COMPACT);
    json_decref(tensors);
    return printed;
}

/* ---- tables ---------------------------------------------------------------- */

static void add_real(struct table *table, double value)
{
    g_autofree char *text =
        isnan(value) ? g_strdup("-") : g_strdup_printf("%.3g", value);
    table_add_text(table, text);
}

/* A bound that is not finite proves nothing, which is no success either. */
static const char *status_word(const struct check *check)
{
    if (check->is_ok) {
        return "ok";
    }
    return isinf(check->error_bound) && isfinite(check->max_abs_error)
               ? "no bound"
               : "FAILED";
}

static void print_checks(const struct verification *verification, GString *out)
{
    AUTO(table) table = table_new();
    table_add_text_column(table, "checked");
    table_add_text_column(table, "status");
    table_add_metric_column(table, METRIC_MAX_ABS_ERROR);
    table_add_metric_column(table, METRIC_MAX_REL_ERROR);
    table_add_metric_column(table, METRIC_ERROR_BOUND);
    table_add_metric_column(table, METRIC_CHECK_POINTS);
    for (size_t i = 0; i < verification->count; i++) {
        const struct check *check = &verification->checks[i];
        table_add_text(table, check->mapping != NULL ? check->mapping
                                                     : check->subject);
        table_add_text(table, status_word(check));
        add_real(table, check->max_abs_error);
        add_real(table, check->max_rel_error);
        add_real(table, check->error_bound);
        table_add_count(table, check->point_count);
    }
    table_print(table, out);
}

static void add_worst(struct table *table, const struct tensor_errors *errors)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int d = 0; d < errors->worst_count; d++) {
        g_string_append_printf(text, "%s%" PRId64, d > 0 ? "," : "",
                               errors->worst[d]);
    }
    table_add_text(table, text->str);
}

static void add_row(struct table *table, const char *name,
                    const struct tensor_errors *errors)
{
    table_add_text(table, name);
    table_add_text(table, kind_name(errors->kind));
    add_real(table, errors->max_abs);
    add_real(table, errors->mean_abs);
    add_real(table, errors->max_ulp);
    add_real(table, errors->mean_ulp);
    add_real(table, errors->bound);
    add_worst(table, errors);
}

static void print_tensor_table(const struct verification *verification,
                               GString *out)
{
    AUTO(table) table = table_new();
    table_add_text_column(table, "tensor");
    table_add_text_column(table, "kind");
    table_add_metric_column(table, METRIC_MAX_ABS_ERROR);
    table_add_metric_column(table, METRIC_MEAN_ABS_ERROR);
    table_add_metric_column(table, METRIC_MAX_ULP_ERROR);
    table_add_metric_column(table, METRIC_MEAN_ULP_ERROR);
    table_add_metric_column(table, METRIC_ERROR_BOUND);
    table_add_text_column(table, "worst at");
    for (size_t i = 0; i < verification->tensor_count; i++) {
        add_row(table, verification->tensors[i].tensor,
                &verification->tensors[i]);
    }
    for (size_t i = 0;
         verification->tensor_count == 0 && i < verification->count; i++) {
        add_row(table, verification->result[i].tensor,
                &verification->result[i]);
    }
    g_string_append_c(out, '\n');
    table_print(table, out);
}

void verify_print_table(const struct verification *verification,
                        bool with_tensors, GString *out)
{
    const struct check *first = &verification->checks[0];
    g_string_append_printf(out, "%s against kernel %s, %s, seed %" PRId64,
                           first->cascade, first->kernel, first->dtype,
                           first->seed);
    if (strcmp(verification->inputs, "declared") != 0) {
        g_string_append_printf(out, ", inputs %s", verification->inputs);
    }
    g_string_append_printf(out, "\n%s\n\n", first->shapes);
    print_checks(verification, out);
    if (with_tensors) {
        print_tensor_table(verification, out);
    }
}
