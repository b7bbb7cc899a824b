/* The chips that are delivered, and what --set does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "arch/arch.h"
#include "tests/assert_close.h"

static struct arch *load(const char *path, const struct scope *chosen)
{
    AUTO(diags) diags = diags_new();
    struct arch *arch = NULL;
    enum status status = arch_load_file(diags, path, chosen, &arch);
    if (status != OK) {
        g_autoptr(GString) text = g_string_new(NULL);
        diags_print(diags, false, text);
        print_error("%s", text->str);
    }
    assert_int_equal(status, OK);
    return arch;
}

static const struct arch_memory *memory(const struct arch *arch,
                                        const char *name)
{
    int id = arch_find_memory(arch, name);
    assert_true(id >= 0);
    return &arch->memories[id];
}

static const struct arch_unit *unit(const struct arch *arch, const char *name)
{
    int id = arch_find_unit(arch, name);
    assert_true(id >= 0);
    return &arch->units[id];
}

static const struct arch_op *op(const struct arch *arch, const char *unit_name,
                                const char *name)
{
    const struct arch_op *found = arch_find_op(unit(arch, unit_name), name);
    assert_non_null(found);
    return found;
}

static void test_every_delivered_chip_loads(void **state)
{
    (void)state;
    GDir *dir = g_dir_open("arch-configs", 0, NULL);
    assert_non_null(dir);
    const char *name = NULL;
    int count = 0;
    while ((name = g_dir_read_name(dir)) != NULL) {
        if (!g_str_has_suffix(name, ".yaml")) {
            continue;
        }
        g_autofree char *path = g_build_filename("arch-configs", name, NULL);
        AUTO(arch) arch = load(path, NULL);
        g_autofree char *file_name = g_strdup_printf("%s.yaml", arch->name);
        assert_string_equal(file_name, name);
        assert_string_equal(arch->path, path);
        assert_int_equal(strlen(arch->hash), 64);
        count++;
    }
    g_dir_close(dir);
    assert_true(count >= 3);
}

static void test_fusemax_has_the_published_shape(void **state)
{
    (void)state;
    AUTO(arch) arch = load("arch-configs/fusemax-cloud.yaml", NULL);
    assert_int_equal(arch->clock_hz, 940000000);
    assert_int_equal(arch->word_bits, 16);
    assert_int_equal(arch->memory_count, 5);
    assert_int_equal(memory(arch, "DRAM")->bandwidth_bytes_per_s, 429496729600);
    assert_int_equal(memory(arch, "gbuf")->size_bytes, 16 << 20);
    assert_int_equal(memory(arch, "rf2d")->instances, 65536);
    assert_int_equal(memory(arch, "rf1d")->instances, 256);
    assert_int_equal(unit(arch, "array2d")->lanes, 65536);
    assert_int_equal(unit(arch, "array1d")->lanes, 256);
    assert_int_equal(unit(arch, "array2d")->axis[1].reduce, ARCH_REDUCE_CHAIN);
    assert_int_equal(unit(arch, "array2d")->axis[1].hop_cycles, 1);
    assert_int_equal(unit(arch, "array1d")->axis[0].hop_cycles, 0);
    assert_false(unit(arch, "array1d")->is_chainable);
}

static void test_fusemax_composes_exp_of_six_macs(void **state)
{
    (void)state;
    AUTO(arch) arch = load("arch-configs/fusemax-cloud.yaml", NULL);
    assert_int_equal(op(arch, "array2d", "exp")->cycles, 6);
    assert_close(op(arch, "array2d", "exp")->energy_pj, 6 * 17.1645, 1e-5);
    assert_int_equal(op(arch, "array1d", "exp")->cycles, 6);
    assert_null(arch_find_op(unit(arch, "array2d"), "divide"));
}

static void test_flat_has_an_exp_unit_and_twice_the_buffer(void **state)
{
    (void)state;
    AUTO(arch) arch = load("arch-configs/flat-cloud.yaml", NULL);
    assert_int_equal(memory(arch, "gbuf")->size_bytes, 32 << 20);
    assert_int_equal(op(arch, "array1d", "exp")->cycles, 1);
    /* 5 MACs and 1 multiplication. */
    assert_close(op(arch, "array1d", "exp_unit")->energy_pj,
                 5 * 17.1645 + 8.825, 1e-12);
    assert_true(unit(arch, "array1d")->is_chainable);
    assert_null(arch_find_op(unit(arch, "array2d"), "exp"));
}

/* A write and a read cost 4.06016 s + 2 a, a = 0.0040749 ceil(log2 depth); a
 * mac takes three of each. */
