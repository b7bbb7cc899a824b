/* Packing: which blocks a matrix has, and their values in the order in which
 * the kernels read them. A dense matrix becomes CSR first, so there is one
 * packer. Takes O(entries + row groups * block columns). */
#include "kernels/spmm/block.h"

#include <string.h>

#define K_LIMIT (INT64_C(1) << 24) /* keeps offsets (64 bytes a k) in 32 bits */

static void set_pattern(struct spmm_weight *weight, enum spmm_pattern pattern)
{
    weight->pattern = pattern;
    switch (pattern) {
    case SPMM_4X1:
    case SPMM_4X4:
        weight->group_rows = 4;
        break;
    case SPMM_16X1:
        weight->group_rows = 16;
        break;
    case SPMM_32X1:
        weight->group_rows = 32;
        break;
    case SPMM_1X4:
        weight->group_rows = 1;
        break;
    }
    weight->tile_rows = MAX(weight->group_rows, 4);
    weight->offset_count = spmm_input_layout(pattern) == SPMM_LINES ? 4 : 1;
}

/* Columns of a block. */
static int64_t block_columns(const struct spmm_weight *weight)
{
    return weight->offset_count == 4 ? 1 : 4;
}

static enum status check_csr(const struct spmm_csr *csr)
{
    if (csr->row_count < 0 || csr->k_count < 0) {
        return ERR_INPUT;
    }
    if (csr->k_count > K_LIMIT) {
        return ERR_LIMIT;
    }
    for (int64_t m = 0; m < csr->row_count; m++) {
        if (csr->row_first[m + 1] < csr->row_first[m]) {
            return ERR_INPUT;
        }
        int64_t last = -1;
        for (int64_t i = csr->row_first[m]; i < csr->row_first[m + 1]; i++) {
            if (csr->columns[i] <= last || csr->columns[i] >= csr->k_count) {
                return ERR_INPUT;
            }
            last = csr->columns[i];
        }
    }
    return OK;
}

/* Numbers the block columns that row group `group` has, in ascending order:
 * slot[c] is the number or -1. Returns how many there are. */
static int64_t number_blocks(const struct spmm_weight *weight,
                             const struct spmm_csr *csr, int64_t group,
                             int32_t *slot)
{
    int64_t columns = block_columns(weight);
    int64_t slot_count = num_ceil_div(weight->k_count, columns);
    memset(slot, 0xff, (size_t)slot_count * sizeof *slot);
    int64_t row = group * weight->group_rows;
    int64_t row_end = MIN(row + weight->group_rows, weight->row_count);
    for (int64_t i = csr->row_first[row]; i < csr->row_first[row_end]; i++) {
        slot[csr->columns[i] / columns] = 0;
    }
    int32_t count = 0;
    for (int64_t c = 0; c < slot_count; c++) {
        if (slot[c] == 0) {
            slot[c] = count++;
        }
    }
    return count;
}

static int64_t groups_of_blocks(const struct spmm_weight *weight,
                                int64_t blocks)
{
    return num_ceil_div(blocks, weight->offset_count);
}

static void fill_offsets(struct spmm_weight *weight, int64_t group,
                         const int32_t *slot)
{
    int64_t columns = block_columns(weight);
    int64_t unit_bytes = SPMM_PANEL * columns;
    uint32_t *next =
        weight->offsets + weight->first[group] * weight->offset_count;
    uint32_t *end =
        weight->offsets + weight->first[group + 1] * weight->offset_count;
    for (int64_t c = 0; c < num_ceil_div(weight->k_count, columns); c++) {
        if (slot[c] >= 0) {
            *next++ = (uint32_t)(c * unit_bytes);
        }
    }
    for (; next < end; next++) { /* never at the start of a list */
        *next = next[-1];
    }
}

static void fill_values(struct spmm_weight *weight, const struct spmm_csr *csr,
                        int64_t group, const int32_t *slot)
{
    int64_t columns = block_columns(weight);
    int64_t row = group * weight->group_rows;
    int64_t rows = MIN(weight->group_rows, weight->row_count - row);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = csr->row_first[row + r];
             i < csr->row_first[row + r + 1]; i++) {
            int64_t k = csr->columns[i];
            int64_t block = slot[k / columns];
            int64_t at = weight->first[group] + block / weight->offset_count;
            int64_t lane = columns == 1 ? block % 4 : k % 4;
            weight->values[(at * weight->group_rows + r) * 4 + lane] =
                csr->values[i];
        }
    }
}

