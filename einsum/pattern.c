/* Patterns (pattern.h). Draws are by selection sampling (Knuth, The Art of
 * Computer Programming 2, algorithm 3.4.2S), which takes exactly as many as asked,
 * each choice with the same probability, in one pass; the bits are splitmix64. */
#include "einsum/pattern.h"

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static int64_t width(const struct einsum_pattern *pattern)
{
    return pattern->grid[1] + 1;
}

struct einsum_pattern *pattern_new(const int64_t extent[2],
                                   const int64_t block[2])
{
    int64_t grid[2] = {num_ceil_div(extent[0], block[0]),
                       num_ceil_div(extent[1], block[1])};
    int64_t corners = 0;
    if (!num_mul(grid[0] + 1, grid[1] + 1, &corners) ||
        corners > PATTERN_MAX_BLOCKS) {
        return NULL;
    }
    uint32_t *kept = g_try_malloc0((gsize)corners * sizeof *kept);
    if (kept == NULL) {
        return NULL;
    }
    struct einsum_pattern *pattern = g_new0(struct einsum_pattern, 1);
    for (int d = 0; d < 2; d++) {
        pattern->extent[d] = extent[d];
        pattern->block[d] = block[d];
        pattern->grid[d] = grid[d];
    }
    pattern->packed_dim = -1;
    pattern->kept = kept;
    pattern->placed = kept;
    return pattern;
}

void pattern_free(struct einsum_pattern *pattern)
{
    if (pattern == NULL) {
        return;
    }
    if (pattern->placed != pattern->kept) {
        g_free(pattern->placed);
    }
    g_free(pattern->kept);
    g_free(pattern->text);
    g_free(pattern);
}

void pattern_keep(struct einsum_pattern *pattern, int64_t row, int64_t column)
{
    pattern->kept[(row + 1) * width(pattern) + column + 1] = 1;
}

/* Marks as placed the blocks of each line along `dim` that come to stand first. */
static void place(struct einsum_pattern *pattern, int dim)
{
    int64_t stride[2] = {width(pattern), 1};
    int64_t corners = (pattern->grid[0] + 1) * width(pattern);
    pattern->placed = g_new0(uint32_t, (gsize)corners);
    for (int64_t line = 1; line <= pattern->grid[1 - dim]; line++) {
        int64_t start = line * stride[1 - dim];
        int64_t next = 0;
        for (int64_t i = 1; i <= pattern->grid[dim]; i++) {
            if (pattern->kept[start + i * stride[dim]] != 0) {
                pattern->placed[start + ++next * stride[dim]] = 1;
            }
        }
    }
}

static void sum_up(const struct einsum_pattern *pattern, uint32_t *sums)
{
    int64_t columns = width(pattern);
    for (int64_t row = 1; row <= pattern->grid[0]; row++) {
        uint32_t in_row = 0;
        for (int64_t column = 1; column < columns; column++) {
            uint32_t *here = &sums[row * columns + column];
            in_row += *here;
            *here = in_row + sums[(row - 1) * columns + column];
        }
    }
}

void pattern_finish(struct einsum_pattern *pattern, int packed_dim, char *text)
{
    pattern->packed_dim = packed_dim;
    pattern->text = text;
    if (packed_dim >= 0) {
        place(pattern, packed_dim);
        sum_up(pattern, pattern->placed);
    }
    sum_up(pattern, pattern->kept);
}

/* ---- questions ------------------------------------------------------------- */

static int64_t count_blocks(const struct einsum_pattern *pattern,
                            const uint32_t *sums, const int64_t low[2],
                            const int64_t high[2])
{
    int64_t columns = width(pattern);
    return (int64_t)sums[high[0] * columns + high[1]] -
           sums[low[0] * columns + high[1]] - sums[high[0] * columns + low[1]] +
           sums[low[0] * columns + low[1]];
}

bool pattern_has(const struct einsum_pattern *pattern, bool is_placed,
                 const int64_t at[2])
{
    int64_t low[2] = {at[0] / pattern->block[0], at[1] / pattern->block[1]};
    int64_t high[2] = {low[0] + 1, low[1] + 1};
    return count_blocks(pattern, is_placed ? pattern->placed : pattern->kept,
                        low, high) > 0;
}

