/* Shifted-window attention over an image of Y x X tokens, windows of W x W,
 * shift S, for each b and h. In shifted coordinates, where token (y, x) is that
 * of the image at ((y + S) mod Y, (x + S) mod X), each token attends to those of
 * its own window, with the logit
 *
 *     Q[p] K[m] + RB[i - i' + W - 1, j - j' + W - 1] + (-100 if the regions of p
 *     and m differ)
 *
 * for query (i, j) and key (i', j') within the window. The region of a shifted
 * row is 0 for y < Y - W, 1 for y < Y - S, else 2, columns alike: tokens that
 * the shift brought together from opposite edges differ. Liu et al., Swin
 * Transformer (2021), section 3.2 and equation 4; the -100, which is not minus
 * infinity, is the released code's. No scale; without a shift no mask.
 */
#include "kernels/attend.h"

static const double other_region = -100.0;

enum { RB = FURTHER_OPERAND };

struct image {
    int64_t y_count;
    int64_t x_count;
    int64_t window;
    int64_t shift;
};

static int64_t axis_region(const struct image *image, int64_t at,
                           int64_t length)
{
    if (image->shift == 0) {
        return 0;
    }
    return (at >= length - image->window) + (at >= length - image->shift);
}

static int64_t region_of(const struct image *image, int64_t y, int64_t x)
{
    return 3 * axis_region(image, y, image->y_count) +
           axis_region(image, x, image->x_count);
}

/* The lane of the token at shifted (y, x). */
static struct lane token_at(const struct image *image, const struct cut *cut,
                            int64_t y, int64_t x)
{
    return cut_lane_2(cut, (y + image->shift) % image->y_count,
                      (x + image->shift) % image->x_count);
}

static struct bounded bias_between(const struct slice *slice,
                                   const struct image *image, int64_t dy,
                                   int64_t dx)
{
    if (!kernel_has(slice->call, RB)) {
        return bounded_exact(0.0);
    }
    struct cut table = slice_cut(slice, RB, "ij");
    return bounded_exact(
        cut_get(&table, dy + image->window - 1, dx + image->window - 1));
}

/* Query (y, x), all in shifted coordinates. */
static void attend(const struct slice *slice, const struct image *image,
                   int64_t y, int64_t x, struct key_list *keys)
{
    struct cut q = slice_cut(slice, Q_OPERAND, "yxe");
    struct cut k = slice_cut(slice, K_OPERAND, "yxe");
    struct cut v = slice_cut(slice, V_OPERAND, "yxf");
    struct cut av = slice_cut(slice, AV_OPERAND, "yxf");
    int64_t window = image->window;
    struct lane query = token_at(image, &q, y, x);
    key_list_restart(keys);
    for (int64_t m = 0; m < window * window; m++) {
        int64_t key_y = y / window * window + m / window;
        int64_t key_x = x / window * window + m % window;
        struct bounded logit = lane_dot(
            query, token_at(image, &k, key_y, key_x), slice_extent(slice, 'e'));
        logit = bounded_add(logit,
                            bias_between(slice, image, y - key_y, x - key_x));
        if (region_of(image, y, x) != region_of(image, key_y, key_x)) {
            logit = bounded_add(logit, bounded_exact(other_region));
        }
        key_list_add(keys, logit, token_at(image, &v, key_y, key_x));
    }
    key_list_attend(keys, token_at(image, &av, y, x), slice_extent(slice, 'f'));
}

static enum status check(const struct kernel_call *call,
                         const struct image *image, struct diags *diags)
{
    TRY(kernel_check_divides(call, "the window", image->window,
                             "the image's height", image->y_count, diags));
    TRY(kernel_check_divides(call, "the window", image->window,
                             "the image's width", image->x_count, diags));
    int64_t side = 2 * image->window - 1;
    bool is_table_right =
        !kernel_has(call, RB) ||
        (kernel_extent(call, 'i') == side && kernel_extent(call, 'j') == side);
    if (image->shift >= image->window || !is_table_right) {
        return KERNEL_REJECT(call, diags, "kernel-extents",
                             "the shift is not below 'W' (%" G_GINT64_FORMAT
                             "), or 'RB' is not 2W-1 on each side",
                             image->window);
    }
    return OK;
}

enum status kernel_swin(const struct kernel_call *call, struct diags *diags)
{
    struct image image = {kernel_extent(call, 'y'), kernel_extent(call, 'x'),
                          call->parameter[0], call->parameter[1]};
    TRY(check(call, &image, diags));
    struct key_list keys;
    TRY(key_list_init(&keys, image.window * image.window, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        for (int64_t p = 0; p < image.y_count * image.x_count; p++) {
            attend(&s, &image, p / image.x_count, p % image.x_count, &keys);
        }
    }
    key_list_clear(&keys);
    return OK;
}
