/* What the attributes of an architecture file come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "arch/arch.h"
#include "tests/assert_close.h"

static struct arch *load(struct diags *diags, const char *text)
{
    struct arch *arch = NULL;
    const struct source *source = diags_add_text(diags, "tiny", text);
    if (arch_load_source(diags, source, NULL, &arch) != OK) {
        g_autoptr(GString) rendering = g_string_new(NULL);
        diags_print(diags, false, rendering);
        fail_msg("%s", rendering->str);
    }
    return arch;
}

/* A chip in which every attribute is used; `memory` stands in the buffer. */
static char *chip(const char *memory, const char *unit)
{
    return g_strdup_printf("schema: 1\n"
                           "arch: tiny\n"
                           "technology: 45 nm\n"
                           "clock: 1 GHz\n"
                           "word: 16 bits\n"
                           "params: {PE: 4}\n"
                           "tree:\n"
                           "  memory: DRAM\n"
                           "  size: unlimited\n"
                           "  bandwidth: 8 GB/s\n"
                           "  access: 64 bits\n"
                           "  class: hbm2\n"
                           "  children:\n"
                           "  - memory: buf\n"
                           "    size: 4 KiB\n"
                           "    access: 64 bits\n"
                           "    %s\n"
                           "    children:\n"
                           "    - fanout: pes\n"
                           "      axes:\n"
                           "        X: {size: PE, reduce: in_place}\n"
                           "        Y: {size: 2, neighbours: true}\n"
                           "      network:\n"
                           "        topology: torus\n"
                           "        bandwidth: 1 GB/s\n"
                           "        hop: 3 cycles\n"
                           "        class: {wire: {length: 1 mm}}\n"
                           "      children:\n"
                           "      - unit: alu\n"
                           "        %s\n"
                           "        ops:\n"
                           "          mac: {cycles: 2, latency: 5 cycles, "
                           "class: {int_mac: {bits: 8 bits}}}\n"
                           "          add: {cycles: 1, class: int_add, shares: "
                           "mac}\n"
                           "          divide: {latency: 8 cycles, pipelined: "
                           "false, energy: 9 pJ, area: 7 um2}\n"
                           "          exp: {mac: 5, add: 1}\n",
                           memory, unit);
}

static const char plain_memory[] = "bandwidth: 1 GB/s\n    class: sram";
static const char plain_unit[] = "masking: none";

static const struct arch_memory *buffer_of(const struct arch *arch)
{
    return &arch->memories[arch_find_memory(arch, "buf")];
}

static void test_ports_give_bandwidth(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t all;
        int64_t read;
        int64_t write;
    } cases[] = {
        {"ports: 2\n    class: sram", 16000000000, NUM_UNLIMITED,
         NUM_UNLIMITED},
        {"ports: {read: 1, write: 1}\n    class: sram", 16000000000, 8000000000,
         8000000000},
        {"ports: {read: 2, shared: 1}\n    clock: 500 MHz\n    class: sram",
         12000000000, NUM_UNLIMITED, 4000000000},
        {"ports: 2\n    bandwidth: 9 GB/s\n    class: sram", 9000000000,
         NUM_UNLIMITED, NUM_UNLIMITED},
        {"read_bandwidth: 3 GB/s\n    write_bandwidth: 2 GB/s\n    class: sram",
         NUM_UNLIMITED, 3000000000, 2000000000},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(diags) diags = diags_new();
        g_autofree char *text = chip(cases[i].text, plain_unit);
        AUTO(arch) arch = load(diags, text);
        const struct arch_memory *buf = buffer_of(arch);
        assert_int_equal(buf->bandwidth_bytes_per_s, cases[i].all);
        assert_int_equal(buf->read_bandwidth_bytes_per_s, cases[i].read);
        assert_int_equal(buf->write_bandwidth_bytes_per_s, cases[i].write);
    }
}

