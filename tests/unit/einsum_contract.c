/* Sums of products as blocked matrix products: values against sums in long
 * double of each element alone, error bounds that cover the difference and are
 * not much larger than the point-by-point bound, at sizes around every block
 * border, in several layouts; numbers that must take the general way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "tests/unit/einsum_text.h"

/* Y[h,i,j] = sum over g and k of A.. B..; strides by (h, g, i, k), (h, g, j, k)
 * and (h, i, j). */
struct layout {
    const char *a;
    const char *b;
    const char *y;
};

static const struct layout layouts[] = {
    {"h,g,i,k", "h,g,k,j", "h,i,j"}, {"h,g,i,k", "h,g,j,k", "h,i,j"},
    {"h,k,i,g", "j,g,h,k", "h,j,i"}, {"i,k,h,g", "h,g,k,j", "i,j,h"},
    {"g,k,h,i", "k,g,h,j", "j,h,i"},
};

struct sizes {
    int h, g, i, j, k;
};

static const struct sizes sizes[] = {
    {1, 1, 4, 4, 4},     {1, 1, 5, 9, 7},   {2, 3, 64, 128, 16},
    {1, 2, 65, 129, 17}, {1, 1, 9, 8, 128}, {1, 1, 63, 127, 129},
    {3, 1, 7, 4, 257},   {1, 1, 1, 200, 9}, {2, 2, 130, 5, 40},
};

static int extent(const struct sizes *size, char rank)
{
    switch (rank) {
    case 'h':
        return size->h;
    case 'g':
        return size->g;
    case 'i':
        return size->i;
    case 'j':
        return size->j;
    default:
        return size->k;
    }
}

/* Row-major position of a point, ranks in the order of `layout`. */
static size_t place(const char *layout, const struct sizes *size,
                    const struct sizes *point)
{
    size_t at = 0;
    for (const char *c = layout; *c != '\0'; c++) {
        if (*c != ',') {
            at = at * (size_t)extent(size, *c) + (size_t)extent(point, *c);
        }
    }
    return at;
}

static struct loaded load(const struct layout *layout, const struct sizes *size)
{
    g_autofree char *shapes =
        g_strdup_printf("H: %d, G: %d, I: %d, J: %d, K: %d", size->h, size->g,
                        size->i, size->j, size->k);
    g_autofree char *inputs =
        g_strdup_printf("A: \"[%s]\", B: \"[%s]\"", layout->a, layout->b);
    g_autofree char *text = g_strdup_printf("Y[%s] = A[%s] * B[%s]", layout->y,
                                            layout->a, layout->b);
    return load_cascade(shapes, inputs, text, "Y");
}

struct run {
    struct loaded loaded;
    struct einsum_data *data;
    struct tensor_data *a;
    struct tensor_data *b;
    struct tensor_data *y;
};

static struct run run_new(const struct layout *layout, const struct sizes *size,
                          bool with_error)
{
    struct run run = {.loaded = load(layout, size)};
    const struct workload *w = run.loaded.workload;
    assert_int_equal(
        einsum_data_new(w, with_error, run.loaded.diags, &run.data), OK);
    einsum_fill_inputs(w, 7, run.data);
    run.a = &run.data->tensors[workload_find_tensor(w, "A")];
    run.b = &run.data->tensors[workload_find_tensor(w, "B")];
    run.y = &run.data->tensors[workload_find_tensor(w, "Y")];
    return run;
}

static void run_cascade(struct run *run)
{
    assert_int_equal(
        einsum_run(run->loaded.workload, run->loaded.diags, run->data), OK);
}

static void run_clear(struct run *run)
{
    einsum_data_free(run->data);
    loaded_clear(&run->loaded);
}

/* The element by its formula: sum, and sum of magnitudes. */
static void sum_element(const struct run *run, const struct layout *layout,
                        const struct sizes *size, struct sizes point,
                        long double *sum, long double *magnitude)
{
    *sum = 0.0L;
    *magnitude = 0.0L;
    for (point.g = 0; point.g < size->g; point.g++) {
        for (point.k = 0; point.k < size->k; point.k++) {
            long double term =
                (long double)run->a->value[place(layout->a, size, &point)] *
                run->b->value[place(layout->b, size, &point)];
            *sum += term;
            *magnitude += fabsl(term);
        }
    }
}

static void check(const struct run *run, const struct layout *layout,
                  const struct sizes *size)
{
    double terms = size->g * size->k;
    struct sizes at = {0, 0, 0, 0, 0};
    for (at.h = 0; at.h < size->h; at.h++) {
        for (at.i = 0; at.i < size->i; at.i++) {
            for (at.j = 0; at.j < size->j; at.j++) {
                long double sum = 0.0L;
                long double magnitude = 0.0L;
                sum_element(run, layout, size, at, &sum, &magnitude);
                size_t y = place(layout->y, size, &at);
                long double bound =
                    (terms + 1.0) * 0x1p-53L * magnitude + 1e-300L;
                assert_true(fabsl(run->y->value[y] - sum) <= bound);
                if (run->y->error != NULL) {
                    assert_true(fabsl(run->y->value[y] - sum) <=
                                (long double)run->y->error[y]);
                    assert_true(run->y->error[y] <= 4.0L * bound);
                }
            }
        }
    }
}

