/* A run owns a copy of everything it says, so that it outlives the problem it
 * came from, crosses a pipe and comes back from the store. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "reports/run.h"

static int compare_settings(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *run_key(enum fidelity fidelity, const char *cascade_hash,
              const char *arch_hash, const char *mapping_hash,
              const struct scope *chosen)
{
    g_autoptr(GString) text = g_string_new("run 1\n");
    g_string_append_printf(text, "%s\n%s\n%s\n%s\n", fidelity_name(fidelity),
                           cascade_hash, arch_hash, mapping_hash);
    g_autoptr(GPtrArray) settings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) names = scope_names(chosen);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        int64_t value = 0;
        if (scope_get(chosen, name, &value)) {
            g_ptr_array_add(settings,
                            g_strdup_printf("%s=%" PRId64 "\n", name, value));
        }
    }
    g_ptr_array_sort(settings, compare_settings);
    for (guint i = 0; i < settings->len; i++) {
        g_string_append(text, g_ptr_array_index(settings, i));
    }
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text->str, -1);
}

const char *run_keep(struct run *run, const char *text)
{
    return text == NULL ? NULL
                        : g_string_chunk_insert_const(run->strings, text);
}

struct run *run_alloc(void)
{
    struct run *run = g_new0(struct run, 1);
    run->strings = g_string_chunk_new(4096);
    return run;
}

void run_keep_origin(struct run *run, const struct run_origin *origin)
{
    run->origin = *origin;
    run->origin.version = run_keep(run, origin->version);
    run->origin.git_id = run_keep(run, origin->git_id);
    run->origin.command = run_keep(run, origin->command);
    run->origin.experiment = run_keep(run, origin->experiment);
    run->origin.label = run_keep(run, origin->label);
}

static void keep_shapes(struct run *run, const struct workload *workload)
{
    run->shape_count = workload->shape_count;
    run->shape_name = g_new0(const char *, (size_t)workload->shape_count);
    run->shape_value = g_new0(int64_t, (size_t)workload->shape_count);
    for (int i = 0; i < workload->shape_count; i++) {
        run->shape_name[i] = run_keep(run, workload->shape_name[i]);
        run->shape_value[i] = workload->shape_value[i];
    }
}

static void keep_assumption(struct run *run, const char *text)
{
    for (int k = 0; k < run->assumption_count; k++) {
        if (strcmp(run->assumptions[k], text) == 0) {
            return;
        }
    }
    run->assumptions[run->assumption_count++] = run_keep(run, text);
}

/* An assumption stands at each node it was made for; it is said once. */
static void keep_assumptions(struct run *run, const struct plan *plan)
{
    int tensors = plan->workload->tensor_count;
    run->assumptions =
        g_new0(const char *,
               (size_t)plan->node_count + plan->notes->len + (size_t)tensors);
    for (int t = 0; t < tensors; t++) {
        const struct einsum_tensor *tensor = &plan->workload->tensors[t];
        if (tensor->pattern != NULL) {
            g_autofree char *text = g_strdup_printf(
                "%s is sparse: %s, %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                " elements",
                tensor->name, pattern_text(tensor->pattern),
                pattern_count_all(tensor->pattern), tensor->element_count);
            run->assumptions[run->assumption_count++] = run_keep(run, text);
        }
    }
    for (int i = 0; i < plan->node_count; i++) {
        if (plan->nodes[i].assumption != NULL) {
            keep_assumption(run, plan->nodes[i].assumption);
        }
    }
    for (guint i = 0; i < plan->notes->len; i++) {
        keep_assumption(run, g_ptr_array_index(plan->notes, i));
    }
}

static int64_t count_compulsory(const struct workload *workload, int tensor,
                                int64_t word_bytes)
{
    const struct einsum_tensor *t = &workload->tensors[tensor];
    int64_t elements = t->kind == TENSOR_OUTPUT ? t->element_count : 0;
    int64_t most = 0;
    int64_t bytes = 0;
    if (t->kind == TENSOR_INPUT &&
        workload_count_used_elements(workload, tensor, &elements, &most) !=
            OK) {
        elements = 0;
    }
    return num_mul(elements, word_bytes, &bytes) ? bytes : 0;
}

static void keep_tensors(struct run *run, const struct plan *plan)
{
    const struct workload *workload = plan->workload;
    run->tensors = g_new0(struct run_tensor, (size_t)workload->tensor_count);
    for (int i = 0; i < workload->tensor_count; i++) {
        run->tensors[run->tensor_count++] = (struct run_tensor){
            .name = run_keep(run, workload->tensors[i].name),
            .compulsory_bytes = count_compulsory(workload, i, plan->word_bytes),
        };
    }
}

