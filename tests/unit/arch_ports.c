/* Cores: what instructions cost on ports, against every set of ports there is, and
 * numbers by hand; a core as a file comes back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/arch.h"
#include "tests/assert_close.h"

static struct arch *load(struct diags *diags)
{
    struct arch *arch = NULL;
    assert_int_equal(
        arch_load_file(diags, "arch-configs/cascade-lake.yaml", NULL, &arch),
        OK);
    return arch;
}

static const struct arch_ports *ports_of(const struct arch *arch)
{
    return arch->units[arch_find_unit(arch, "core")].ports;
}

static int find(const struct arch_ports *ports, const char *name)
{
    int found = arch_find_instruction(ports, name);
    assert_true(found >= 0);
    return found;
}

/* A set of ports is busy for all that nobody else can do, evenly. */
static double every_set(const struct arch_ports *ports, const double *times)
{
    double most = 0;
    double slots = 0;
    for (int i = 0; i < ports->instruction_count; i++) {
        slots += times[i] * (double)ports->instruction[i].slots;
    }
    for (uint32_t set = 1; set < 1U << ports->port_count; set++) {
        double cycles = 0;
        int count = 0;
        for (int p = 0; p < ports->port_count; p++) {
            count += (set >> p & 1) != 0;
        }
        for (int i = 0; i < ports->instruction_count; i++) {
            for (int u = 0; u < ports->instruction[i].uop_count; u++) {
                const struct arch_uop *uop = &ports->instruction[i].uop[u];
                cycles += (uop->ports & ~set) == 0 ? times[i] * uop->cycles : 0;
            }
        }
        most = MAX(most, cycles / count);
    }
    return MAX(most, slots / (double)ports->issue_slots);
}

static void test_no_set_of_ports_is_overlooked(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = load(diags);
    const struct arch_ports *ports = ports_of(arch);
    uint32_t random = 1;
    for (int trial = 0; trial < 300; trial++) {
        double times[ARCH_MAX_INSTRUCTIONS] = {0};
        for (int i = 0; i < ports->instruction_count; i++) {
            random = random * 1664525u + 1013904223u;
            times[i] =
                (random >> 28) % 3 == 0 ? (double)(random >> 20 & 31) : 0.0;
        }
        assert_close(arch_count_port_cycles(ports, times, ARCH_ALL_PORTS),
                     every_set(ports, times), 1e-12);
    }
}

/* The port limits of block-sparse kernels on Cascade Lake, cycles for 64 tokens x
 * 4 rows x 4 inputs. */
static void test_kernels_by_hand(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = load(diags);
    const struct arch_ports *ports = ports_of(arch);
    double times[ARCH_MAX_INSTRUCTIONS] = {0};
    times[find(ports, "dot")] = 16;
    assert_close(arch_count_port_cycles(ports, times, ARCH_ALL_PORTS), 8,
                 1e-12);
    times[find(ports, "shuffle")] = 8; /* two ports for 24 uops */
    assert_close(arch_count_port_cycles(ports, times, ARCH_ALL_PORTS), 12,
                 1e-12);
    times[find(ports, "shuffle")] = 20; /* port 5 alone */
    assert_close(arch_count_port_cycles(ports, times, ARCH_ALL_PORTS), 20,
                 1e-12);
    times[find(ports, "mispredict")] = 2;
    assert_close(arch_count_stall_cycles(ports, times), 32, 1e-12);
    uint32_t loads = 0;
    for (int p = 0; p < ports->port_count; p++) {
        loads |= g_str_equal(ports->port[p], "p2") ||
                         g_str_equal(ports->port[p], "p3")
                     ? 1U << p
                     : 0;
    }
    times[find(ports, "load")] = 12;
    assert_close(arch_count_port_cycles(ports, times, loads), 6, 1e-12);
}

static void test_the_slowest_licence_sets_the_clock(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = load(diags);
    const struct arch_ports *ports = ports_of(arch);
    double times[ARCH_MAX_INSTRUCTIONS] = {0};
    times[find(ports, "scalar")] = 1;
    assert_int_equal(arch_licence_clock(arch, ports, times), 3070000000);
    times[find(ports, "shuffle")] = 1;
    assert_int_equal(arch_licence_clock(arch, ports, times), 2690000000);
    times[find(ports, "dot")] = 1;
    assert_int_equal(arch_licence_clock(arch, ports, times), 2390000000);
}

static void test_printed_and_read_it_is_the_same(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(arch) arch = load(diags);
    AUTO(arch) again = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) again_text = g_string_new(NULL);
    arch_print(arch, text);
    assert_int_equal(arch_load_source(diags,
                                      diags_add_text(diags, "again", text->str),
                                      NULL, &again),
                     OK);
    arch_print(again, again_text);
    assert_string_equal(again_text->str, text->str);
    int l2 = arch_find_memory(again, "L2");
    assert_true(again->memories[l2].follows_licence);
    assert_true(again->memories[l2].is_serial);
    assert_int_equal(again->memories[l2].read_bandwidth_bytes_per_s,
                     arch->memories[l2].read_bandwidth_bytes_per_s);
    const struct arch_ports *ports = ports_of(again);
    assert_int_equal(ports->serial_ports, ports_of(arch)->serial_ports);
    assert_int_equal(ports->instruction_count,
                     ports_of(arch)->instruction_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_set_of_ports_is_overlooked),
        cmocka_unit_test(test_kernels_by_hand),
        cmocka_unit_test(test_the_slowest_licence_sets_the_clock),
        cmocka_unit_test(test_printed_and_read_it_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
