/* Multi-scale deformable attention, for each b, h and query p, over levels l of
 * maps of SZ[l,0] columns and SZ[l,1] rows, with T points t in each; component z
 * of a position is 0 along a row (x), 1 along a column (y):
 *
 *     at[l,t,z] = (REF[p,l,z] + OFF[p,l,t,z] / SZ[l,z]) SZ[l,z] - 1/2
 *     S[l,t,f]  = sum over y, x of hat(at[l,t,1] - y) hat(at[l,t,0] - x)
 *                 V[l,y,x,f],   hat(d) = max(0, 1 - |d|)
 *     AV[p,f]   = sum over l, t of softmax(l,t)(LG[p,l,t]) S[l,t,f]
 *
 * so S is the bilinear interpolation of the map at a position whose unit is the
 * map, pixels being squares, with zeros beyond the edges. Zhu et al., Deformable
 * DETR (2021), equation 3, as used by Lin et al., One-Stage 3D Whole-Body Mesh
 * Recovery (OSX, 2023); positions as in the released code's
 * ms_deform_attn_core_pytorch (grid_sample without align_corners). The layers
 * that make OFF and LG from a query are not here. V has room for the largest
 * map; what lies beyond SZ[l] is not read.
 */
#include "kernels/attend.h"

enum { V, AV, LG, REF, OFF, SZ };

static struct bounded hat(struct bounded at, int64_t pixel)
{
    struct bounded distance = bounded_sub(at, bounded_exact((double)pixel));
    distance.value = fabs(distance.value);
    return bounded_max(bounded_sub(bounded_exact(1.0), distance),
                       bounded_exact(0.0));
}

/* Element (p,l,t,z) of an operand cut with these axes. */
static struct bounded element(const struct cut *cut, int64_t p, int64_t l,
                              int64_t t, int64_t z)
{
    return bounded_exact(cut->value[p * cut->stride[0] + l * cut->stride[1] +
                                    t * cut->stride[2] + z * cut->stride[3]]);
}

static struct bounded position(const struct slice *slice, int64_t p, int64_t l,
                               int64_t t, int64_t z)
{
    struct cut reference = slice_cut(slice, REF, "pltz");
    struct cut offset = slice_cut(slice, OFF, "pltz");
    struct cut sizes = slice_cut(slice, SZ, "lz");
    struct bounded size = bounded_exact(cut_get(&sizes, l, z));
    struct bounded place =
        bounded_add(element(&reference, p, l, t, z),
                    bounded_div(element(&offset, p, l, t, z), size));
    return bounded_sub(bounded_mul(place, size), bounded_exact(0.5));
}

/* sum[f] += share times the sample at point (l,t). */
static void add_sample(const struct slice *slice, int64_t p, int64_t l,
                       int64_t t, struct bounded share, struct bounded *sum)
{
    struct cut map = slice_cut(slice, V, "lyxf");
    struct cut sizes = slice_cut(slice, SZ, "lz");
    int64_t x_count = (int64_t)cut_get(&sizes, l, 0);
    int64_t y_count = (int64_t)cut_get(&sizes, l, 1);
    struct bounded at_x = position(slice, p, l, t, 0);
    struct bounded at_y = position(slice, p, l, t, 1);
    for (int64_t y = 0; y < y_count; y++) {
        for (int64_t x = 0; x < x_count; x++) {
            struct bounded weight =
                bounded_mul(share, bounded_mul(hat(at_y, y), hat(at_x, x)));
            for (int64_t f = 0; f < slice_extent(slice, 'f'); f++) {
                sum[f] = bounded_add(
                    sum[f], bounded_mul(weight, element(&map, l, y, x, f)));
            }
        }
    }
}

static void attend(const struct slice *slice, int64_t p, struct bounded *share,
                   struct bounded *sum)
{
    struct cut logits = slice_cut(slice, LG, "plt");
    struct cut av = slice_cut(slice, AV, "pf");
    int64_t t_count = slice_extent(slice, 't');
    int64_t point_count = slice_extent(slice, 'l') * t_count;
    for (int64_t i = 0; i < point_count; i++) {
        share[i] = lane_get(cut_lane_2(&logits, p, i / t_count), i % t_count);
    }
    softmax(share, point_count);
    for (int64_t f = 0; f < slice_extent(slice, 'f'); f++) {
        sum[f] = bounded_exact(0.0);
    }
    for (int64_t i = 0; i < point_count; i++) {
        add_sample(slice, p, i / t_count, i % t_count, share[i], sum);
    }
    for (int64_t f = 0; f < slice_extent(slice, 'f'); f++) {
        lane_put(cut_lane(&av, p), f, sum[f]);
    }
}

static enum status check_sizes(const struct kernel_call *call,
                               struct diags *diags)
{
    const struct kernel_view *sizes = &call->view[SZ];
    TRY(kernel_check_index(call, SZ, INT32_MAX, diags));
    for (int64_t l = 0; l < kernel_extent(call, 'l'); l++) {
        const double *size = sizes->value + l * kernel_stride(sizes, 'l');
        double columns = size[0];
        double rows = size[kernel_stride(sizes, 'z')];
        if (columns < 1.0 || columns > (double)kernel_extent(call, 'x') ||
            rows < 1.0 || rows > (double)kernel_extent(call, 'y')) {
            return KERNEL_REJECT(call, diags, "kernel-extents",
                                 "level %" G_GINT64_FORMAT
                                 " of %g x %g is no part of 'V'",
                                 l, columns, rows);
        }
    }
    return OK;
}

enum status kernel_deformable(const struct kernel_call *call,
                              struct diags *diags)
{
    if (kernel_extent(call, 'z') != 2) {
        return KERNEL_REJECT(
            call, diags, "kernel-extents",
            "positions have two components, not %" G_GINT64_FORMAT,
            kernel_extent(call, 'z'));
    }
    TRY(check_sizes(call, diags));
    g_autofree struct bounded *share =
        scratch_new(kernel_extent(call, 'l'), kernel_extent(call, 't'), diags);
    g_autofree struct bounded *sum =
        scratch_new(kernel_extent(call, 'f'), 1, diags);
    if (share == NULL || sum == NULL) {
        return ERR_MEM;
    }
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        for (int64_t p = 0; p < kernel_extent(call, 'p'); p++) {
            attend(&s, p, share, sum);
        }
    }
    return OK;
}
