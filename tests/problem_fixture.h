/* Problems by name for tests: `fixture_load("attention/one-pass",
 * "fusemax-cloud", "fusemax-binding", "M=64 P=64 PE=4")`. Include after
 * cmocka.h. */
#ifndef WEIR_TESTS_PROBLEM_FIXTURE_H
#define WEIR_TESTS_PROBLEM_FIXTURE_H

#include "mapping/mapping.h"

/* "M=64 PE=4" -> names with values. NULL: none. Caller frees. */
static inline struct scope *fixture_scope(const char *settings)
{
    struct scope *scope = scope_new(NULL);
    g_auto(GStrv) words = g_strsplit(settings != NULL ? settings : "", " ", -1);
    for (char **word = words; *word != NULL; word++) {
        char *value = strchr(*word, '=');
        if (value != NULL) {
            *value++ = '\0';
            scope_set(scope, *word, g_ascii_strtoll(value, NULL, 10));
        }
    }
    return scope;
}

static inline void fixture_print(const struct diags *diags)
{
    g_autoptr(GString) text = g_string_new(NULL);
    diags_print(diags, false, text);
    print_error("%s", text->str);
}

/* Must load; the problem borrows from `diags`. */
static inline struct problem *
fixture_load(struct diags *diags, const char *cascade, const char *arch,
             const char *mapping, const char *settings)
{
    g_autofree char *cascade_path =
        g_strdup_printf("workloads/%s.yaml", cascade);
    g_autofree char *arch_path = g_strdup_printf("arch-configs/%s.yaml", arch);
    g_autofree char *mapping_path =
        g_strdup_printf("mappings/%s.yaml", mapping);
    AUTO(scope) chosen = fixture_scope(settings);
    struct problem *problem = NULL;
    enum status status = problem_load(diags, cascade_path, arch_path,
                                      mapping_path, chosen, &problem);
    if (status != OK) {
        fixture_print(diags);
    }
    assert_int_equal(status, OK);
    return problem;
}

/* As problem_load, the mapping from a text; the caller judges the status. What
 * was loaded is in *problem in any case. */
static inline enum status
fixture_try_text(struct diags *diags, const char *cascade, const char *arch,
                 const char *mapping, const char *settings,
                 struct problem **result)
{
    g_autofree char *cascade_path =
        g_strdup_printf("workloads/%s.yaml", cascade);
    g_autofree char *arch_path = g_strdup_printf("arch-configs/%s.yaml", arch);
    AUTO(scope) chosen = fixture_scope(settings);
    struct problem *problem = g_new0(struct problem, 1);
    *result = problem;
    TRY(cascade_load_file(diags, cascade_path, &problem->cascade));
    TRY(arch_load_file(diags, arch_path, chosen, &problem->arch));
    TRY(mapping_load_source(diags,
                            diags_add_text(diags, "mapping.yaml", mapping),
                            &problem->mapping));
    TRY(workload_bind(problem->cascade, chosen, NULL, diags,
                      &problem->workload));
    return plan_bind(problem->mapping, problem->workload, problem->arch, chosen,
                     diags, &problem->plan);
}

/* Must load. */
static inline struct problem *
fixture_load_text(struct diags *diags, const char *cascade, const char *arch,
                  const char *mapping, const char *settings)
{
    struct problem *problem = NULL;
    enum status status =
        fixture_try_text(diags, cascade, arch, mapping, settings, &problem);
    if (status != OK) {
        fixture_print(diags);
    }
    assert_int_equal(status, OK);
    return problem;
}

#endif
