/* The cascades that are delivered, interpreted, against the reference kernels
 * that they name: agreement within the sum of two derived bounds. Neither side
 * shares code with the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "einsum/einsum.h"
#include "kernels/kernels.h"

struct fixture {
    struct diags *diags;
    struct cascade *cascade;
    struct workload *workload;
    struct einsum_data *data;
};

static void fixture_free(struct fixture *fixture)
{
    einsum_data_free(fixture->data);
    workload_free(fixture->workload);
    cascade_free(fixture->cascade);
    diags_free(fixture->diags);
}
BASE_DEFINE_CLEANUP(fixture)

static void load(struct fixture *fixture, const char *path,
                 const struct scope *chosen)
{
    fixture->diags = diags_new();
    assert_int_equal(cascade_load_file(fixture->diags, path, &fixture->cascade),
                     OK);
    assert_int_equal(workload_bind(fixture->cascade, chosen, NULL,
                                   fixture->diags, &fixture->workload),
                     OK);
    assert_int_equal(einsum_data_new(fixture->workload, true, fixture->diags,
                                     &fixture->data),
                     OK);
    einsum_fill_inputs(fixture->workload, 42, fixture->data);
    assert_int_equal(
        einsum_run(fixture->workload, fixture->diags, fixture->data), OK);
}

/* The dimension letters of a tensor; false for one no kernel could take. */
static bool find_dims(const struct einsum_tensor *tensor, char *dims)
{
    for (int d = 0; d < tensor->dim_count; d++) {
        const char *rank = tensor->dim_rank[d];
        if (rank == NULL || rank[1] != '\0') {
            return false;
        }
        dims[d] = rank[0];
    }
    dims[tensor->dim_count] = '\0';
    return true;
}

/* Runs the cascade's kernel on the same inputs; results into `result` and
 * `error`, in the layout of the cascade's own output. */
static void run_kernel(struct fixture *fixture, int output, double *result,
                       double *error)
{
    const struct workload *workload = fixture->workload;
    struct kernel_tensor tensors[32] = {0};
    char dims[32][EINSUM_MAX_DIMS + 1];
    size_t count = 0;
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        if ((tensor->kind != TENSOR_INPUT && i != output) ||
            !find_dims(tensor, dims[count])) {
            continue;
        }
        tensors[count].name = tensor->name;
        tensors[count].dims = dims[count];
        for (int d = 0; d < tensor->dim_count; d++) {
            tensors[count].extent[d] = tensor->extent[d];
        }
        tensors[count].value =
            i == output ? result : fixture->data->tensors[i].value;
        tensors[count].error = i == output ? error : NULL;
        count++;
    }
    const struct kernel *kernel = kernel_look_up(
        fixture->diags, SPAN_NONE, cascade_kernel(fixture->cascade));
    assert_non_null(kernel);
    struct kernel_parameter parameters[32] = {0};
    size_t shape_count = (size_t)workload->shape_count;
    assert_true(shape_count <= G_N_ELEMENTS(parameters));
    for (size_t i = 0; i < shape_count; i++) {
        parameters[i].name = workload->shape_name[i];
        parameters[i].value = workload->shape_value[i];
    }
    struct kernel_arguments arguments = {tensors, count, parameters,
                                         shape_count};
    assert_int_equal(
        kernel_run_with(kernel, &arguments, fixture->diags, SPAN_NONE), OK);
}

static int find_output(const struct workload *workload)
{
    for (int i = 0; i < workload->tensor_count; i++) {
        if (workload->tensors[i].kind == TENSOR_OUTPUT) {
            return i;
        }
    }
    fail_msg("no output");
    return -1;
}

static void check(const char *path, const struct scope *chosen)
{
    struct fixture storage = {0};
    AUTO(fixture) fixture = &storage;
    load(fixture, path, chosen);
    int output = find_output(fixture->workload);
    const struct tensor_data *computed = &fixture->data->tensors[output];
    int64_t count = fixture->workload->tensors[output].element_count;
    g_autofree double *result = g_new0(double, (gsize)count);
    g_autofree double *error = g_new0(double, (gsize)count);
    run_kernel(fixture, output, result, error);
    for (int64_t i = 0; i < count; i++) {
        double bound = error[i] + computed->error[i];
        assert_true(fabs(result[i] - computed->value[i]) <= bound);
        /* Inputs are of size 1: a bound of this size still says much. */
        assert_true(bound < 1e-10);
    }
}

static void test_gemm_agrees_with_its_kernel(void **state)
{
    (void)state;
    check("workloads/gemm.yaml", NULL);
}

static void test_attention_agrees_with_its_kernel(void **state)
{
    check(*state, NULL);
}

/* Extents all different and not powers of two: no index can be mixed up. */
static void test_attention_of_odd_shapes_agrees_with_its_kernel(void **state)
{
    const struct {
        const char *name;
        int64_t value;
    } shapes[] = {{"B", 2}, {"H", 3}, {"P", 7},  {"M", 55},
                  {"E", 9}, {"F", 5}, {"M0", 11}};
    AUTO(scope) chosen = scope_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
        scope_set(chosen, shapes[i].name, shapes[i].value);
    }
    check(*state, chosen);
}

static char one_pass[] = "workloads/attention/one-pass.yaml";
static char two_pass[] = "workloads/attention/two-pass.yaml";
static char three_pass[] = "workloads/attention/three-pass.yaml";
static char deferred[] = "workloads/attention/three-pass-deferred.yaml";

#define ON(test, path)                                                         \
    {                                                                          \
#test "(" #path ")", test, NULL, NULL, path                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm_agrees_with_its_kernel),
        ON(test_attention_agrees_with_its_kernel, one_pass),
        ON(test_attention_agrees_with_its_kernel, two_pass),
        ON(test_attention_agrees_with_its_kernel, three_pass),
        ON(test_attention_agrees_with_its_kernel, deferred),
        ON(test_attention_of_odd_shapes_agrees_with_its_kernel, one_pass),
        ON(test_attention_of_odd_shapes_agrees_with_its_kernel, two_pass),
        ON(test_attention_of_odd_shapes_agrees_with_its_kernel, three_pass),
        ON(test_attention_of_odd_shapes_agrees_with_its_kernel, deferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
