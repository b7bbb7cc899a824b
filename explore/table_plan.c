/* Tables of an experiment file: rows are the entries of an axis, columns compare
 * them with one of these entries. */
#include <string.h>

#include "explore/experiment.h"

static void clear_column(gpointer data)
{
    struct table_column *column = data;
    g_free(column->at);
}

void table_plan_free(struct table_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    g_array_free(plan->columns, TRUE);
    g_free(plan);
}

static enum status find_word(struct diags *diags, const struct yaml_node *node,
                             const char *const *words, size_t count,
                             const char *what, int *found)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(yaml_text(node), words[i]) == 0) {
            *found = (int)i;
            return OK;
        }
    }
    g_autofree char *suggestion = suggest_text(yaml_text(node), words, count);
    diag_error(diags, yaml_span(node), "explore-unknown-kind", suggestion,
               "unknown %s '%s'", what, yaml_text(node));
    return ERR_INPUT;
}

/* `over: [FLAT, Unfused]` of a mean_speedup: a column each. */
static enum status load_speedups(struct diags *diags,
                                 const struct yaml_node *node,
                                 const struct experiment *experiment,
                                 struct table_plan *plan)
{
    static const char *const keys[] = {"table", "kind", "of",   "over",
                                       "sum",   "at",   "note", NULL};
    const struct yaml_node *over = NULL;
    int sum = -1;
    TRY(yaml_check_keys(diags, node, keys));
    TRY(yaml_get_node(diags, node, "over", YAML_SEQUENCE, &over));
    TRY(outputs_find_axis(diags, node, "sum", experiment, &sum));
    for (size_t i = 0; i < yaml_count(over); i++) {
        const struct yaml_node *label = yaml_item(over, i);
        struct table_column column = {.metric = METRIC_SPEEDUP, .sum = sum};
        TRY(yaml_expect(diags, label, YAML_SCALAR, "an entry"));
        TRY(outputs_find_entry(diags, experiment_axis(experiment, plan->of),
                               yaml_text(label), yaml_span(label),
                               &column.baseline));
        column.heading = yaml_text(label);
        column.at = outputs_new_at(experiment);
        g_array_append_val(plan->columns, column);
        TRY(outputs_load_at(diags, node, experiment, column.at));
    }
    return OK;
}

/* heading: {metric: speedup, over: FLAT, sum: part, at: {...}} */
static enum status load_column(struct diags *diags,
                               const struct yaml_node *node,
                               const struct experiment *experiment,
                               const struct table_plan *plan,
                               struct table_column *column)
{
    static const char *const keys[] = {"metric", "over", "sum", "at", NULL};
    static const char *const metrics[] = {"speedup", "energy"};
    const struct yaml_node *metric = NULL;
    const struct yaml_node *over = NULL;
    int word = 0;
    TRY(yaml_check_keys(diags, node, keys));
    TRY(yaml_get_node(diags, node, "metric", YAML_SCALAR, &metric));
    TRY(find_word(diags, metric, metrics, G_N_ELEMENTS(metrics),
                  "metric of a table", &word));
    column->metric = word == 0 ? METRIC_SPEEDUP : METRIC_ENERGY_RATIO;
    TRY(yaml_get_node(diags, node, "over", YAML_SCALAR, &over));
    TRY(outputs_find_entry(diags, experiment_axis(experiment, plan->of),
                           yaml_text(over), yaml_span(over),
                           &column->baseline));
    TRY(outputs_find_axis(diags, node, "sum", experiment, &column->sum));
    return outputs_load_at(diags, node, experiment, column->at);
}

static enum status load_columns(struct diags *diags,
                                const struct yaml_node *node,
                                const struct experiment *experiment,
                                struct table_plan *plan)
{
    static const char *const keys[] = {"table",   "kind", "of",
                                       "columns", "note", NULL};
    const struct yaml_node *columns = NULL;
    TRY(yaml_check_keys(diags, node, keys));
    TRY(yaml_get_node(diags, node, "columns", YAML_MAPPING, &columns));
    for (size_t i = 0; i < yaml_count(columns); i++) {
        const struct yaml_node *value = yaml_pair_value(columns, i);
        struct table_column column = {
            .heading = yaml_pair_key(columns, i),
            .at = outputs_new_at(experiment),
        };
        g_array_append_val(plan->columns, column);
        TRY(yaml_expect(diags, value, YAML_MAPPING, "a column"));
        TRY(load_column(diags, value, experiment, plan,
                        &g_array_index(plan->columns, struct table_column, i)));
    }
    return OK;
}

static enum status load_table(struct diags *diags, const struct yaml_node *node,
                              const struct experiment *experiment,
                              struct table_plan *plan)
{
    static const char *const kinds[] = {"mean_speedup", "means"};
    const struct yaml_node *kind = NULL;
    int word = 0;
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a table"));
    TRY(yaml_get_text(diags, node, "table", &plan->name));
    TRY(yaml_find_text(diags, node, "note", &plan->note));
    TRY(yaml_get_node(diags, node, "kind", YAML_SCALAR, &kind));
    TRY(find_word(diags, kind, kinds, G_N_ELEMENTS(kinds), "kind of table",
                  &word));
    TRY(outputs_get_axis(diags, node, "of", experiment, &plan->of));
    plan->is_wide = word == 1;
    return word == 0 ? load_speedups(diags, node, experiment, plan)
                     : load_columns(diags, node, experiment, plan);
}

enum status table_plan_load(struct diags *diags, const struct yaml_node *node,
                            struct experiment *experiment)
{
    struct table_plan *plan = g_new0(struct table_plan, 1);
    plan->columns = g_array_new(FALSE, TRUE, sizeof(struct table_column));
    g_array_set_clear_func(plan->columns, clear_column);
    g_ptr_array_add(experiment->tables, plan);
    return load_table(diags, node, experiment, plan);
}
