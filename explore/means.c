/* Means: for each entry of an axis and each column, the arithmetic and the
 * geometric mean, over all combinations of the other axes, of what the entry is
 * to the column's baseline: seconds of the baseline over seconds of the entry,
 * or energy of the entry over energy of the baseline. A combination that lacks a
 * run does not count. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "explore/study.h"

struct means {
    int64_t count;
    double arithmetic;
    double geometric;
};

/* The next combination of the axes that a column neither fixes nor sums; false
 * after the last. */
static bool advance(const struct experiment *experiment, int of,
                    const struct table_column *column, int *entries)
{
    for (int a = (int)experiment->axes->len - 1; a >= 0; a--) {
        if (a == of || a == column->sum || column->at[a] >= 0) {
            continue;
        }
        entries[a]++;
        if (entries[a] < (int)experiment_axis(experiment, a)->entries->len) {
            return true;
        }
        entries[a] = 0;
    }
    return false;
}

/* Seconds, or energy, of one combination; NaN when a run is missing. */
static double add_up(const struct study *study, enum fidelity fidelity,
                     const struct table_column *column, int *entries)
{
    int parts = column->sum < 0
                    ? 1
                    : (int)experiment_axis(study->experiment, column->sum)
                          ->entries->len;
    double sum = 0.0;
    for (int part = 0; part < parts; part++) {
        if (column->sum >= 0) {
            entries[column->sum] = part;
        }
        const struct run *run = study_find(study, fidelity, entries);
        sum += run == NULL                        ? (double)NAN
               : column->metric == METRIC_SPEEDUP ? run_seconds(run)
                                                  : run->evaluation.energy_pj;
    }
    return sum;
}

static struct means count_means(const struct study *study,
                                enum fidelity fidelity, int of, int entry,
                                const struct table_column *column)
{
    const struct experiment *experiment = study->experiment;
    g_autofree int *entries = g_new0(int, experiment->axes->len + 1);
    for (guint a = 0; a < experiment->axes->len; a++) {
        entries[a] = MAX(column->at[a], 0);
    }
    struct means means = {0};
    double sum = 0.0;
    double log_sum = 0.0;
    do {
        entries[of] = column->baseline;
        double baseline = add_up(study, fidelity, column, entries);
        entries[of] = entry;
        double value = add_up(study, fidelity, column, entries);
        double ratio = column->metric == METRIC_SPEEDUP ? baseline / value
                                                        : value / baseline;
        if (isfinite(ratio)) {
            sum += ratio;
            log_sum += log(ratio);
            means.count++;
        }
    } while (advance(experiment, of, column, entries));
    means.arithmetic =
        means.count == 0 ? (double)NAN : sum / (double)means.count;
    means.geometric =
        means.count == 0 ? (double)NAN : exp(log_sum / (double)means.count);
    return means;
}

static const struct table_column *get_column(const struct table_plan *plan,
                                             guint c)
{
    return &g_array_index(plan->columns, struct table_column, c);
}

static void add_columns(const struct table_plan *plan, struct table *table)
{
    for (guint c = 0; c < plan->columns->len; c++) {
        const struct table_column *column = get_column(plan, c);
        if (plan->is_wide) {
            table_add_headed_column(table, column->metric, column->heading);
            continue;
        }
        g_autofree char *arithmetic =
            g_strdup_printf("over %s", column->heading);
        table_add_headed_column(table, column->metric, arithmetic);
        table_add_headed_column(table, column->metric, "geometric");
        table_add_headed_column(table, METRIC_CHECK_POINTS, "points");
    }
}

static void print_text(const struct study *study, const struct table_plan *plan,
                       enum fidelity fidelity, GString *out)
{
    const struct axis *axis = experiment_axis(study->experiment, plan->of);
    AUTO(table) table = table_new();
    table_add_text_column(table, axis->name);
    add_columns(plan, table);
    for (guint e = 0; e < axis->entries->len; e++) {
        table_add_text(table, axis_entry(axis, (int)e)->label);
        for (guint c = 0; c < plan->columns->len; c++) {
            struct means means = count_means(study, fidelity, plan->of, (int)e,
                                             get_column(plan, c));
            table_add_ratio(table, means.arithmetic, 4);
            if (!plan->is_wide) {
                table_add_ratio(table, means.geometric, 4);
                table_add_count(table, means.count);
            }
        }
    }
    g_string_append_printf(
        out, "%s (%s): %s\n", plan->name, fidelity_name(fidelity),
        plan->is_wide ? "arithmetic means" : "arithmetic and geometric means");
    table_print(table, out);
    if (plan->note != NULL) {
        g_autofree char *note = g_strchomp(g_strdup(plan->note));
        g_string_append_printf(out, "%s\n", note);
    }
}

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *print_json(const struct study *study,
                          const struct table_plan *plan, enum fidelity fidelity)
{
    const struct axis *axis = experiment_axis(study->experiment, plan->of);
    json_t *rows = json_object();
    for (guint e = 0; e < axis->entries->len; e++) {
        json_t *row = json_object();
        for (guint c = 0; c < plan->columns->len; c++) {
            const struct table_column *column = get_column(plan, c);
            struct means means =
                count_means(study, fidelity, plan->of, (int)e, column);
            json_object_set_new(row, column->heading,
                                json_pack("{so so sI}", "arithmetic",
                                          real(means.arithmetic), "geometric",
                                          real(means.geometric), "points",
                                          (json_int_t)means.count));
        }
        json_object_set_new(rows, axis_entry(axis, (int)e)->label, row);
    }
    return rows;
}

static void print_all_json(const struct study *study, GString *out)
{
    const struct experiment *experiment = study->experiment;
    json_t *tables = json_object();
    for (guint t = 0; t < experiment->tables->len; t++) {
        const struct table_plan *plan =
            g_ptr_array_index(experiment->tables, t);
        json_t *by_fidelity = json_object();
        for (int f = FIDELITY_MODEL; f <= FIDELITY_SIM; f++) {
            if (experiment->fidelities[f]) {
                json_object_set_new(by_fidelity,
                                    fidelity_name((enum fidelity)f),
                                    print_json(study, plan, (enum fidelity)f));
            }
        }
        json_object_set_new(tables, plan->name, by_fidelity);
    }
    char *printed =
        json_dumps(tables, JSON_REAL_PRECISION(17) | JSON_INDENT(2));
    g_string_append_printf(out, "%s\n", printed);
    free(printed);
    json_decref(tables);
}

enum status explore_print_tables(const struct experiment *experiment,
                                 struct store *store, struct diags *diags,
                                 bool as_json, GString *out)
{
    AUTO(study) study = NULL;
    TRY(study_new(experiment, store, diags, &study));
    if (as_json) {
        print_all_json(study, out);
        return OK;
    }
    for (guint t = 0; t < experiment->tables->len; t++) {
        for (int f = FIDELITY_MODEL; f <= FIDELITY_SIM; f++) {
            if (experiment->fidelities[f]) {
                g_string_append(out, out->len == 0 ? "" : "\n");
                print_text(study, g_ptr_array_index(experiment->tables, t),
                           (enum fidelity)f, out);
            }
        }
    }
    return OK;
}