static void *try_new(int64_t count, int64_t bytes)
{
    int64_t total = 0;
    if (!num_mul(MAX(count, 1), bytes, &total)) {
        return NULL;
    }
    return g_try_malloc0((gsize)total);
}

static enum status pack(struct spmm_weight *weight, const struct spmm_csr *csr)
{
    int64_t groups = weight->row_group_count;
    g_autofree int32_t *slot = try_new(weight->k_count, sizeof *slot);
    weight->first = try_new(groups + 1, sizeof *weight->first);
    if (slot == NULL || weight->first == NULL) {
        return ERR_MEM;
    }
    for (int64_t g = 0; g < groups; g++) {
        int64_t blocks = number_blocks(weight, csr, g, slot);
        weight->block_count += blocks;
        weight->first[g + 1] =
            weight->first[g] + groups_of_blocks(weight, blocks);
    }
    int64_t total = weight->first[groups];
    weight->offsets =
        try_new(total * weight->offset_count, sizeof *weight->offsets);
    weight->values = try_new(total * weight->group_rows, 4);
    if (weight->offsets == NULL || weight->values == NULL) {
        return ERR_MEM;
    }
    for (int64_t g = 0; g < groups; g++) {
        number_blocks(weight, csr, g, slot);
        fill_offsets(weight, g, slot);
        fill_values(weight, csr, g, slot);
    }
    return OK;
}

enum status spmm_weight_new_csr(const struct spmm_csr *csr,
                                enum spmm_pattern pattern,
                                struct spmm_weight **weight)
{
    TRY(check_csr(csr));
    AUTO(spmm_weight) made = g_new0(struct spmm_weight, 1);
    set_pattern(made, pattern);
    made->row_count = csr->row_count;
    made->k_count = csr->k_count;
    made->row_group_count = num_ceil_div(csr->row_count, made->group_rows);
    TRY(pack(made, csr));
    *weight = g_steal_pointer(&made);
    return OK;
}

enum status spmm_weight_new_dense(const int8_t *values, int64_t row_count,
                                  int64_t k_count, int64_t stride,
                                  enum spmm_pattern pattern,
                                  struct spmm_weight **weight)
{
    if (row_count < 0 || k_count < 0 || stride < k_count) {
        return ERR_INPUT;
    }
    int64_t count = 0;
    for (int64_t m = 0; m < row_count; m++) {
        for (int64_t k = 0; k < k_count; k++) {
            count += values[m * stride + k] != 0;
        }
    }
    g_autofree int64_t *row_first = try_new(row_count + 1, sizeof *row_first);
    g_autofree int32_t *columns = try_new(count, sizeof *columns);
    g_autofree int8_t *kept = try_new(count, 1);
    if (row_first == NULL || columns == NULL || kept == NULL) {
        return ERR_MEM;
    }
    int64_t next = 0;
    for (int64_t m = 0; m < row_count; m++) {
        for (int64_t k = 0; k < k_count; k++) {
            if (values[m * stride + k] != 0) {
                columns[next] = (int32_t)k;
                kept[next++] = values[m * stride + k];
            }
        }
        row_first[m + 1] = next;
    }
    struct spmm_csr csr = {row_count, k_count, row_first, columns, kept};
    return spmm_weight_new_csr(&csr, pattern, weight);
}

void spmm_weight_free(struct spmm_weight *weight)
{
    if (weight != NULL) {
        g_free(weight->first);
        g_free(weight->offsets);
        g_free(weight->values);
        g_free(weight);
    }
}

struct spmm_weight_size spmm_weight_get_size(const struct spmm_weight *weight)
{
    int64_t groups = weight->first[weight->row_group_count];
    return (struct spmm_weight_size){
        .row_count = weight->row_count,
        .k_count = weight->k_count,
        .block_count = weight->block_count,
        .mac_count = groups * weight->group_rows * 4,
        .value_bytes = groups * weight->group_rows * 4,
        .index_bytes =
            groups * weight->offset_count * (int64_t)sizeof(uint32_t) +
            (weight->row_group_count + 1) * (int64_t)sizeof(int64_t),
    };
}
