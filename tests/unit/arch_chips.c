/* The chips beside FuseMax and FLAT's: their shape is that of their sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/arch.h"
#include "tests/assert_close.h"

static struct arch *load(const char *path)
{
    AUTO(diags) diags = diags_new();
    struct arch *arch = NULL;
    assert_int_equal(arch_load_file(diags, path, NULL, &arch), OK);
    assert_int_equal(diags_count(diags), 0);
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

/* 128 x 128 lanes at 700 MHz: 11.5 Tmac/s, half a chip's 46 Tflop/s of two
 * cores. The buffer moves a row of 256 B a cycle each way. */
static void test_tpu_like_is_a_core_of_the_second_tpu(void **state)
{
    (void)state;
    AUTO(arch) arch = load("arch-configs/tpu-like.yaml");
    assert_int_equal(unit(arch, "mxu")->lanes, 16384);
    assert_close(2.0 * 2 * 16384 * (double)arch->clock_hz, 46e12, 0.01);
    assert_int_equal(memory(arch, "ubuf")->read_bandwidth_bytes_per_s,
                     256 * INT64_C(700000000));
    assert_int_equal(memory(arch, "wfifo")->size_bytes, 4 * 128 * 128 * 2);
    assert_int_equal(memory(arch, "accumulators")->word_bits, 32);
    assert_int_equal(memory(arch, "accumulators")->size_bytes, 2 << 20);
    assert_int_equal(memory(arch, "wreg")->instances, 16384);
    assert_true(arch_is_above(arch, arch_find_memory(arch, "wfifo"), 0));
    assert_false(arch_is_above(arch, arch_find_memory(arch, "wfifo"),
                               arch_find_unit(arch, "vector")));
}

/* 168 elements, 182.5 KB on the chip: 108 KiB and 520 B an element. */
static void test_eyeriss_like_has_its_scratchpads(void **state)
{
    (void)state;
    AUTO(arch) arch = load("arch-configs/eyeriss-like.yaml");
    assert_int_equal(unit(arch, "pe")->lanes, 168);
    int64_t bytes = memory(arch, "glb")->size_bytes;
    const char *const pads[] = {"psum_spad", "weight_spad", "ifmap_spad"};
    for (int i = 0; i < 3; i++) {
        const struct arch_memory *pad = memory(arch, pads[i]);
        assert_int_equal(pad->instances, 168);
        bytes += pad->instances * pad->size_bytes;
    }
    assert_close((double)bytes, 108 * 1024 + 168 * 520, 1e-12);
    assert_int_equal(unit(arch, "pe")->masking, ARCH_MASKING_GATE);
    assert_int_equal(arch_find_op(unit(arch, "pe"), "mac")->latency_cycles, 3);
}

/* 36 chiplets of 1024 multipliers; 128 Tops at 1.8 GHz (Simba's abstract). */
static void test_simba_like_has_36_chiplets(void **state)
{
    (void)state;
    AUTO(arch) arch = load("arch-configs/simba-like.yaml");
    assert_int_equal(memory(arch, "gbuf")->instances, 36);
    assert_int_equal(memory(arch, "wbuf")->instances, 36 * 16);
    assert_int_equal(unit(arch, "mac_array")->lanes, 36 * 1024);
    assert_int_equal(unit(arch, "post")->lanes, 36 * 16);
    assert_close(2.0 * 36 * 1024 * (double)arch->clock_hz, 128e12, 0.05);
    const struct arch_network *package = &arch->fanouts[0].network;
    assert_true(package->joins_chips);
    assert_int_equal(package->topology, ARCH_MESH);
    assert_close(package->energy_pj_per_bit, 1.17, 1e-12);
    assert_false(arch->fanouts[1].network.joins_chips);
}

static void test_flat_edge_is_the_platform_of_its_table(void **state)
{
    (void)state;
    AUTO(arch) arch = load("arch-configs/flat-edge.yaml");
    assert_int_equal(unit(arch, "array2d")->lanes, 1024);
    assert_int_equal(unit(arch, "array1d")->lanes, 32);
    assert_int_equal(memory(arch, "gbuf")->size_bytes, 512 << 10);
    assert_int_equal(memory(arch, "DRAM")->bandwidth_bytes_per_s, INT64_C(50)
                                                                      << 30);
}

/* 2D elements of 2093 and 3215 um2 with register files of the component file's
 * meaning, 12.2 cm2 of arrays as the artifact's rerun has them. */
static void test_areas_of_the_fusemax_study(void **state)
{
    (void)state;
    AUTO(scope) chosen = scope_new(NULL);
    scope_set(chosen, "RF_SCALED", 1);
    const struct {
        const char *path;
        double element_um2;
    } cases[] = {{"arch-configs/flat-cloud.yaml", 2093},
                 {"arch-configs/fusemax-cloud.yaml", 3215}};
    for (int i = 0; i < 2; i++) {
        AUTO(diags) diags = diags_new();
        AUTO(arch) arch = NULL;
        assert_int_equal(arch_load_file(diags, cases[i].path, chosen, &arch),
                         OK);
        assert_close(memory(arch, "rf2d")->area_um2 +
                         unit(arch, "array2d")->area_um2,
                     cases[i].element_um2, 1e-4);
    }
    AUTO(arch) arch = load("arch-configs/fusemax-cloud.yaml");
    AUTO(arch_area) area = arch_sum_area(arch);
    assert_close(area->total_um2 - memory(arch, "gbuf")->area_um2, 12.2e8,
                 0.002);
}

/* Every part that is computed by a class, or stated, is known. */
static void test_areas_are_known(void **state)
{
    (void)state;
    const char *const paths[] = {
        "arch-configs/tpu-like.yaml",      "arch-configs/eyeriss-like.yaml",
        "arch-configs/simba-like.yaml",    "arch-configs/flat-edge.yaml",
        "arch-configs/fusemax-cloud.yaml", "arch-configs/flat-cloud.yaml",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        AUTO(arch) arch = load(paths[i]);
        AUTO(arch_area) area = arch_sum_area(arch);
        assert_int_equal(area->unknown_count, 0);
        assert_true(area->total_um2 > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tpu_like_is_a_core_of_the_second_tpu),
        cmocka_unit_test(test_eyeriss_like_has_its_scratchpads),
        cmocka_unit_test(test_simba_like_has_36_chiplets),
        cmocka_unit_test(test_flat_edge_is_the_platform_of_its_table),
        cmocka_unit_test(test_areas_of_the_fusemax_study),
        cmocka_unit_test(test_areas_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
