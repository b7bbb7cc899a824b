/* Sizes of compressed tiles. With R x C elements of v bits, z of them kept:
 *
 *   dense       R C v
 *   bitmask     R C + z v
 *   csr         (R + 1) p + z (i + v)                i: columns, p: up to R C
 *   csc         (C + 1) p + z (i + v)                i: rows
 *   block r c   (R/r + 1) p + b (i + r c v)          b: blocks with anything kept,
 *                                                    padded in each row of blocks
 *                                                    to a multiple of the group
 *   run_length  s (l + v)                            s: nonzeros, and a zero for
 *                                                    every run that l bits cannot
 *                                                    count; zeros at the end are
 *                                                    not stored
 *
 * i, p: as many bits as the largest number needs, unless the format says. */
#include "mapping/storage.h"

/* Bits that tell `count` numbers apart. */
static int64_t bits_of(int64_t count)
{
    int64_t bits = 1;
    while (bits < 62 && (INT64_C(1) << bits) < count) {
        bits++;
    }
    return bits;
}

static int64_t chosen(int64_t said, int64_t count)
{
    return said > 0 ? said : bits_of(count);
}

/* Blocks with anything kept, with padding; `block` may be larger than what is
 * left. */
static int64_t count_blocks(const struct storage *storage,
                            const struct einsum_pattern *pattern,
                            const int64_t low[2], const int64_t high[2])
{
    int64_t all = 0;
    for (int64_t row = low[0]; row < high[0]; row += storage->block[0]) {
        int64_t in_row = 0;
        for (int64_t column = low[1]; column < high[1];
             column += storage->block[1]) {
            const int64_t from[2] = {row, column};
            const int64_t to[2] = {MIN(row + storage->block[0], high[0]),
                                   MIN(column + storage->block[1], high[1])};
            in_row += pattern_count(pattern, true, from, to) > 0;
        }
        all += num_ceil_div(in_row, storage->group) * storage->group;
    }
    return all;
}

static int64_t count_runs(const struct storage *storage,
                          const struct einsum_pattern *pattern,
                          const int64_t low[2], const int64_t high[2])
{
    int64_t longest = (INT64_C(1) << storage->run_bits) - 1;
    int64_t symbols = 0;
    int64_t zeros = 0;
    for (int64_t row = low[0]; row < high[0]; row++) {
        for (int64_t column = low[1]; column < high[1]; column++) {
            const int64_t from[2] = {row, column};
            const int64_t to[2] = {row + 1, column + 1};
            if (pattern_count(pattern, true, from, to) == 0) {
                zeros++;
                continue;
            }
            /* A symbol that stands for a zero takes one more of them. */
            symbols += 1 + zeros / (longest + 1);
            zeros = 0;
        }
    }
    return symbols;
}

int64_t storage_count(const struct storage *storage,
                      const struct einsum_pattern *pattern,
                      const int64_t low[2], const int64_t high[2])
{
    int64_t rows = high[0] - low[0];
    int64_t columns = high[1] - low[1];
    int64_t value = storage->value_bits;
    int64_t pointer = chosen(storage->pointer_bits, rows * columns + 1);
    int64_t kept = pattern_count(pattern, true, low, high);
    switch (storage->kind) {
    case STORAGE_DENSE:
        break;
    case STORAGE_BITMASK:
        return rows * columns + kept * value;
    case STORAGE_CSR:
        return (rows + 1) * pointer +
               kept * (chosen(storage->index_bits, columns) + value);
    case STORAGE_CSC:
        return (columns + 1) * pointer +
               kept * (chosen(storage->index_bits, rows) + value);
    case STORAGE_BLOCK:
        return (num_ceil_div(rows, storage->block[0]) + 1) * pointer +
               count_blocks(storage, pattern, low, high) *
                   (chosen(storage->index_bits,
                           num_ceil_div(columns, storage->block[1])) +
                    storage->block[0] * storage->block[1] * value);
    case STORAGE_RUN_LENGTH:
        return count_runs(storage, pattern, low, high) *
               (storage->run_bits + value);
    }
    return rows * columns * value;
}
