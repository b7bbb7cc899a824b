/* Softmax attention, for each b, h and query p:
 *
 *     s_m  = sum over e of Q[p,e] K[m,e]
 *     w_m  = exp(s_m) / sum over m' of exp(s_m')
 *     AV_f = sum over m of w_m V[m,f]
 *
 * Vaswani et al., Attention Is All You Need (2017), equation 1, without the
 * scale 1/sqrt(d) and without a mask: scale Q beforehand. Computed the textbook
 * way, one query at a time: all logits, their maximum, all exponentials, then
 * numerator over denominator.
 *
 * Bound on the rounding error (u, eta, gamma_n of rounding.h; ^ marks computed
 * values). The weights do not change when a number is taken off all logits, so
 * the exact weights are those of t_m = s_m - g^, with g^ the maximum as
 * computed: its error costs nothing.
 *
 *  1. logit        |s^_m - s_m| <= gamma_E sum|Q||K| + E eta
 *  2. argument     t^_m = fl(s^_m - g^) adds u |t^_m|; call the sum of both
 * tau_m
 *  3. exponential  the C library's exp is within 1 ulp, that is 2u, of
 * exp(t^_m) (glibc manual, Errors in Math Functions; eta if the result is
 *                  subnormal), and exp(t_m) = exp(t^_m) exp(t_m - t^_m), so
 * with x_m = (e^_m + eta) / (1 - 2u) >= exp(t^_m) |e^_m - e_m| <= x_m (2u +
 * expm1(tau_m)) + eta =: rho_m
 *  4. denominator  D = sum e_m:       dD <= sum rho_m + gamma_M sum e^_m
 *  5. numerator    N = sum e_m V_m:   dN <= sum rho_m |V_m|
 *                                          + gamma_M sum e^_m |V_m| + M eta
 *  6. quotient     N^/D^ - N/D = (N^ - N)/D - (N^/D^) (D^ - D)/D, so
 *                      |AV^ - AV| <= (dN + |N^/D^| dD) / (D^ - dD) + u |AV^| +
 * eta
 *
 * AV is a mean of V with weights that sum to 1, so |AV^| + max|V| is a bound
 * too; it is the smaller one when logits are so large (above about 1e15) that
 * their last bit alone decides the weights.
 */
#include "kernels/call.h"
#include "kernels/rounding.h"

#include <math.h>
#include <string.h>

enum { Q_OPERAND, K_OPERAND, V_OPERAND, AV_OPERAND };

/* One query's work. The weights are not yet divided by their sum. */
struct row {
    int64_t m_count;
    double *weight;       /* e^_m; before step 3 it holds the logit */
    double *weight_error; /* rho_m; before step 3 the error of the logit */
    double sum;           /* D^ */
    double sum_error;     /* dD */
};

/* A position in a tensor along all of its dimensions but one or two. */
struct lane {
    const double *start;
    int64_t m_stride;
    int64_t stride; /* of e or f */
};

static struct lane lane_at(const struct kernel_view *view, int64_t batch,
                           int64_t head, char dim)
{
    return (struct lane){
        .start = view->value + batch * kernel_stride(view, 'b') +
                 head * kernel_stride(view, 'h'),
        .m_stride = kernel_stride(view, 'm'),
        .stride = kernel_stride(view, dim),
    };
}

/* Sums that run side by side: one alone waits for its own addition. Loops over
 * them are unrolled, which keeps the sums in registers. */
#define SIDE_BY_SIDE 4

/* Step 1 for `count` keys, each summed in the order of e. */
static void compute_some_logits(const struct lane *query,
                                const struct lane *keys, int64_t e_count,
                                int64_t first, int64_t count, struct row *row)
{
    double gamma = rounding_gamma(e_count);
    double eta = (double)e_count * ROUNDING_ETA;
    double sum[SIDE_BY_SIDE] = {0.0};
    double magnitude[SIDE_BY_SIDE] = {0.0};
    const double *key[SIDE_BY_SIDE];
    for (int64_t i = 0; i < SIDE_BY_SIDE; i++) {
        key[i] = keys->start + (first + MIN(i, count - 1)) * keys->m_stride;
    }
    for (int64_t e = 0; e < e_count; e++) {
        double value = query->start[e * query->stride];
#pragma GCC unroll 4
        for (int64_t i = 0; i < SIDE_BY_SIDE; i++) {
            double product = value * key[i][e * keys->stride];
            sum[i] += product;
            magnitude[i] += fabs(product);
        }
    }
    for (int64_t i = 0; i < count; i++) {
        row->weight[first + i] = sum[i];
        row->weight_error[first + i] = (gamma * (magnitude[i] + eta) + eta) *
                                       rounding_inflation(e_count + 8);
    }
}

static void compute_logits(const struct lane *query, const struct lane *keys,
                           int64_t e_count, struct row *row)
{
    for (int64_t m = 0; m < row->m_count; m += SIDE_BY_SIDE) {
        compute_some_logits(query, keys, e_count, m,
                            MIN(SIDE_BY_SIDE, row->m_count - m), row);
    }
}

static double maximum(const double *value, int64_t count)
{
    double largest = value[0];
    for (int64_t i = 1; i < count; i++) {
        largest = value[i] > largest ? value[i] : largest;
    }
    return largest;
}

/* Steps 2 and 3. */
static void exponentiate(struct row *row)
{
    const double u = ROUNDING_UNIT;
    double largest = maximum(row->weight, row->m_count);
    for (int64_t m = 0; m < row->m_count; m++) {
        double argument = row->weight[m] - largest;
        double argument_error = row->weight_error[m] + u * fabs(argument);
        /* Its own rounding, before expm1 magnifies it. */
        argument_error *= 1.0 + 8.0 * u;
        double weight = exp(argument);
        double upper = (weight + ROUNDING_ETA) / (1.0 - 2.0 * u);
        row->weight[m] = weight;
        row->weight_error[m] =
            upper * (2.0 * u + expm1(argument_error)) + ROUNDING_ETA;
    }
}

