/* The schedule of a plan on data against the interpreter: every point is
 * computed, every operand is finished when it is read, values are equal within
 * the bound of rounding. Include after cmocka.h and tests/problem_fixture.h. */
#ifndef WEIR_TESTS_EXECUTION_CHECK_H
#define WEIR_TESTS_EXECUTION_CHECK_H

#include <math.h>

#include "sim/sim.h"

/* Slices of iterative tensors that only the interpreter keeps are equal too. */
static inline void execution_check_values(const struct workload *workload,
                                          const struct einsum_data *expected,
                                          const struct einsum_data *got)
{
    for (int t = 0; t < workload->tensor_count; t++) {
        const struct tensor_data *a = &expected->tensors[t];
        const struct tensor_data *b = &got->tensors[t];
        /* A running maximum may be another one, in the last place, and so may be
         * what is relative to it; what does not depend on it may not. */
        if (expected->is_free[t] || expected->is_relative[t]) {
            assert_true(workload->tensors[t].kind != TENSOR_OUTPUT);
            continue;
        }
        for (int64_t i = 0;
             a->value != NULL && i < workload->tensors[t].element_count; i++) {
            double error = a->error[i] + b->error[i];
            bool is_good = a->value[i] == b->value[i] ||
                           (isnan(a->value[i]) && isnan(b->value[i])) ||
                           fabs(a->value[i] - b->value[i]) <= error;
            if (!is_good) {
                print_error("'%s' element %" G_GINT64_FORMAT
                            ": %.17g, executed %.17g, bound %g\n",
                            workload->tensors[t].name, i, a->value[i],
                            b->value[i], error);
            }
            assert_true(is_good);
        }
    }
}

static inline void execution_check(const struct plan *plan, guint32 seed)
{
    AUTO(diags) diags = diags_new();
    AUTO(einsum_data) expected = NULL;
    AUTO(einsum_data) got = NULL;
    const struct workload *workload = plan->workload;
    assert_int_equal(einsum_data_new(workload, true, diags, &expected), OK);
    assert_int_equal(einsum_data_new(workload, true, diags, &got), OK);
    einsum_fill_inputs(workload, seed, expected);
    einsum_fill_inputs(workload, seed, got);
    assert_int_equal(einsum_run(workload, diags, expected), OK);
    enum status status = sim_execute(plan, diags, got);
    if (status != OK) {
        fixture_print(diags);
    }
    assert_int_equal(status, OK);
    execution_check_values(workload, expected, got);
}

#endif
