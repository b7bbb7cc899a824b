/* Interpreter and mapped schedule against the reference kernel. The three share
 * inputs and nothing else. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "explore/errors.h"
#include "kernels/kernels.h"
#include "sim/sim.h"

/* What the kernel computed, laid out as the cascade's tensor. */
struct reference {
    int tensor;
    int64_t count;
    double *value;
    double *error;
};

static void reference_clear(struct reference *reference)
{
    g_free(reference->value);
    g_free(reference->error);
}

static const struct format *storage_of(const struct verify_options *options,
                                       int tensor)
{
    return options->arithmetic == NULL
               ? format_find("fp64")
               : options->arithmetic->storage[tensor].storage.format;
}

/* The letters of the tensor's ranks; false for a tensor no kernel could take. */
static bool find_dims(const struct einsum_tensor *tensor, char *dims)
{
    for (int d = 0; d < tensor->dim_count; d++) {
        const char *rank = tensor->dim_rank[d];
        if (rank == NULL || rank[0] == '\0' || rank[1] != '\0') {
            return false;
        }
        dims[d] = rank[0];
    }
    dims[tensor->dim_count] = '\0';
    return true;
}

static enum status find_result(struct diags *diags,
                               const struct problem *problem,
                               const struct kernel *kernel, int *tensor)
{
    for (int i = 0; i < KERNEL_MAX_OPERANDS; i++) {
        const struct kernel_operand *operand = &kernel->operand[i];
        if (operand->name == NULL) {
            break;
        }
        if (operand->is_result) {
            *tensor = workload_find_tensor(problem->workload, operand->name);
            if (*tensor >= 0) {
                return OK;
            }
            diag_error(diags, SPAN_NONE, "verify-no-result", NULL,
                       "cascade '%s' has no tensor '%s', which kernel '%s' "
                       "computes",
                       cascade_name(problem->cascade), operand->name,
                       kernel->name);
            return ERR_INPUT;
        }
    }
    BUG("kernel '%s' has no result", kernel->name);
}

static enum status allocate(struct diags *diags, struct reference *reference)
{
    size_t count = (size_t)reference->count;
    reference->value = g_try_malloc_n(count, sizeof(double));
    reference->error = g_try_malloc_n(count, sizeof(double));
    if (reference->value == NULL || reference->error == NULL) {
        return diag_fail(diags, ERR_MEM, "verify-memory",
                         "no memory for two tensors of %zu elements", count);
    }
    return OK;
}

/* All inputs, and the result, with the dimensions' names. */
static enum status run_kernel(struct diags *diags,
                              const struct problem *problem,
                              const struct kernel *kernel,
                              const struct einsum_data *data,
                              struct reference *reference)
{
    const struct workload *workload = problem->workload;
    size_t capacity = (size_t)workload->tensor_count;
    g_autofree struct kernel_tensor *tensors =
        g_new0(struct kernel_tensor, capacity);
    g_autofree char *dims = g_new0(char, capacity *(EINSUM_MAX_DIMS + 1));
    size_t count = 0;
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        bool is_result = i == reference->tensor;
        char *letters = dims + count * (EINSUM_MAX_DIMS + 1);
        if ((tensor->kind != TENSOR_INPUT && !is_result) ||
            !find_dims(tensor, letters)) {
            continue;
        }
        struct kernel_tensor *given = &tensors[count++];
        given->name = tensor->name;
        given->dims = letters;
        memcpy(given->extent, tensor->extent,
               (size_t)tensor->dim_count * sizeof(int64_t));
        given->value = is_result ? reference->value : data->tensors[i].value;
        given->error = is_result ? reference->error : NULL;
    }
    /* Windows, top-k and the like are shapes of the cascade. */
    size_t shape_count = (size_t)workload->shape_count;
    g_autofree struct kernel_parameter *parameters =
        g_new0(struct kernel_parameter, shape_count);
    for (size_t i = 0; i < shape_count; i++) {
        parameters[i].name = workload->shape_name[i];
        parameters[i].value = workload->shape_value[i];
    }
    struct kernel_arguments arguments = {tensors, count, parameters,
                                         shape_count};
    return kernel_run_with(kernel, &arguments, diags, SPAN_NONE);
}

/* The tensor's bounds, each with the kernel's own. */
static void compare(const struct problem *problem,
                    const struct verify_options *options,
                    const struct reference *reference,
                    const struct tensor_data *computed,
                    struct tensor_errors *errors, struct check *check)
{
    int tensor = reference->tensor;
    g_autofree double *bound = g_new(double, (gsize)reference->count);
    for (int64_t i = 0; i < reference->count; i++) {
        bound[i] = computed->error[i] + reference->error[i];
    }
    errors_measure(&problem->workload->tensors[tensor],
                   storage_of(options, tensor), computed->value,
                   reference->value, bound, errors);
    check->is_ok = errors->is_ok;
    check->point_count = errors->point_count;
    check->max_abs_error = errors->max_abs;
    check->max_rel_error = errors->max_rel;
    check->error_bound = errors->bound;
    check->mean_abs_error = errors->mean_abs;
    check->mean_rel_error = errors->mean_rel;
    check->max_ulp_error = errors->max_ulp;
    check->mean_ulp_error = errors->mean_ulp;
}

