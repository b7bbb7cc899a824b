/* What a tile of a tensor takes in some format, in bits. Private to mapping/. */
#ifndef WEIR_MAPPING_STORAGE_H
#define WEIR_MAPPING_STORAGE_H

#include "mapping/formats.h"

/* A format with numbers for everything. */
struct storage {
    enum storage_kind kind;
    int64_t value_bits;
    int64_t index_bits; /* 0: as many as the tile needs */
    int64_t pointer_bits;
    int64_t run_bits;
    int64_t block[2];
    int64_t group;
};

/* Bits of the tile low..high (half open), as the pattern is placed. Of a tile
 * without a nonzero, those that say so. */
int64_t storage_count(const struct storage *storage,
                      const struct einsum_pattern *pattern,
                      const int64_t low[2], const int64_t high[2]);

#endif
