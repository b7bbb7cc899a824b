/* The DRAM devices of a channel: which rows are open, and when each command may
 * go. */
#include "sim/dram/dram_internal.h"

/* So long ago that it constrains nothing. */
#define LONG_AGO_CYCLE (INT64_MIN / 64)

static void count_nodes(struct dram_device *device)
{
    const struct dram_spec *spec = device->spec;
    int64_t count = 1;
    device->counts[DRAM_LEVEL_CHANNEL] = (int)count;
    count *= spec->pseudo_channels;
    device->counts[DRAM_LEVEL_PSEUDO] = (int)count;
    count *= spec->ranks;
    device->counts[DRAM_LEVEL_RANK] = (int)count;
    count *= spec->bank_groups;
    device->counts[DRAM_LEVEL_GROUP] = (int)count;
    count *= spec->banks;
    device->counts[DRAM_LEVEL_BANK] = (int)count;
}

void device_init(struct dram_device *device, const struct dram_spec *spec)
{
    device->spec = spec;
    device->standard = dram_standard_get(spec->standard);
    dram_rules_init(spec, &device->rules);
    count_nodes(device);
    for (int level = 0; level < DRAM_LEVEL_COUNT; level++) {
        device->nodes[level] =
            g_new0(struct dram_node, (gsize)device->counts[level]);
    }
    int bank_count = device->counts[DRAM_LEVEL_BANK];
    device->banks = g_new0(struct dram_bank_state, (gsize)bank_count);
    for (int bank = 0; bank < bank_count; bank++) {
        device->banks[bank].row = DRAM_NO_ROW;
    }
    device->die_count = device->counts[device->standard->die];
    device->banks_per_die = bank_count / device->die_count;
    device->activates =
        g_malloc(sizeof *device->activates * (gsize)device->die_count);
    for (int die = 0; die < device->die_count; die++) {
        for (int i = 0; i < 4; i++) {
            device->activates[die][i] = LONG_AGO_CYCLE;
        }
    }
    device->activate_next = g_new0(int, (gsize)device->die_count);
    device->open_counts = g_new0(int, (gsize)device->die_count);
    device->claimed_counts = g_new0(int, (gsize)device->die_count);
}

void device_clear(struct dram_device *device)
{
    for (int level = 0; level < DRAM_LEVEL_COUNT; level++) {
        g_free(device->nodes[level]);
    }
    g_free(device->banks);
    g_free(device->activates);
    g_free(device->activate_next);
    g_free(device->open_counts);
    g_free(device->claimed_counts);
}

struct dram_place device_place(const struct dram_device *device, int bank)
{
    struct dram_place place = {.bank = bank};
    place.group = bank / (int)device->spec->banks;
    place.rank = place.group / (int)device->spec->bank_groups;
    place.pseudo = place.rank / (int)device->spec->ranks;
    return place;
}

static bool is_of_die(enum dram_command_kind kind)
{
    return kind == DRAM_PREA || kind == DRAM_REF;
}

static int64_t max_key(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t device_ready_key(const struct dram_device *device,
                         enum dram_command_kind kind,
                         const struct dram_place *place)
{
    struct dram_node *const *nodes = device->nodes;
    int64_t key =
        max_key(nodes[DRAM_LEVEL_CHANNEL][0].ready_keys[kind],
                nodes[DRAM_LEVEL_PSEUDO][place->pseudo].ready_keys[kind]);
    key = max_key(key, nodes[DRAM_LEVEL_RANK][place->rank].ready_keys[kind]);
    if (is_of_die(kind)) {
        return key;
    }
    key = max_key(key, nodes[DRAM_LEVEL_GROUP][place->group].ready_keys[kind]);
    return max_key(key, nodes[DRAM_LEVEL_BANK][place->bank].ready_keys[kind]);
}

static void apply(struct dram_node *node, const struct dram_rule_list *list,
                  bool is_sibling, int64_t cycle)
{
    for (int i = 0; i < list->count; i++) {
        const struct dram_rule *rule = &list->rules[i];
        if (rule->is_sibling == is_sibling) {
            int64_t *ready = &node->ready_keys[rule->to];
            *ready =
                max_key(*ready, key_make(cycle + rule->cycles, rule->stall));
        }
    }
}

static void apply_to_siblings(struct dram_device *device,
                              enum dram_command_kind kind,
                              const struct dram_place *place, int64_t cycle)
{
    int ranks = (int)device->spec->ranks;
    int first = place->pseudo * ranks;
    for (int rank = first; rank < first + ranks; rank++) {
        if (rank != place->rank) {
            apply(&device->nodes[DRAM_LEVEL_RANK][rank],
                  &device->rules.lists[DRAM_LEVEL_RANK][kind], true, cycle);
        }
    }
}

static void record_activate(struct dram_device *device, int die, int64_t cycle)
{
    int64_t *ring = device->activates[die];
    int *next = &device->activate_next[die];
    ring[*next] = cycle;
    *next = (*next + 1) % 4;
    int64_t *ready =
        &device->nodes[device->standard->die][die].ready_keys[DRAM_ACT];
    *ready = max_key(*ready,
                     key_make(ring[*next] + device->rules.four_activates_cycles,
                              DRAM_STALL_ACTIVATES));
}

static void close_bank(struct dram_device *device, int die, int bank)
{
    device->open_counts[die] -= device->banks[bank].row != DRAM_NO_ROW;
    device->banks[bank].row = DRAM_NO_ROW;
}

static void change_rows(struct dram_device *device, enum dram_command_kind kind,
                        const struct dram_place *place, int64_t row)
{
    int die = device_die(device, place);
    switch (kind) {
    case DRAM_ACT:
        device->banks[place->bank].row = row;
        device->open_counts[die]++;
        break;
    case DRAM_PRE:
    case DRAM_RDA:
    case DRAM_WRA:
        close_bank(device, die, place->bank);
        break;
    case DRAM_PREA:
        for (int i = 0; i < device->banks_per_die; i++) {
            close_bank(device, die, die * device->banks_per_die + i);
        }
        break;
    case DRAM_RD:
    case DRAM_WR:
    case DRAM_REF:
    case DRAM_REFB:
    case DRAM_COMMAND_COUNT:
        break;
    }
}

void device_issue(struct dram_device *device, enum dram_command_kind kind,
                  const struct dram_place *place, int64_t row, int64_t cycle)
{
    const int indices[DRAM_LEVEL_COUNT] = {
        [DRAM_LEVEL_PSEUDO] = place->pseudo,
        [DRAM_LEVEL_RANK] = place->rank,
        [DRAM_LEVEL_GROUP] = place->group,
        [DRAM_LEVEL_BANK] = place->bank,
    };
    enum dram_level last =
        is_of_die(kind) ? device->standard->die : DRAM_LEVEL_BANK;
    for (int level = 0; level <= (int)last; level++) {
        apply(&device->nodes[level][indices[level]],
              &device->rules.lists[level][kind], false, cycle);
    }
    if (device->rules.has_siblings[kind]) {
        apply_to_siblings(device, kind, place, cycle);
    }
    if (kind == DRAM_ACT) {
        record_activate(device, device_die(device, place), cycle);
    }
    change_rows(device, kind, place, row);
}