/* 100 B at 3 and 30 B at 2 B/ns: 34 cycles of 1 GHz; 90 and 80 B: 40. */
static void test_accesses_take_the_slowest_of_three_bandwidths(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *text = chip("read_bandwidth: 3 GB/s\n"
                                 "    write_bandwidth: 2 GB/s\n"
                                 "    bandwidth: 5 GB/s\n    class: sram",
                                 plain_unit);
    AUTO(arch) arch = load(diags, text);
    const struct {
        int64_t read;
        int64_t write;
        int64_t cycles;
    } cases[] = {{100, 30, 34}, {90, 80, 40}, {60, 40, 20}, {0, 0, 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int64_t cycles = -1;
        assert_int_equal(arch_count_access_cycles(arch, 1, cases[i].read,
                                                  cases[i].write, &cycles),
                         OK);
        assert_int_equal(cycles, cases[i].cycles);
    }
    int64_t cycles = 0;
    assert_int_equal(arch_count_access_cycles(arch, 1, INT64_MAX, 1, &cycles),
                     ERR_LIMIT);
}

static void test_cycles_of_slower_clocks_are_several_of_the_arch(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *text =
        chip("bandwidth: 1 GB/s\n    latency: 3 cycles\n    clock: 400 MHz\n"
             "    class: sram",
             "clock: 250 MHz");
    AUTO(arch) arch = load(diags, text);
    assert_int_equal(buffer_of(arch)->latency_cycles, 8); /* 7.5 */
    const struct arch_unit *alu = &arch->units[0];
    assert_int_equal(alu->clock_hz, 250000000);
    assert_int_equal(arch_find_op(alu, "mac")->cycles, 8);
    assert_int_equal(arch_find_op(alu, "mac")->latency_cycles, 20);
    assert_int_equal(arch_find_op(alu, "exp")->cycles, 5 * 8 + 4);
}

static void test_operations_by_interval_and_latency(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *text = chip(plain_memory, plain_unit);
    AUTO(arch) arch = load(diags, text);
    const struct arch_unit *alu = &arch->units[0];
    const struct arch_op *mac = arch_find_op(alu, "mac");
    const struct arch_op *add = arch_find_op(alu, "add");
    const struct arch_op *divide = arch_find_op(alu, "divide");
    const struct arch_op *exp = arch_find_op(alu, "exp");
    assert_int_equal(mac->cycles, 2);
    assert_int_equal(mac->latency_cycles, 5);
    assert_int_equal(add->latency_cycles, 1);
    assert_int_equal(divide->cycles, 8);
    assert_int_equal(divide->latency_cycles, 8);
    assert_int_equal(exp->latency_cycles, 5 * 5 + 1);
    assert_close(exp->energy_pj, 5 * mac->energy_pj + add->energy_pj, 1e-15);
    /* The adder is that of the mac, and exp has no hardware of its own. */
    assert_close(alu->area_um2, mac->area_um2 + 7, 1e-12);
    assert_false(arch_is_known(alu->leakage_mw)); /* nobody knows divide's */
    /* 8 bits: (0.002995 * 8 + 0.00104) * 8 + 16 * 0.1 / 32 */
    assert_close(mac->energy_pj, 0.2 + 0.05, 1e-12);
}

/* The cost that comes with the approximation, or one of its own beside it; and a
 * chip's formats, printed and read again. */
static void test_approximations_have_cost_and_function(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *given = chip(plain_memory, plain_unit);
    g_auto(GStrv) parts = g_strsplit(given, "exp: {mac: 5, add: 1}", 2);
    g_autofree char *text = g_strconcat(
        "formats:\n  values: bf16:stored:fp32\n  operations: {exp: bf16}\n"
        "  rounding: toward-zero\n",
        parts[0], "exp: taylor6\n", NULL);
    AUTO(arch) arch = load(diags, text);
    const struct arch_op *exp = arch_find_op(&arch->units[0], "exp");
    const struct arch_op *mac = arch_find_op(&arch->units[0], "mac");
    assert_int_equal(exp->cycles, 6 * mac->cycles);
    assert_close(exp->energy_pj, 6 * mac->energy_pj, 1e-15);
    assert_string_equal(exp->approximation->name, "taylor6");
    assert_null(mac->approximation);
    g_autoptr(GString) printed = g_string_new(NULL);
    arch_print(arch, printed);
    AUTO(arch) again = load(diags, printed->str);
    const struct arch_op *exp_again = arch_find_op(&again->units[0], "exp");
    assert_ptr_equal(exp_again->approximation, exp->approximation);
    assert_int_equal(exp_again->cycles, exp->cycles);
    assert_string_equal(again->formats.values, "bf16:stored:fp32");
    assert_int_equal(again->formats.op_count, 1);
    assert_string_equal(again->formats.op_text[0], "bf16");
    assert_int_equal(again->formats.policy.rounding, FORMAT_TOWARD_ZERO);
}

static void test_own_numbers_win_over_the_class(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *text = chip(plain_memory, plain_unit);
    g_autofree char *own = chip("bandwidth: 1 GB/s\n    class: sram\n"
                                "    write: 3 pJ\n    area: 5 um2\n"
                                "    leakage: 0 mW",
                                plain_unit);
    AUTO(arch) of_class = load(diags, text);
    AUTO(arch) arch = load(diags, own);
    assert_close(buffer_of(arch)->read_energy_pj_per_access,
                 buffer_of(of_class)->read_energy_pj_per_access, 1e-15);
    assert_close(buffer_of(arch)->write_energy_pj_per_access, 3, 1e-15);
    assert_close(buffer_of(arch)->area_um2, 5, 1e-15);
    assert_true(arch_is_known(buffer_of(arch)->leakage_mw));
    assert_true(buffer_of(of_class)->leakage_mw > 0);
}

static void test_only_listed_tensors_may_be_kept(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *text = chip("bandwidth: 1 GB/s\n    class: sram\n"
                                 "    keeps: [Q, K]\n    bypass: false",
                                 plain_unit);
    AUTO(arch) arch = load(diags, text);
    assert_true(arch_may_keep(arch, 1, "K"));
    assert_false(arch_may_keep(arch, 1, "V"));
    assert_true(arch_may_keep(arch, 0, "V"));
    assert_false(buffer_of(arch)->can_bypass);
    assert_true(arch->memories[0].can_bypass);
}

static void test_what_is_not_used_is_said(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *text = chip("bandwidth: 1 GB/s\n    class: sram\n"
                                 "    latency: 2 cycles",
                                 "masking: skip");
    AUTO(arch) arch = load(diags, text);
    unsigned all = (1U << ARCH_FEATURE_COUNT) - 1;
    arch_warn_unused(arch, all, "the model", diags);
    assert_int_equal(diags_count(diags), 0);
    arch_warn_unused(arch, all & ~(1U << ARCH_FEATURE_MASKING), "the model",
                     diags);
    assert_int_equal(diags_count(diags), 1);
    assert_int_equal(diags_error_count(diags), 0);
    assert_string_equal(diags_get(diags, 0)->code, "arch-not-used");
    assert_string_equal(diags_get(diags, 0)->message,
                        "the model does not use the masking of 'alu'");
    AUTO(diags) none = diags_new();
    arch_warn_unused(arch, 0, "the model", none);
    /* latency, leakage of buf; in place, neighbours, three of the network;
     * masking, latency of alu. */
    assert_int_equal(diags_count(none), 9);
}

/* One link of a route: `axis` from lane `from` to the next, below (or at) `at`. */
static bool pass_link(GHashTable *seen, const char *value, int axis,
                      const int64_t *at, int64_t from, bool is_back)
{
    return g_hash_table_add(seen, g_strdup_printf("%s %d %d %d %d", value, axis,
                                                  axis > 0 ? (int)at[0] : 0,
                                                  (int)from, is_back));
}

/* Links of the route along one axis that the value has not crossed yet. */
static int64_t follow_axis(GHashTable *seen, const char *value,
                           enum arch_topology topology, int64_t size, int axis,
                           const int64_t *at)
{
    int64_t links = 0;
    if (topology == ARCH_TREE) {
        int64_t height = 0;
        while ((INT64_C(1) << height) < size) {
            links += pass_link(seen, value, axis, at,
                               (height * 100) + (at[axis] >> height), false);
            height++;
        }
        return links;
    }
    bool is_back = topology != ARCH_MESH && at[axis] > size / 2;
    int64_t steps = is_back ? size - at[axis] : at[axis];
    for (int64_t i = 0; i < steps; i++) {
        links += pass_link(seen, value, axis, at, i, is_back);
    }
    return links;
}

static int64_t follow_all(const struct arch_fanout *fanout,
                          const struct arch_lanes *lanes)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    enum arch_topology topology = fanout->network.topology;
    int64_t links = 0;
    int64_t at[2];
    for (at[0] = lanes[0].first; at[0] < lanes[0].end; at[0]++) {
        for (at[1] = lanes[1].first; at[1] < lanes[1].end; at[1]++) {
            g_autofree char *value =
                g_strdup_printf("%d/%d", lanes[0].is_shared ? 0 : (int)at[0],
                                lanes[1].is_shared ? 0 : (int)at[1]);
            if (topology == ARCH_ALL_TO_ALL) {
                links++;
            } else if (topology == ARCH_BUS || topology == ARCH_CROSSBAR) {
                links += g_hash_table_add(seen, g_strdup(value));
            } else {
                links += follow_axis(seen, value, topology,
                                     fanout->axis[0].size, 0, at) +
                         follow_axis(seen, value, topology,
                                     fanout->axis[1].size, 1, at);
            }
        }
    }
    return links;
}

