/* Packing: which blocks a matrix has, and their values in the order in which
 * the kernels read them. A dense matrix becomes CSR first, so there is one
 * packer. Takes O(entries + row groups * block columns). */
#include "kernels/spmm/block.h"

#include <math.h>
#include <string.h>

#define K_LIMIT                                                                \
    (INT64_C(1) << 24) /* keeps offsets (64 elements a k) in 32 bits */

static int64_t lanes_of(enum spmm_element element)
{
    switch (element) {
    case SPMM_S8:
        return 4;
    case SPMM_BF16:
        return 2;
    case SPMM_F32:
        return 1;
    case SPMM_S32:
    case SPMM_U8:
        break;
    }
    BUG("weights of element %d", (int)element);
}

static void set_pattern(struct spmm_weight *weight, enum spmm_pattern pattern,
                        enum spmm_element element)
{
    weight->pattern = pattern;
    weight->element = element;
    weight->lane_count = lanes_of(element);
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
    weight->offset_count = spmm_input_layout(pattern, element) == SPMM_LINES
                               ? weight->lane_count
                               : 1;
}

/* Inputs of a block. */
static int64_t block_columns(const struct spmm_weight *weight)
{
    return weight->pattern == SPMM_4X4 || weight->pattern == SPMM_1X4 ? 4 : 1;
}

/* Inputs that an offset stands for: a line's one, a quad's four. */
static int64_t unit_columns(const struct spmm_weight *weight)
{
    return weight->lane_count / weight->offset_count;
}

static bool is_weight_element(enum spmm_element element)
{
    return element == SPMM_S8 || element == SPMM_BF16 || element == SPMM_F32;
}

