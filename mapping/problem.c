/* Loads cascade, architecture and mapping together and binds them. */
#include <string.h>

#include "mapping/tree.h"

/* The shapes that the mapping proposes (M0: the rows of the array). */
static enum status propose_shapes(const struct problem *problem,
                                  const struct scope *chosen,
                                  struct diags *diags, struct scope *proposed)
{
    const struct mapping *mapping = problem->mapping;
    AUTO(scope) scope = scope_new(NULL);
    arch_fill_scope(problem->arch, scope);
    TRY(cascade_eval_shapes(problem->cascade, chosen, NULL, diags, scope));
    size_t count = cascade_shape_count(problem->cascade);
    g_autofree const char **names = g_new0(const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        names[i] = cascade_shape_name(problem->cascade, i);
    }
    for (guint i = 0; i < mapping->shapes->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(mapping->shapes, struct tree_pair, i);
        bool is_known = false;
        for (size_t k = 0; k < count; k++) {
            is_known |= strcmp(names[k], pair->key.text) == 0;
        }
        if (!is_known) {
            g_autofree char *hint = suggest_text(pair->key.text, names, count);
            diag_error(diags, pair->key.span, "mapping-unknown-shape", hint,
                       "cascade '%s' has no shape '%s'",
                       cascade_name(problem->cascade), pair->key.text);
            continue;
        }
        int64_t value = 0;
        TRY(expr_eval(pair->value, scope, diags, &value));
        scope_set(proposed, pair->key.text, value);
    }
    return diags_status(diags);
}

static enum status bind(struct problem *problem, const struct scope *chosen,
                        struct diags *diags)
{
    AUTO(scope) proposed = scope_new(NULL);
    if (problem->mapping != NULL) {
        const struct mapping *mapping = problem->mapping;
        if (strcmp(mapping->cascade, cascade_name(problem->cascade)) != 0) {
            diag_error(diags, mapping->span, "mapping-wrong-cascade", NULL,
                       "mapping '%s' is for cascade '%s', not '%s'",
                       mapping->name, mapping->cascade,
                       cascade_name(problem->cascade));
            return ERR_INPUT;
        }
        TRY(propose_shapes(problem, chosen, diags, proposed));
    }
    TRY(workload_bind(problem->cascade, chosen, proposed, diags,
                      &problem->workload));
    if (problem->mapping == NULL) {
        return OK;
    }
    return plan_bind(problem->mapping, problem->workload, problem->arch, chosen,
                     diags, &problem->plan);
}

enum status problem_load(struct diags *diags, const char *cascade_path,
                         const char *arch_path, const char *mapping_path,
                         const struct scope *chosen, struct problem **result)
{
    AUTO(problem) problem = g_new0(struct problem, 1);
    TRY(cascade_load_file(diags, cascade_path, &problem->cascade));
    if (arch_path != NULL) {
        TRY(arch_load_file(diags, arch_path, chosen, &problem->arch));
    }
    if (mapping_path != NULL) {
        TRY(mapping_load_file(diags, mapping_path, &problem->mapping));
    }
    TRY(bind(problem, chosen, diags));
    *result = g_steal_pointer(&problem);
    return OK;
}

enum status problem_bind(struct diags *diags, struct cascade *cascade,
                         struct arch *arch, struct mapping *mapping,
                         const struct scope *chosen, struct problem **result)
{
    AUTO(problem) problem = g_new0(struct problem, 1);
    problem->cascade = cascade;
    problem->arch = arch;
    problem->mapping = mapping;
    problem->borrows_files = true;
    TRY(bind(problem, chosen, diags));
    *result = g_steal_pointer(&problem);
    return OK;
}

void problem_free(struct problem *problem)
{
    if (problem == NULL) {
        return;
    }
    plan_free(problem->plan);
    workload_free(problem->workload);
    if (!problem->borrows_files) {
        mapping_free(problem->mapping);
        arch_free(problem->arch);
        cascade_free(problem->cascade);
    }
    g_free(problem);
}

GPtrArray *problem_names(const struct problem *problem)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < cascade_shape_count(problem->cascade); i++) {
        g_ptr_array_add(
            names, (void *)(uintptr_t)cascade_shape_name(problem->cascade, i));
    }
    for (int i = 0; problem->arch != NULL && i < problem->arch->param_count;
         i++) {
        g_ptr_array_add(names, (void *)(uintptr_t)problem->arch->param_name[i]);
    }
    if (problem->mapping != NULL) {
        for (size_t i = 0; i < mapping_param_count(problem->mapping); i++) {
            g_ptr_array_add(names, (void *)(uintptr_t)mapping_param_name(
                                       problem->mapping, i));
        }
    }
    return names;
}
