/* CLEAR attention (convolution-like attention of diffusion transformers), for
 * each b and h, over T text tokens followed by an image in rows of X tokens:
 * query p attends to key m if
 *
 *     p < T  or  m < T  or  dy^2 + dx^2 < R^2
 *
 * where dy and dx are the distances of p and m in the image; one softmax over
 * all these keys. Liu et al., CLEAR (2024), section 3.2 and equation 5: text
 * sees and is seen by everything, an image token sees a disk, whose edge is
 * excluded as in the released code. No scale; rotary embeddings and norms of Q
 * and K are the caller's; the variant with down-sampled keys is not here.
 */
#include "kernels/attend.h"

enum { TEXT, WIDTH, RADIUS }; /* parameters */

static bool is_key(const struct slice *slice, int64_t p, int64_t m)
{
    int64_t text = slice->call->parameter[TEXT];
    int64_t width = slice->call->parameter[WIDTH];
    int64_t radius = slice->call->parameter[RADIUS];
    int64_t rows = (p - text) / width - (m - text) / width;
    int64_t columns = (p - text) % width - (m - text) % width;
    return p < text || m < text ||
           rows * rows + columns * columns < radius * radius;
}

enum status kernel_clear(const struct kernel_call *call, struct diags *diags)
{
    int64_t image = kernel_extent(call, 'p') - call->parameter[TEXT];
    if (kernel_extent(call, 'm') != kernel_extent(call, 'p') || image < 0) {
        return KERNEL_REJECT(call, diags, "kernel-extents",
                             "'T' (%" G_GINT64_FORMAT
                             ") is more than the sequence, or there are other "
                             "keys than queries",
                             call->parameter[TEXT]);
    }
    TRY(kernel_check_divides(call, "a row", call->parameter[WIDTH], "the image",
                             image, diags));
    if (call->parameter[RADIUS] > INT32_MAX) {
        return KERNEL_REJECT(call, diags, "kernel-parameter",
                             "'R' (%" G_GINT64_FORMAT ") is too large",
                             call->parameter[RADIUS]);
    }
    return attend_where(call, is_key, diags);
}
