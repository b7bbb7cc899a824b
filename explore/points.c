/* The cross product of an experiment: fidelity outermost, then the axes in file
 * order, the last one fastest. */
#include <string.h>

#include "explore/experiment.h"
#include "explore/point.h"

#define POINTS_MAX 1000000 /* of one experiment */

void point_free(struct point *point)
{
    if (point == NULL) {
        return;
    }
    struct owned_point *owned = (struct owned_point *)point;
    scope_free(owned->chosen);
    g_free(owned->label);
    g_free(owned->key);
    g_free(owned->entries);
    g_free(owned);
}

enum status explore_hash_file(struct diags *diags, const char *path,
                              char **hash)
{
    const struct source *source = NULL;
    TRY(diags_read_file(diags, path, (size_t)4 << 20, &source));
    *hash = source_hash(source);
    return OK;
}

/* Each file is read once for its hash. */
static enum status find_hash(struct diags *diags,
                             const struct experiment *experiment,
                             const char *path, const char **hash)
{
    *hash = g_hash_table_lookup(experiment->hashes, path);
    if (*hash != NULL) {
        return OK;
    }
    char *computed = NULL;
    TRY(explore_hash_file(diags, path, &computed));
    g_hash_table_insert(experiment->hashes, g_strdup(path), computed);
    *hash = computed;
    return OK;
}

/* The names of a point while they are bound. */
struct names {
    struct scope *known;       /* for later expressions */
    GHashTable *locals;        /* those that no file gets */
    const struct scope *fixed; /* by the caller, over what is common; or NULL */
};

/* A name fixed by the caller keeps that value. */
static enum status bind_name(struct diags *diags, const struct binding *binding,
                             bool is_common, const struct names *names)
{
    int64_t value = 0;
    if (!is_common || names->fixed == NULL ||
        !scope_get(names->fixed, binding->name, &value)) {
        TRY(expr_eval(binding->expr, names->known, diags, &value));
    }
    scope_set(names->known, binding->name, value);
    if (binding->is_local) {
        g_hash_table_add(names->locals, g_strdup(binding->name));
    } else {
        g_hash_table_remove(names->locals, binding->name);
    }
    return OK;
}

static enum status bind_entry(struct diags *diags, const struct entry *entry,
                              bool is_common, const struct names *names)
{
    for (guint i = 0; i < entry->bindings->len; i++) {
        TRY(bind_name(diags, &g_array_index(entry->bindings, struct binding, i),
                      is_common, names));
    }
    return OK;
}

static void copy_names(const struct scope *from, GHashTable *without,
                       struct scope *to)
{
    g_autoptr(GPtrArray) list =
        from == NULL ? g_ptr_array_new() : scope_names(from);
    for (guint i = 0; i < list->len; i++) {
        const char *name = g_ptr_array_index(list, i);
        int64_t value = 0;
        if (scope_get(from, name, &value) &&
            !g_hash_table_contains(without, name)) {
            scope_set(to, name, value);
        }
    }
}

/* What is common, what the caller fixed, the axes in order. */
static enum status bind_all(struct diags *diags,
                            const struct experiment *experiment,
                            const int *entries, const struct names *names)
{
    TRY(bind_entry(diags, experiment->common, true, names));
    copy_names(names->fixed, names->locals, names->known);
    for (int a = 0; a < (int)experiment->axes->len; a++) {
        TRY(bind_entry(diags,
                       axis_entry(experiment_axis(experiment, a), entries[a]),
                       false, names));
    }
    return OK;
}

static enum status bind_names(struct diags *diags,
                              const struct experiment *experiment,
                              const struct scope *fixed,
                              struct owned_point *owned)
{
    AUTO(scope) known = scope_new(NULL);
    g_autoptr(GHashTable) locals =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct names names = {.known = known, .locals = locals, .fixed = fixed};
    TRY(bind_all(diags, experiment, owned->entries, &names));
    copy_names(known, locals, owned->chosen);
    return OK;
}

static enum status choose_file(struct diags *diags,
                               const struct experiment *experiment,
                               const struct owned_point *owned,
                               enum input_file input, const char **file,
                               const char **hash)
{
    *file = experiment->common->files[input];
    for (int a = 0; a < (int)experiment->axes->len; a++) {
        const struct entry *entry =
            axis_entry(experiment_axis(experiment, a), owned->entries[a]);
        if (entry->files[input] != NULL) {
            *file = entry->files[input];
        }
    }
    if (*file == NULL) {
        diag_error(diags, yaml_span(yaml_root(experiment->document)),
                   "explore-no-file", NULL, "point '%s' has no %s",
                   owned->label, input_key(input));
        return ERR_INPUT;
    }
    return find_hash(diags, experiment, *file, hash);
}

