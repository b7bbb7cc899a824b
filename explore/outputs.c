/* What an experiment file asks to be made of its results. */
#include <string.h>

#include "explore/experiment.h"

void figure_plan_free(struct figure_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    g_free(plan->at);
    g_free(plan);
}

void table_plan_free(struct table_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    g_array_free(plan->baselines, TRUE);
    g_free(plan);
}

static enum status find_axis_at(struct diags *diags,
                                const struct experiment *experiment,
                                const char *name, struct span span, int *axis)
{
    *axis = experiment_find_axis(experiment, name);
    if (*axis >= 0) {
        return OK;
    }
    guint count = experiment->axes->len;
    g_autofree const char **names = g_new0(const char *, count + 1);
    for (guint i = 0; i < count; i++) {
        names[i] = experiment_axis(experiment, (int)i)->name;
    }
    g_autofree char *suggestion = suggest_text(name, names, count);
    diag_error(diags, span, "explore-unknown-axis", suggestion,
               "unknown axis '%s'", name);
    return ERR_INPUT;
}

static enum status find_entry_at(struct diags *diags, const struct axis *axis,
                                 const char *label, struct span span,
                                 int *entry)
{
    *entry = axis_find_entry(axis, label);
    if (*entry >= 0) {
        return OK;
    }
    g_autoptr(GPtrArray) labels = g_ptr_array_new();
    for (guint i = 0; i < axis->entries->len; i++) {
        g_ptr_array_add(labels, axis_entry(axis, (int)i)->label);
    }
    g_autofree char *suggestion =
        suggest_text(label, (const char *const *)labels->pdata, labels->len);
    diag_error(diags, span, "explore-unknown-entry", suggestion,
               "axis '%s' has no entry '%s'", axis->name, label);
    return ERR_INPUT;
}

/* *axis -1 when the key is absent. */
static enum status find_axis(struct diags *diags, const struct yaml_node *node,
                             const char *key,
                             const struct experiment *experiment, int *axis)
{
    const char *name = NULL;
    *axis = -1;
    TRY(yaml_find_text(diags, node, key, &name));
    if (name == NULL) {
        return OK;
    }
    return find_axis_at(diags, experiment, name,
                        yaml_span(yaml_find(node, key)), axis);
}

static enum status get_axis(struct diags *diags, const struct yaml_node *node,
                            const char *key,
                            const struct experiment *experiment, int *axis)
{
    const char *name = NULL;
    TRY(yaml_get_text(diags, node, key, &name));
    return find_axis(diags, node, key, experiment, axis);
}

/* ---- figures --------------------------------------------------------------- */

static enum status check_kind(struct diags *diags, const struct yaml_node *node,
                              const char *kind)
{
    const char *const *names = figure_kind_names();
    if (g_strv_contains(names, kind)) {
        return OK;
    }
    size_t count = 0;
    while (names[count] != NULL) {
        count++;
    }
    g_autofree char *suggestion = suggest_text(kind, names, count);
    diag_error(diags, yaml_span(yaml_find(node, "kind")),
               "explore-unknown-kind", suggestion,
               "unknown kind of figure '%s'", kind);
    return ERR_INPUT;
}

/* A key that the kind needs must be there, one that it does not use must not. */
static enum status load_for_kind(struct diags *diags,
                                 const struct yaml_node *node, const char *key,
                                 bool is_needed, const char **text)
{
    if (is_needed) {
        return yaml_get_text(diags, node, key, text);
    }
    if (yaml_find(node, key) != NULL) {
        diag_error(diags, yaml_key_span(yaml_find(node, key)),
                   "explore-unused-key", NULL,
                   "this kind of figure has no '%s'", key);
        return ERR_INPUT;
    }
    return OK;
}

static enum status load_names(struct diags *diags, const struct yaml_node *node,
                              struct figure_options *options)
{
    TRY(yaml_get_text(diags, node, "figure", &options->name));
    TRY(yaml_get_text(diags, node, "kind", &options->kind));
    TRY(check_kind(diags, node, options->kind));
    TRY(load_for_kind(diags, node, "unit", figure_needs_unit(options->kind),
                      &options->unit));
    TRY(load_for_kind(diags, node, "baseline",
                      figure_needs_baseline(options->kind),
                      &options->baseline));
    TRY(yaml_find_text(diags, node, "title", &options->title));
    TRY(yaml_find_text(diags, node, "x_label", &options->x_label));
    if (strpbrk(options->name, "/\\") != NULL) {
        diag_error(diags, yaml_span(yaml_find(node, "figure")),
                   "explore-figure-name", NULL,
                   "the name of a figure is a file name, without folders");
        return ERR_INPUT;
    }
    return OK;
}

/* Every axis is one of the three, or stands still at one entry. */
static enum status load_fixed(struct diags *diags, const struct yaml_node *node,
                              const struct experiment *experiment,
                              struct figure_plan *plan)
{
    const struct yaml_node *at = NULL;
    TRY(yaml_find_node(diags, node, "at", YAML_MAPPING, &at));
    for (size_t i = 0; at != NULL && i < yaml_count(at); i++) {
        const struct yaml_node *value = yaml_pair_value(at, i);
        int axis = -1;
        TRY(yaml_expect(diags, value, YAML_SCALAR, "an entry"));
        TRY(find_axis_at(diags, experiment, yaml_pair_key(at, i),
                         yaml_key_span(value), &axis));
        TRY(find_entry_at(diags, experiment_axis(experiment, axis),
                          yaml_text(value), yaml_span(value), &plan->at[axis]));
    }
    for (int axis = 0; axis < (int)experiment->axes->len; axis++) {
        bool is_drawn =
            axis == plan->group || axis == plan->x || axis == plan->bars;
        const struct axis *other = experiment_axis(experiment, axis);
        if (!is_drawn && plan->at[axis] < 0 && other->entries->len == 1) {
            plan->at[axis] = 0;
        }
        if (is_drawn == (plan->at[axis] >= 0)) {
            diag_error(diags, yaml_span(node), "explore-figure-axes", NULL,
                       is_drawn ? "axis '%s' is drawn and in 'at' too"
                                : "axis '%s' is neither drawn nor in 'at'",
                       other->name);
            return ERR_INPUT;
        }
    }
    return OK;
}