/* All boxes from the first lanes on, all ways of sharing, against routes followed
 * link by link; and boxes add up. */
static void check_hops(struct arch_fanout *fanout, int64_t x, int64_t y,
                       bool shares_x, bool shares_y)
{
    struct arch_lanes lanes[2] = {
        {.first = 0, .end = x, .is_shared = shares_x},
        {.first = 0, .end = y, .is_shared = shares_y}};
    int64_t hops = 0;
    assert_int_equal(arch_count_hops(fanout, lanes, &hops), OK);
    assert_int_equal(hops, follow_all(fanout, lanes));
    for (int64_t cut = 1; cut < x; cut++) {
        struct arch_lanes low[2] = {
            {.first = 0, .end = cut, .is_shared = shares_x},
            {.first = 0, .end = y, .is_shared = shares_y}};
        struct arch_lanes high[2] = {
            {.first = cut, .end = x, .is_shared = shares_x},
            {.first = 0, .end = y, .is_shared = shares_y}};
        int64_t parts[2] = {0, 0};
        assert_int_equal(arch_count_hops(fanout, low, &parts[0]), OK);
        assert_int_equal(arch_count_hops(fanout, high, &parts[1]), OK);
        assert_int_equal(parts[0] + parts[1], hops);
    }
}

static void test_hops_are_those_of_routes(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    g_autofree char *text = chip(plain_memory, plain_unit);
    AUTO(arch) arch = load(diags, text);
    struct arch_fanout fanout = arch->fanouts[0];
    for (int t = ARCH_BUS; t <= ARCH_ALL_TO_ALL; t++) {
        fanout.network.topology = (enum arch_topology)t;
        for (int64_t size = 1; size <= 7; size++) {
            for (int i = 0; i < 7 * 5 * 4; i++) {
                fanout.axis[0].size = size;
                fanout.axis[1].size = 5;
                int64_t x = 1 + i % 7;
                if (x <= size) {
                    check_hops(&fanout, x, 1 + i / 7 % 5, i / 35 % 2, i / 70);
                }
            }
        }
    }
    fanout.network.topology = ARCH_MESH;
    const struct arch_lanes many[2] = {
        {.first = 0, .end = INT64_MAX, .is_shared = false},
        {.first = 0, .end = 2, .is_shared = false}};
    int64_t hops = 0;
    assert_int_equal(arch_count_hops(&fanout, many, &hops), ERR_LIMIT);
}