static void check_registers(const char *path, const char *name, double depth,
                            bool is_scaled)
{
    AUTO(scope) chosen = scope_new(NULL);
    scope_set(chosen, "RF_SHARE_2D", 1);
    scope_set(chosen, "RF_SHARE_1D", 1);
    scope_set(chosen, "RF_SCALED", is_scaled);
    AUTO(arch) arch = load(path, chosen);
    double s = is_scaled ? 0.5 * pow(depth / 64, 0.78) : 1;
    double a = 0.0040749 * ceil(log2(depth));
    double pair_pj = op(arch, name, "registers")->energy_pj;
    assert_close(pair_pj, 4.06016 * s + 2 * a, 3e-6);
    assert_close(op(arch, name, "mac")->energy_pj, 17.1645 + 3 * pair_pj,
                 1e-14);
}

static void test_register_files_follow_the_artifacts_law(void **state)
{
    (void)state;
    for (int scaled = 0; scaled < 2; scaled++) {
        check_registers("arch-configs/fusemax-cloud.yaml", "array2d", 12,
                        scaled);
        check_registers("arch-configs/fusemax-cloud.yaml", "array1d", 32,
                        scaled);
        check_registers("arch-configs/flat-cloud.yaml", "array2d", 4, scaled);
        check_registers("arch-configs/flat-cloud.yaml", "array1d", 16, scaled);
    }
}

/* The artifact counts the registers of one PE for the whole array. */
static void test_one_register_file_stands_for_all_unless_chosen(void **state)
{
    (void)state;
    AUTO(scope) chosen = scope_new(NULL);
    scope_set(chosen, "RF_SHARE_2D", 1);
    AUTO(arch) whole = load("arch-configs/fusemax-cloud.yaml", chosen);
    AUTO(arch) shared = load("arch-configs/fusemax-cloud.yaml", NULL);
    assert_close(op(shared, "array2d", "registers")->energy_pj * 65536,
                 op(whole, "array2d", "registers")->energy_pj, 0.01);
}

static void test_memories_come_before_what_they_serve(void **state)
{
    (void)state;
    AUTO(arch) arch = load("arch-configs/teaching.yaml", NULL);
    assert_string_equal(arch->memories[0].name, "DRAM");
    assert_int_equal(arch->memories[0].parent, -1);
    for (int i = 1; i < arch->memory_count; i++) {
        assert_true(arch->memories[i].parent >= 0);
        assert_true(arch->memories[i].parent < i);
    }
    assert_string_equal(arch->memories[memory(arch, "rf1d")->parent].name,
                        "edge");
}

static void test_chosen_params_win(void **state)
{
    (void)state;
    AUTO(scope) chosen = scope_new(NULL);
    scope_set(chosen, "X2", 8);
    scope_set(chosen, "GBUF", 1000);
    scope_set(chosen, "P", 77); /* another file's */
    AUTO(arch) arch = load("arch-configs/teaching.yaml", chosen);
    assert_int_equal(unit(arch, "array2d")->lanes, 32);
    assert_int_equal(memory(arch, "rf2d")->instances, 32);
    assert_int_equal(memory(arch, "gbuf")->size_bytes, 1000);
    assert_int_equal(unit(arch, "array1d")->lanes, 4);
    for (int i = 0; i < arch->param_count; i++) {
        assert_string_not_equal(arch->param_name[i], "P");
    }
    assert_string_equal(arch->param_name[0], "X2");
    assert_int_equal(arch->param_value[0], 8);
}

static void test_a_bad_chosen_param_is_an_error(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(scope) chosen = scope_new(NULL);
    AUTO(arch) arch = NULL;
    scope_set(chosen, "X2", 0);
    assert_int_equal(
        arch_load_file(diags, "arch-configs/teaching.yaml", chosen, &arch),
        ERR_INPUT);
    assert_null(arch);
    assert_string_equal(diags_get(diags, 0)->code, "arch-out-of-range");
}

static void test_a_missing_file_is_not_the_inputs_fault(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = NULL;
    assert_int_equal(
        arch_load_file(diags, "arch-configs/no-such-chip.yaml", NULL, &arch),
        ERR_IO);
}

static void test_errors_of_another_file_do_not_count(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = NULL;
    diag_error(diags, SPAN_NONE, "einsum-something", NULL, "elsewhere");
    assert_int_equal(
        arch_load_file(diags, "arch-configs/teaching.yaml", NULL, &arch), OK);
    assert_non_null(arch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_delivered_chip_loads),
        cmocka_unit_test(test_fusemax_has_the_published_shape),
        cmocka_unit_test(test_fusemax_composes_exp_of_six_macs),
        cmocka_unit_test(test_flat_has_an_exp_unit_and_twice_the_buffer),
        cmocka_unit_test(test_register_files_follow_the_artifacts_law),
        cmocka_unit_test(test_one_register_file_stands_for_all_unless_chosen),
        cmocka_unit_test(test_memories_come_before_what_they_serve),
        cmocka_unit_test(test_chosen_params_win),
        cmocka_unit_test(test_a_bad_chosen_param_is_an_error),
        cmocka_unit_test(test_a_missing_file_is_not_the_inputs_fault),
        cmocka_unit_test(test_errors_of_another_file_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
