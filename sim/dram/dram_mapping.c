/* Address mappings: an order of parts, and the names people use for some.
 *
 * RoBaRaCoCh and MOP4CLXOR divide addresses as Ramulator's mappers of these
 * names do, so that results can be compared; RoCoBaBgCh puts neighbouring bursts
 * into different bank groups. */
#include "sim/dram/dram.h"

#include <string.h>

static const struct {
    const char *name;
    const char *order;
} named[] = {
    {"RoBaRaCoCh", "RoBaBgRaPcCoCh"},       {"ChRaBaRoCo", "ChRaPcBaBgRoCo"},
    {"RoRaBaCoCh", "RoRaPcBaBgCoCh"},       {"RoCoBaBgCh", "RoCoRaBaBgPcCh"},
    {"MOP4CLXOR", "RoCoBaBgRaPcCo2Ch+xor"},
};

static const char *const names[] = {
    "RoBaRaCoCh", "ChRaBaRoCo", "RoRaBaCoCh", "RoCoBaBgCh", "MOP4CLXOR", NULL,
};

const char *const *dram_mapping_names(void)
{
    return names;
}

static bool find_field(const char *text, enum dram_field *field)
{
    static const char *const codes[DRAM_FIELD_COUNT] = {
        [DRAM_FIELD_CHANNEL] = "Ch", [DRAM_FIELD_PSEUDO] = "Pc",
        [DRAM_FIELD_RANK] = "Ra",    [DRAM_FIELD_GROUP] = "Bg",
        [DRAM_FIELD_BANK] = "Ba",    [DRAM_FIELD_ROW] = "Ro",
        [DRAM_FIELD_COLUMN] = "Co",
    };
    for (int i = 0; i < DRAM_FIELD_COUNT; i++) {
        if (strncmp(text, codes[i], 2) == 0) {
            *field = (enum dram_field)i;
            return true;
        }
    }
    return false;
}

/* Parts are written most significant first and kept the other way round. */
static void reverse_parts(struct dram_mapping *mapping)
{
    for (int i = 0, j = mapping->part_count - 1; i < j; i++, j--) {
        struct dram_mapping_part part = mapping->parts[i];
        mapping->parts[i] = mapping->parts[j];
        mapping->parts[j] = part;
    }
}

/* Every field has exactly one part that takes what is left, after (above) its
 * parts of a given size. */
static bool is_complete(const struct dram_mapping *mapping)
{
    int rest_count[DRAM_FIELD_COUNT] = {0};
    for (int i = 0; i < mapping->part_count; i++) {
        const struct dram_mapping_part *part = &mapping->parts[i];
        if (rest_count[part->field] > 0) {
            return false;
        }
        rest_count[part->field] += part->size == 0;
    }
    for (int i = 0; i < DRAM_FIELD_COUNT; i++) {
        if (rest_count[i] != 1) {
            return false;
        }
    }
    return true;
}

static bool parse_order(const char *text, struct dram_mapping *mapping)
{
    while (*text != '\0' && *text != '+') {
        if (mapping->part_count == DRAM_MAPPING_PARTS) {
            return false;
        }
        struct dram_mapping_part *part = &mapping->parts[mapping->part_count++];
        if (!find_field(text, &part->field)) {
            return false;
        }
        text += 2;
        if (g_ascii_isdigit(*text)) { /* bits */
            int bits = *text++ - '0';
            if (bits == 0 || g_ascii_isdigit(*text)) {
                return false;
            }
            part->size = (int64_t)1 << bits;
        }
    }
    mapping->is_hashed = strcmp(text, "+xor") == 0;
    reverse_parts(mapping);
    return (*text == '\0' || mapping->is_hashed) && is_complete(mapping);
}

bool dram_mapping_parse(const char *text, struct dram_mapping *result)
{
    struct dram_mapping mapping = {.part_count = 0};
    const char *order = text;
    for (size_t i = 0; i < G_N_ELEMENTS(named); i++) {
        if (strcmp(text, named[i].name) == 0) {
            order = named[i].order;
        }
    }
    if (!parse_order(order, &mapping)) {
        return false;
    }
    (void)g_strlcpy(mapping.name, text, sizeof mapping.name);
    *result = mapping;
    return true;
}