/* Blocks of one dimension of a box of which the box has the same number of
 * elements: those it cuts at its ends, and those in between. */
struct run {
    int64_t low, high; /* blocks */
    int64_t elements;  /* of each, along this dimension */
};

static int find_runs(int64_t low, int64_t high, int64_t block,
                     struct run runs[3])
{
    int count = 0;
    while (low < high) {
        int64_t at = low / block;
        int64_t whole = low % block == 0 ? (high - low) / block : 0;
        int64_t end = MIN(high, (at + MAX(whole, 1)) * block);
        runs[count++] =
            (struct run){at, at + MAX(whole, 1), whole > 0 ? block : end - low};
        low = end;
    }
    return count;
}

int64_t pattern_count(const struct einsum_pattern *pattern, bool is_placed,
                      const int64_t low[2], const int64_t high[2])
{
    struct run rows[3];
    struct run columns[3];
    int row_runs = find_runs(low[0], high[0], pattern->block[0], rows);
    int column_runs = find_runs(low[1], high[1], pattern->block[1], columns);
    int64_t sum = 0;
    for (int i = 0; i < row_runs; i++) {
        for (int j = 0; j < column_runs; j++) {
            int64_t from[2] = {rows[i].low, columns[j].low};
            int64_t to[2] = {rows[i].high, columns[j].high};
            sum += rows[i].elements * columns[j].elements *
                   count_blocks(pattern,
                                is_placed ? pattern->placed : pattern->kept,
                                from, to);
        }
    }
    return sum;
}

int64_t pattern_count_all(const struct einsum_pattern *pattern)
{
    const int64_t none[2] = {0, 0};
    return pattern_count(pattern, false, none, pattern->extent);
}

int64_t pattern_extent(const struct einsum_pattern *pattern, int dim)
{
    return pattern->extent[dim];
}

int pattern_packed_dim(const struct einsum_pattern *pattern)
{
    return pattern->packed_dim;
}

const char *pattern_text(const struct einsum_pattern *pattern)
{
    return pattern->text;
}

/* ---- drawing ---------------------------------------------------------------- */

/* Whether item `at` of a pass is taken that needs `wanted` more of the `left`. */
static bool takes(uint64_t key, int64_t at, int64_t wanted, int64_t left)
{
    uint64_t bits = mix(key ^ mix((uint64_t)at)) >> 11;
    return (double)bits * 0x1p-53 * (double)left < (double)wanted;
}

void pattern_draw(struct einsum_pattern *pattern, int64_t count, uint64_t seed)
{
    int64_t left = pattern->grid[0] * pattern->grid[1];
    uint64_t key = mix(seed);
    for (int64_t at = 0; count > 0; at++, left--) {
        if (takes(key, at, count, left)) {
            pattern_keep(pattern, at / pattern->grid[1], at % pattern->grid[1]);
            count--;
        }
    }
}

/* `count` of the `length` blocks from `at` on along `dim`. */
static void draw_run(struct einsum_pattern *pattern, const int64_t at[2],
                     int dim, int64_t length, int64_t count, uint64_t key)
{
    key = mix(key ^ mix((uint64_t)(at[0] * pattern->grid[1] + at[1])));
    for (int64_t i = 0; count > 0; i++) {
        if (takes(key, i, count, length - i)) {
            pattern_keep(pattern, at[0] + (dim == 0 ? i : 0),
                         at[1] + (dim == 1 ? i : 0));
            count--;
        }
    }
}

void pattern_draw_rows(struct einsum_pattern *pattern, const int64_t *count,
                       uint64_t seed)
{
    for (int64_t row = 0; row < pattern->grid[0]; row++) {
        const int64_t at[2] = {row, 0};
        draw_run(pattern, at, 1, pattern->grid[1], count[row], mix(seed));
    }
}

void pattern_draw_groups(struct einsum_pattern *pattern, int dim, int64_t keep,
                         int64_t of, uint64_t seed)
{
    for (int64_t line = 0; line < pattern->grid[1 - dim]; line++) {
        for (int64_t i = 0; i < pattern->grid[dim]; i += of) {
            int64_t at[2] = {dim == 0 ? i : line, dim == 0 ? line : i};
            int64_t length = MIN(of, pattern->grid[dim] - i);
            draw_run(pattern, at, dim, length, MIN(keep, length), mix(seed));
        }
    }
}
