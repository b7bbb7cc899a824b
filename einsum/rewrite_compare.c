/* Old and new cascade on the same random inputs: every output element must agree
 * within the sum of both running error bounds. */
#include "einsum/ast.h"

#include <math.h>

/* Points of both cascades that are worth the time. */
#define COMPARE_POINTS ((int64_t)1 << 24)

struct computed {
    struct workload *workload;
    struct einsum_data *data;
};

static void computed_free(struct computed *computed)
{
    einsum_data_free(computed->data);
    workload_free(computed->workload);
}
BASE_DEFINE_CLEANUP(computed)

/* Those of the chosen shapes that the cascade has. */
static struct scope *filter(const struct cascade *cascade,
                            const struct scope *chosen)
{
    struct scope *kept = scope_new(NULL);
    for (size_t i = 0; i < cascade_shape_count(cascade); i++) {
        const char *name = cascade_shape_name(cascade, i);
        int64_t value = 0;
        if (chosen != NULL && scope_get(chosen, name, &value)) {
            scope_set(kept, name, value);
        }
    }
    return kept;
}

static bool is_small(const struct workload *workload)
{
    int64_t sum = 0;
    for (int i = 0; i < workload->statement_count; i++) {
        int64_t points = 0;
        if (workload_count_points(workload, i, &points) != OK ||
            !num_add(sum, points, &sum)) {
            return false;
        }
    }
    return sum <= COMPARE_POINTS;
}

static enum status bind(const struct cascade *cascade,
                        const struct scope *chosen, struct diags *diags,
                        struct computed *computed)
{
    AUTO(scope) kept = filter(cascade, chosen);
    return workload_bind(cascade, kept, NULL, diags, &computed->workload);
}

static enum status compute(struct computed *computed, uint64_t seed,
                           struct diags *diags)
{
    TRY(einsum_data_new(computed->workload, true, diags, &computed->data));
    einsum_fill_inputs(computed->workload, seed, computed->data);
    return einsum_run(computed->workload, diags, computed->data);
}

static void compare_tensor(const struct tensor_data *old,
                           const struct tensor_data *new, int64_t count,
                           struct cascade_comparison *result)
{
    for (int64_t e = 0; e < count; e++) {
        double bound = old->error[e] + new->error[e];
        double difference = fabs(old->value[e] - new->value[e]);
        if (!isfinite(bound)) {
            result->undecided_points++; /* data decides, within rounding */
            continue;
        }
        result->points++;
        result->bound = fmax(result->bound, bound);
        result->max_abs_error = difference >= result->max_abs_error
                                    ? difference
                                    : result->max_abs_error;
        result->is_equal = result->is_equal && difference <= bound;
    }
}

static void compare(const struct computed *old, const struct computed *new,
                    struct cascade_comparison *result)
{
    for (int t = 0; t < old->workload->tensor_count; t++) {
        const struct einsum_tensor *tensor = &old->workload->tensors[t];
        int other = workload_find_tensor(new->workload, tensor->name);
        if (tensor->kind != TENSOR_OUTPUT) {
            continue;
        }
        if (other < 0 || new->workload->tensors[other].element_count !=
                             tensor->element_count) {
            result->is_equal = false;
            continue;
        }
        compare_tensor(&old->data->tensors[t], &new->data->tensors[other],
                       tensor->element_count, result);
    }
}

enum status cascade_compare(const struct cascade *old,
                            const struct cascade *new,
                            const struct scope *chosen, uint64_t seed,
                            struct diags *diags,
                            struct cascade_comparison *result)
{
    *result = (struct cascade_comparison){.is_equal = true, .seed = seed};
    for (int i = 0; i < 2 && !result->was_run; i++) {
        struct computed a = {0};
        struct computed b = {0};
        AUTO(computed) before = &a;
        AUTO(computed) after = &b;
        /* The file's own shapes where the chosen ones are too many. */
        TRY(bind(old, i == 0 ? chosen : NULL, diags, before));
        TRY(bind(new, i == 0 ? chosen : NULL, diags, after));
        if (!is_small(before->workload) || !is_small(after->workload)) {
            continue;
        }
        TRY(compute(before, seed, diags));
        TRY(compute(after, seed, diags));
        compare(before, after, result);
        result->was_run = true;
        result->has_file_shapes = i == 1;
    }
    return OK;
}
