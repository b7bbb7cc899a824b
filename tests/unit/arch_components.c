/* The component library against published values, each class within the error
 * that it states, and the scaling between nodes against its source's table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "arch/arch.h"
#include "tests/assert_close.h"

/* A parameter of a query; the list ends with ARCH_PARAMETER_COUNT. */
struct given {
    enum arch_parameter parameter;
    double value;
};

#define GIVEN_MOST 6
#define END                                                                    \
    {                                                                          \
        ARCH_PARAMETER_COUNT, 0                                                \
    }
#define NM(nm)                                                                 \
    {                                                                          \
        ARCH_PARAMETER_TECHNOLOGY, nm                                          \
    }
#define BYTES(bytes)                                                           \
    {                                                                          \
        ARCH_PARAMETER_SIZE, bytes                                             \
    }
#define WIDTH(bits)                                                            \
    {                                                                          \
        ARCH_PARAMETER_WIDTH, bits                                             \
    }
#define BITS(bits)                                                             \
    {                                                                          \
        ARCH_PARAMETER_BITS, bits                                              \
    }
#define VOLTS(v)                                                               \
    {                                                                          \
        ARCH_PARAMETER_VOLTAGE, 1000 * (v)                                     \
    }

enum quantity { READ_PJ, WRITE_PJ, AREA_UM2, LEAKAGE_MW };

struct published {
    const char *class;
    struct given given[GIVEN_MOST];
    enum quantity quantity;
    double value;
    double low_ratio; /* estimate / value lies between these two */
    double high_ratio;
    const char *source;
};

static const char horowitz[] = "Horowitz, ISSCC 2014";
static const char artifact[] = "FuseMax artifact f543beb (Accelergy, 45 nm)";
static const char timeloop[] = "FuseMax artifact f543beb (Timeloop, 16 nm)";
static const char aladdin[] = "Aladdin, ISCA 2014";

#define KIB 1024.0
#define MIB (1024 * KIB)

