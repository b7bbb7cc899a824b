/* Selective scan, for each b and channel i, with a state S[n] that starts at 0,
 * over tokens t:
 *
 *     S[n]   = exp(DT[t,i] A[i,n]) S[n] + DT[t,i] B[t,n] X[t,i]
 *     Y[t,i] = (sum over n of C[t,n] S[n] + D[i] X[t,i]) silu(Z[t,i])
 *
 * Gu and Dao, Mamba (2023), equations 2a, 2b and 4, and section 3.5; with D and
 * Z optional as in the released code's selective_scan_ref. DT is the step after
 * its softplus. The input is discretised by Euler's DT B as the code does, not
 * by the zero-order hold of the paper's equation 4.
 */
#include "kernels/lane.h"

enum { X, DT, A, B, C, Y, D, Z };

static struct bounded silu(struct bounded x)
{
    return bounded_mul(x, bounded_sigmoid(x));
}

/* One channel's step; the new S C. */
static struct bounded step(const struct slice *slice, int64_t t, int64_t i,
                           struct bounded *state)
{
    struct cut x = slice_cut(slice, X, "si");
    struct cut dt = slice_cut(slice, DT, "si");
    struct cut a = slice_cut(slice, A, "in");
    struct cut b = slice_cut(slice, B, "sn");
    struct cut c = slice_cut(slice, C, "sn");
    struct bounded size = lane_get(cut_lane(&dt, t), i);
    struct bounded drive = bounded_mul(size, lane_get(cut_lane(&x, t), i));
    struct bounded sum = bounded_exact(0.0);
    for (int64_t n = 0; n < slice_extent(slice, 'n'); n++) {
        struct bounded decay =
            bounded_exp(bounded_mul(size, lane_get(cut_lane(&a, i), n)));
        struct bounded input = bounded_mul(drive, lane_get(cut_lane(&b, t), n));
        state[n] = bounded_add(bounded_mul(decay, state[n]), input);
        sum = bounded_add(sum,
                          bounded_mul(state[n], lane_get(cut_lane(&c, t), n)));
    }
    return sum;
}

static struct bounded skip_and_gate(const struct slice *slice, int64_t t,
                                    int64_t i, struct bounded y)
{
    if (kernel_has(slice->call, D)) {
        struct cut d = slice_cut(slice, D, "i");
        struct cut x = slice_cut(slice, X, "si");
        struct bounded weight = bounded_exact(cut_get(&d, i, 0));
        y = bounded_add(y, bounded_mul(weight, lane_get(cut_lane(&x, t), i)));
    }
    if (kernel_has(slice->call, Z)) {
        struct cut z = slice_cut(slice, Z, "si");
        y = bounded_mul(y, silu(lane_get(cut_lane(&z, t), i)));
    }
    return y;
}

enum status kernel_mamba(const struct kernel_call *call, struct diags *diags)
{
    int64_t n_count = kernel_extent(call, 'n');
    g_autofree struct bounded *state = scratch_new(n_count, 1, diags);
    if (state == NULL) {
        return ERR_MEM;
    }
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        struct cut y = slice_cut(&s, Y, "si");
        for (int64_t i = 0; i < kernel_extent(call, 'i'); i++) {
            for (int64_t n = 0; n < n_count; n++) {
                state[n] = bounded_exact(0.0);
            }
            for (int64_t t = 0; t < kernel_extent(call, 's'); t++) {
                struct bounded sum = step(&s, t, i, state);
                lane_put(cut_lane(&y, t), i, skip_and_gate(&s, t, i, sum));
            }
        }
    }
    return OK;
}
