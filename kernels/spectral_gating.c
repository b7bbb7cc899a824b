/* Spectral gating (the token mixing of SpectFormer's and GFNet's first layers),
 * for each b and channel c, over a map of Y x X tokens, with V = X/2 + 1:
 *
 *     F[u,v]   = 1/sqrt(Y X) sum over y, x of I[y,x] exp(-2 pi i (uy/Y + vx/X))
 *     R[y,x]   = 1/sqrt(Y X) Re(sum over u, v of w[v] (W_RE + i W_IM)[u,v]
 *                               F[u,v] exp(2 pi i (uy/Y + vx/X)))
 *
 * where w[v] is 1 for v = 0 and, if X is even, for v = X/2, and 2 for the others,
 * which stand for their mirror images too: a real two-dimensional transform, a
 * filter, and back. Patro et al., SpectFormer (2023), section 3; Rao et al.,
 * Global Filter Networks (2021), equations 4 to 6; orthonormal transforms as in
 * the released codes (rfft2 and irfft2 of torch), which drop the imaginary part
 * of what has no mirror image, as the formula does. The norm before and the
 * layers after it are not here.
 */
#include "kernels/lane.h"

enum { I, W_RE, W_IM, R };

/* 2 pi to the nearest double, which is off by less than 2^-51. */
static const struct bounded two_pi = {0x1.921fb54442d18p+2, 0x1p-51};

struct number {
    struct bounded re;
    struct bounded im;
};

struct work {
    int64_t y_count;
    int64_t x_count;
    int64_t v_count;
    struct bounded *spectrum; /* G[u,v], real and imaginary part in turn */
};

static const struct number zero = {{0.0, 0.0}, {0.0, 0.0}};

static struct number number_add(struct number a, struct number b)
{
    return (struct number){bounded_add(a.re, b.re), bounded_add(a.im, b.im)};
}

static struct number number_mul(struct number a, struct number b)
{
    return (struct number){
        bounded_sub(bounded_mul(a.re, b.re), bounded_mul(a.im, b.im)),
        bounded_add(bounded_mul(a.re, b.im), bounded_mul(a.im, b.re)),
    };
}

/* exp(2 pi i (uy/Y + vx/X)); whole turns are left out first. */
static struct number wave(const struct work *work, int64_t uy, int64_t vx)
{
    struct bounded turn =
        bounded_add(bounded_div(bounded_exact((double)(uy % work->y_count)),
                                bounded_exact((double)work->y_count)),
                    bounded_div(bounded_exact((double)(vx % work->x_count)),
                                bounded_exact((double)work->x_count)));
    struct bounded angle = bounded_mul(two_pi, turn);
    return (struct number){bounded_cos(angle), bounded_sin(angle)};
}

/* W F sqrt(Y X) of one frequency and channel. */
static struct number filter(const struct slice *slice, const struct work *work,
                            int64_t channel, int64_t frequency)
{
    struct cut map = slice_cut(slice, I, "yxc");
    struct cut real = slice_cut(slice, W_RE, "uvc");
    struct cut imaginary = slice_cut(slice, W_IM, "uvc");
    int64_t u = frequency / work->v_count;
    int64_t v = frequency % work->v_count;
    struct number sum = zero;
    for (int64_t n = 0; n < work->y_count * work->x_count; n++) {
        int64_t y = n / work->x_count;
        int64_t x = n % work->x_count;
        struct bounded token = lane_get(cut_lane_2(&map, y, x), channel);
        struct number factor = wave(work, u * y, v * x);
        struct number term = {
            bounded_mul(token, factor.re),
            bounded_negate(bounded_mul(token, factor.im)),
        };
        sum = number_add(sum, term);
    }
    struct number gate = {lane_get(cut_lane_2(&real, u, v), channel),
                          lane_get(cut_lane_2(&imaginary, u, v), channel)};
    return number_mul(gate, sum);
}

static struct bounded synthesise(const struct work *work, int64_t y, int64_t x)
{
    struct bounded sum = bounded_exact(0.0);
    for (int64_t i = 0; i < work->y_count * work->v_count; i++) {
        int64_t u = i / work->v_count;
        int64_t v = i % work->v_count;
        struct number gated = {work->spectrum[2 * i],
                               work->spectrum[2 * i + 1]};
        struct bounded term = number_mul(gated, wave(work, u * y, v * x)).re;
        bool has_mirror = v != 0 && 2 * v != work->x_count;
        sum = bounded_add(
            sum, has_mirror ? bounded_mul(bounded_exact(2.0), term) : term);
    }
    return bounded_div(sum,
                       bounded_exact((double)(work->y_count * work->x_count)));
}

static void mix_channel(const struct slice *slice, int64_t channel,
                        struct work *work)
{
    struct cut result = slice_cut(slice, R, "yxc");
    for (int64_t i = 0; i < work->y_count * work->v_count; i++) {
        struct number gated = filter(slice, work, channel, i);
        work->spectrum[2 * i] = gated.re;
        work->spectrum[2 * i + 1] = gated.im;
    }
    for (int64_t n = 0; n < work->y_count * work->x_count; n++) {
        int64_t y = n / work->x_count;
        int64_t x = n % work->x_count;
        lane_put(cut_lane_2(&result, y, x), channel, synthesise(work, y, x));
    }
}

enum status kernel_spectral_gating(const struct kernel_call *call,
                                   struct diags *diags)
{
    struct work work = {
        .y_count = kernel_extent(call, 'y'),
        .x_count = kernel_extent(call, 'x'),
        .v_count = kernel_extent(call, 'v'),
    };
    if (kernel_extent(call, 'u') != work.y_count ||
        work.v_count != work.x_count / 2 + 1) {
        return KERNEL_REJECT(call, diags, "kernel-extents",
                             "the filter has not as many rows as the map "
                             "(%" G_GINT64_FORMAT
                             ") or not half its columns and one",
                             work.y_count);
    }
    work.spectrum = scratch_new(2 * work.y_count, work.v_count, diags);
    if (work.spectrum == NULL) {
        return ERR_MEM;
    }
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        for (int64_t c = 0; c < kernel_extent(call, 'c'); c++) {
            mix_channel(&s, c, &work);
        }
    }
    g_free(work.spectrum);
    return OK;
}