static void describe(const struct problem *problem,
                     const struct verification *verification,
                     const struct kernel *kernel, uint64_t seed,
                     const char *subject, struct check *check)
{
    *check = (struct check){
        .subject = subject,
        .kernel = kernel->name,
        .cascade = cascade_name(problem->cascade),
        .cascade_hash = cascade_hash(problem->cascade),
        .shapes = verification->shapes,
        .dtype = verification->dtype,
        .inputs = verification->inputs,
        .seed = (int64_t)seed,
    };
    if (strcmp(subject, "mapped") == 0) {
        check->arch = problem->arch->name;
        check->arch_hash = problem->arch->hash;
        check->mapping = mapping_name(problem->mapping);
        check->mapping_hash = mapping_hash(problem->mapping);
    }
}

static char *print_shapes(const struct workload *workload)
{
    json_t *shapes = json_object();
    for (int i = 0; i < workload->shape_count; i++) {
        json_object_set_new(shapes, workload->shape_name[i],
                            json_integer(workload->shape_value[i]));
    }
    char *printed = json_dumps(shapes, JSON_COMPACT);
    json_decref(shapes);
    char *copy = g_strdup(printed);
    free(printed);
    return copy;
}

static void draw_inputs(const struct workload *workload,
                        const struct verify_options *options,
                        struct einsum_data *data)
{
    if (options->inputs != NULL) {
        einsum_inputs_fill(options->inputs, options->seed, data);
    } else {
        einsum_fill_inputs(workload, options->seed, data);
    }
}

static void fill_inputs(const struct workload *workload,
                        const struct verify_options *options,
                        struct einsum_data *data)
{
    data->arithmetic = options->arithmetic;
    draw_inputs(workload, options, data);
    einsum_store_inputs(workload, data);
}

/* Arrays are wrong by more than the interpreter where they approximate: the error
 * bounds are those of an interpreter that is as wrong. */
static enum status check_pe(struct diags *diags, const struct problem *problem,
                            const struct verify_options *options,
                            const struct reference *reference, double *value,
                            struct verification *verification)
{
    AUTO(einsum_arithmetic) arithmetic = sim_pe_arithmetic(problem->workload);
    AUTO(einsum_data) bounds = NULL;
    const struct verify_options coarse = {.seed = options->seed,
                                          .arithmetic = arithmetic,
                                          .inputs = options->inputs};
    TRY(einsum_data_new(problem->workload, true, diags, &bounds));
    fill_inputs(problem->workload, &coarse, bounds);
    TRY(einsum_run(problem->workload, diags, bounds));
    const struct tensor_data computed = {
        value, bounds->tensors[reference->tensor].error};
    compare(problem, options, reference, &computed, &verification->result[1],
            &verification->checks[1]);
    return OK;
}

static enum status execute(const struct plan *plan,
                           const struct verify_options *options,
                           struct diags *diags, struct einsum_data *data)
{
    AUTO(evaluation) evaluation = NULL;
    return options->is_pe ? sim_run_pe(plan, diags, data, &evaluation)
                          : sim_execute(plan, diags, data);
}

static enum status check_mapped(struct diags *diags,
                                const struct problem *problem,
                                const struct verify_options *options,
                                const struct reference *reference,
                                struct verification *verification)
{
    AUTO(einsum_data) data = NULL;
    bool with_error = !options->is_pe;
    TRY(einsum_data_new(problem->workload, with_error, diags, &data));
    fill_inputs(problem->workload, options, data);
    TRY(execute(problem->plan, options, diags, data));
    if (options->is_pe) {
        return check_pe(diags, problem, options, reference,
                        data->tensors[reference->tensor].value, verification);
    }
    compare(problem, options, reference, &data->tensors[reference->tensor],
            &verification->result[1], &verification->checks[1]);
    return OK;
}

/* ---- tensor by tensor ------------------------------------------------------ */

static bool has_values(const struct workload *workload, int tensor)
{
    const struct einsum_tensor *t = &workload->tensors[tensor];
    return t->producer < 0 ||
           workload->statements[t->producer].kind != EINSUM_VIEW;
}

/* In double, on the inputs as they are stored. */
static enum status run_exact(struct diags *diags,
                             const struct workload *workload,
                             const struct einsum_data *given,
                             struct einsum_data **exact)
{
    AUTO(einsum_data) data = NULL;
    TRY(einsum_data_new(workload, true, diags, &data));
    for (int i = 0; i < workload->tensor_count; i++) {
        if (workload->tensors[i].kind == TENSOR_INPUT) {
            memcpy(data->tensors[i].value, given->tensors[i].value,
                   (size_t)workload->tensors[i].element_count * sizeof(double));
        }
    }
    TRY(einsum_run(workload, diags, data));
    *exact = g_steal_pointer(&data);
    return OK;
}

