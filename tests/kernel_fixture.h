/* A call of a reference kernel on random tensors, and an oracle in long double
 * that shares no code with kernels/: its 64 bits of mantissa put its own error
 * far below any bound of double arithmetic. */
#ifndef WEIR_TESTS_KERNEL_FIXTURE_H
#define WEIR_TESTS_KERNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

struct kernel_fixture {
    GRand *random;
    int64_t extent[26];
    struct kernel_tensor tensors[8];
    size_t tensor_count;
    int64_t result_count;
    double *result;
    double *error;
    struct kernel_parameter parameters[4];
    size_t parameter_count;
};

/* `extents`: letters, `values`: theirs, in order. */
static inline struct kernel_fixture *
kernel_fixture_new(guint32 seed, const char *letters, const int *values)
{
    struct kernel_fixture *fixture = g_new0(struct kernel_fixture, 1);
    fixture->random = g_rand_new_with_seed(seed);
    for (int i = 0; letters[i] != '\0'; i++) {
        fixture->extent[letters[i] - 'a'] = values[i];
    }
    return fixture;
}

static inline void kernel_fixture_free(struct kernel_fixture *fixture)
{
    if (fixture == NULL) {
        return;
    }
    for (size_t i = 0; i < fixture->tensor_count; i++) {
        g_free(fixture->tensors[i].value);
        g_free(fixture->tensors[i].error);
    }
    g_rand_free(fixture->random);
    g_free(fixture);
}
BASE_DEFINE_CLEANUP(kernel_fixture)

/* Near enough to normal for a test. */
static inline double random_near_normal(GRand *random)
{
    double sum = -6.0;
    for (int i = 0; i < 12; i++) {
        sum += g_rand_double(random);
    }
    return sum;
}

static inline int64_t fixture_add(struct kernel_fixture *fixture,
                                  const char *name, const char *dims)
{
    int64_t count = 1;
    struct kernel_tensor *tensor = &fixture->tensors[fixture->tensor_count++];
    assert_true(fixture->tensor_count <= G_N_ELEMENTS(fixture->tensors));
    tensor->name = name;
    tensor->dims = dims;
    for (size_t d = 0; dims[d] != '\0'; d++) {
        tensor->extent[d] = fixture->extent[dims[d] - 'a'];
        count *= tensor->extent[d];
    }
    tensor->value = g_new0(double, (gsize)count);
    return count;
}

/* Adds an input of normal numbers times `scale`; its values. */
static inline double *fixture_input(struct kernel_fixture *fixture,
                                    const char *name, const char *dims,
                                    double scale)
{
    int64_t count = fixture_add(fixture, name, dims);
    double *value = fixture->tensors[fixture->tensor_count - 1].value;
    for (int64_t i = 0; i < count; i++) {
        value[i] = scale * random_near_normal(fixture->random);
    }
    return value;
}

static inline void fixture_result(struct kernel_fixture *fixture,
                                  const char *name, const char *dims)
{
    fixture->result_count = fixture_add(fixture, name, dims);
    struct kernel_tensor *tensor = &fixture->tensors[fixture->tensor_count - 1];
    tensor->error = g_new0(double, (gsize)fixture->result_count);
    fixture->result = tensor->value;
    fixture->error = tensor->error;
}

static inline void fixture_parameter(struct kernel_fixture *fixture,
                                     const char *name, int64_t value)
{
    for (size_t i = 0; i < fixture->parameter_count; i++) {
        if (strcmp(fixture->parameters[i].name, name) == 0) {
            fixture->parameters[i].value = value;
            return;
        }
    }
    fixture->parameters[fixture->parameter_count++] =
        (struct kernel_parameter){name, value};
}

static inline enum status fixture_try(struct kernel_fixture *fixture,
                                      const char *kernel, struct diags *diags)
{
    assert_non_null(kernel_find(kernel));
    struct kernel_arguments arguments = {
        fixture->tensors, fixture->tensor_count, fixture->parameters,
        fixture->parameter_count};
    return kernel_run_with(kernel_find(kernel), &arguments, diags, SPAN_NONE);
}