static void assert_prints_itself(const struct arch *arch)
{
    g_autoptr(GString) printed = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    AUTO(diags) diags = diags_new();
    arch_print(arch, printed);
    AUTO(arch) copy = load(diags, printed->str);
    arch_print(copy, again);
    assert_string_equal(printed->str, again->str);
    assert_int_equal(copy->axis_count, arch->axis_count);
    assert_int_equal(copy->node_count, arch->node_count);
    for (int m = 0; m < arch->memory_count; m++) {
        const struct arch_memory *a = &arch->memories[m];
        const struct arch_memory *b = &copy->memories[m];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->instances, b->instances);
        assert_int_equal(a->bandwidth_bytes_per_s, b->bandwidth_bytes_per_s);
        assert_int_equal(a->read_bandwidth_bytes_per_s,
                         b->read_bandwidth_bytes_per_s);
        assert_int_equal(a->latency_cycles, b->latency_cycles);
        assert_int_equal(a->load_cycles, b->load_cycles);
        assert_true(a->read_energy_pj_per_access ==
                    b->read_energy_pj_per_access);
        assert_true(a->area_um2 == b->area_um2);
        assert_true(a->leakage_mw == b->leakage_mw);
    }
    for (int u = 0; u < arch->unit_count; u++) {
        const struct arch_unit *a = &arch->units[u];
        const struct arch_unit *b = &copy->units[u];
        assert_int_equal(a->op_count, b->op_count);
        assert_int_equal(a->masking, b->masking);
        assert_int_equal(a->overlaps_steps, b->overlaps_steps);
        for (int i = 0; i < a->axis_count; i++) {
            assert_int_equal(a->axis[i].skew_cycles, b->axis[i].skew_cycles);
        }
        assert_true(a->area_um2 == b->area_um2);
        for (int o = 0; o < a->op_count; o++) {
            assert_int_equal(a->ops[o].cycles, b->ops[o].cycles);
            assert_int_equal(a->ops[o].latency_cycles,
                             b->ops[o].latency_cycles);
            assert_true(a->ops[o].energy_pj == b->ops[o].energy_pj);
        }
    }
}

