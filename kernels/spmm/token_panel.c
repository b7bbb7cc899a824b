/* Between token-major matrices and panels: bytes in squares by panel_square.c, the
 * rest element by element. Walks panels in the order of memory and tokens in
 * steps of a row, 64 rows at a time, so that both sides stay in the first-level
 * cache. */
#include "kernels/spmm/block.h"

#include <string.h>

#define ROWS_AT_ONCE 64

int64_t spmm_element_bytes(enum spmm_element element)
{
    switch (element) {
    case SPMM_U8:
    case SPMM_S8:
        return 1;
    case SPMM_BF16:
        return 2;
    case SPMM_S32:
    case SPMM_F32:
        return 4;
    }
    BUG("element %d", (int)element);
}

enum spmm_layout spmm_input_layout(enum spmm_pattern pattern,
                                   enum spmm_element weight)
{
    switch (pattern) {
    case SPMM_4X1:
    case SPMM_16X1:
    case SPMM_32X1:
        return SPMM_LINES;
    case SPMM_4X4:
    case SPMM_1X4:
        return weight == SPMM_S8 ? SPMM_QUADS : SPMM_LINES;
    }
    BUG("pattern %d", (int)pattern);
}

int64_t spmm_padded_rows(int64_t rows, enum spmm_layout layout)
{
    return layout == SPMM_QUADS ? num_ceil_div(rows, 4) * 4 : rows;
}

int64_t spmm_panel_elements(int64_t rows, int64_t tokens,
                            enum spmm_layout layout)
{
    return num_ceil_div(tokens, SPMM_PANEL) * SPMM_PANEL *
           spmm_padded_rows(rows, layout);
}

/* Where element (row, token) of one panel stands. */
static int64_t byte_place(enum spmm_layout layout, int64_t row, int64_t token)
{
    return layout == SPMM_LINES
               ? row * SPMM_PANEL + spmm_line_position(token)
               : (row / 4) * 4 * SPMM_PANEL + token * 4 + row % 4;
}

struct rows {
    int64_t begin, end;
};

/* These rows of the tokens [begin, begin + count) of one panel. */
static void fill_bytes(const struct spmm_tokens *tokens, int64_t begin,
                       int64_t count, struct rows rows, enum spmm_layout layout,
                       uint8_t *panel)
{
    const uint8_t *from = (const uint8_t *)tokens->values;
    for (int64_t t = 0; t < count; t++) {
        for (int64_t r = rows.begin; r < rows.end; r++) {
            panel[byte_place(layout, r, t)] =
                from[(begin + t) * tokens->stride + r];
        }
    }
}

static void fill_halves(const struct spmm_tokens *tokens, int64_t begin,
                        int64_t count, struct rows rows, uint16_t *panel)
{
    const uint16_t *from = (const uint16_t *)tokens->values;
    for (int64_t t = 0; t < count; t++) {
        for (int64_t r = rows.begin; r < rows.end; r++) {
            panel[r * SPMM_PANEL + spmm_bf16_position(t)] =
                from[(begin + t) * tokens->stride + r];
        }
    }
}

static void fill_reals(const struct spmm_tokens *tokens, int64_t begin,
                       int64_t count, struct rows rows, float *panel)
{
    const float *from = (const float *)tokens->values;
    for (int64_t t = 0; t < count; t++) {
        for (int64_t r = rows.begin; r < rows.end; r++) {
            panel[r * SPMM_PANEL + t] = from[(begin + t) * tokens->stride + r];
        }
    }
}

/* Bytes, in squares of 16 as far as they go. */
static void fill_byte_panel(const struct spmm_tokens *tokens, int64_t begin,
                            int64_t count, enum spmm_layout layout,
                            uint8_t *panel)
{
    const uint8_t *from =
        (const uint8_t *)tokens->values + begin * tokens->stride;
    struct rows rest = {spmm_fill_squares(from, tokens->stride,
                                          tokens->row_count, count, layout,
                                          panel),
                        tokens->row_count};
    fill_bytes(tokens, begin, count, rest, layout, panel);
}

void spmm_panels_from_tokens(const struct spmm_tokens *tokens,
                             enum spmm_layout layout, void *panels)
{
    int64_t row_count = tokens->row_count, token_count = tokens->token_count;
    int64_t bytes = spmm_element_bytes(tokens->element);
    int64_t rows = spmm_padded_rows(row_count, layout);
    int64_t total = spmm_panel_elements(row_count, token_count, layout) * bytes;
    if (total > 0 && (rows > row_count || token_count % SPMM_PANEL != 0)) {
        memset(panels, 0, (size_t)total);
    }
    for (int64_t n = 0; n < token_count; n += SPMM_PANEL) {
        int64_t count = MIN(SPMM_PANEL, token_count - n);
        void *panel = (char *)panels + n * rows * bytes;
        if (bytes == 1) {
            fill_byte_panel(tokens, n, count, layout, panel);
            continue;
        }
        for (int64_t k = 0; k < row_count; k += ROWS_AT_ONCE) {
            struct rows part = {k, MIN(k + ROWS_AT_ONCE, row_count)};
            if (bytes == 2) {
                fill_halves(tokens, n, count, part, panel);
            } else {
                fill_reals(tokens, n, count, part, panel);
            }
        }
    }
}

/* Rows [begin, ...) of one token, element by element. */
static void take_token(const void *panel, enum spmm_layout layout, int64_t t,
                       int64_t begin, const struct spmm_tokens *tokens,
                       int64_t n)
{
    int64_t bytes = spmm_element_bytes(tokens->element);
    for (int64_t r = begin; r < tokens->row_count; r++) {
        int64_t to = n * tokens->stride + r, line = r * SPMM_PANEL;
        if (bytes == 1) {
            ((uint8_t *)tokens->values)[to] =
                ((const uint8_t *)panel)[byte_place(layout, r, t)];
        } else if (bytes == 2) {
            ((uint16_t *)tokens->values)[to] =
                ((const uint16_t *)panel)[line + spmm_bf16_position(t)];
        } else {
            ((float *)tokens->values)[to] = ((const float *)panel)[line + t];
        }
    }
}

void spmm_tokens_from_panels(const void *panels, enum spmm_layout layout,
                             const struct spmm_tokens *tokens)
{
    int64_t bytes = spmm_element_bytes(tokens->element);
    int64_t rows = spmm_padded_rows(tokens->row_count, layout);
    for (int64_t n = 0; n < tokens->token_count; n += SPMM_PANEL) {
        const void *panel = (const char *)panels + n * rows * bytes;
        int64_t count = MIN(SPMM_PANEL, tokens->token_count - n), done = 0;
        if (bytes == 1) {
            done = spmm_take_squares(
                panel, tokens->row_count, count, layout,
                (uint8_t *)tokens->values + n * tokens->stride, tokens->stride);
        }
        for (int64_t t = 0; t < count && done < tokens->row_count; t++) {
            take_token(panel, layout, t, done, tokens, n + t);
        }
    }
}
