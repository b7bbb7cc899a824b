/* What an experiment file asks to be made of its results: figures here, tables
 * in table_plan.c. */
#include <string.h>

#include "explore/experiment.h"

void figure_plan_free(struct figure_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    g_free(plan->at);
    g_array_free(plan->shown, TRUE);
    g_array_free(plan->layers, TRUE);
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

enum status outputs_find_entry(struct diags *diags, const struct axis *axis,
                               const char *label, struct span span, int *entry)
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
enum status outputs_find_axis(struct diags *diags, const struct yaml_node *node,
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

enum status outputs_get_axis(struct diags *diags, const struct yaml_node *node,
                             const char *key,
                             const struct experiment *experiment, int *axis)
{
    const char *name = NULL;
    TRY(yaml_get_text(diags, node, key, &name));
    return outputs_find_axis(diags, node, key, experiment, axis);
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

static enum status check_unused(struct diags *diags,
                                const struct yaml_node *node, const char *key)
{
    if (yaml_find(node, key) == NULL) {
        return OK;
    }
    diag_error(diags, yaml_key_span(yaml_find(node, key)), "explore-unused-key",
               NULL, "this kind of figure has no '%s'", key);
    return ERR_INPUT;
}

/* A key that the kind needs must be there, one that it does not use must not. */
static enum status load_for_kind(struct diags *diags,
                                 const struct yaml_node *node, const char *key,
                                 bool is_needed, const char **text)
{
    return is_needed ? yaml_get_text(diags, node, key, text)
                     : check_unused(diags, node, key);
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

int *outputs_new_at(const struct experiment *experiment)
{
    int *at = g_new0(int, experiment->axes->len + 1);
    for (guint i = 0; i < experiment->axes->len; i++) {
        at[i] = -1;
    }
    return at;
}

enum status outputs_load_at(struct diags *diags, const struct yaml_node *node,
                            const struct experiment *experiment, int *at)
{
    const struct yaml_node *list = NULL;
    TRY(yaml_find_node(diags, node, "at", YAML_MAPPING, &list));
    for (size_t i = 0; list != NULL && i < yaml_count(list); i++) {
        const struct yaml_node *value = yaml_pair_value(list, i);
        int axis = -1;
        TRY(yaml_expect(diags, value, YAML_SCALAR, "an entry"));
        TRY(find_axis_at(diags, experiment, yaml_pair_key(list, i),
                         yaml_key_span(value), &axis));
        TRY(outputs_find_entry(diags, experiment_axis(experiment, axis),
                               yaml_text(value), yaml_span(value), &at[axis]));
    }
    return OK;
}

/* Every axis is drawn, added up, or stands still at one entry. */
static enum status load_fixed(struct diags *diags, const struct yaml_node *node,
                              const struct experiment *experiment,
                              struct figure_plan *plan)
{
    TRY(outputs_load_at(diags, node, experiment, plan->at));
    for (int axis = 0; axis < (int)experiment->axes->len; axis++) {
        bool is_drawn = axis == plan->group || axis == plan->x ||
                        axis == plan->bars || axis == plan->sum;
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

static enum status add_shown(struct diags *diags, const struct axis *bars,
                             const char *label, struct span span,
                             const char *name, struct figure_plan *plan)
{
    struct shown_bar bar = {.name = name};
    TRY(outputs_find_entry(diags, bars, label, span, &bar.entry));
    g_array_append_val(plan->shown, bar);
    return OK;
}

/* `show`: which entries of the bars' axis, in a list, or with the names they get
 * as {entry: name}; all otherwise. */
static enum status load_shown(struct diags *diags, const struct yaml_node *node,
                              const struct experiment *experiment,
                              struct figure_plan *plan)
{
    const struct axis *bars = experiment_axis(experiment, plan->bars);
    const struct yaml_node *list = yaml_find(node, "show");
    for (int i = 0; list == NULL && i < (int)bars->entries->len; i++) {
        struct shown_bar bar = {i, axis_entry(bars, i)->label};
        g_array_append_val(plan->shown, bar);
    }
    for (size_t i = 0; list != NULL && i < yaml_count(list); i++) {
        bool is_named = yaml_kind(list) == YAML_MAPPING;
        const struct yaml_node *item =
            is_named ? yaml_pair_value(list, i) : yaml_item(list, i);
        TRY(yaml_expect(diags, item, YAML_SCALAR, "a name"));
        TRY(add_shown(diags, bars,
                      is_named ? yaml_pair_key(list, i) : yaml_text(item),
                      is_named ? yaml_key_span(item) : yaml_span(item),
                      yaml_text(item), plan));
    }
    return OK;
}

static void clear_layer(gpointer data)
{
    struct figure_layer *layer = data;
    g_free(layer->einsums);
}

static enum status load_layer(struct diags *diags, const char *label,
                              const struct yaml_node *names,
                              struct figure_layer *layer)
{
    TRY(yaml_expect(diags, names, YAML_SEQUENCE, "a list of Einsums"));
    layer->label = label;
    layer->einsums = g_new0(const char *, yaml_count(names) + 1);
    for (size_t i = 0; i < yaml_count(names); i++) {
        TRY(yaml_expect(diags, yaml_item(names, i), YAML_SCALAR, "an Einsum"));
        layer->einsums[i] = yaml_text(yaml_item(names, i));
    }
    return OK;
}

/* {label: [Einsum, ...], ...} */
static enum status load_layers(struct diags *diags,
                               const struct yaml_node *node,
                               struct figure_plan *plan)
{
    const struct yaml_node *stack = NULL;
    TRY(yaml_get_node(diags, node, "stack", YAML_MAPPING, &stack));
    g_array_set_size(plan->layers, (guint)yaml_count(stack));
    plan->options.layers =
        (const struct figure_layer *)(void *)plan->layers->data;
    plan->options.layer_count = plan->layers->len;
    for (size_t i = 0; i < yaml_count(stack); i++) {
        TRY(load_layer(diags, yaml_pair_key(stack, i),
                       yaml_pair_value(stack, i),
                       &g_array_index(plan->layers, struct figure_layer, i)));
    }
    return OK;
}

static enum status load_axes_of(struct diags *diags,
                                const struct yaml_node *node,
                                const struct experiment *experiment,
                                struct figure_plan *plan)
{
    TRY(outputs_find_axis(diags, node, "group", experiment, &plan->group));
    TRY(outputs_get_axis(diags, node, "x", experiment, &plan->x));
    TRY(outputs_get_axis(diags, node, "bars", experiment, &plan->bars));
    TRY(outputs_find_axis(diags, node, "sum", experiment, &plan->sum));
    int axes[] = {plan->group, plan->x, plan->bars, plan->sum};
    for (size_t i = 0; i < G_N_ELEMENTS(axes); i++) {
        for (size_t k = 0; k < i; k++) {
            if (axes[i] == axes[k] && axes[i] >= 0) {
                diag_error(diags, yaml_span(node), "explore-figure-axes", NULL,
                           "'group', 'x', 'bars' and 'sum' must be different "
                           "axes");
                return ERR_INPUT;
            }
        }
    }
    return OK;
}

static enum status load_figure(struct diags *diags,
                               const struct yaml_node *node,
                               const struct experiment *experiment,
                               struct figure_plan *plan)
{
    static const char *const keys[] = {
        "figure", "kind", "unit", "baseline", "stack", "group",   "x",
        "bars",   "show", "sum",  "at",       "title", "x_label", NULL};
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a figure"));
    TRY(yaml_check_keys(diags, node, keys));
    TRY(load_names(diags, node, &plan->options));
    TRY(load_axes_of(diags, node, experiment, plan));
    int entry = -1;
    if (plan->options.baseline != NULL) {
        TRY(outputs_find_entry(diags, experiment_axis(experiment, plan->bars),
                               plan->options.baseline,
                               yaml_span(yaml_find(node, "baseline")), &entry));
    }
    TRY(figure_needs_stack(plan->options.kind)
            ? load_layers(diags, node, plan)
            : check_unused(diags, node, "stack"));
    if (!figure_can_sum(plan->options.kind)) {
        TRY(check_unused(diags, node, "sum"));
    }
    TRY(load_shown(diags, node, experiment, plan));
    return load_fixed(diags, node, experiment, plan);
}

static enum status add_figure(struct diags *diags, const struct yaml_node *node,
                              struct experiment *experiment)
{
    struct figure_plan *plan = g_new0(struct figure_plan, 1);
    plan->at = outputs_new_at(experiment);
    plan->shown = g_array_new(FALSE, FALSE, sizeof(struct shown_bar));
    plan->layers = g_array_new(FALSE, TRUE, sizeof(struct figure_layer));
    g_array_set_clear_func(plan->layers, clear_layer);
    g_ptr_array_add(experiment->figures, plan);
    return load_figure(diags, node, experiment, plan);
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
        TRY(table_plan_load(diags, yaml_item(tables, i), experiment));
    }
    return check_names(diags, figures, experiment);
}
