/* Entries and axes of an experiment file. */
#include <string.h>

#include "explore/experiment.h"

const char *input_key(enum input_file input)
{
    static const char *const keys[INPUT_COUNT] = {
        [INPUT_CASCADE] = "cascade",
        [INPUT_ARCH] = "arch",
        [INPUT_MAPPING] = "mapping",
    };
    return keys[input];
}

static void clear_binding(gpointer data)
{
    struct binding *binding = data;
    expr_free(binding->expr);
}

static struct entry *entry_new(const char *label)
{
    struct entry *entry = g_new0(struct entry, 1);
    entry->label = g_strdup(label);
    entry->bindings = g_array_new(FALSE, TRUE, sizeof(struct binding));
    g_array_set_clear_func(entry->bindings, clear_binding);
    return entry;
}

void entry_free(struct entry *entry)
{
    if (entry == NULL) {
        return;
    }
    g_free(entry->label);
    g_array_free(entry->bindings, TRUE);
    for (int i = 0; i < INPUT_COUNT; i++) {
        g_free(entry->files[i]);
    }
    g_free(entry);
}

/* A path as written in the file, seen from the current directory. '..' takes
 * back a folder of ours, so that 'experiments/../arch-configs/x.yaml' is
 * 'arch-configs/x.yaml'. */
static char *resolve_path(const char *folder, const char *file)
{
    if (g_path_is_absolute(file)) {
        return g_strdup(file);
    }
    g_autofree char *left = g_strdup(strcmp(folder, ".") == 0 ? "" : folder);
    while (g_str_has_prefix(file, "../") && left[0] != '\0' &&
           !g_str_has_suffix(left, "..") && strcmp(left, "/") != 0) {
        char *slash = strrchr(left, '/');
        *(slash == NULL ? left : slash) = '\0';
        file += strlen("../");
    }
    return left[0] == '\0' ? g_strdup(file)
                           : g_build_filename(left, file, NULL);
}

static enum status load_bindings(struct diags *diags,
                                 const struct yaml_node *node, const char *key,
                                 bool is_local, struct entry *entry)
{
    const struct yaml_node *set = NULL;
    TRY(yaml_find_node(diags, node, key, YAML_MAPPING, &set));
    for (size_t i = 0; set != NULL && i < yaml_count(set); i++) {
        const struct yaml_node *value = yaml_pair_value(set, i);
        struct binding binding = {
            .name = yaml_pair_key(set, i),
            .span = yaml_key_span(value),
            .is_local = is_local,
        };
        TRY(yaml_parse_expr(diags, value, &binding.expr));
        g_array_append_val(entry->bindings, binding);
    }
    return OK;
}

static enum status load_entry(struct diags *diags, const struct yaml_node *node,
                              const char *folder, struct entry *entry)
{
    TRY(load_bindings(diags, node, "let", true, entry));
    TRY(load_bindings(diags, node, "set", false, entry));
    for (int i = 0; i < INPUT_COUNT; i++) {
        const char *file = NULL;
        TRY(yaml_find_text(diags, node, input_key((enum input_file)i), &file));
        if (file != NULL) {
            entry->files[i] = resolve_path(folder, file);
        }
    }
    return OK;
}

enum status entry_load(struct diags *diags, const struct yaml_node *node,
                       const char *folder, const char *label,
                       struct entry **entry)
{
    struct entry *loaded = entry_new(label);
    enum status status = load_entry(diags, node, folder, loaded);
    if (status != OK) {
        entry_free(loaded);
        return status;
    }
    *entry = loaded;
    return OK;
}

/* ---- axes ------------------------------------------------------------------ */

void axis_free(struct axis *axis)
{
    if (axis == NULL) {
        return;
    }
    g_ptr_array_free(axis->entries, TRUE);
    g_free(axis);
}