static const struct published table[] = {
    /* SRAM: 64 bits of Horowitz, rows of 4096 bits and 64 bits by CACTI */
    {"sram",
     {NM(45), BYTES(8 * KIB), WIDTH(64), END},
     READ_PJ,
     10,
     0.85,
     1.15,
     horowitz},
    {"sram",
     {NM(45), BYTES(32 * KIB), WIDTH(64), END},
     READ_PJ,
     20,
     0.85,
     1.15,
     horowitz},
    {"sram",
     {NM(45), BYTES(MIB), WIDTH(64), END},
     READ_PJ,
     100,
     0.85,
     1.15,
     horowitz},
    {"sram",
     {NM(45), BYTES(16 * MIB), WIDTH(4096), END},
     READ_PJ,
     12512.78,
     0.75,
     1.25,
     artifact},
    {"sram",
     {NM(45), BYTES(32 * MIB), WIDTH(4096), END},
     READ_PJ,
     23854.67,
     0.75,
     1.25,
     artifact},
    {"sram",
     {NM(45), BYTES(16 * MIB), WIDTH(4096), END},
     WRITE_PJ,
     15751.42,
     0.75,
     1.25,
     artifact},
    {"sram",
     {NM(45), BYTES(32 * MIB), WIDTH(4096), END},
     WRITE_PJ,
     27097.56,
     0.75,
     1.25,
     artifact},
    {"sram",
     {NM(45), BYTES(32 * MIB), WIDTH(64), END},
     READ_PJ,
     484.97,
     0.75,
     1.25,
     artifact},
    {"sram",
     {NM(45), BYTES(32 * MIB), WIDTH(64), END},
     WRITE_PJ,
     451.30,
     0.75,
     1.25,
     artifact},
    {"sram",
     {NM(16), BYTES(16 * MIB), WIDTH(4096), END},
     READ_PJ,
     2286.52,
     0.75,
     1.25,
     timeloop},
    {"sram",
     {NM(16), BYTES(32 * MIB), WIDTH(4096), END},
     READ_PJ,
     4287.85,
     0.75,
     1.25,
     timeloop},
    {"sram",
     {NM(45), BYTES(16 * KIB), WIDTH(256), END},
     AREA_UM2,
     53848.2,
     0.92,
     1.08,
     artifact},
    {"sram",
     {NM(45), BYTES(32 * KIB), WIDTH(512), END},
     AREA_UM2,
     115586.7,
     0.92,
     1.08,
     artifact},
    {"sram",
     {NM(45), BYTES(64 * KIB), WIDTH(1024), END},
     AREA_UM2,
     268850.7,
     0.92,
     1.08,
     artifact},
    {"sram",
     {NM(45), BYTES(128 * KIB), WIDTH(2048), END},
     AREA_UM2,
     710762.7,
     0.92,
     1.08,
     artifact},
    {"sram",
     {NM(45), BYTES(256 * KIB), WIDTH(4096), END},
     AREA_UM2,
     2141036.7,
     0.92,
     1.08,
     artifact},
    {"sram",
     {NM(45), BYTES(64 * KIB), WIDTH(512), END},
     AREA_UM2,
     222102.3,
     0.92,
     1.08,
     artifact},
    {"sram",
     {NM(45), BYTES(512 * KIB), WIDTH(4096), END},
     AREA_UM2,
     2797488.3,
     0.92,
     1.08,
     artifact},
    {"sram",
     {NM(45), BYTES(32 * MIB), WIDTH(64), END},
     AREA_UM2,
     94176255.97,
     0.92,
     1.08,
     artifact},
    {"sram",
     {NM(45), BYTES(2 * MIB), WIDTH(8192), END},
     AREA_UM2,
     22647130,
     0.28,
     1,
     artifact},
    {"sram",
     {NM(45), BYTES(MIB), WIDTH(8192), END},
     AREA_UM2,
     28616330.8,
     0.28,
     1,
     artifact},
    {"sram",
     {NM(16), BYTES(16 * MIB), WIDTH(4096), END},
     AREA_UM2,
     14641628.1,
     0.8,
     1.2,
     timeloop},
    {"sram",
     {NM(16), BYTES(32 * MIB), WIDTH(4096), END},
     AREA_UM2,
     30551157.2,
     0.75,
     1.2,
     timeloop},
    /* register files of the library */
    {"register_file",
     {NM(45), BYTES(64), WIDTH(16), END},
     READ_PJ,
     0.653431,
     0.9999,
     1.0001,
     artifact},
    {"register_file",
     {NM(45), BYTES(64), WIDTH(16), END},
     WRITE_PJ,
     0.56957,
     0.9999,
     1.0001,
     artifact},
    {"register_file",
     {NM(45), BYTES(32), WIDTH(16), END},
     READ_PJ,
     0.385026,
     0.999,
     1.001,
     artifact},
    {"register_file",
     {NM(45), BYTES(64), WIDTH(16), END},
     AREA_UM2,
     4255.9342,
     0.9999,
     1.0001,
     artifact},
    {"register_file",
     {NM(45), BYTES(32), WIDTH(16), END},
     AREA_UM2,
     2145.41936,
     0.9999,
     1.0001,
     artifact},
    {"register_file",
     {NM(45), BYTES(32), WIDTH(64), END},
     READ_PJ,
     0.291512,
     1,
     2.1,
     artifact},
    {"register_file",
     {NM(45), BYTES(32), WIDTH(64), END},
     AREA_UM2,
     1838.14968,
     0.85,
     1.16,
     artifact},
    /* DRAM: the access of the FuseMax artifact */
    {"hbm2", {WIDTH(64), END}, READ_PJ, 249.6, 0.9999, 1.0001, artifact},
    {"lpddr4", {WIDTH(64), END}, READ_PJ, 512, 0.9999, 1.0001, timeloop},
    /* integer logic */
    {"int_add", {NM(45), BITS(8), END}, READ_PJ, 0.03, 0.83, 1.17, horowitz},
    {"int_add", {NM(45), BITS(16), END}, READ_PJ, 0.05, 0.83, 1.17, horowitz},
    {"int_add", {NM(45), BITS(32), END}, READ_PJ, 0.1, 0.99, 1.01, horowitz},
    {"int_add", {NM(45), BITS(8), END}, AREA_UM2, 36, 0.9, 1.1, horowitz},
    {"int_multiply",
     {NM(45), BITS(8), END},
     READ_PJ,
     0.2,
     0.98,
     1.02,
     horowitz},
    {"int_multiply",
     {NM(45), BITS(32), END},
     READ_PJ,
     3.1,
     0.98,
     1.02,
     horowitz},
    {"int_multiply",
     {NM(45), BITS(32), END},
     AREA_UM2,
     3495,
     0.98,
     1.02,
     horowitz},
    {"aladdin_int_add",
     {NM(40), BITS(32), END},
     READ_PJ,
     0.21,
     0.999,
     1.001,
     aladdin},
    {"aladdin_int_multiply",
     {NM(40), BITS(32), END},
     LEAKAGE_MW,
     0.0779,
     0.999,
     1.001,
     aladdin},
    /* floating point */
    {"fp_add", {NM(45), BITS(16), END}, READ_PJ, 0.4, 0.95, 1.05, horowitz},
    {"fp_add", {NM(45), BITS(32), END}, READ_PJ, 0.9, 0.95, 1.05, horowitz},
    {"fp_add", {NM(45), BITS(16), END}, AREA_UM2, 1360, 0.92, 1.08, horowitz},
    {"fp_add", {NM(45), BITS(32), END}, AREA_UM2, 4184, 0.92, 1.08, horowitz},
    {"fp_multiply",
     {NM(45), BITS(16), END},
     READ_PJ,
     1.1,
     0.98,
     1.02,
     horowitz},
    {"fp_multiply",
     {NM(45), BITS(32), END},
     READ_PJ,
     3.7,
     0.98,
     1.02,
     horowitz},
    {"fp_multiply",
     {NM(45), BITS(32), END},
     AREA_UM2,
     7700,
     0.98,
     1.02,
     horowitz},
    {"aladdin_fp_add",
     {NM(40), BITS(64), END},
     READ_PJ,
     43.8,
     0.75,
     1.25,
     aladdin},
    {"aladdin_fp_multiply",
     {NM(40), BITS(64), END},
     READ_PJ,
     114,
     0.75,
     1.25,
     aladdin},
    {"aladdin_fp_add",
     {NM(45), BITS(16), END},
     READ_PJ,
     8.3395,
     1.1,
     1.17,
     artifact},
    {"aladdin_fp_multiply",
     {NM(45), BITS(16), END},
     READ_PJ,
     8.825,
     1.1,
     1.17,
     artifact},
    {"aladdin_fp_mac",
     {NM(45), BITS(16), END},
     READ_PJ,
     17.1645,
     1.1,
     1.17,
     artifact},
    {"aladdin_exp",
     {NM(45), BITS(16), END},
     READ_PJ,
     94.6475,
     1.1,
     1.17,
     artifact},
    {"compare", {NM(45), BITS(16), END}, READ_PJ, 0.028036, 0.82, 1, artifact},
    {"compare", {NM(45), BITS(16), END}, AREA_UM2, 49.28944, 1, 1.3, artifact},
    {"divide",
     {NM(45), BITS(16), END},
     READ_PJ,
     36.251153,
     0.5,
     0.55,
     artifact},
    {"divide",
     {NM(45), BITS(16), END},
     AREA_UM2,
     23740.9375,
     0.98,
     1.03,
     artifact},
    /* networks */
    {"router",
     {NM(32), WIDTH(256), END},
     READ_PJ,
     20.74 / 256,
     0.45,
     0.6,
     "ISAAC, ISCA 2016"},
    {"router",
     {NM(32), WIDTH(256), END},
     AREA_UM2,
     150000,
     0.45,
     0.6,
     "ISAAC, ISCA 2016"},
    {"wire",
     {NM(10), VOLTS(0.75), {ARCH_PARAMETER_LENGTH, 1000}, END},
     READ_PJ,
     0.075,
     1,
     1.12,
     "Keckler et al., IEEE Micro 31(5), 2011"},
};