static double sum_area_um2(const struct arch *arch)
{
    AUTO(arch_area) area = arch_sum_area(arch);
    return arch_is_known(area->total_um2) ? area->total_um2 : (double)NAN;
}

static void keep_evaluation(struct run *run, const struct evaluation *from)
{
    struct evaluation *to = &run->evaluation;
    *to = *from;
    to->memories =
        g_memdup2(from->memories, (size_t)from->memory_count *
                                      sizeof(struct evaluation_memory));
    to->units = g_memdup2(from->units, (size_t)from->unit_count *
                                           sizeof(struct evaluation_unit));
    to->einsums =
        g_memdup2(from->einsums, (size_t)from->einsum_count *
                                     sizeof(struct evaluation_einsum));
    to->actions =
        g_memdup2(from->actions, (size_t)from->action_count *
                                     sizeof(struct evaluation_action));
    to->transfers =
        g_memdup2(from->transfers, (size_t)from->transfer_count *
                                       sizeof(struct evaluation_transfer));
    for (int i = 0; i < to->transfer_count; i++) {
        to->transfers[i].memory = run_keep(run, from->transfers[i].memory);
        to->transfers[i].tensor = run_keep(run, from->transfers[i].tensor);
    }
    for (int i = 0; i < to->memory_count; i++) {
        to->memories[i].name = run_keep(run, from->memories[i].name);
    }
    for (int i = 0; i < to->unit_count; i++) {
        to->units[i].name = run_keep(run, from->units[i].name);
    }
    to->causes = g_memdup2(from->causes, (size_t)from->cause_count *
                                             sizeof(struct evaluation_cause));
    for (int i = 0; i < to->cause_count; i++) {
        struct evaluation_cause *cause = &to->causes[i];
        cause->unit = run_keep(run, cause->unit);
        cause->einsum = run_keep(run, cause->einsum);
        cause->tensor = run_keep(run, cause->tensor);
        cause->component = run_keep(run, cause->component);
        cause->part = run_keep(run, cause->part);
    }
    for (int i = 0; i < to->einsum_count; i++) {
        to->einsums[i].name = run_keep(run, from->einsums[i].name);
        to->einsums[i].unit = run_keep(run, from->einsums[i].unit);
    }
    for (int i = 0; i < to->action_count; i++) {
        struct evaluation_action *action = &to->actions[i];
        action->component = run_keep(run, action->component);
        action->tensor = run_keep(run, action->tensor);
        action->einsum = run_keep(run, action->einsum);
        action->action = run_keep(run, action->action);
    }
    to->bottleneck =
        from->bottleneck == NULL
            ? NULL
            : g_string_chunk_insert(run->strings, from->bottleneck);
    to->dram = from->dram == NULL
                   ? NULL
                   : g_string_chunk_insert(run->strings, from->dram);
}

struct run *run_new(const struct problem *problem,
                    const struct evaluation *evaluation, const char *key,
                    const struct run_origin *origin)
{
    struct run *run = run_alloc();
    run->key = run_keep(run, key);
    run_keep_origin(run, origin);
    run->cascade = run_keep(run, cascade_name(problem->cascade));
    run->cascade_hash = run_keep(run, cascade_hash(problem->cascade));
    run->arch = run_keep(run, problem->arch->name);
    run->arch_hash = run_keep(run, problem->arch->hash);
    run->mapping = run_keep(run, mapping_name(problem->mapping));
    run->mapping_hash = run_keep(run, mapping_hash(problem->mapping));
    keep_shapes(run, problem->workload);
    keep_assumptions(run, problem->plan);
    keep_tensors(run, problem->plan);
    run->area_um2 = sum_area_um2(problem->arch);
    keep_evaluation(run, evaluation);
    return run;
}

void run_free(struct run *run)
{
    if (run == NULL) {
        return;
    }
    g_free(run->shape_name);
    g_free(run->shape_value);
    g_free(run->assumptions);
    g_free(run->tensors);
    g_free(run->evaluation.memories);
    g_free(run->evaluation.units);
    g_free(run->evaluation.causes);
    g_free(run->evaluation.einsums);
    g_free(run->evaluation.actions);
    g_free(run->evaluation.transfers);
    g_string_chunk_free(run->strings);
    g_free(run);
}

double run_seconds(const struct run *run)
{
    return (double)run->evaluation.cycles / (double)run->evaluation.clock_hz;
}
