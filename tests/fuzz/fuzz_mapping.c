/* Any text as a mapping of a small problem, chosen by a word in the text. What
 * loads and binds is legal, and then everything must hold: it prints as a file
 * that prints the same, model and simulator count the same bytes, no cycles are
 * below the model's or the bound's, and executed on data it gives the
 * interpreter's values within their bounds. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "sim/sim.h"

#define STEP_LIMIT 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static const struct target {
    const char *word; /* in the text; the first that is there decides */
    const char *cascade, *arch;
    const char *names[6];
    int64_t values[6];
} targets[] = {
    {"attention-1pass",
     "attention/one-pass",
     "teaching",
     {"M", "M0", "P", "E", "F"},
     {12, 4, 6, 3, 2}},
    {"attention-3pass",
     "attention/three-pass",
     "teaching",
     {"M", "P", "E", "F"},
     {6, 6, 3, 2}},
    {"causal",
     "attention/causal",
     "fusemax-cloud",
     {"M", "P", "E", "F"},
     {6, 6, 3, 2}},
    {"kmax", "attention/kmax", "teaching", {NULL}, {0}},
    {"mxu", "gemm", "tpu-like", {"M", "N", "K", "X", "Y"}, {7, 6, 5, 2, 3}},
    {"spad", "gemm", "eyeriss-like", {"M", "N", "K"}, {7, 6, 5}},
    {"", "gemm", "systolic", {"M", "N", "K", "ROWS", "COLS"}, {7, 6, 5, 2, 3}},
};

static struct scope *scope_of(const struct target *target)
{
    struct scope *scope = scope_new(NULL);
    for (int i = 0; i < 6 && target->names[i] != NULL; i++) {
        scope_set(scope, target->names[i], target->values[i]);
    }
    return scope;
}

/* The problem with the text's mapping; its plan is NULL if that is not legal. */
static enum status bind(struct diags *diags, const struct target *target,
                        const char *text, struct problem *problem)
{
    AUTO(scope) chosen = scope_of(target);
    g_autofree char *cascade =
        g_strdup_printf("workloads/%s.yaml", target->cascade);
    g_autofree char *arch =
        g_strdup_printf("arch-configs/%s.yaml", target->arch);
    g_assert(cascade_load_file(diags, cascade, &problem->cascade) == OK);
    g_assert(arch_load_file(diags, arch, chosen, &problem->arch) == OK);
    g_assert(workload_bind(problem->cascade, chosen, NULL, diags,
                           &problem->workload) == OK);
    const struct source *source = diags_add_text(diags, "fuzz", text);
    TRY(mapping_load_source(diags, source, &problem->mapping));
    return plan_bind(problem->mapping, problem->workload, problem->arch, chosen,
                     diags, &problem->plan);
}

static void check_print(const struct mapping *mapping)
{
    AUTO(diags) diags = diags_new();
    AUTO(mapping) copy = NULL;
    g_autofree char *printed = mapping_print(mapping);
    const struct source *source = diags_add_text(diags, "copy", printed);
    g_assert(mapping_load_source(diags, source, &copy) == OK);
    g_autofree char *again = mapping_print(copy);
    g_assert_cmpstr(printed, ==, again);
}

/* Both fidelities; ERR_LIMIT and the like are no matter here. */
static void check_time(const struct plan *plan)
{
    AUTO(diags) diags = diags_new();
    AUTO(evaluation) model = NULL;
    AUTO(evaluation) sim = NULL;
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    options.step_limit = STEP_LIMIT;
    if (model_evaluate(plan, diags, &model) != OK) {
        return;
    }
    g_assert(model->cycles >= model->bound_cycles);
    if (sim_run(plan, &options, diags, &sim, NULL) != OK) {
        return;
    }
    g_assert(sim->cycles >= sim->model_cycles);
    for (int i = 0; i < plan->arch->memory_count; i++) {
        g_assert(model->memories[i].read_bytes == sim->memories[i].read_bytes);
        g_assert(model->memories[i].write_bytes ==
                 sim->memories[i].write_bytes);
    }
}

static void check_tensor(const struct tensor_data *expected,
                         const struct tensor_data *got, int64_t count)
{
    for (int64_t i = 0; expected->value != NULL && i < count; i++) {
        double a = expected->value[i], b = got->value[i];
        g_assert(a == b || (isnan(a) && isnan(b)) ||
                 fabs(a - b) <= expected->error[i] + got->error[i]);
    }
}

static void check_values(const struct plan *plan)
{
    AUTO(diags) diags = diags_new();
    AUTO(einsum_data) expected = NULL;
    AUTO(einsum_data) got = NULL;
    const struct workload *workload = plan->workload;
    g_assert(einsum_data_new(workload, true, diags, &expected) == OK);
    g_assert(einsum_data_new(workload, true, diags, &got) == OK);
    einsum_fill_inputs(workload, 1, expected);
    einsum_fill_inputs(workload, 1, got);
    g_assert(einsum_run(workload, diags, expected) == OK);
    g_assert(sim_execute(plan, diags, got) == OK);
    for (int t = 0; t < workload->tensor_count; t++) {
        if (expected->is_free[t] || expected->is_relative[t]) {
            continue; /* no bound of their own */
        }
        check_tensor(&expected->tensors[t], &got->tensors[t],
                     workload->tensors[t].element_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    AUTO(diags) diags = diags_new();
    g_autofree char *text = g_strndup((const char *)data, size_bytes);
    const struct target *target = targets;
    while (strstr(text, target->word) == NULL) {
        target++;
    }
    struct problem *problem = g_new0(struct problem, 1);
    enum status status = bind(diags, target, text, problem);
    g_assert(status == OK || diags_error_count(diags) > 0);
    if (problem->mapping != NULL) {
        check_print(problem->mapping);
    }
    if (status == OK) {
        check_time(problem->plan);
        check_values(problem->plan);
    }
    g_autoptr(GString) rendering = g_string_new(NULL);
    diags_print(diags, false, rendering);
    problem_free(problem);
    return 0;
}
