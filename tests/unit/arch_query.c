/* Questions to a loaded arch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/arch.h"

static int setup(void **state)
{
    AUTO(diags) diags = diags_new();
    struct arch *arch = NULL;
    if (arch_load_file(diags, "arch-configs/teaching.yaml", NULL, &arch) !=
        OK) {
        return -1;
    }
    *state = arch;
    return 0;
}

static int teardown(void **state)
{
    arch_free(*state);
    return 0;
}

static void test_unknown_names_are_minus_one(void **state)
{
    const struct arch *arch = *state;
    assert_int_equal(arch_find_memory(arch, "gbuff"), -1);
    assert_int_equal(arch_find_unit(arch, "gbuf"), -1);
    assert_int_equal(arch_find_unit(arch, "array1d"), 1);
}

static void test_only_memories_on_the_way_are_above(void **state)
{
    const struct arch *arch = *state;
    int array2d = arch_find_unit(arch, "array2d");
    const char *const above[] = {"DRAM", "gbuf", "edge", "rf2d"};
    for (size_t i = 0; i < G_N_ELEMENTS(above); i++) {
        assert_true(
            arch_is_above(arch, arch_find_memory(arch, above[i]), array2d));
    }
    assert_false(arch_is_above(arch, arch_find_memory(arch, "rf1d"), array2d));
}

/* X and Y above rf2d and array2d are one pair of axes, X above rf1d another. */
static void test_axes_have_dense_ids_shared_along_a_path(void **state)
{
    const struct arch *arch = *state;
    const struct arch_memory *gbuf =
        &arch->memories[arch_find_memory(arch, "gbuf")];
    const struct arch_memory *rf2d =
        &arch->memories[arch_find_memory(arch, "rf2d")];
    const struct arch_memory *rf1d =
        &arch->memories[arch_find_memory(arch, "rf1d")];
    const struct arch_unit *array2d =
        &arch->units[arch_find_unit(arch, "array2d")];
    const struct arch_unit *array1d =
        &arch->units[arch_find_unit(arch, "array1d")];
    assert_int_equal(arch->axis_count, 3);
    assert_int_equal(gbuf->axis_count, 0);
    assert_int_equal(rf2d->axis_count, 2);
    assert_int_equal(rf1d->axis_count, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rf2d->axis[i].id, i);
        assert_int_equal(array2d->axis[i].id, i);
        assert_string_equal(rf2d->axis[i].name, array2d->axis[i].name);
    }
    assert_int_equal(rf1d->axis[0].id, 2);
    assert_int_equal(array1d->axis[0].id, 2);
}

static void test_scope_has_params_sizes_axes_and_the_word(void **state)
{
    const struct arch *arch = *state;
    AUTO(scope) scope = scope_new(NULL);
    arch_fill_scope(arch, scope);
    const struct {
        const char *name;
        int64_t value;
    } expected[] = {
        {"GBUF", 4096},
        {"gbuf.size", 4096},
        {"array2d.X", 4},
        {"array2d.lanes", 16},
        {"array1d.X", 4},
        {"word", 2},
        {"DRAM.size", NUM_UNLIMITED},
        {"rf2d.size", 32},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        int64_t value = -1;
        assert_true(scope_get(scope, expected[i].name, &value));
        assert_int_equal(value, expected[i].value);
    }
}

static void test_transfers_round_up_to_whole_cycles(void **state)
{
    const struct arch *arch = *state;
    int dram = arch_find_memory(arch, "DRAM"); /* 8 bytes a cycle */
    const int64_t bytes[] = {0, 1, 8, 9, 800};
    const int64_t expected[] = {0, 1, 1, 2, 100};
    for (size_t i = 0; i < G_N_ELEMENTS(bytes); i++) {
        int64_t cycles = -1;
        assert_int_equal(
            arch_count_transfer_cycles(arch, dram, bytes[i], &cycles), OK);
        assert_int_equal(cycles, expected[i]);
    }
}

static void test_unlimited_bandwidth_takes_no_time(void **state)
{
    const struct arch *arch = *state;
    int64_t cycles = -1;
    assert_int_equal(arch_count_transfer_cycles(arch,
                                                arch_find_memory(arch, "edge"),
                                                INT64_MAX, &cycles),
                     OK);
    assert_int_equal(cycles, 0);
}

/* 1e9 cycles/s over 8e9 bytes/s: the product needs 128 bits, the result fits.
 */
static void test_transfer_of_any_size_is_exact(void **state)
{
    const struct arch *arch = *state;
    int64_t cycles = -1;
    assert_int_equal(arch_count_transfer_cycles(arch,
                                                arch_find_memory(arch, "DRAM"),
                                                INT64_MAX, &cycles),
                     OK);
    assert_int_equal(cycles, INT64_MAX / 8 + 1);
}

static void test_transfer_beyond_int64_is_a_limit(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) slow = NULL;
    /* A byte a second at 1 GHz: every byte takes 1e9 cycles. */
    assert_int_equal(
        arch_load_file(diags, "arch-configs/teaching.yaml", NULL, &slow), OK);
    slow->memories[0].bandwidth_bytes_per_s = 1;
    int64_t cycles = -1;
    assert_int_equal(arch_count_transfer_cycles(slow, 0, INT64_MAX, &cycles),
                     ERR_LIMIT);
    assert_int_equal(cycles, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_names_are_minus_one),
        cmocka_unit_test(test_only_memories_on_the_way_are_above),
        cmocka_unit_test(test_axes_have_dense_ids_shared_along_a_path),
        cmocka_unit_test(test_scope_has_params_sizes_axes_and_the_word),
        cmocka_unit_test(test_transfers_round_up_to_whole_cycles),
        cmocka_unit_test(test_unlimited_bandwidth_takes_no_time),
        cmocka_unit_test(test_transfer_of_any_size_is_exact),
        cmocka_unit_test(test_transfer_beyond_int64_is_a_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
