/* Complex cascades against C's own complex numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <complex.h>
#include <math.h>

#include "tests/unit/einsum_text.h"

#define CASES 200
#define UNIT  CMPLX(0.0, 1.0)

static double complex complex_at(const struct loaded *loaded,
                                 const struct einsum_data *data,
                                 const char *name, int64_t i)
{
    g_autofree char *re = g_strconcat(name, "_RE", NULL);
    g_autofree char *im = g_strconcat(name, "_IM", NULL);
    return values_of(loaded, data, re)->value[i] +
           values_of(loaded, data, im)->value[i] * UNIT;
}

static double error_at(const struct loaded *loaded,
                       const struct einsum_data *data, const char *name,
                       int64_t i)
{
    g_autofree char *re = g_strconcat(name, "_RE", NULL);
    g_autofree char *im = g_strconcat(name, "_IM", NULL);
    return hypot(values_of(loaded, data, re)->error[i],
                 values_of(loaded, data, im)->error[i]);
}

/* Twice the bound: one for the interpreter's roundings, one for C's. */
static void assert_near(double complex got, double complex expected,
                        double bound)
{
    if (!(cabs(got - expected) <= 2.0 * bound + 1e-300)) {
        print_error("%g%+gi is not %g%+gi within %g\n", creal(got), cimag(got),
                    creal(expected), cimag(expected), bound);
        fail();
    }
}

/* ---- random expressions --------------------------------------------------- */

/* The text of an expression and, evaluated beside it, its value at a point. */
struct random_value {
    GRand *random;
    GString *text;
    double complex z;
    double complex w;
    double x;
};

static double complex add_random(struct random_value *value, int depth);

static double complex add_binary(struct random_value *value, int depth)
{
    static const char *const signs[] = {" + ", " - ", " * ", " / "};
    int kind = g_rand_int_range(value->random, 0, 4);
    g_string_append_c(value->text, '(');
    double complex a = add_random(value, depth - 1);
    g_string_append(value->text, signs[kind]);
    double complex b = add_random(value, depth - 1);
    g_string_append_c(value->text, ')');
    return kind == 0 ? a + b : kind == 1 ? a - b : kind == 2 ? a * b : a / b;
}

static double complex add_unary(struct random_value *value, int depth)
{
    static const char *const names[] = {"-", "conj", "exp", "abs", "re", "im"};
    int kind = g_rand_int_range(value->random, 0, 6);
    g_string_append_printf(value->text, "%s(", names[kind]);
    double complex a = add_random(value, kind == 2 ? 0 : depth - 1);
    g_string_append_c(value->text, ')');
    switch (kind) {
    case 0:
        return -a;
    case 1:
        return conj(a);
    case 2:
        return cexp(a);
    case 3:
        return cabs(a);
    case 4:
        return creal(a);
    default:
        return cimag(a);
    }
}

static double complex add_random(struct random_value *value, int depth)
{
    int kind = g_rand_int_range(value->random, 0, depth == 0 ? 6 : 12);
    switch (kind) {
    case 0:
        g_string_append(value->text, "Z[i]");
        return value->z;
    case 1:
        g_string_append(value->text, "W[i]");
        return value->w;
    case 2:
        g_string_append(value->text, "X[i]");
        return value->x;
    case 3:
        g_string_append(value->text, "cis(X[i])");
        return cexp(value->x * UNIT);
    case 4:
        g_string_append(value->text, "complex(X[i], pi)");
        return value->x + G_PI * UNIT;
    case 5:
        g_string_append(value->text, "complex(0, 1)");
        return UNIT;
    case 6:
    case 7:
        return add_unary(value, depth);
    default:
        return add_binary(value, depth);
    }
}

static void check_random(guint32 seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    g_autoptr(GString) text = g_string_new("Y[i] = Z[i] * ");
    static const char inputs[] =
        "Z: \"[i] in complex\", W: \"[i] in complex\", X: \"[i]\"";
    struct random_value value = {random, text, 0.0, 0.0, 0.0};
    add_random(&value, 4);
    g_string_append(text, " + W[i] * X[i]\n");
    struct loaded loaded = load_cascade("I: 3", inputs, text->str, "Y");
    struct einsum_data *data = new_data(&loaded, true, seed);
    run_all(&loaded, data);
    for (int i = 0; i < 3; i++) {
        g_autoptr(GRand) again = g_rand_new_with_seed(seed);
        g_autoptr(GString) same = g_string_new(NULL);
        struct random_value at = {again, same,
                                  complex_at(&loaded, data, "Z", i),
                                  complex_at(&loaded, data, "W", i),
                                  values_of(&loaded, data, "X")->value[i]};
        double complex expected = at.z * add_random(&at, 4) + at.w * at.x;
        double bound = error_at(&loaded, data, "Y", i);
        if (isfinite(bound) && isfinite(cabs(expected))) {
            assert_near(complex_at(&loaded, data, "Y", i), expected, bound);
        }
    }
    g_autofree char *printed = cascade_print(loaded.cascade);
    struct loaded reread = load_cascade("I: 3", inputs, printed, "Y");
    g_autofree char *again = cascade_print(reread.cascade);
    assert_string_equal(printed, again);
    loaded_clear(&reread);
    einsum_data_free(data);
    loaded_clear(&loaded);
}

