/* The file of a measured machine: it loads, and its ports give what was measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/arch.h"
#include "cpu/cpu.h"
#include "tests/assert_close.h"

static const struct cpu_machine intel = {
    .name = "an-intel",
    .has_vnni = true,
    .clock_hz = 3070000000,
    .vector_clock_hz = 2690000000,
    .product_clock_hz = 2390000000,
    .issue_per_cycle = 3.98,
    .products_per_cycle = 2,
    .fmas_per_cycle = 2,
    .fma_latency_cycles = 4,
    .shuffles_per_cycle = 1,
    .vectors_per_cycle = 2,
    .loads_per_cycle = 2,
    .lines_per_cycle = 1.41,
    .stores_per_cycle = 0.89,
    .product_latency_cycles = 4.9,
    .mispredict_cycles = 16.4,
    .shares_shuffle_port = true,
    .shares_vector_port = true,
    .overlaps_transfers = false,
    .level_count = 4,
    .levels = {{"L1", 32 << 10, 243e9, 153e9},
               {"L2", 1 << 20, 105e9, 42e9},
               {"L3", 36 << 20, 25e9, 22e9},
               {"DRAM", NUM_UNLIMITED, 10e9, 7e9}},
};

static struct arch *load(struct diags *diags, const struct cpu_machine *machine)
{
    struct arch *arch = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    cpu_print_arch(machine, text);
    enum status status = arch_load_source(
        diags, diags_add_text(diags, "machine", text->str), NULL, &arch);
    if (status != OK) {
        g_autoptr(GString) messages = g_string_new(NULL);
        diags_print(diags, false, messages);
        fail_msg("%s\n%s", messages->str, text->str);
    }
    return arch;
}

/* 16 products and 8 shuffles. */
static double group_cycles(const struct arch *arch)
{
    const struct arch_ports *ports =
        arch->units[arch_find_unit(arch, "core")].ports;
    double times[ARCH_MAX_INSTRUCTIONS] = {0};
    times[arch_find_instruction(ports, "dot")] = 16;
    times[arch_find_instruction(ports, "shuffle")] = 8;
    return arch_count_port_cycles(ports, times, ARCH_ALL_PORTS);
}

static void test_ports_that_are_shared(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = load(diags, &intel);
    assert_close(group_cycles(arch), 12, 1e-9);
    int l2 = arch_find_memory(arch, "L2");
    assert_true(arch->memories[l2].is_serial);
    assert_true(arch->memories[l2].follows_licence);
    assert_int_equal(arch->memories[l2].size_bytes, 1 << 20);
    const struct arch_ports *ports =
        arch->units[arch_find_unit(arch, "core")].ports;
    assert_int_equal(ports->issue_slots, 4);
    assert_int_not_equal(ports->serial_ports, 0);
    int dot = arch_find_instruction(ports, "dot");
    assert_int_equal(ports->instruction[dot].latency_cycles, 5);
    double times[ARCH_MAX_INSTRUCTIONS] = {0};
    times[dot] = 1;
    assert_int_equal(arch_licence_clock(arch, ports, times), 2390000000);
}

static void test_ports_of_their_own(void **state)
{
    (void)state;
    struct cpu_machine machine = intel;
    machine.products_per_cycle = 1;
    machine.shares_shuffle_port = machine.shares_vector_port = false;
    machine.overlaps_transfers = true;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = load(diags, &machine);
    assert_close(group_cycles(arch), 16, 1e-9);
    assert_false(arch->memories[arch_find_memory(arch, "L3")].is_serial);
    const struct arch_ports *ports =
        arch->units[arch_find_unit(arch, "core")].ports;
    assert_int_equal(ports->serial_ports, 0);
}

/* Whatever a loop came to on a bad day. */
static void test_numbers_that_cannot_be(void **state)
{
    (void)state;
    struct cpu_machine machine = {.name = "nothing",
                                  .clock_hz = 1,
                                  .vector_clock_hz = 1,
                                  .product_clock_hz = 1,
                                  .level_count = 4,
                                  .levels = {{"L1", 1, 0, 0},
                                             {"L2", 1, 0, 0},
                                             {"L3", 1, 0, 0},
                                             {"DRAM", NUM_UNLIMITED, 0, 0}}};
    machine.clock_hz = machine.vector_clock_hz = machine.product_clock_hz =
        1000000000;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = load(diags, &machine);
    assert_int_equal(arch->unit_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_that_are_shared),
        cmocka_unit_test(test_ports_of_their_own),
        cmocka_unit_test(test_numbers_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