static struct arch_class_cost estimate(const char *name,
                                       const struct given *given)
{
    const struct arch_class *class = arch_find_class(name);
    struct arch_class_query query;
    assert_non_null(class);
    arch_class_query_init(&query);
    for (; given->parameter != ARCH_PARAMETER_COUNT; given++) {
        query.parameter[given->parameter] = given->value;
    }
    return class->estimate(&query);
}

static double value_of(struct arch_class_cost cost, enum quantity quantity)
{
    switch (quantity) {
    case READ_PJ:
        return cost.read_energy_pj;
    case WRITE_PJ:
        return cost.write_energy_pj;
    case AREA_UM2:
        return cost.area_um2;
    case LEAKAGE_MW:
        return cost.leakage_mw;
    }
    return NAN;
}

static void
test_classes_are_as_near_to_published_values_as_they_say(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        const struct published *row = &table[i];
        double value =
            value_of(estimate(row->class, row->given), row->quantity);
        double ratio = value / row->value;
        if (!(ratio >= row->low_ratio && ratio <= row->high_ratio)) {
            print_error("row %zu: %s is %g, %s has %g: %.3f times\n", i,
                        row->class, value, row->source, row->value, ratio);
            failures++;
        }
    }
    assert_int_equal(failures, 0);
}

/* Row '45' of the area table of Stillmaker and Baas. */
static void test_areas_scale_as_published(void **state)
{
    (void)state;
    const double published[][2] = {
        {180, 19},  {130, 6.4}, {90, 2.8},  {65, 1.5}, {32, 0.46},
        {20, 0.21}, {16, 0.19}, {14, 0.17}, {10, 0.1}, {7, 0.059}};
    const struct given at_45[] = {NM(45), BITS(32), END};
    double area_um2 = estimate("fp_add", at_45).area_um2;
    for (size_t i = 0; i < G_N_ELEMENTS(published); i++) {
        const struct given given[] = {NM(published[i][0]), BITS(32), END};
        assert_close(estimate("fp_add", given).area_um2 / area_um2,
                     published[i][1], 1e-12);
    }
}

