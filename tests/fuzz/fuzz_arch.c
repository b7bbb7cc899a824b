/* Any text as an architecture file. What loads must keep the promises of
 * arch.h: ids in range, parents first, counts positive. */
#include <stdint.h>

#include "arch/arch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_memories(const struct arch *arch)
{
    g_assert(arch->memory_count >= 1);
    for (int i = 0; i < arch->memory_count; i++) {
        const struct arch_memory *memory = &arch->memories[i];
        g_assert(memory->parent < i && (i == 0 || memory->parent >= 0));
        g_assert(memory->instances >= 1 && memory->size_bytes >= 1);
        g_assert(memory->access_bits >= 1);
        g_assert(memory->bandwidth_bytes_per_s >= 1);
        g_assert(memory->read_energy_pj_per_access >= 0.0);
    }
}

static void check_units(const struct arch *arch)
{
    g_assert(arch->unit_count >= 1);
    for (int i = 0; i < arch->unit_count; i++) {
        const struct arch_unit *unit = &arch->units[i];
        g_assert(unit->memory >= 0 && unit->memory < arch->memory_count);
        g_assert(unit->lanes >= 1 && unit->op_count >= 1);
        g_assert(arch_is_above(arch, 0, i));
        for (int o = 0; o < unit->op_count; o++) {
            g_assert(unit->ops[o].cycles >= 0);
            g_assert(unit->ops[o].energy_pj >= 0.0);
        }
    }
}

static void check_tree(const struct arch *arch)
{
    g_assert(arch->nodes[0].kind == ARCH_NODE_MEMORY);
    for (int i = 0; i < arch->node_count; i++) {
        g_assert(arch->nodes[i].parent < i);
        g_assert(i == 0 || arch->nodes[i].parent >= 0);
    }
    AUTO(arch_area) area = arch_sum_area(arch);
    g_assert(area->known_um2 >= 0.0);
    g_assert((area->unknown_count > 0) != arch_is_known(area->total_um2));
}

/* What it prints is a file, and prints the same. */
static void check_print(const struct arch *arch)
{
    AUTO(diags) diags = diags_new();
    AUTO(arch) copy = NULL;
    g_autoptr(GString) printed = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    arch_print(arch, printed);
    const struct source *source = diags_add_text(diags, "copy", printed->str);
    g_assert(arch_load_source(diags, source, NULL, &copy) == OK);
    arch_print(copy, again);
    g_assert_cmpstr(printed->str, ==, again->str);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    AUTO(diags) diags = diags_new();
    g_autofree char *text = g_strndup((const char *)data, size_bytes);
    const struct source *source = diags_add_text(diags, "fuzz", text);
    AUTO(arch) arch = NULL;
    enum status status = arch_load_source(diags, source, NULL, &arch);
    g_assert((status == OK) == (arch != NULL));
    g_assert(status == OK || diags_error_count(diags) > 0);
    if (arch != NULL) {
        check_memories(arch);
        check_units(arch);
        check_tree(arch);
        check_print(arch);
        AUTO(scope) scope = scope_new(NULL);
        arch_fill_scope(arch, scope);
    }
    g_autoptr(GString) rendering = g_string_new(NULL);
    diags_print(diags, false, rendering);
    return 0;
}