static void test_products_of_all_layouts_and_sizes(void **state)
{
    (void)state;
    for (size_t l = 0; l < G_N_ELEMENTS(layouts); l++) {
        for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
            for (int with_error = 0; with_error < 2; with_error++) {
                struct run run =
                    run_new(&layouts[l], &sizes[s], with_error != 0);
                run_cascade(&run);
                check(&run, &layouts[l], &sizes[s]);
                run_clear(&run);
            }
        }
    }
}

/* Errors of the operands: what the exact operands could give stays covered. */
static void test_operand_errors_pass_through(void **state)
{
    (void)state;
    const struct sizes size = {1, 1, 20, 24, 30};
    struct run exact = run_new(&layouts[0], &size, true);
    struct run off = run_new(&layouts[0], &size, true);
    for (int i = 0; i < size.i * size.k; i++) {
        off.a->error[i] = 1e-3 * fabs(off.a->value[i]);
        off.a->value[i] += (i % 2 == 0 ? 1.0 : -1.0) * off.a->error[i] * 0.99;
    }
    for (int i = 0; i < size.j * size.k; i++) {
        off.b->error[i] = 2e-3;
        off.b->value[i] += (i % 3 == 0 ? 1.0 : -1.0) * 1.9e-3;
    }
    run_cascade(&exact);
    run_cascade(&off);
    double largest = 0.0;
    for (int i = 0; i < size.i * size.j; i++) {
        double difference = fabs(off.y->value[i] - exact.y->value[i]);
        assert_true(difference <= off.y->error[i]);
        largest = fmax(largest, difference / off.y->error[i]);
    }
    assert_true(largest > 0.01); /* of the bound: it is not absurdly large */
    run_clear(&exact);
    run_clear(&off);
}

static void test_infinities_and_nan_stay_where_they_belong(void **state)
{
    (void)state;
    const struct sizes size = {1, 1, 12, 10, 8};
    struct run run = run_new(&layouts[0], &size, true);
    run.a->value[3 * size.k + 2] = (double)INFINITY;
    run.a->value[5 * size.k + 4] = (double)NAN;
    for (int j = 0; j < size.j; j++) {
        run.b->value[2 * size.j + j] = 1.0 + j;
    }
    run_cascade(&run);
    for (int i = 0; i < size.i; i++) {
        for (int j = 0; j < size.j; j++) {
            double value = run.y->value[i * size.j + j];
            assert_int_equal(isinf(value) != 0, i == 3);
            assert_int_equal(isnan(value) != 0, i == 5);
            assert_int_equal(isfinite(run.y->error[i * size.j + j]) != 0,
                             i != 5);
        }
    }
    run_clear(&run);
}

/* Products below the normal range, and overflow. */
static void test_ends_of_the_range(void **state)
{
    (void)state;
    const struct sizes size = {1, 1, 8, 8, 8};
    struct run run = run_new(&layouts[0], &size, true);
    for (int i = 0; i < 64; i++) {
        run.a->value[i] *= 1e-160;
        run.b->value[i] *= 1e-160;
    }
    run_cascade(&run);
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) {
            long double sum = 0.0L;
            for (int k = 0; k < 8; k++) {
                sum += (long double)run.a->value[i * 8 + k] *
                       run.b->value[k * 8 + j];
            }
            double error = run.y->error[i * 8 + j];
            assert_true(fabsl(run.y->value[i * 8 + j] - sum) <= error);
            assert_true(error <= 64.0 * DBL_TRUE_MIN + 1e-300);
        }
    }
    run.a->value[9] = 1e200;
    run.b->value[8] = 1e200; /* their product is in row 1, column 0 */
    run_cascade(&run);
    assert_true(isinf(run.y->value[8]) && isinf(run.y->error[8]));
    assert_true(isfinite(run.y->value[0]) && isfinite(run.y->error[0]));
    run_clear(&run);
}

static void test_zeros_are_exact(void **state)
{
    (void)state;
    const struct sizes size = {1, 1, 8, 8, 8};
    struct run run = run_new(&layouts[0], &size, true);
    for (int k = 0; k < 8; k++) {
        run.a->value[3 * 8 + k] = 0.0;
    }
    run_cascade(&run);
    for (int j = 0; j < 8; j++) {
        assert_true(fabs(run.y->value[3 * 8 + j]) + run.y->error[3 * 8 + j] <=
                    0.0);
    }
    run_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_of_all_layouts_and_sizes),
        cmocka_unit_test(test_operand_errors_pass_through),
        cmocka_unit_test(test_infinities_and_nan_stay_where_they_belong),
        cmocka_unit_test(test_ends_of_the_range),
        cmocka_unit_test(test_zeros_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
