/* Mean speedups: for each entry of an axis and each baseline on it, the
 * arithmetic and the geometric mean, over all combinations of the other axes,
 * of the baseline's seconds over the entry's. A combination that lacks either
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

/* The next combination of all axes but `fixed`; false after the last. */
static bool advance(const struct experiment *experiment, int fixed,
                    int *entries)
{
    for (int a = (int)experiment->axes->len - 1; a >= 0; a--) {
        if (a == fixed) {
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

static struct means count_means(const struct study *study,
                                enum fidelity fidelity, int axis, int entry,
                                int baseline)
{
    const struct experiment *experiment = study->experiment;
    g_autofree int *entries = g_new0(int, experiment->axes->len + 1);
    struct means means = {0};
    double sum = 0.0;
    double log_sum = 0.0;
    do {
        entries[axis] = baseline;
        const struct run *slow = study_find(study, fidelity, entries);
        entries[axis] = entry;
        const struct run *fast = study_find(study, fidelity, entries);
        if (slow != NULL && fast != NULL) {
            double speedup = run_seconds(slow) / run_seconds(fast);
            sum += speedup;
            log_sum += log(speedup);
            means.count++;
        }
    } while (advance(experiment, axis, entries));
    means.arithmetic =
        means.count == 0 ? (double)NAN : sum / (double)means.count;
    means.geometric =
        means.count == 0 ? (double)NAN : exp(log_sum / (double)means.count);
    return means;
}

static void print_text(const struct study *study, const struct table_plan *plan,
                       enum fidelity fidelity, GString *out)
{
    const struct axis *axis = experiment_axis(study->experiment, plan->of);
    AUTO(table) table = table_new();
    table_add_text_column(table, axis->name);
    for (guint b = 0; b < plan->baselines->len; b++) {
        const char *label =
            axis_entry(axis, g_array_index(plan->baselines, int, b))->label;
        g_autofree char *arithmetic = g_strdup_printf("over %s", label);
        table_add_headed_column(table, METRIC_SPEEDUP, arithmetic);
        table_add_headed_column(table, METRIC_SPEEDUP, "geometric");
        table_add_headed_column(table, METRIC_CHECK_POINTS, "points");
    }
    for (guint e = 0; e < axis->entries->len; e++) {
        table_add_text(table, axis_entry(axis, (int)e)->label);
        for (guint b = 0; b < plan->baselines->len; b++) {
            struct means means =
                count_means(study, fidelity, plan->of, (int)e,
                            g_array_index(plan->baselines, int, b));
            table_add_ratio(table, means.arithmetic, 4);
            table_add_ratio(table, means.geometric, 4);
            table_add_count(table, means.count);
        }
    }
    g_string_append_printf(out, "%s (%s): arithmetic and geometric means\n",
                           plan->name, fidelity_name(fidelity));
    table_print(table, out);
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
        for (guint b = 0; b < plan->baselines->len; b++) {
            int baseline = g_array_index(plan->baselines, int, b);
            struct means means =
                count_means(study, fidelity, plan->of, (int)e, baseline);
            json_object_set_new(row, axis_entry(axis, baseline)->label,
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
