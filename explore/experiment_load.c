/* The experiment file as a whole. */
#include <string.h>

#include "explore/experiment.h"

const char *experiment_name(const struct experiment *experiment)
{
    return experiment->name;
}

const char *experiment_database(const struct experiment *experiment)
{
    return experiment->database;
}

size_t experiment_point_count(const struct experiment *experiment)
{
    return experiment->points->len;
}

const struct point *experiment_point(const struct experiment *experiment,
                                     size_t i)
{
    struct point *point = g_ptr_array_index(experiment->points, i);
    point_find_key(point);
    return point;
}

const char *const *experiment_figures(const struct experiment *experiment)
{
    return experiment->figure_names;
}

int experiment_find_axis(const struct experiment *experiment, const char *name)
{
    for (guint i = 0; i < experiment->axes->len; i++) {
        if (strcmp(experiment_axis(experiment, (int)i)->name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static enum status load_fidelity(struct diags *diags,
                                 const struct yaml_node *node, bool *fidelities)
{
    const char *const names[] = {fidelity_name(FIDELITY_MODEL),
                                 fidelity_name(FIDELITY_SIM)};
    TRY(yaml_expect(diags, node, YAML_SCALAR, "a fidelity"));
    for (int i = 0; i < (int)G_N_ELEMENTS(names); i++) {
        if (strcmp(yaml_text(node), names[i]) == 0) {
            fidelities[i] = true;
            return OK;
        }
    }
    g_autofree char *suggestion =
        suggest_text(yaml_text(node), names, G_N_ELEMENTS(names));
    diag_error(diags, yaml_span(node), "explore-unknown-fidelity", suggestion,
               "unknown fidelity '%s'", yaml_text(node));
    return ERR_INPUT;
}

/* What the caller asks for wins over the file. */
static enum status load_fidelities(struct diags *diags,
                                   const struct yaml_node *root,
                                   const struct experiment_options *options,
                                   struct experiment *experiment)
{
    const struct yaml_node *list = NULL;
    bool *fidelities = experiment->fidelities;
    TRY(yaml_get_node(diags, root, "fidelity", YAML_SEQUENCE, &list));
    for (size_t i = 0; i < yaml_count(list); i++) {
        TRY(load_fidelity(diags, yaml_item(list, i), fidelities));
    }
    if (options->wants_model || options->wants_sim) {
        fidelities[FIDELITY_MODEL] = options->wants_model;
        fidelities[FIDELITY_SIM] = options->wants_sim;
    }
    return OK;
}

/* Each name is bound, and each file chosen, by one axis only. */
static enum status check_overlap(struct diags *diags, const struct axis *axis,
                                 const struct axis *earlier)
{
    for (guint e = 0; e < axis->entries->len; e++) {
        const struct entry *entry = axis_entry(axis, (int)e);
        for (guint b = 0; b < entry->bindings->len; b++) {
            const struct binding *binding =
                &g_array_index(entry->bindings, struct binding, b);
            if (axis_binds(earlier, binding->name)) {
                diag_error(diags, binding->span, "explore-bound-twice", NULL,
                           "name '%s' is bound by axis '%s' already",
                           binding->name, earlier->name);
                return ERR_INPUT;
            }
        }
        for (int i = 0; i < INPUT_COUNT; i++) {
            if (entry->files[i] != NULL &&
                axis_chooses(earlier, (enum input_file)i)) {
                diag_error(diags, axis->span, "explore-bound-twice", NULL,
                           "the %s is chosen by axis '%s' already",
                           input_key((enum input_file)i), earlier->name);
                return ERR_INPUT;
            }
        }
    }
    return OK;
}

static enum status check_axis(struct diags *diags,
                              const struct experiment *experiment, int index)
{
    const struct axis *axis = experiment_axis(experiment, index);
    if (experiment_find_axis(experiment, axis->name) != index) {
        diag_error(diags, axis->span, "explore-axis-twice", NULL,
                   "axis '%s' is there twice", axis->name);
        return ERR_INPUT;
    }
    for (int other = 0; other < index && !axis->wins; other++) {
        TRY(check_overlap(diags, axis, experiment_axis(experiment, other)));
    }
    return OK;
}

static enum status load_axes(struct diags *diags, const struct yaml_node *root,
                             const char *folder, struct experiment *experiment)
{
    const struct yaml_node *list = NULL;
    TRY(yaml_find_node(diags, root, "axes", YAML_SEQUENCE, &list));
    for (size_t i = 0; list != NULL && i < yaml_count(list); i++) {
        struct axis *axis = NULL;
        TRY(axis_load(diags, yaml_item(list, i), folder, &axis));
        g_ptr_array_add(experiment->axes, axis);
        TRY(check_axis(diags, experiment, (int)i));
    }
    return OK;
}

static enum status load_root(struct diags *diags, const struct yaml_node *root,
                             const char *folder,
                             const struct experiment_options *options,
                             struct experiment *experiment)
{
    static const char *const keys[] = {
        "schema",   "experiment", "about",   "source",  "database",
        "fidelity", "let",        "set",     "cascade", "arch",
        "mapping",  "axes",       "figures", "tables",  NULL};
    const char *text = NULL;
    TRY(yaml_check_schema(diags, root));
    TRY(yaml_check_keys(diags, root, keys));
    TRY(yaml_get_text(diags, root, "experiment", &experiment->name));
    TRY(yaml_find_text(diags, root, "about", &text));
    TRY(yaml_find_text(diags, root, "source", &text));
    TRY(yaml_find_text(diags, root, "database", &experiment->database));
    TRY(load_fidelities(diags, root, options, experiment));
    TRY(entry_load(diags, root, folder, "all points", &experiment->common));
    TRY(load_axes(diags, root, folder, experiment));
    TRY(outputs_load(diags, root, experiment));
    return points_expand(diags, experiment, options->chosen);
}

static void free_axis(gpointer axis)
{
    axis_free(axis);
}

static void free_figure(gpointer plan)
{
    figure_plan_free(plan);
}

static void free_table(gpointer plan)
{
    table_plan_free(plan);
}

static void free_point(gpointer point)
{
    point_free(point);
}

enum status experiment_load_file(struct diags *diags, const char *path,
                                 const struct experiment_options *options,
                                 struct experiment **experiment)
{
    struct experiment *loaded = g_new0(struct experiment, 1);
    loaded->axes = g_ptr_array_new_with_free_func(free_axis);
    loaded->figures = g_ptr_array_new_with_free_func(free_figure);
    loaded->tables = g_ptr_array_new_with_free_func(free_table);
    loaded->points = g_ptr_array_new_with_free_func(free_point);
    loaded->hashes =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autofree char *folder = g_path_get_dirname(path);
    enum status status = yaml_load_file(diags, path, &loaded->document);
    if (status == OK) {
        status = load_root(diags, yaml_root(loaded->document), folder, options,
                           loaded);
    }
    if (status != OK) {
        experiment_free(loaded);
        return status;
    }
    *experiment = loaded;
    return OK;
}

void experiment_free(struct experiment *experiment)
{
    if (experiment == NULL) {
        return;
    }
    g_ptr_array_free(experiment->points, TRUE);
    g_hash_table_destroy(experiment->hashes);
    g_ptr_array_free(experiment->tables, TRUE);
    g_ptr_array_free(experiment->figures, TRUE);
    g_free(experiment->figure_names);
    g_ptr_array_free(experiment->axes, TRUE);
    entry_free(experiment->common);
    yaml_document_free(experiment->document);
    g_free(experiment);
}