static inline void fixture_run(struct kernel_fixture *fixture,
                               const char *kernel)
{
    AUTO(diags) diags = diags_new();
    enum status status = fixture_try(fixture, kernel, diags);
    if (status != OK) {
        GString *out = g_string_new(NULL);
        diags_print(diags, false, out);
        print_error("%s", out->str);
        g_string_free(out, TRUE);
    }
    assert_int_equal(status, OK);
}

static inline void fixture_expect_refusal(struct kernel_fixture *fixture,
                                          const char *kernel, const char *code)
{
    AUTO(diags) diags = diags_new();
    assert_int_equal(fixture_try(fixture, kernel, diags), ERR_INPUT);
    assert_string_equal(diags_get(diags, 0)->code, code);
}

/* The result and its bounds, kept beyond another run. The caller frees. */
static inline double *fixture_copy(const struct kernel_fixture *fixture,
                                   const double *from)
{
    return g_memdup2(from, (gsize)fixture->result_count * sizeof(double));
}

/* Each element of the result within its bound of `exact`, and no bound above
 * `informative`. */
static inline void
assert_exact_within_bounds(const struct kernel_fixture *fixture,
                           const long double *exact, double informative)
{
    for (int64_t i = 0; i < fixture->result_count; i++) {
        long double difference =
            fabsl(exact[i] - (long double)fixture->result[i]);
        bool is_within = difference <= (long double)fixture->error[i] * 1.001L;
        if (!is_within || !(fixture->error[i] <= informative)) {
            print_error("element %d is %.17g +- %g, exactly %.17g\n", (int)i,
                        fixture->result[i], fixture->error[i],
                        (double)exact[i]);
            fail();
        }
    }
}

/* The result agrees with an earlier one within the sum of both bounds. */
static inline void assert_agrees(const struct kernel_fixture *fixture,
                                 const double *value, const double *error,
                                 double informative)
{
    for (int64_t i = 0; i < fixture->result_count; i++) {
        double bound = error[i] + fixture->error[i];
        bool is_within = fabs(value[i] - fixture->result[i]) <= bound;
        if (!is_within || !(bound <= informative)) {
            print_error("element %d is %.17g, not %.17g, bound %g\n", (int)i,
                        fixture->result[i], value[i], bound);
            fail();
        }
    }
}

static inline void assert_differs(const struct kernel_fixture *fixture,
                                  const double *value)
{
    double largest = 0.0;
    for (int64_t i = 0; i < fixture->result_count; i++) {
        largest = fmax(largest, fabs(value[i] - fixture->result[i]));
    }
    assert_true(largest > 1e-3);
}

/* What a query adds to the logit of a key: 0, a bias, -infinity. */
typedef long double (*oracle_bias)(int p, int m, const void *data);

struct oracle {
    int p_count;
    int m_count;
    int e_count;
    int f_count;
    oracle_bias bias; /* NULL: none */
    const void *data;
};

static inline long double oracle_dot(const double *a, const double *b, int n)
{
    long double sum = 0.0L;
    for (int i = 0; i < n; i++) {
        sum += (long double)a[i] * (long double)b[i];
    }
    return sum;
}

/* Softmax attention of one head; dense q[p,e], k[m,e], v[m,f], result[p,f]. */
static inline void oracle_attend(const struct oracle *oracle, const double *q,
                                 const double *k, const double *v,
                                 long double *result)
{
    int m_count = oracle->m_count;
    int f_count = oracle->f_count;
    g_autofree long double *logit = g_new(long double, (gsize)m_count);
    for (int p = 0; p < oracle->p_count; p++) {
        long double largest = -HUGE_VALL;
        long double sum = 0.0L;
        memset(&result[p * f_count], 0, (gsize)f_count * sizeof(long double));
        for (int m = 0; m < m_count; m++) {
            logit[m] = oracle_dot(&q[p * oracle->e_count],
                                  &k[m * oracle->e_count], oracle->e_count);
            logit[m] +=
                oracle->bias == NULL ? 0.0L : oracle->bias(p, m, oracle->data);
            largest = fmaxl(largest, logit[m]);
        }
        for (int m = 0; m < m_count; m++) {
            long double weight = expl(logit[m] - largest);
            sum += weight;
            for (int f = 0; f < f_count; f++) {
                result[p * f_count + f] +=
                    weight * (long double)v[m * f_count + f];
            }
        }
        for (int f = 0; f < f_count; f++) {
            result[p * f_count + f] /= sum;
        }
    }
}

#endif
