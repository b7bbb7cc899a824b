/* A chain of name tables. Each keeps the order in which names were set, so
 * that whatever is listed or suggested from it is the same in every run. */
#include "base/base.h"

struct scope {
    const struct scope *parent;
    GPtrArray *names;    /* owned strings, insertion order */
    GArray *values;      /* int64_t, parallel to names */
    GHashTable *indices; /* name -> index + 1 */
};

struct scope *scope_new(const struct scope *parent)
{
    struct scope *scope = g_new0(struct scope, 1);
    scope->parent = parent;
    scope->names = g_ptr_array_new_with_free_func(g_free);
    scope->values = g_array_new(FALSE, FALSE, sizeof(int64_t));
    scope->indices = g_hash_table_new(g_str_hash, g_str_equal);
    return scope;
}

void scope_free(struct scope *scope)
{
    if (scope == NULL) {
        return;
    }
    g_hash_table_unref(scope->indices);
    g_array_unref(scope->values);
    g_ptr_array_unref(scope->names);
    g_free(scope);
}

static bool find_index(const struct scope *scope, const char *name,
                       guint *index)
{
    guint found = GPOINTER_TO_UINT(g_hash_table_lookup(scope->indices, name));
    *index = found - 1;
    return found != 0;
}

void scope_set(struct scope *scope, const char *name, int64_t value)
{
    guint index;
    if (find_index(scope, name, &index)) {
        g_array_index(scope->values, int64_t, index) = value;
        return;
    }
    char *copy = g_strdup(name);
    g_ptr_array_add(scope->names, copy);
    g_array_append_val(scope->values, value);
    g_hash_table_insert(scope->indices, copy,
                        GUINT_TO_POINTER(scope->names->len));
}

bool scope_get(const struct scope *scope, const char *name, int64_t *value)
{
    for (; scope != NULL; scope = scope->parent) {
        guint index;
        if (find_index(scope, name, &index)) {
            *value = g_array_index(scope->values, int64_t, index);
            return true;
        }
    }
    return false;
}

GPtrArray *scope_names(const struct scope *scope)
{
    GPtrArray *names = g_ptr_array_new();
    for (; scope != NULL; scope = scope->parent) {
        for (guint i = 0; i < scope->names->len; i++) {
            g_ptr_array_add(names, scope->names->pdata[i]);
        }
    }
    return names;
}