/* Bounds of both evaluations; NULL where they are relative to values that the
 * two do not share. */
static double *add_bounds(const struct workload *workload, int tensor,
                          const struct einsum_data *data,
                          const struct einsum_data *exact)
{
    if (data->is_relative[tensor]) {
        return NULL;
    }
    int64_t count = workload->tensors[tensor].element_count;
    double *bound = g_new(double, (gsize)count);
    for (int64_t i = 0; i < count; i++) {
        bound[i] =
            data->tensors[tensor].error[i] + exact->tensors[tensor].error[i];
    }
    return bound;
}

static enum status measure_tensors(struct diags *diags,
                                   const struct problem *problem,
                                   const struct verify_options *options,
                                   struct verification *verification)
{
    const struct workload *workload = problem->workload;
    const struct einsum_data *data = verification->data;
    AUTO(einsum_data) exact = NULL;
    AUTO(einsum_data) given = NULL;
    TRY(run_exact(diags, workload, data, &exact));
    TRY(einsum_data_new(workload, false, diags, &given));
    draw_inputs(workload, options, given);
    verification->tensors =
        g_new0(struct tensor_errors, (gsize)workload->tensor_count);
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        bool is_input = tensor->kind == TENSOR_INPUT;
        if (!has_values(workload, i)) {
            continue;
        }
        g_autofree double *bound =
            is_input ? NULL : add_bounds(workload, i, data, exact);
        errors_measure(
            tensor, storage_of(options, i), data->tensors[i].value,
            is_input ? given->tensors[i].value : exact->tensors[i].value, bound,
            &verification->tensors[verification->tensor_count++]);
    }
    return OK;
}

static enum status check_all(struct diags *diags, const struct problem *problem,
                             const struct kernel *kernel,
                             const struct verify_options *options,
                             struct reference *reference,
                             struct verification *verification)
{
    TRY(find_result(diags, problem, kernel, &reference->tensor));
    reference->count =
        problem->workload->tensors[reference->tensor].element_count;
    TRY(allocate(diags, reference));
    TRY(einsum_data_new(problem->workload, true, diags, &verification->data));
    struct einsum_data *data = verification->data;
    fill_inputs(problem->workload, options, data);
    TRY(einsum_run(problem->workload, diags, data));
    TRY(run_kernel(diags, problem, kernel, data, reference));
    verification->count = problem->plan == NULL ? 1 : 2;
    describe(problem, verification, kernel, options->seed, "interpreter",
             &verification->checks[0]);
    compare(problem, options, reference, &data->tensors[reference->tensor],
            &verification->result[0], &verification->checks[0]);
    if (options->arithmetic != NULL) {
        TRY(measure_tensors(diags, problem, options, verification));
    }
    if (problem->plan == NULL) {
        return OK;
    }
    describe(problem, verification, kernel, options->seed, "mapped",
             &verification->checks[1]);
    return check_mapped(diags, problem, options, reference, verification);
}

enum status explore_verify(struct diags *diags, const struct problem *problem,
                           const struct verify_options *options,
                           struct verification **result)
{
    const char *name = cascade_kernel(problem->cascade);
    if (problem->plan != NULL && !options->is_pe) {
        TRY(sim_check_execution(problem->plan, diags));
    }
    if (name == NULL) {
        diag_error(diags, SPAN_NONE, "verify-no-kernel", NULL,
                   "cascade '%s' names no reference kernel ('kernel:')",
                   cascade_name(problem->cascade));
        return ERR_INPUT;
    }
    const struct kernel *kernel =
        kernel_look_up(diags, cascade_kernel_span(problem->cascade), name);
    if (kernel == NULL) {
        return ERR_INPUT;
    }
    AUTO(verification) verification = g_new0(struct verification, 1);
    verification->shapes = print_shapes(problem->workload);
    verification->dtype =
        options->arithmetic == NULL
            ? g_strdup("fp64")
            : g_strdup(einsum_arithmetic_print(options->arithmetic));
    verification->inputs = options->inputs == NULL
                               ? g_strdup("declared")
                               : einsum_inputs_print(options->inputs);
    struct reference reference = {0};
    enum status status =
        check_all(diags, problem, kernel, options, &reference, verification);
    reference_clear(&reference);
    TRY(status);
    *result = g_steal_pointer(&verification);
    return OK;
}

void verification_free(struct verification *verification)
{
    if (verification == NULL) {
        return;
    }
    g_free(verification->shapes);
    g_free(verification->dtype);
    g_free(verification->inputs);
    g_free(verification->tensors);
    einsum_data_free(verification->data);
    g_free(verification);
}