/* Step 4. */
static void sum_weights(struct row *row)
{
    double error = 0.0;
    row->sum = 0.0;
    for (int64_t m = 0; m < row->m_count; m++) {
        row->sum += row->weight[m];
        error += row->weight_error[m];
    }
    row->sum_error = error + rounding_gamma(row->m_count) * row->sum;
}

/* Sums over m that step 5 needs, of some f. */
struct sums {
    double numerator[SIDE_BY_SIDE];
    double magnitude[SIDE_BY_SIDE];
    double error[SIDE_BY_SIDE];
    double largest[SIDE_BY_SIDE];
};

/* Step 5; `values` runs along m, `count` neighbours along f. */
static void sum_values(const struct row *row, const struct lane *values,
                       int64_t count, struct sums *result)
{
    struct sums sums = *result; /* in registers */
    for (int64_t m = 0; m < row->m_count; m++) {
        const double *start = values->start + m * values->m_stride;
        double weight = row->weight[m];
        double weight_error = row->weight_error[m];
        double value[SIDE_BY_SIDE] = {0.0};
        if (values->stride == 1 && count == SIDE_BY_SIDE) {
            memcpy(value, start, sizeof value);
        } else {
            for (int64_t i = 0; i < count; i++) {
                value[i] = start[i * values->stride];
            }
        }
#pragma GCC unroll 4
        for (int64_t i = 0; i < SIDE_BY_SIDE; i++) {
            double size = fabs(value[i]);
            sums.numerator[i] += weight * value[i];
            sums.magnitude[i] += weight * size;
            sums.error[i] += weight_error * size;
            sums.largest[i] = size > sums.largest[i] ? size : sums.largest[i];
        }
    }
    *result = sums;
}

/* Step 6 for one element. */
static double bound_average(const struct row *row, const struct sums *sums,
                            int64_t i, double result)
{
    const double u = ROUNDING_UNIT;
    double eta = (double)row->m_count * ROUNDING_ETA;
    double inflation = rounding_inflation(row->m_count + 32);
    double size = fabs(result);
    double numerator_error =
        sums->error[i] +
        rounding_gamma(row->m_count) * (sums->magnitude[i] + eta) + 2.0 * eta;
    double quotient_error =
        (numerator_error +
         (size * (1.0 + 2.0 * u) + ROUNDING_ETA) * row->sum_error * inflation) /
        (row->sum - row->sum_error * inflation);
    double bound = quotient_error + u * size + ROUNDING_ETA;
    double largest = sums->largest[i];
    /* Comparisons with NaN are false: an overflow above ends here too. */
    bool is_informative =
        row->sum_error * inflation < 0.5 * row->sum && bound < size + largest;
    bound = (is_informative ? bound : size + largest) * inflation;
    return isfinite(result) ? bound : HUGE_VAL;
}

/* Steps 5 and 6 for `count` elements of the result from `at` on. */
static void average(const struct row *row, const struct lane *values,
                    int64_t count, const struct kernel_view *av, int64_t at)
{
    struct sums sums = {.numerator = {0.0}};
    sum_values(row, values, count, &sums);
    for (int64_t i = 0; i < count; i++) {
        int64_t element = at + i * kernel_stride(av, 'f');
        double result = sums.numerator[i] / row->sum;
        av->value[element] = result;
        if (av->error != NULL) {
            av->error[element] = bound_average(row, &sums, i, result);
        }
    }
}

static void attend(const struct kernel_call *call, int64_t batch, int64_t head,
                   struct row *row)
{
    const struct kernel_view *view = call->view;
    const struct kernel_view *av = &view[AV_OPERAND];
    struct lane query = lane_at(&view[Q_OPERAND], batch, head, 'e');
    struct lane keys = lane_at(&view[K_OPERAND], batch, head, 'e');
    for (int64_t p = 0; p < kernel_extent(call, 'p'); p++) {
        compute_logits(&query, &keys, kernel_extent(call, 'e'), row);
        exponentiate(row);
        sum_weights(row);
        struct lane values = lane_at(&view[V_OPERAND], batch, head, 'f');
        int64_t f_count = kernel_extent(call, 'f');
        for (int64_t f = 0; f < f_count; f += SIDE_BY_SIDE) {
            int64_t at =
                batch * kernel_stride(av, 'b') + head * kernel_stride(av, 'h') +
                p * kernel_stride(av, 'p') + f * kernel_stride(av, 'f');
            average(row, &values, MIN(SIDE_BY_SIDE, f_count - f), av, at);
            values.start += SIDE_BY_SIDE * values.stride;
        }
        query.start += kernel_stride(&view[Q_OPERAND], 'p');
    }
}

enum status kernel_softmax_attention(const struct kernel_call *call,
                                     struct diags *diags)
{
    struct row row = {.m_count = kernel_extent(call, 'm')};
    g_assert(row.m_count >= 1);
    g_autofree double *scratch =
        g_try_malloc_n((size_t)row.m_count, 2 * sizeof(double));
    if (scratch == NULL) {
        return diag_fail(diags, ERR_MEM, "kernel-memory",
                         "no memory for two rows of %" G_GINT64_FORMAT
                         " weights",
                         row.m_count);
    }
    row.weight = scratch;
    row.weight_error = scratch + row.m_count;
    for (int64_t batch = 0; batch < kernel_extent(call, 'b'); batch++) {
        for (int64_t head = 0; head < kernel_extent(call, 'h'); head++) {
            attend(call, batch, head, &row);
        }
    }
    return OK;
}