int axis_find_entry(const struct axis *axis, const char *label)
{
    for (guint i = 0; i < axis->entries->len; i++) {
        if (strcmp(axis_entry(axis, (int)i)->label, label) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool axis_binds(const struct axis *axis, const char *name)
{
    for (guint e = 0; e < axis->entries->len; e++) {
        const struct entry *entry = axis_entry(axis, (int)e);
        for (guint b = 0; b < entry->bindings->len; b++) {
            if (strcmp(g_array_index(entry->bindings, struct binding, b).name,
                       name) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool axis_chooses(const struct axis *axis, enum input_file input)
{
    for (guint e = 0; e < axis->entries->len; e++) {
        if (axis_entry(axis, (int)e)->files[input] != NULL) {
            return true;
        }
    }
    return false;
}

static enum status load_entries(struct diags *diags,
                                const struct yaml_node *node,
                                const char *folder, struct axis *axis)
{
    static const char *const keys[] = {"let",  "set",     "cascade",
                                       "arch", "mapping", NULL};
    const struct yaml_node *entries = NULL;
    TRY(yaml_get_node(diags, node, "entries", YAML_MAPPING, &entries));
    for (size_t i = 0; i < yaml_count(entries); i++) {
        const struct yaml_node *value = yaml_pair_value(entries, i);
        struct entry *entry = NULL;
        TRY(yaml_expect(diags, value, YAML_MAPPING, "an entry of an axis"));
        TRY(yaml_check_keys(diags, value, keys));
        TRY(entry_load(diags, value, folder, yaml_pair_key(entries, i),
                       &entry));
        g_ptr_array_add(axis->entries, entry);
    }
    return OK;
}

/* One entry of the short form: every name gets the value. */
static enum status load_value(struct diags *diags,
                              const struct yaml_node *names, bool is_local,
                              const struct yaml_node *value, struct axis *axis)
{
    TRY(yaml_expect(diags, value, YAML_SCALAR, "a value of an axis"));
    if (axis_find_entry(axis, yaml_text(value)) >= 0) {
        diag_error(diags, yaml_span(value), "explore-value-twice", NULL,
                   "value '%s' is there twice", yaml_text(value));
        return ERR_INPUT;
    }
    struct entry *entry = entry_new(yaml_text(value));
    g_ptr_array_add(axis->entries, entry);
    for (size_t i = 0; i < yaml_count(names); i++) {
        const struct yaml_node *name = yaml_item(names, i);
        TRY(yaml_expect(diags, name, YAML_SCALAR, "a name"));
        struct binding binding = {.name = yaml_text(name),
                                  .span = yaml_span(name),
                                  .is_local = is_local};
        TRY(yaml_parse_expr(diags, value, &binding.expr));
        g_array_append_val(entry->bindings, binding);
    }
    return OK;
}

static enum status load_values(struct diags *diags,
                               const struct yaml_node *node, struct axis *axis)
{
    const struct yaml_node *names = NULL;
    const struct yaml_node *values = NULL;
    bool is_local = yaml_find(node, "let") != NULL;
    TRY(yaml_get_node(diags, node, is_local ? "let" : "set", YAML_SEQUENCE,
                      &names));
    TRY(yaml_get_node(diags, node, "values", YAML_SEQUENCE, &values));
    for (size_t i = 0; i < yaml_count(values); i++) {
        TRY(load_value(diags, names, is_local, yaml_item(values, i), axis));
    }
    return OK;
}

static enum status load_axis(struct diags *diags, const struct yaml_node *node,
                             const char *folder, struct axis *axis)
{
    static const char *const long_keys[] = {"axis", "wins", "entries", NULL};
    static const char *const set_keys[] = {"axis",   "wins",    "set",
                                           "values", "entries", NULL};
    static const char *const let_keys[] = {"axis",   "wins",    "let",
                                           "values", "entries", NULL};
    bool is_short = yaml_find(node, "entries") == NULL;
    TRY(yaml_check_keys(diags, node,
                        !is_short                        ? long_keys
                        : yaml_find(node, "let") != NULL ? let_keys
                                                         : set_keys));
    TRY(yaml_get_text(diags, node, "axis", &axis->name));
    TRY(yaml_find_bool(diags, node, "wins", &axis->wins));
    axis->span = yaml_span(yaml_find(node, "axis"));
    TRY(is_short ? load_values(diags, node, axis)
                 : load_entries(diags, node, folder, axis));
    if (axis->entries->len == 0) {
        diag_error(diags, axis->span, "explore-empty-axis", NULL,
                   "axis '%s' has no entries", axis->name);
        return ERR_INPUT;
    }
    return OK;
}

static void free_entry(gpointer entry)
{
    entry_free(entry);
}

enum status axis_load(struct diags *diags, const struct yaml_node *node,
                      const char *folder, struct axis **axis)
{
    TRY(yaml_expect(diags, node, YAML_MAPPING, "an axis"));
    struct axis *loaded = g_new0(struct axis, 1);
    loaded->entries = g_ptr_array_new_with_free_func(free_entry);
    enum status status = load_axis(diags, node, folder, loaded);
    if (status != OK) {
        axis_free(loaded);
        return status;
    }
    *axis = loaded;
    return OK;
}
