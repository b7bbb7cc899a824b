/* One point: load, check the names, model or simulate. */
#include <inttypes.h>

#include "explore/file_cache.h"

char *explore_print_command(const struct point *point)
{
    GString *command = g_string_new(NULL);
    g_autofree char *cascade = g_shell_quote(point->cascade);
    g_autofree char *arch = g_shell_quote(point->arch);
    g_autofree char *mapping = g_shell_quote(point->mapping);
    g_string_append_printf(
        command, "weir %s --cascade %s --arch %s --mapping %s",
        point->fidelity == FIDELITY_PE ? "sim --fidelity pe"
                                       : fidelity_name(point->fidelity),
        cascade, arch, mapping);
    g_autoptr(GPtrArray) names = scope_names(point->chosen);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        int64_t value = 0;
        if (scope_get(point->chosen, name, &value)) {
            g_string_append_printf(command, "%s%s=%" PRId64,
                                   i == 0 ? " --set " : ",", name, value);
        }
    }
    return g_string_free(command, FALSE);
}

enum status explore_check_names(struct diags *diags,
                                const struct problem *problem,
                                const struct scope *chosen)
{
    g_autoptr(GPtrArray) known = problem_names(problem);
    g_autoptr(GPtrArray) names = scope_names(chosen);
    const char *const *words = (const char *const *)known->pdata;
    enum status status = OK;
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (g_ptr_array_find_with_equal_func(known, name, g_str_equal, NULL)) {
            continue;
        }
        g_autofree char *suggestion = suggest_text(name, words, known->len);
        diag_error(diags, SPAN_NONE, "set-unknown-name", suggestion,
                   "no file has a shape or parameter '%s'", name);
        status = ERR_INPUT;
    }
    return status;
}

/* On the inputs that `weir verify` uses. */
static enum status evaluate_pe(struct diags *diags,
                               const struct problem *problem,
                               struct evaluation **evaluation)
{
    AUTO(einsum_data) data = NULL;
    TRY(einsum_data_new(problem->workload, false, diags, &data));
    einsum_fill_inputs(problem->workload, 0, data);
    return sim_run_pe(problem->plan, diags, data, evaluation);
}

static enum status evaluate_problem(struct diags *diags,
                                    const struct problem *problem,
                                    enum fidelity fidelity,
                                    const struct sim_options *sim,
                                    struct evaluation **evaluation)
{
    if (fidelity == FIDELITY_MODEL) {
        return model_evaluate(problem->plan, diags, evaluation);
    }
    if (fidelity == FIDELITY_PE) {
        return evaluate_pe(diags, problem, evaluation);
    }
    return sim_run(problem->plan, sim, diags, evaluation, NULL);
}

static enum status load_problem(struct diags *diags, struct file_cache *cache,
                                const struct point *point,
                                struct problem **problem)
{
    if (cache != NULL) {
        return file_cache_bind(cache, diags, point, problem);
    }
    return problem_load(diags, point->cascade, point->arch, point->mapping,
                        point->chosen, problem);
}

enum status explore_evaluate(struct diags *diags, struct file_cache *cache,
                             const struct point *point,
                             const struct run_origin *origin,
                             const struct sim_options *sim, struct run **run)
{
    AUTO(problem) problem = NULL;
    AUTO(evaluation) evaluation = NULL;
    TRY(load_problem(diags, cache, point, &problem));
    TRY(explore_check_names(diags, problem, point->chosen));
    TRY(evaluate_problem(diags, problem, point->fidelity, sim, &evaluation));
    TRY(model_tighten_bound(problem->plan, diags, evaluation));
    g_autofree char *command = explore_print_command(point);
    struct run_origin whole = *origin;
    whole.command = command;
    whole.experiment = point->experiment;
    whole.label = point->label;
    *run = run_new(problem, evaluation, point->key, &whole);
    return OK;
}