static char *print_label(const struct experiment *experiment,
                         const int *entries)
{
    GString *label = g_string_new(NULL);
    for (int a = 0; a < (int)experiment->axes->len; a++) {
        const struct axis *axis = experiment_axis(experiment, a);
        g_string_append_printf(label, "%s%s=%s", a == 0 ? "" : " ", axis->name,
                               axis_entry(axis, entries[a])->label);
    }
    return g_string_free(label, FALSE);
}

static enum status fill_point(struct diags *diags,
                              const struct experiment *experiment,
                              const struct scope *chosen,
                              struct owned_point *owned)
{
    const char **const file[INPUT_COUNT] = {
        [INPUT_CASCADE] = &owned->point.cascade,
        [INPUT_ARCH] = &owned->point.arch,
        [INPUT_MAPPING] = &owned->point.mapping,
    };
    TRY(bind_names(diags, experiment, chosen, owned));
    for (int i = 0; i < INPUT_COUNT; i++) {
        TRY(choose_file(diags, experiment, owned, (enum input_file)i, file[i],
                        &owned->hash[i]));
    }
    owned->point.experiment = experiment->name;
    owned->point.label = owned->label;
    owned->point.chosen = owned->chosen;
    owned->point.entries = owned->entries;
    return OK;
}

void point_find_key(struct point *point)
{
    struct owned_point *owned = (struct owned_point *)point;
    if (owned->key == NULL) {
        owned->key = run_key(point->fidelity, owned->hash[INPUT_CASCADE],
                             owned->hash[INPUT_ARCH],
                             owned->hash[INPUT_MAPPING], owned->chosen);
        point->key = owned->key;
    }
}

static enum status add_point(struct diags *diags, struct experiment *experiment,
                             const struct scope *chosen, enum fidelity fidelity,
                             const int *entries)
{
    struct owned_point *owned = g_new0(struct owned_point, 1);
    g_ptr_array_add(experiment->points, &owned->point);
    owned->point.fidelity = fidelity;
    owned->entries =
        g_memdup2(entries, (experiment->axes->len + 1) * sizeof(*entries));
    owned->chosen = scope_new(NULL);
    owned->label = print_label(experiment, entries);
    return fill_point(diags, experiment, chosen, owned);
}

/* The next combination; false after the last. */
static bool advance(const struct experiment *experiment, int *entries)
{
    for (int a = (int)experiment->axes->len - 1; a >= 0; a--) {
        entries[a]++;
        if (entries[a] < (int)experiment_axis(experiment, a)->entries->len) {
            return true;
        }
        entries[a] = 0;
    }
    return false;
}

static enum status check_size(struct diags *diags,
                              const struct experiment *experiment)
{
    int64_t count = 1;
    for (int a = 0; a < (int)experiment->axes->len; a++) {
        const struct axis *axis = experiment_axis(experiment, a);
        if (!num_mul(count, (int64_t)axis->entries->len, &count) ||
            count > POINTS_MAX) {
            diag_error(diags, axis->span, "explore-too-many-points", NULL,
                       "the axes make more than %d points", POINTS_MAX);
            return ERR_LIMIT;
        }
    }
    return OK;
}

/* A name that an axis binds cannot be one value for all points. */
static enum status check_chosen(struct diags *diags,
                                const struct experiment *experiment,
                                const struct scope *chosen)
{
    g_autoptr(GPtrArray) names =
        chosen == NULL ? g_ptr_array_new() : scope_names(chosen);
    for (guint i = 0; i < names->len; i++) {
        for (int a = 0; a < (int)experiment->axes->len; a++) {
            const struct axis *axis = experiment_axis(experiment, a);
            const char *name = g_ptr_array_index(names, i);
            if (axis_binds(axis, name)) {
                diag_error(diags, axis->span, "explore-set-axis", NULL,
                           "--set %s: axis '%s' binds that name", name,
                           axis->name);
                return ERR_INPUT;
            }
        }
    }
    return OK;
}

static enum status expand(struct diags *diags, struct experiment *experiment,
                          const struct scope *chosen, enum fidelity fidelity)
{
    g_autofree int *entries = g_new0(int, experiment->axes->len + 1);
    do {
        TRY(add_point(diags, experiment, chosen, fidelity, entries));
    } while (advance(experiment, entries));
    return OK;
}

enum status points_expand(struct diags *diags, struct experiment *experiment,
                          const struct scope *chosen)
{
    TRY(check_size(diags, experiment));
    TRY(check_chosen(diags, experiment, chosen));
    for (int fidelity = FIDELITY_MODEL; fidelity <= FIDELITY_SIM; fidelity++) {
        if (!experiment->fidelities[fidelity]) {
            continue;
        }
        TRY(expand(diags, experiment, chosen, (enum fidelity)fidelity));
    }
    return OK;
}