/* Their polynomials of 45 nm and 16 nm (high performance), evaluated by hand:
 * 1.018 * 0.81 - 0.3107 * 0.9 + 0.1539 = 0.69885,
 * 0.2958 * 0.64 - 0.1241 * 0.8 + 0.03024 = 0.120272 */
static void test_energies_scale_as_published(void **state)
{
    (void)state;
    const struct given at_45[] = {NM(45), BITS(32), END};
    const struct given at_16[] = {NM(16), BITS(32), END};
    assert_close(estimate("fp_add", at_16).read_energy_pj /
                     estimate("fp_add", at_45).read_energy_pj,
                 0.120272 / 0.69885, 1e-9);
}

static void test_costs_grow_with_size_width_and_bits(void **state)
{
    (void)state;
    const char *const memories[] = {"sram", "register_file"};
    for (int m = 0; m < 2; m++) {
        for (double bytes = 1024; bytes < 64 * MIB; bytes *= 2) {
            const struct given small[] = {NM(45), BYTES(bytes), WIDTH(64), END};
            const struct given large[] = {NM(45), BYTES(2 * bytes), WIDTH(64),
                                          END};
            const struct given wide[] = {NM(45), BYTES(bytes), WIDTH(128), END};
            struct arch_class_cost a = estimate(memories[m], small);
            struct arch_class_cost b = estimate(memories[m], large);
            struct arch_class_cost c = estimate(memories[m], wide);
            assert_true(b.read_energy_pj > a.read_energy_pj);
            assert_true(b.area_um2 > a.area_um2);
            assert_true(b.leakage_mw > a.leakage_mw);
            assert_true(c.read_energy_pj > a.read_energy_pj);
        }
    }
}

