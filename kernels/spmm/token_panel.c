/* Between token-major matrices and panels. Walks panels in the order of memory
 * and tokens in steps of a row, 64 rows at a time, so that both sides stay in
 * the first-level cache. */
#include "kernels/spmm/block.h"

#include <string.h>

#define ROWS_AT_ONCE 64

enum spmm_layout spmm_input_layout(enum spmm_pattern pattern)
{
    switch (pattern) {
    case SPMM_4X1:
    case SPMM_16X1:
    case SPMM_32X1:
        return SPMM_LINES;
    case SPMM_4X4:
    case SPMM_1X4:
        return SPMM_QUADS;
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
static int64_t place(enum spmm_layout layout, int64_t row, int64_t token)
{
    return layout == SPMM_LINES
               ? row * SPMM_PANEL + spmm_line_position(token)
               : (row / 4) * 4 * SPMM_PANEL + token * 4 + row % 4;
}

struct rows {
    int64_t begin, end;
};

/* These rows of the first `token_count` tokens of one panel. */
static void fill_rows(const uint8_t *tokens, int64_t stride, struct rows rows,
                      int64_t token_count, enum spmm_layout layout,
                      uint8_t *panel)
{
    for (int64_t t = 0; t < token_count; t++) {
        for (int64_t r = rows.begin; r < rows.end; r++) {
            panel[place(layout, r, t)] = tokens[t * stride + r];
        }
    }
}

void spmm_panels_from_tokens(const uint8_t *tokens, int64_t stride,
                             int64_t row_count, int64_t token_count,
                             enum spmm_layout layout, uint8_t *panels)
{
    int64_t rows = spmm_padded_rows(row_count, layout);
    int64_t bytes = spmm_panel_elements(row_count, token_count, layout);
    if (bytes > 0 && (rows > row_count || token_count % SPMM_PANEL != 0)) {
        memset(panels, 0, (size_t)bytes);
    }
    for (int64_t n = 0; n < token_count; n += SPMM_PANEL) {
        int64_t count = MIN(SPMM_PANEL, token_count - n);
        for (int64_t k = 0; k < row_count; k += ROWS_AT_ONCE) {
            struct rows part = {k, MIN(k + ROWS_AT_ONCE, row_count)};
            fill_rows(tokens + n * stride, stride, part, count, layout,
                      panels + n * rows);
        }
    }
}

void spmm_tokens_from_panels(const uint8_t *panels, int64_t row_count,
                             int64_t token_count, enum spmm_layout layout,
                             uint8_t *tokens, int64_t stride)
{
    int64_t rows = spmm_padded_rows(row_count, layout);
    for (int64_t n = 0; n < token_count; n++) {
        const uint8_t *panel = panels + n / SPMM_PANEL * SPMM_PANEL * rows;
        for (int64_t r = 0; r < row_count; r++) {
            tokens[n * stride + r] = panel[place(layout, r, n % SPMM_PANEL)];
        }
    }
}
