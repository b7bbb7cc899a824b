/* Questions about a loaded arch. Linear searches: trees have a dozen nodes, and
 * callers resolve names once.
 */
#include "arch/arch.h"

#include <string.h>

int arch_find_memory(const struct arch *arch, const char *name)
{
    for (int i = 0; i < arch->memory_count; i++) {
        if (strcmp(arch->memories[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

int arch_find_unit(const struct arch *arch, const char *name)
{
    for (int i = 0; i < arch->unit_count; i++) {
        if (strcmp(arch->units[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

const struct arch_op *arch_find_op(const struct arch_unit *unit,
                                   const char *name)
{
    for (int i = 0; i < unit->op_count; i++) {
        if (strcmp(unit->ops[i].name, name) == 0) {
            return &unit->ops[i];
        }
    }
    return NULL;
}

bool arch_is_above(const struct arch *arch, int memory, int unit)
{
    int above = arch->units[unit].memory;
    while (above >= 0 && above != memory) {
        above = arch->memories[above].parent;
    }
    return above >= 0;
}

enum status arch_count_skew_cycles(const struct arch_unit *unit,
                                   int64_t *cycles)
{
    *cycles = 0;
    for (int i = 0; i < unit->axis_count; i++) {
        const struct arch_axis *axis = &unit->axis[i];
        int64_t added_cycles = 0;
        if (!num_mul(axis->size - 1, axis->skew_cycles, &added_cycles) ||
            !num_add(*cycles, added_cycles, cycles)) {
            return ERR_LIMIT;
        }
    }
    return OK;
}

bool arch_may_keep(const struct arch *arch, int memory, const char *tensor)
{
    const struct arch_memory *m = &arch->memories[memory];
    for (int i = 0; i < m->keep_count; i++) {
        if (strcmp(m->keep[i], tensor) == 0) {
            return true;
        }
    }
    return m->keep_count == 0;
}

static void set_attribute(struct scope *scope, const char *owner,
                          const char *attribute, int64_t value)
{
    g_autofree char *name = g_strdup_printf("%s.%s", owner, attribute);
    scope_set(scope, name, value);
}

void arch_fill_scope(const struct arch *arch, struct scope *scope)
{
    for (int i = 0; i < arch->param_count; i++) {
        scope_set(scope, arch->param_name[i], arch->param_value[i]);
    }
    for (int i = 0; i < arch->memory_count; i++) {
        set_attribute(scope, arch->memories[i].name, "size",
                      arch->memories[i].size_bytes);
    }
    for (int i = 0; i < arch->unit_count; i++) {
        const struct arch_unit *unit = &arch->units[i];
        for (int axis = 0; axis < unit->axis_count; axis++) {
            set_attribute(scope, unit->name, unit->axis[axis].name,
                          unit->axis[axis].size);
        }
        set_attribute(scope, unit->name, "lanes", unit->lanes);
    }
    scope_set(scope, "word", arch->word_bits / 8);
}

/* Cycles of the arch's clock for `bytes`; 0 if unlimited. */
static enum status count_cycles(const struct arch *arch, int64_t bytes,
                                int64_t bytes_per_s, int64_t *cycles)
{
    if (bytes_per_s == NUM_UNLIMITED) {
        *cycles = 0;
        return OK;
    }
    if (!num_mul_div_ceil(bytes, arch->clock_hz, bytes_per_s, cycles)) {
        return ERR_LIMIT;
    }
    return OK;
}

enum status arch_count_transfer_cycles(const struct arch *arch, int memory,
                                       int64_t bytes, int64_t *cycles)
{
    return count_cycles(arch, bytes,
                        arch->memories[memory].bandwidth_bytes_per_s, cycles);
}

enum status arch_count_link_cycles(const struct arch *arch, int fanout,
                                   int64_t bytes, int64_t *cycles)
{
    return count_cycles(arch, bytes,
                        arch->fanouts[fanout].network.bandwidth_bytes_per_s,
                        cycles);
}

enum status arch_count_access_cycles(const struct arch *arch, int memory,
                                     int64_t read_bytes, int64_t write_bytes,
                                     int64_t *cycles)
{
    const struct arch_memory *m = &arch->memories[memory];
    int64_t bytes = 0;
    int64_t all = 0;
    int64_t read = 0;
    int64_t write = 0;
    if (!num_add(read_bytes, write_bytes, &bytes)) {
        return ERR_LIMIT;
    }
    TRY(count_cycles(arch, bytes, m->bandwidth_bytes_per_s, &all));
    TRY(count_cycles(arch, read_bytes, m->read_bandwidth_bytes_per_s, &read));
    TRY(count_cycles(arch, write_bytes, m->write_bandwidth_bytes_per_s,
                     &write));
    *cycles = MAX(all, MAX(read, write));
    return OK;
}

void arch_warn_unused(const struct arch *arch, unsigned used, const char *by,
                      struct diags *diags)
{
    static const char *const what[] = {
#define FEATURE(id, words) words,
#include "arch/features.def"
#undef FEATURE
    };
    const struct arch_feature_use *last = NULL;
    for (int i = 0; i < arch->feature_use_count; i++) {
        const struct arch_feature_use *use = &arch->feature_uses[i];
        bool is_repeated = last != NULL && last->feature == use->feature &&
                           strcmp(last->node, use->node) == 0;
        if ((used & (1U << use->feature)) == 0 && !is_repeated) {
            diag_warning(diags, use->span, "arch-not-used", NULL,
                         "%s does not use the %s of '%s'", by,
                         what[use->feature], use->node);
        }
        last = use;
    }
}
