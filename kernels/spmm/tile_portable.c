/* Sums of bytes of a tile in plain C: the meaning of every other path. Arithmetic is
 * unsigned, that is modulo 2^32, as vpdpbusd does it. */
#include "kernels/spmm/block.h"

#include <string.h>

/* Adds one group to `rows` rows of the tile. */
static void add_lines(const uint8_t *panel, const uint32_t *offsets,
                      const int8_t *values, int64_t rows, int64_t token_count,
                      uint32_t *tile)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int lane = 0; lane < 4; lane++) {
            const uint8_t *line = panel + offsets[lane];
            uint32_t value = (uint32_t)values[4 * r + lane];
            for (int64_t t = 0; t < token_count; t++) {
                tile[r * SPMM_PANEL + t] += value * line[spmm_line_position(t)];
            }
        }
    }
}

static void add_quad(const uint8_t *quad, const int8_t *values, int64_t rows,
                     int64_t token_count, uint32_t *tile)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t t = 0; t < token_count; t++) {
            for (int lane = 0; lane < 4; lane++) {
                tile[r * SPMM_PANEL + t] +=
                    (uint32_t)values[4 * r + lane] * quad[4 * t + lane];
            }
        }
    }
}

void spmm_tile_portable(const struct spmm_weight *weight, int64_t row,
                        const void *panel, int vectors, void *tile)
{
    int64_t rows = weight->group_rows;
    int64_t token_count = 16 * (int64_t)vectors;
    uint32_t *sums = tile;
    memset(sums, 0, (size_t)(weight->tile_rows * SPMM_PANEL) * sizeof *sums);
    for (int64_t r = 0; r < weight->tile_rows; r += rows) {
        int64_t group = (row + r) / rows;
        if (group >= weight->row_group_count) {
            break;
        }
        for (int64_t g = weight->first[group]; g < weight->first[group + 1];
             g++) {
            const int8_t *values =
                (const int8_t *)weight->values + g * rows * 4;
            const uint32_t *offsets =
                weight->offsets + g * weight->offset_count;
            if (weight->offset_count == 4) {
                add_lines(panel, offsets, values, rows, token_count,
                          sums + r * SPMM_PANEL);
            } else {
                add_quad((const uint8_t *)panel + *offsets, values, rows,
                         token_count, sums + r * SPMM_PANEL);
            }
        }
    }
}