static void test_random_expressions_equal_complex_arithmetic(void **state)
{
    (void)state;
    for (guint32 seed = 1; seed <= CASES; seed++) {
        check_random(seed);
    }
}

/* ---- cascades ------------------------------------------------------------- */

/* Four macs a point; conj and i cost nothing. */
static void test_a_complex_product_is_four_macs(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "Q[m,k] * W[k]", "Q[m,k] * conj(W[k])", "conj(Q[m,k]) * W[k]",
        "conj(Q[m,k]) * conj(W[k])", "complex(0, 1) * Q[m,k] * W[k]"};
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autofree char *einsums = g_strdup_printf("Y[m] = %s\n", bodies[i]);
        struct loaded loaded = load_cascade(
            "M: 3, K: 4", "Q: \"[m,k] in complex\", W: \"[k] in complex\"",
            einsums, "Y");
        int64_t macs = 0;
        int64_t others = 0;
        for (int s = 0; s < loaded.workload->statement_count; s++) {
            const struct einsum_statement *statement =
                &loaded.workload->statements[s];
            assert_int_equal(statement->features, 0);
            for (int op = 0; op < EINSUM_OP_COUNT; op++) {
                *(op == EINSUM_MAC ? &macs : &others) +=
                    statement->ops_per_point[op];
            }
        }
        assert_int_equal(macs, 4);
        assert_int_equal(others, 0);
        loaded_clear(&loaded);
    }
}

/* S4D: a diagonal complex state equals the convolution with its kernel. */
static void test_recurrence_with_a_complex_state(void **state)
{
    (void)state;
    struct loaded loaded = load_cascade(
        "N: 3, T: 9",
        "LA: \"[n]\", OM: \"[n]\", C: \"[n] in complex\", U: \"[t]\"",
        "A[n] = exp(complex(-exp(LA[n]), OM[n]))\n"
        "S[0,n] = 0\n"
        "S[t+1,n] = A[n] * S[t,n] + U[t]\n"
        "Y[t] = 2 * re(C[n] * S[t+1,n])\n",
        "Y");
    struct einsum_data *data = new_data(&loaded, true, 6);
    run_all(&loaded, data);
    const struct tensor_data *y = values_of(&loaded, data, "Y");
    const double *u = values_of(&loaded, data, "U")->value;
    for (int t = 0; t < 9; t++) {
        double complex sum = 0.0;
        for (int n = 0; n < 3; n++) {
            double complex a =
                cexp(-exp(values_of(&loaded, data, "LA")->value[n]) +
                     values_of(&loaded, data, "OM")->value[n] * UNIT);
            for (int s = 0; s <= t; s++) {
                sum +=
                    complex_at(&loaded, data, "C", n) * cpow(a, t - s) * u[s];
            }
        }
        assert_near(y->value[t], 2.0 * creal(sum), y->error[t] + 1e-14);
        assert_true(y->error[t] < 1e-12);
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

/* A transform by its matrix, with indices as values; views stay views. */
static void test_dense_transform_by_a_matrix(void **state)
{
    (void)state;
    struct loaded loaded =
        load_cascade("N: 12, U: 12, C: 2", "X: \"[n,c]\"",
                     "D[u,n] = cis(-2 * pi / N * (index(u) * index(n) mod N))\n"
                     "F[u,c] = D[u,n] * X[n,c]\n"
                     "G[u,c] = F[u,c]\n"
                     "Z[n,c] = conj(D[u,n]) * G[u,c]\n"
                     "Y[n,c] = re(Z[n,c]) / N\n",
                     "F, Y");
    struct einsum_data *data = new_data(&loaded, true, 6);
    run_all(&loaded, data);
    assert_int_equal(statement_of(&loaded, "G_RE")->kind, EINSUM_VIEW);
    const double *x = values_of(&loaded, data, "X")->value;
    const struct tensor_data *y = values_of(&loaded, data, "Y");
    for (int64_t u = 0; u < 12; u++) {
        for (int64_t c = 0; c < 2; c++) {
            double complex sum = 0.0;
            for (int64_t n = 0; n < 12; n++) {
                sum += x[n * 2 + c] *
                       cexp(-2.0 * G_PI * (double)(u * n) / 12.0 * UNIT);
            }
            assert_near(complex_at(&loaded, data, "F", u * 2 + c), sum, 1e-13);
            assert_near(y->value[u * 2 + c], x[u * 2 + c], y->error[u * 2 + c]);
        }
    }
    einsum_data_free(data);
    loaded_clear(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_expressions_equal_complex_arithmetic),
        cmocka_unit_test(test_a_complex_product_is_four_macs),
        cmocka_unit_test(test_recurrence_with_a_complex_state),
        cmocka_unit_test(test_dense_transform_by_a_matrix),
    };
    return cmocka_run_group_tests_name("einsum_complex", tests, NULL, NULL);
}
