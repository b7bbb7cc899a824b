/* From an address to the coordinates of its burst. */
#include "sim/dram/dram.h"

static void get_sizes(const struct dram_spec *spec,
                      int64_t sizes[DRAM_FIELD_COUNT])
{
    sizes[DRAM_FIELD_CHANNEL] = spec->channels;
    sizes[DRAM_FIELD_PSEUDO] = spec->pseudo_channels;
    sizes[DRAM_FIELD_RANK] = spec->ranks;
    sizes[DRAM_FIELD_GROUP] = spec->bank_groups;
    sizes[DRAM_FIELD_BANK] = spec->banks;
    sizes[DRAM_FIELD_ROW] = spec->rows;
    sizes[DRAM_FIELD_COLUMN] = spec->columns;
}

int64_t dram_capacity_bytes(const struct dram_spec *spec)
{
    int64_t sizes[DRAM_FIELD_COUNT];
    int64_t bytes = spec->burst_bytes;
    get_sizes(spec, sizes);
    for (int i = 0; i < DRAM_FIELD_COUNT; i++) {
        bytes *= sizes[i];
    }
    return bytes;
}

double dram_peak_bytes_per_cycle(const struct dram_spec *spec)
{
    if (spec->model == DRAM_MODEL_BANDWIDTH) {
        return (double)spec->bandwidth_bytes_per_second *
               (double)spec->period_ps * 1e-12;
    }
    return (double)(spec->channels * spec->pseudo_channels *
                    spec->burst_bytes) /
           (double)spec->timing_cycles[DRAM_T_BURST];
}

/* Division by a size, by a shift where that is the same. */
static int64_t divide(int64_t *number, int64_t size)
{
    int64_t remainder = 0;
    if ((size & (size - 1)) == 0) {
        remainder = *number & (size - 1);
        *number >>= __builtin_ctzll((unsigned long long)size);
    } else {
        remainder = *number % size;
        *number /= size;
    }
    return remainder;
}

/* Each field XOR the next bits of the column, from the lowest on. What the
 * banks leave of a column changes the row, as in Ramulator's MOP4CLXOR. */
static void hash_fields(const int64_t sizes[DRAM_FIELD_COUNT],
                        int64_t coordinates[DRAM_FIELD_COUNT])
{
    static const enum dram_field hashed[] = {DRAM_FIELD_PSEUDO, DRAM_FIELD_RANK,
                                             DRAM_FIELD_GROUP, DRAM_FIELD_BANK,
                                             DRAM_FIELD_ROW};
    int64_t column = coordinates[DRAM_FIELD_COLUMN];
    for (size_t i = 0; i < G_N_ELEMENTS(hashed); i++) {
        coordinates[hashed[i]] ^= divide(&column, sizes[hashed[i]]);
    }
}

void dram_decode(const struct dram_spec *spec, int64_t address_bytes,
                 int64_t coordinates[DRAM_FIELD_COUNT])
{
    int64_t rests[DRAM_FIELD_COUNT];
    int64_t sizes[DRAM_FIELD_COUNT];
    int64_t scale[DRAM_FIELD_COUNT];
    int64_t burst = address_bytes / spec->burst_bytes;
    get_sizes(spec, rests);
    get_sizes(spec, sizes);
    for (int i = 0; i < DRAM_FIELD_COUNT; i++) {
        coordinates[i] = 0;
        scale[i] = 1;
    }
    for (int i = 0; i < spec->mapping.part_count; i++) {
        const struct dram_mapping_part *part = &spec->mapping.parts[i];
        int64_t size = part->size == 0 ? rests[part->field] : part->size;
        coordinates[part->field] += scale[part->field] * divide(&burst, size);
        scale[part->field] *= size;
        rests[part->field] /= size;
    }
    if (spec->mapping.is_hashed) {
        hash_fields(sizes, coordinates);
    }
}