static void test_every_chip_prints_as_itself(void **state)
{
    (void)state;
    GDir *dir = g_dir_open("arch-configs", 0, NULL);
    const char *name = NULL;
    while ((name = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_suffix(name, ".yaml")) {
            AUTO(diags) diags = diags_new();
            AUTO(arch) arch = NULL;
            g_autofree char *path =
                g_build_filename("arch-configs", name, NULL);
            assert_int_equal(arch_load_file(diags, path, NULL, &arch), OK);
            assert_prints_itself(arch);
        }
    }
    g_dir_close(dir);
    AUTO(diags) diags = diags_new();
    g_autofree char *text = chip("ports: {read: 2, shared: 1}\n"
                                 "    latency: 3 cycles\n    clock: 1.5 GHz\n"
                                 "    keeps: [A, B]\n    bypass: false\n"
                                 "    class: {sram: {technology: 28 nm, "
                                 "voltage: 0.8 V}}",
                                 "masking: gate\n        clock: 200 MHz\n"
                                 "        chainable: true");
    AUTO(arch) arch = load(diags, text);
    assert_prints_itself(arch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_give_bandwidth),
        cmocka_unit_test(test_accesses_take_the_slowest_of_three_bandwidths),
        cmocka_unit_test(test_cycles_of_slower_clocks_are_several_of_the_arch),
        cmocka_unit_test(test_operations_by_interval_and_latency),
        cmocka_unit_test(test_approximations_have_cost_and_function),
        cmocka_unit_test(test_own_numbers_win_over_the_class),
        cmocka_unit_test(test_only_listed_tensors_may_be_kept),
        cmocka_unit_test(test_what_is_not_used_is_said),
        cmocka_unit_test(test_hops_are_those_of_routes),
        cmocka_unit_test(test_every_chip_prints_as_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