static enum status load_figure(struct diags *diags,
                               const struct yaml_node *node,
                               const struct experiment *experiment,
                               struct figure_plan *plan)
{
    static const char *const keys[] = {"figure", "kind",    "unit", "baseline",
                                       "group",  "x",       "bars", "at",
                                       "title",  "x_label", NULL};
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a figure"));
    TRY(yaml_check_keys(diags, node, keys));
    TRY(load_names(diags, node, &plan->options));
    TRY(find_axis(diags, node, "group", experiment, &plan->group));
    TRY(get_axis(diags, node, "x", experiment, &plan->x));
    TRY(get_axis(diags, node, "bars", experiment, &plan->bars));
    if (plan->x == plan->bars || plan->x == plan->group ||
        plan->bars == plan->group) {
        diag_error(diags, yaml_span(node), "explore-figure-axes", NULL,
                   "'group', 'x' and 'bars' must be three different axes");
        return ERR_INPUT;
    }
    int entry = -1;
    if (plan->options.baseline != NULL) {
        TRY(find_entry_at(diags, experiment_axis(experiment, plan->bars),
                          plan->options.baseline,
                          yaml_span(yaml_find(node, "baseline")), &entry));
    }
    return load_fixed(diags, node, experiment, plan);
}

static enum status add_figure(struct diags *diags, const struct yaml_node *node,
                              struct experiment *experiment)
{
    struct figure_plan *plan = g_new0(struct figure_plan, 1);
    plan->at = g_new0(int, experiment->axes->len + 1);
    for (guint i = 0; i < experiment->axes->len; i++) {
        plan->at[i] = -1;
    }
    g_ptr_array_add(experiment->figures, plan);
    return load_figure(diags, node, experiment, plan);
}

/* ---- tables ---------------------------------------------------------------- */

static enum status load_table(struct diags *diags, const struct yaml_node *node,
                              const struct experiment *experiment,
                              struct table_plan *plan)
{
    static const char *const keys[] = {"table", "kind", "of", "over", NULL};
    static const char *const kinds[] = {"mean_speedup"};
    const char *kind = NULL;
    const struct yaml_node *over = NULL;
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a table"));
    TRY(yaml_check_keys(diags, node, keys));
    TRY(yaml_get_text(diags, node, "table", &plan->name));
    TRY(yaml_get_text(diags, node, "kind", &kind));
    if (strcmp(kind, kinds[0]) != 0) {
        g_autofree char *suggestion =
            suggest_text(kind, kinds, G_N_ELEMENTS(kinds));
        diag_error(diags, yaml_span(yaml_find(node, "kind")),
                   "explore-unknown-kind", suggestion,
                   "unknown kind of table '%s'", kind);
        return ERR_INPUT;
    }
    TRY(get_axis(diags, node, "of", experiment, &plan->of));
    TRY(yaml_get_node(diags, node, "over", YAML_SEQUENCE, &over));
    for (size_t i = 0; i < yaml_count(over); i++) {
        const struct yaml_node *label = yaml_item(over, i);
        int entry = -1;
        TRY(yaml_expect(diags, label, YAML_SCALAR, "an entry"));
        TRY(find_entry_at(diags, experiment_axis(experiment, plan->of),
                          yaml_text(label), yaml_span(label), &entry));
        g_array_append_val(plan->baselines, entry);
    }
    return OK;
}

static enum status add_table(struct diags *diags, const struct yaml_node *node,
                             struct experiment *experiment)
{
    struct table_plan *plan = g_new0(struct table_plan, 1);
    plan->baselines = g_array_new(FALSE, FALSE, sizeof(int));
    g_ptr_array_add(experiment->tables, plan);
    return load_table(diags, node, experiment, plan);
}

static enum status check_names(struct diags *diags,
                               const struct yaml_node *figures,
                               struct experiment *experiment)
{
    guint count = experiment->figures->len;
    experiment->figure_names = g_new0(const char *, count + 1);
    for (guint i = 0; i < count; i++) {
        const struct figure_plan *plan =
            g_ptr_array_index(experiment->figures, i);
        const char *name = plan->options.name;
        if (g_strv_contains(experiment->figure_names, name)) {
            diag_error(diags, yaml_span(yaml_item(figures, i)),
                       "explore-figure-twice", NULL,
                       "figure '%s' is there twice", name);
            return ERR_INPUT;
        }
        experiment->figure_names[i] = name;
    }
    return OK;
}

enum status outputs_load(struct diags *diags, const struct yaml_node *root,
                         struct experiment *experiment)
{
    const struct yaml_node *figures = NULL;
    const struct yaml_node *tables = NULL;
    TRY(yaml_find_node(diags, root, "figures", YAML_SEQUENCE, &figures));
    TRY(yaml_find_node(diags, root, "tables", YAML_SEQUENCE, &tables));
    for (size_t i = 0; figures != NULL && i < yaml_count(figures); i++) {
        TRY(add_figure(diags, yaml_item(figures, i), experiment));
    }
    for (size_t i = 0; tables != NULL && i < yaml_count(tables); i++) {
        TRY(add_table(diags, yaml_item(tables, i), experiment));
    }
    return check_names(diags, figures, experiment);
}
