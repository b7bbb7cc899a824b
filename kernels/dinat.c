/* Dilated neighbourhood attention, in one and two dimensions, for each b and h.
 * Along an axis of L tokens with W neighbours (odd) and dilation D, token t is
 * the t'-th = floor(t / D) of the L' tokens of its remainder r = t mod D, and
 * its neighbours are those of the same remainder, clamped at the ends:
 *
 *     start = clamp(t' - floor(W/2), 0, L' - W);  u-th key = (start + u) D + r
 *
 * so every query has W keys (W x W in an image) under one softmax of
 *
 *     Q[p] K[m] + RB[start + u - t' + W - 1]      (an index for each axis)
 *
 * Hassani and Shi, Dilated Neighborhood Attention Transformer (2022), equations
 * 3 to 6, with the index rule of the released NATTEN code. No scale; RB is
 * optional.
 */
#include "kernels/attend.h"

enum { RB = FURTHER_OPERAND };

struct axis {
    int64_t length;
    int64_t window;
    int64_t dilation;
};

/* Where the neighbourhood of a token starts, and where the token itself is, in
 * steps of the dilation. */
struct neighbourhood {
    int64_t start;
    int64_t centre;
    int64_t remainder;
};

static struct neighbourhood find_neighbourhood(const struct axis *axis,
                                               int64_t token)
{
    int64_t remainder = token % axis->dilation;
    int64_t centre = token / axis->dilation;
    int64_t length = num_ceil_div(axis->length - remainder, axis->dilation);
    int64_t start = MIN(centre - axis->window / 2, length - axis->window);
    return (struct neighbourhood){MAX(start, 0), centre, remainder};
}

static int64_t neighbour(const struct axis *axis,
                         const struct neighbourhood *around, int64_t u)
{
    return (around->start + u) * axis->dilation + around->remainder;
}

static int64_t bias_index(const struct axis *axis,
                          const struct neighbourhood *around, int64_t u)
{
    return around->start + u - around->centre + axis->window - 1;
}

static void attend_row(const struct slice *slice, const struct axis *axis,
                       int64_t token, struct key_list *keys)
{
    struct attention at = attention_of(slice, true);
    struct neighbourhood around = find_neighbourhood(axis, token);
    key_list_restart(keys);
    for (int64_t u = 0; u < axis->window; u++) {
        int64_t m = neighbour(axis, &around, u);
        struct bounded logit =
            lane_dot(cut_lane(&at.q, token), cut_lane(&at.k, m), at.e_count);
        if (kernel_has(slice->call, RB)) {
            struct cut table = slice_cut(slice, RB, "i");
            double bias = cut_get(&table, bias_index(axis, &around, u), 0);
            logit = bounded_add(logit, bounded_exact(bias));
        }
        key_list_add(keys, logit, cut_lane(&at.v, m));
    }
    key_list_attend(keys, cut_lane(&at.av, token), at.f_count);
}

static void attend_image(const struct slice *slice, const struct axis *rows,
                         const struct axis *columns, int64_t token,
                         struct key_list *keys)
{
    struct cut q = slice_cut(slice, Q_OPERAND, "yxe");
    struct cut k = slice_cut(slice, K_OPERAND, "yxe");
    struct cut v = slice_cut(slice, V_OPERAND, "yxf");
    struct cut av = slice_cut(slice, AV_OPERAND, "yxf");
    int64_t y = token / columns->length;
    int64_t x = token % columns->length;
    struct neighbourhood above = find_neighbourhood(rows, y);
    struct neighbourhood beside = find_neighbourhood(columns, x);
    key_list_restart(keys);
    for (int64_t u = 0; u < rows->window * columns->window; u++) {
        int64_t row = u / columns->window;
        int64_t column = u % columns->window;
        int64_t key_y = neighbour(rows, &above, row);
        int64_t key_x = neighbour(columns, &beside, column);
        struct bounded logit =
            lane_dot(cut_lane_2(&q, y, x), cut_lane_2(&k, key_y, key_x),
                     slice_extent(slice, 'e'));
        if (kernel_has(slice->call, RB)) {
            struct cut table = slice_cut(slice, RB, "ij");
            double bias = cut_get(&table, bias_index(rows, &above, row),
                                  bias_index(columns, &beside, column));
            logit = bounded_add(logit, bounded_exact(bias));
        }
        key_list_add(keys, logit, cut_lane_2(&v, key_y, key_x));
    }
    key_list_attend(keys, cut_lane_2(&av, y, x), slice_extent(slice, 'f'));
}

/* The window must fit into the shortest of the axis's sub-sequences. */
static enum status check(const struct kernel_call *call,
                         const struct axis *axis, char table_dim,
                         struct diags *diags)
{
    /* The window first: a huge one must not overflow below. */
    bool is_good = axis->window % 2 == 1 &&
                   axis->length / axis->dilation >= axis->window &&
                   (!kernel_has(call, RB) ||
                    kernel_extent(call, table_dim) == 2 * axis->window - 1);
    if (!is_good) {
        return KERNEL_REJECT(
            call, diags, "kernel-extents",
            "'W' (%" G_GINT64_FORMAT
            ") is even or more than 1/D of the axis (%" G_GINT64_FORMAT
            "), or 'RB' is not 2W-1 long",
            axis->window, axis->length);
    }
    return OK;
}

enum status kernel_dinat_1d(const struct kernel_call *call, struct diags *diags)
{
    struct axis axis = {kernel_extent(call, 's'), call->parameter[0],
                        call->parameter[1]};
    TRY(check(call, &axis, 'i', diags));
    struct key_list keys;
    TRY(key_list_init(&keys, axis.window, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        for (int64_t token = 0; token < axis.length; token++) {
            attend_row(&s, &axis, token, &keys);
        }
    }
    key_list_clear(&keys);
    return OK;
}

enum status kernel_dinat_2d(const struct kernel_call *call, struct diags *diags)
{
    struct axis rows = {kernel_extent(call, 'y'), call->parameter[0],
                        call->parameter[1]};
    struct axis columns = rows;
    columns.length = kernel_extent(call, 'x');
    TRY(check(call, &rows, 'i', diags));
    TRY(check(call, &columns, 'j', diags));
    struct key_list keys;
    TRY(key_list_init(&keys, rows.window * columns.window, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        for (int64_t t = 0; t < rows.length * columns.length; t++) {
            attend_image(&s, &rows, &columns, t, &keys);
        }
    }
    key_list_clear(&keys);
    return OK;
}
