/* parse(print(x)) is x: for random cascades the canonical text prints as
 * itself, and means the same to the last bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/einsum_random.h"
#include "tests/unit/einsum_text.h"

#define CASES 300

static void assert_same_meaning(const struct loaded *a, const struct loaded *b,
                                const char *output)
{
    struct einsum_data *data_a = new_data(a, false, 7);
    struct einsum_data *data_b = new_data(b, false, 7);
    run_all(a, data_a);
    run_all(b, data_b);
    assert_memory_equal(values_of(a, data_a, output)->value,
                        values_of(b, data_b, output)->value,
                        (size_t)element_count(a, output) * sizeof(double));
    einsum_data_free(data_a);
    einsum_data_free(data_b);
}

static void test_canonical_text_of_random_cascades(void **state)
{
    (void)state;
    for (guint32 seed = 1; seed <= CASES; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        char output[8];
        g_autofree char *einsums =
            random_einsums_with(random, RANDOM_MACROS | RANDOM_PARTS, output);
        struct loaded first =
            load_cascade(RANDOM_SHAPES, RANDOM_INPUTS, einsums, output);
        g_autofree char *printed = cascade_print(first.cascade);
        struct loaded second =
            load_cascade(RANDOM_SHAPES, RANDOM_INPUTS, printed, output);
        g_autofree char *again = cascade_print(second.cascade);
        if (strcmp(printed, again) != 0) {
            print_error("seed %u\n", seed);
        }
        assert_string_equal(printed, again);
        assert_same_meaning(&first, &second, output);
        loaded_clear(&first);
        loaded_clear(&second);
    }
}

static void test_delivered_cascades_print_as_themselves(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "workloads/attention/one-pass.yaml",
        "workloads/attention/two-pass.yaml",
        "workloads/attention/three-pass.yaml",
        "workloads/attention/three-pass-deferred.yaml",
        "workloads/gemm.yaml",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        struct loaded loaded = load_workload(paths[i], NULL);
        g_autofree char *text = cascade_print(loaded.cascade);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        assert_int_equal((int)g_strv_length(lines) - 1,
                         loaded.workload->statement_count);
        assert_int_equal(diags_count(loaded.diags), 0);
        assert_int_equal(strlen(cascade_hash(loaded.cascade)), 64);
        assert_string_equal(cascade_path(loaded.cascade), paths[i]);
        loaded_clear(&loaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_text_of_random_cascades),
        cmocka_unit_test(test_delivered_cascades_print_as_themselves),
    };
    return cmocka_run_group_tests_name("einsum_print", tests, NULL, NULL);
}