/* Four accesses at a time: cells of four ports, or four banks of one. */
static void test_ports_cost_area_unless_banks_serve_them(void **state)
{
    (void)state;
    const struct given one[] = {NM(45), BYTES(MIB), WIDTH(64), END};
    const struct given ported[] = {
        NM(45), BYTES(MIB), WIDTH(64), {ARCH_PARAMETER_PORTS, 4}, END};
    const struct given banked[] = {NM(45),
                                   BYTES(MIB),
                                   WIDTH(64),
                                   {ARCH_PARAMETER_PORTS, 4},
                                   {ARCH_PARAMETER_BANKS, 4},
                                   END};
    double area_um2 = estimate("sram", one).area_um2;
    assert_true(estimate("sram", ported).area_um2 > 3 * area_um2);
    assert_close(estimate("sram", banked).area_um2, area_um2, 1e-12);
}

/* The manual has every class in its table and every code. */
static void test_the_manual_knows_every_class_and_code(void **state)
{
    (void)state;
    g_autofree char *manual = NULL;
    assert_true(
        g_file_get_contents("doc/architecture.md", &manual, NULL, NULL));
    for (int i = 0; i < arch_class_count(); i++) {
        g_autofree char *name =
            g_strdup_printf("`%s`", arch_get_class(i)->name);
        if (strstr(manual, name) == NULL) {
            fail_msg("the manual does not name class %s", name);
        }
    }
    GDir *dir = g_dir_open("arch", 0, NULL);
    const char *file = NULL;
    int words_found = 0;
    while ((file = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename("arch", file, NULL);
        g_autofree char *text = NULL;
        if (!g_str_has_suffix(file, ".c") ||
            !g_file_get_contents(path, &text, NULL, NULL)) {
            continue;
        }
        g_auto(GStrv) words = g_strsplit(text, "\"", -1);
        for (int w = 1; words[w] != NULL; w++) {
            if (!g_str_has_prefix(words[w], "arch-")) {
                continue;
            }
            g_autofree char *code = g_strdup_printf("`%s`", words[w]);
            if (strstr(manual, code) == NULL) {
                fail_msg("the manual does not name %s of %s", code, file);
            }
            words_found++;
        }
    }
    g_dir_close(dir);
    assert_true(words_found > 30);
}

static void test_every_class_says_where_it_comes_from(void **state)
{
    (void)state;
    assert_true(arch_class_count() >= 20);
    for (int i = 0; i < arch_class_count(); i++) {
        const struct arch_class *class = arch_get_class(i);
        assert_ptr_equal(arch_find_class(class->name), class);
        assert_true(class->source[0] != '\0');
        assert_true(class->error[0] != '\0');
        assert_true(class->help[0] != '\0');
        assert_int_equal(class->needs & class->takes, 0);
    }
    assert_null(arch_find_class("sram "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_classes_are_as_near_to_published_values_as_they_say),
        cmocka_unit_test(test_areas_scale_as_published),
        cmocka_unit_test(test_energies_scale_as_published),
        cmocka_unit_test(test_costs_grow_with_size_width_and_bits),
        cmocka_unit_test(test_ports_cost_area_unless_banks_serve_them),
        cmocka_unit_test(test_every_class_says_where_it_comes_from),
        cmocka_unit_test(test_the_manual_knows_every_class_and_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
