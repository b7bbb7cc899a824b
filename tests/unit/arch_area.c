/* Areas summed over the tree, and the iso-area solver against a scan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <glib/gstdio.h>

#include "arch/arch.h"
#include "tests/assert_close.h"
#include "tests/assert_diags.h"

/* A chip of `lanes` lanes around a buffer; BUF_AREA and the rest are written in
 * by the tests. */
static const char chip[] =
    "schema: 1\n"
    "arch: tiny\n"
    "clock: 1 GHz\n"
    "word: 16 bits\n"
    "technology: 45 nm\n"
    "params: {BUF: 4K, L: 4, UNUSED: 1}\n"
    "tree:\n"
    "  memory: DRAM\n"
    "  size: unlimited\n"
    "  bandwidth: 8 GB/s\n"
    "  access: 64 bits\n"
    "  read: 200 pJ\n"
    "  write: 200 pJ\n"
    "  %s\n"
    "  children:\n"
    "  - memory: buf\n"
    "    size: BUF B\n"
    "    bandwidth: unlimited\n"
    "    access: 64 bits\n"
    "    read: 1 pJ\n"
    "    write: 1 pJ\n"
    "    %s\n"
    "    children:\n"
    "    - fanout: lanes\n"
    "      axes: {X: {size: L}}\n"
    "      children:\n"
    "      - unit: alu\n"
    "        ops:\n"
    "          mac: {cycles: 1, energy: 4 pJ, area: 300 um2}\n"
    "          add: {cycles: 1, energy: 4 pJ, shares: mac}\n"
    "          max: {cycles: 1, energy: 1 pJ, area: 50 um2}\n"
    "          exp: {mac: 6}\n";