static enum status check_csr(const struct spmm_csr *csr)
{
    if (!is_weight_element(csr->element) || csr->row_count < 0 ||
        csr->k_count < 0) {
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

/* What a row group keeps. */
struct kept {
    int32_t *slot; /* of each unit of inputs: its number, or -1 */
    int64_t unit_count, block_count;
};

/* Numbers the units of the blocks that row group `group` has, in ascending order. */
static void number_units(const struct spmm_weight *weight,
                         const struct spmm_csr *csr, int64_t group,
                         struct kept *kept)
{
    int64_t columns = unit_columns(weight);
    int64_t in_block = block_columns(weight) / columns;
    int64_t slot_count = num_ceil_div(weight->k_count, columns);
    int32_t *slot = kept->slot;
    memset(slot, 0xff, (size_t)slot_count * sizeof *slot);
    int64_t row = group * weight->group_rows;
    int64_t row_end = MIN(row + weight->group_rows, weight->row_count);
    for (int64_t i = csr->row_first[row]; i < csr->row_first[row_end]; i++) {
        slot[csr->columns[i] / block_columns(weight) * in_block] = 0;
    }
    int32_t count = 0;
    kept->block_count = 0;
    for (int64_t c = 0; c < slot_count; c += in_block) {
        if (slot[c] != 0) {
            continue;
        }
        kept->block_count++;
        for (int64_t u = c; u < MIN(c + in_block, slot_count); u++) {
            slot[u] = count++;
        }
    }
    kept->unit_count = count;
}

static void fill_offsets(struct spmm_weight *weight, int64_t group,
                         const int32_t *slot)
{
    int64_t columns = unit_columns(weight);
    int64_t unit_bytes =
        SPMM_PANEL * columns * spmm_element_bytes(weight->element);
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
        *next = weight->element == SPMM_S8 ? next[-1] : NO_LINE;
    }
}

/* Where value (row of its group, lane) of group `at` stands. */
static int64_t value_place(const struct spmm_weight *weight, int64_t at,
                           int64_t row, int64_t lane)
{
    int64_t lanes = weight->lane_count;
    int64_t shown = weight->element == SPMM_BF16 ? 1 - lane : lane;
    return (at * weight->group_rows + row) * lanes + shown;
}

static void fill_values(struct spmm_weight *weight, const struct spmm_csr *csr,
                        int64_t group, const int32_t *slot)
{
    int64_t columns = unit_columns(weight);
    int64_t lanes = weight->lane_count;
    size_t bytes = (size_t)spmm_element_bytes(weight->element);
    int64_t row = group * weight->group_rows;
    int64_t rows = MIN(weight->group_rows, weight->row_count - row);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = csr->row_first[row + r];
             i < csr->row_first[row + r + 1]; i++) {
            int64_t k = csr->columns[i];
            int64_t lane = slot[k / columns] * columns + k % columns;
            int64_t at = weight->first[group] + lane / lanes;
            int64_t place = value_place(weight, at, r, lane % lanes);
            memcpy((char *)weight->values + (size_t)place * bytes,
                   (const char *)csr->values + (size_t)i * bytes, bytes);
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
    struct kept kept = {.slot = slot};
    for (int64_t g = 0; g < groups; g++) {
        number_units(weight, csr, g, &kept);
        weight->block_count += kept.block_count;
        weight->first[g + 1] =
            weight->first[g] +
            num_ceil_div(kept.unit_count, weight->offset_count);
    }
    int64_t total = weight->first[groups];
    weight->offsets =
        try_new(total * weight->offset_count, sizeof *weight->offsets);
    weight->values = try_new(total * weight->group_rows * weight->lane_count,
                             spmm_element_bytes(weight->element));
    if (weight->offsets == NULL || weight->values == NULL) {
        return ERR_MEM;
    }
    for (int64_t g = 0; g < groups; g++) {
        number_units(weight, csr, g, &kept);
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
    set_pattern(made, pattern, csr->element);
    made->row_count = csr->row_count;
    made->k_count = csr->k_count;
    made->row_group_count = num_ceil_div(csr->row_count, made->group_rows);
    TRY(pack(made, csr));
    *weight = g_steal_pointer(&made);
    return OK;
}

/* Whether entry `at` is a zero: of reals, of either sign. */
static bool is_zero(const struct spmm_dense *dense, int64_t at)
{
    if (dense->element == SPMM_S8) {
        return ((const int8_t *)dense->values)[at] == 0;
    }
    if (dense->element == SPMM_BF16) {
        return (((const uint16_t *)dense->values)[at] & 0x7fff) == 0;
    }
    float value = ((const float *)dense->values)[at];
    return !(value < 0) && !(value > 0) && !isnan(value);
}

static int64_t count_entries(const struct spmm_dense *dense)
{
    int64_t count = 0;
    for (int64_t m = 0; m < dense->row_count; m++) {
        for (int64_t k = 0; k < dense->k_count; k++) {
            count += !is_zero(dense, m * dense->stride + k);
        }
    }
    return count;
}

enum status spmm_weight_new_dense(const struct spmm_dense *dense,
                                  enum spmm_pattern pattern,
                                  struct spmm_weight **weight)
{
    if (!is_weight_element(dense->element) || dense->row_count < 0 ||
        dense->k_count < 0 || dense->stride < dense->k_count) {
        return ERR_INPUT;
    }
    int64_t bytes = spmm_element_bytes(dense->element);
    int64_t count = count_entries(dense);
    g_autofree int64_t *row_first =
        try_new(dense->row_count + 1, sizeof *row_first);
    g_autofree int32_t *columns = try_new(count, sizeof *columns);
    g_autofree char *kept = try_new(count, bytes);
    if (row_first == NULL || columns == NULL || kept == NULL) {
        return ERR_MEM;
    }
    int64_t next = 0;
    for (int64_t m = 0; m < dense->row_count; m++) {
        for (int64_t k = 0; k < dense->k_count; k++) {
            int64_t at = m * dense->stride + k;
            if (!is_zero(dense, at)) {
                columns[next] = (int32_t)k;
                memcpy(kept + next++ * bytes,
                       (const char *)dense->values + at * bytes, (size_t)bytes);
            }
        }
        row_first[m + 1] = next;
    }
    struct spmm_csr csr = {
        .element = dense->element,
        .row_count = dense->row_count,
        .k_count = dense->k_count,
        .row_first = row_first,
        .columns = columns,
        .values = kept,
    };
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
        .mac_count = groups * weight->group_rows * weight->lane_count,
        .value_bytes = groups * weight->group_rows * weight->lane_count *
                       spmm_element_bytes(weight->element),
        .index_bytes =
            groups * weight->offset_count * (int64_t)sizeof(uint32_t) +
            (weight->row_group_count + 1) * (int64_t)sizeof(int64_t),
    };
}
