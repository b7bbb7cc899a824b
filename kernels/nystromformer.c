/* Nystroem attention, for each b and h, with L landmarks:
 *
 *     QL[i,e] = mean of the i-th of L equal segments of Q, KL[j,e] of K
 *     A[p,j]  = softmax(j)(Q[p] KL[j])
 *     S[i,j]  = softmax(j)(QL[i] KL[j])
 *     B[i,m]  = softmax(m)(QL[i] K[m])
 *     Z_0     = S^T / (largest column sum of S)
 *     Z_t+1   = Z_t (13 I - S Z_t (15 I - S Z_t (7 I - S Z_t))) / 4,  6 times
 *     AV      = A Z_6 B V (+ a depthwise convolution of V over the tokens)
 *
 * Xiong et al., Nystromformer (2021), equations 13 and 14, and the released code
 * (mlpen/Nystromformer, LRA/code/attention_nystrom.py): exactly six steps,
 * converged or not. Z_0 is the code's "exact" choice, of each head by itself;
 * its "original" choice divides by the largest column sum of all batches and
 * heads. (The catalogue of algorithms divides by the largest row sum as well:
 * the rows of a softmax sum to 1, so that is the same.) With an operand WC[h,k]
 * its products with V[p + k - (K-1)/2] are added; tokens beyond the ends are 0.
 * The scale, E^(-1/4) of Q and of K, is the caller's.
 *
 * The bound grows with each step of the inverse: it stays small only for few
 * landmarks.
 */
#include "kernels/attend.h"

enum { WC = FURTHER_OPERAND };
enum { STEPS = 6 };

struct work {
    int64_t landmark_count;
    struct bounded *query; /* QL[i,e] */
    struct bounded *key;   /* KL[j,e] */
    struct bounded *core;  /* S[i,j] */
    struct bounded *inverse;
    struct bounded *product; /* S Z */
    struct bounded *factor;
    struct bounded *next;
    struct bounded *row;   /* one row of B; later of A */
    struct bounded *value; /* B V, then Z B V: [i,f] */
    struct bounded *inverted;
};

static void work_clear(struct work *work)
{
    g_free(work->query);
    g_free(work->key);
    g_free(work->core);
    g_free(work->inverse);
    g_free(work->product);
    g_free(work->factor);
    g_free(work->next);
    g_free(work->row);
    g_free(work->value);
    g_free(work->inverted);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             struct diags *diags)
{
    int64_t l_count = call->parameter[0];
    int64_t e_count = kernel_extent(call, 'e');
    int64_t f_count = kernel_extent(call, 'f');
    *work = (struct work){.landmark_count = l_count};
    bool is_good =
        (work->query = scratch_new(l_count, e_count, diags)) != NULL &&
        (work->key = scratch_new(l_count, e_count, diags)) != NULL &&
        (work->core = scratch_new(l_count, l_count, diags)) != NULL &&
        (work->inverse = scratch_new(l_count, l_count, diags)) != NULL &&
        (work->product = scratch_new(l_count, l_count, diags)) != NULL &&
        (work->factor = scratch_new(l_count, l_count, diags)) != NULL &&
        (work->next = scratch_new(l_count, l_count, diags)) != NULL &&
        (work->row = scratch_new(kernel_extent(call, 's'), 1, diags)) != NULL &&
        (work->value = scratch_new(l_count, f_count, diags)) != NULL &&
        (work->inverted = scratch_new(l_count, f_count, diags)) != NULL;
    if (!is_good) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

static void find_landmarks(const struct cut *x, int64_t n_count,
                           int64_t l_count, int64_t e_count,
                           struct bounded *landmark)
{
    int64_t length = n_count / l_count;
    for (int64_t i = 0; i < l_count; i++) {
        for (int64_t e = 0; e < e_count; e++) {
            struct bounded sum = bounded_exact(0.0);
            for (int64_t n = i * length; n < (i + 1) * length; n++) {
                sum = bounded_add(sum, lane_get(cut_lane(x, n), e));
            }
            landmark[i * e_count + e] =
                bounded_div(sum, bounded_exact((double)length));
        }
    }
}

static void find_core(int64_t e_count, struct work *work)
{
    int64_t l_count = work->landmark_count;
    for (int64_t i = 0; i < l_count; i++) {
        for (int64_t j = 0; j < l_count; j++) {
            work->core[i * l_count + j] =
                lane_dot(lane_of_row(work->query, e_count, i),
                         lane_of_row(work->key, e_count, j), e_count);
        }
        softmax(work->core + i * l_count, l_count);
    }
}

/* result = a b, n x n by n x columns. */
static void multiply(const struct bounded *a, const struct bounded *b,
                     int64_t n, int64_t columns, struct bounded *result)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < columns; j++) {
            struct bounded sum = bounded_exact(0.0);
            for (int64_t k = 0; k < n; k++) {
                sum = bounded_add(
                    sum, bounded_mul(a[i * n + k], b[k * columns + j]));
            }
            result[i * columns + j] = sum;
        }
    }
}