static char *write_chip(const char *dram_area, const char *buf_area)
{
    char *path = NULL;
    int handle = g_file_open_tmp("weir-area-XXXXXX.yaml", &path, NULL);
    assert_true(handle >= 0);
    g_close(handle, NULL);
    g_autofree char *text = g_strdup_printf(chip, dram_area, buf_area);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static struct arch *load(struct diags *diags, const char *path,
                         const struct scope *chosen)
{
    struct arch *arch = NULL;
    assert_int_equal(arch_load_file(diags, path, chosen, &arch), OK);
    return arch;
}

static void test_total_is_the_sum_over_instances(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = write_chip("area: 0 um2", "area: 12000 um2");
    AUTO(arch) arch = load(diags, path, NULL);
    AUTO(arch_area) area = arch_sum_area(arch);
    assert_int_equal(area->part_count, 3);
    assert_int_equal(area->unknown_count, 0);
    assert_close(area->parts[2].area_um2, 350, 1e-12);
    assert_int_equal(area->parts[2].instances, 4);
    assert_close(area->total_um2, 12000 + 4 * 350, 1e-12);
    g_unlink(path);
}

static void test_an_unknown_part_makes_the_total_unknown(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = write_chip("about_is_no_key: 1", "area: 1 um2");
    struct arch *none = NULL;
    assert_int_equal(arch_load_file(diags, path, NULL, &none), ERR_INPUT);
    g_unlink(path);
    g_autofree char *other = write_chip("latency: 0 cycles", "area: 1 um2");
    AUTO(diags) fresh = diags_new();
    AUTO(arch) arch = load(fresh, other, NULL);
    AUTO(arch_area) area = arch_sum_area(arch);
    assert_int_equal(area->unknown_count, 1);
    assert_false(arch_is_known(area->total_um2));
    assert_close(area->known_um2, 1 + 4 * 350, 1e-12);
    g_unlink(other);
}

static double area_at(const char *path, const char *param, int64_t value)
{
    AUTO(diags) diags = diags_new();
    AUTO(scope) chosen = scope_new(NULL);
    scope_set(chosen, param, value);
    AUTO(arch) arch = load(diags, path, chosen);
    AUTO(arch_area) area = arch_sum_area(arch);
    return area->total_um2;
}

/* The largest value that fits, whatever the start: scan around the answer. */
static void test_solver_finds_the_largest_value_that_fits(void **state)
{
    (void)state;
    const char *const areas[] = {"area: BUF * 2 um2", "class: sram",
                                 "area: (BUF / 100) * 100 um2"};
    const double targets_um2[] = {2000, 3000, 12345, 1e6, 3e8};
    for (size_t a = 0; a < G_N_ELEMENTS(areas); a++) {
        g_autofree char *path = write_chip("area: 0 um2", areas[a]);
        for (size_t t = 0; t < G_N_ELEMENTS(targets_um2); t++) {
            AUTO(diags) diags = diags_new();
            struct arch_iso_area iso = {.param = "BUF",
                                        .target_um2 = targets_um2[t]};
            assert_int_equal(arch_solve_area(diags, path, NULL, &iso), OK);
            assert_close(iso.area_um2, area_at(path, "BUF", iso.value), 1e-12);
            assert_true(iso.area_um2 <= iso.target_um2);
            assert_close(iso.next_um2, area_at(path, "BUF", iso.value + 1),
                         1e-12);
            assert_true(iso.next_um2 > iso.target_um2);
            assert_true(iso.evaluations < 200);
        }
        g_unlink(path);
    }
}

/* 350 um2 a lane beside 1000: (10,000 - 1000) / 350 = 25.7 lanes. */
static void test_lanes_by_hand(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = write_chip("area: 0 um2", "area: 1000 um2");
    struct arch_iso_area iso = {.param = "L", .target_um2 = 10000};
    assert_int_equal(arch_solve_area(diags, path, NULL, &iso), OK);
    assert_int_equal(iso.value, 25);
    assert_close(iso.area_um2, 1000 + 25 * 350, 1e-12);
    assert_close(iso.next_um2, 1000 + 26 * 350, 1e-12);
    g_unlink(path);
}

/* Beyond 2 GiB the expression overflows: no legal chip, and nothing larger. */
static void test_the_last_legal_value_may_bind(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *path =
        write_chip("area: 0 um2", "area: BUF / (BUF <= 5000) um2");
    struct arch_iso_area iso = {.param = "BUF", .target_um2 = 1e9};
    assert_int_equal(arch_solve_area(diags, path, NULL, &iso), OK);
    assert_int_equal(iso.value, 5000);
    assert_false(arch_is_known(iso.next_um2));
    g_unlink(path);
}

static void assert_fails(const char *dram_area, const char *buf_area,
                         const char *param, double target_um2, const char *code)
{
    AUTO(diags) diags = diags_new();
    g_autofree char *path = write_chip(dram_area, buf_area);
    struct arch_iso_area iso = {.param = param, .target_um2 = target_um2};
    assert_int_equal(arch_solve_area(diags, path, NULL, &iso), ERR_INPUT);
    assert_int_equal(diags_count(diags), 1);
    assert_string_equal(diags_get(diags, 0)->code, code);
    g_unlink(path);
}

static void test_solver_says_why_there_is_no_value(void **state)
{
    (void)state;
    assert_fails("area: 0 um2", "area: BUF um2", "BUFF", 1e6, "arch-iso-param");
    assert_fails("bypass: true", "area: BUF um2", "BUF", 1e6,
                 "arch-iso-unknown");
    assert_fails("area: 0 um2", "area: BUF um2", "UNUSED", 1e6,
                 "arch-iso-constant");
    assert_fails("area: 0 um2", "area: 1000000 / BUF um2", "BUF", 1e7,
                 "arch-iso-decreasing");
    assert_fails("area: 0 um2", "area: 1000000 / BUF um2", "BUF", 1,
                 "arch-iso-decreasing");
    assert_fails("area: 0 um2", "area: BUF um2", "BUF", 1400,
                 "arch-iso-too-small");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_total_is_the_sum_over_instances),
        cmocka_unit_test(test_an_unknown_part_makes_the_total_unknown),
        cmocka_unit_test(test_solver_finds_the_largest_value_that_fits),
        cmocka_unit_test(test_lanes_by_hand),
        cmocka_unit_test(test_the_last_legal_value_may_bind),
        cmocka_unit_test(test_solver_says_why_there_is_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