/* result = diagonal I - a. */
static void subtract_from(double diagonal, const struct bounded *a, int64_t n,
                          struct bounded *result)
{
    for (int64_t i = 0; i < n * n; i++) {
        double identity = i % (n + 1) == 0 ? diagonal : 0.0;
        result[i] = bounded_sub(bounded_exact(identity), a[i]);
    }
}

/* Z_0. */
static void start_inverse(struct work *work)
{
    int64_t n = work->landmark_count;
    struct bounded largest = bounded_exact(0.0);
    for (int64_t j = 0; j < n; j++) {
        struct bounded sum = bounded_exact(0.0);
        for (int64_t i = 0; i < n; i++) {
            sum = bounded_add(sum, work->core[i * n + j]);
        }
        largest = bounded_max(largest, sum);
    }
    for (int64_t i = 0; i < n * n; i++) {
        work->inverse[i] = bounded_div(work->core[i % n * n + i / n], largest);
    }
}

static void step_inverse(struct work *work)
{
    int64_t n = work->landmark_count;
    multiply(work->core, work->inverse, n, n, work->product);
    subtract_from(7.0, work->product, n, work->factor);
    multiply(work->product, work->factor, n, n, work->next);
    subtract_from(15.0, work->next, n, work->factor);
    multiply(work->product, work->factor, n, n, work->next);
    subtract_from(13.0, work->next, n, work->factor);
    multiply(work->inverse, work->factor, n, n, work->next);
    for (int64_t i = 0; i < n * n; i++) {
        work->inverse[i] = bounded_mul(bounded_exact(0.25), work->next[i]);
    }
}

/* B V. */
static void gather_values(const struct attention *at, struct work *work)
{
    for (int64_t i = 0; i < work->landmark_count; i++) {
        for (int64_t m = 0; m < at->m_count; m++) {
            work->row[m] = lane_dot(lane_of_row(work->query, at->e_count, i),
                                    cut_lane(&at->k, m), at->e_count);
        }
        softmax(work->row, at->m_count);
        for (int64_t f = 0; f < at->f_count; f++) {
            struct bounded sum = bounded_exact(0.0);
            for (int64_t m = 0; m < at->m_count; m++) {
                struct bounded value = lane_get(cut_lane(&at->v, m), f);
                sum = bounded_add(sum, bounded_mul(work->row[m], value));
            }
            work->value[i * at->f_count + f] = sum;
        }
    }
}

/* The convolution at token p, 0 without one. */
static struct bounded convolve(const struct slice *slice,
                               const struct attention *at, int64_t p, int64_t f)
{
    struct bounded sum = bounded_exact(0.0);
    if (!kernel_has(slice->call, WC)) {
        return sum;
    }
    struct cut taps = slice_cut(slice, WC, "k");
    int64_t k_count = slice_extent(slice, 'k');
    for (int64_t k = 0; k < k_count; k++) {
        int64_t m = p + k - (k_count - 1) / 2;
        if (m >= 0 && m < at->m_count) {
            struct bounded tap = bounded_exact(cut_get(&taps, k, 0));
            struct bounded value = lane_get(cut_lane(&at->v, m), f);
            sum = bounded_add(sum, bounded_mul(tap, value));
        }
    }
    return sum;
}

static void scatter_values(const struct slice *slice,
                           const struct attention *at, struct work *work)
{
    int64_t l_count = work->landmark_count;
    for (int64_t p = 0; p < at->p_count; p++) {
        for (int64_t j = 0; j < l_count; j++) {
            work->row[j] =
                lane_dot(cut_lane(&at->q, p),
                         lane_of_row(work->key, at->e_count, j), at->e_count);
        }
        softmax(work->row, l_count);
        for (int64_t f = 0; f < at->f_count; f++) {
            struct bounded sum = convolve(slice, at, p, f);
            for (int64_t j = 0; j < l_count; j++) {
                sum = bounded_add(
                    sum, bounded_mul(work->row[j],
                                     work->inverted[j * at->f_count + f]));
            }
            lane_put(cut_lane(&at->av, p), f, sum);
        }
    }
}

static void attend(const struct slice *slice, struct work *work)
{
    struct attention at = attention_of(slice, true);
    int64_t l_count = work->landmark_count;
    find_landmarks(&at.q, at.p_count, l_count, at.e_count, work->query);
    find_landmarks(&at.k, at.m_count, l_count, at.e_count, work->key);
    find_core(at.e_count, work);
    start_inverse(work);
    for (int step = 0; step < STEPS; step++) {
        step_inverse(work);
    }
    gather_values(&at, work);
    multiply(work->inverse, work->value, l_count, at.f_count, work->inverted);
    scatter_values(slice, &at, work);
}

enum status kernel_nystromformer(const struct kernel_call *call,
                                 struct diags *diags)
{
    TRY(kernel_check_divides(call, "the number of landmarks",
                             call->parameter[0], "the sequence",
                             kernel_extent(call, 's'), diags));
    struct work work;
    TRY(work_init(&work, call, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        attend(&s, &work);
    }
    work_clear(&work);
    return OK;
}
