/* Agent attention over an image of Y x X tokens m and p, for each b and h, with
 * A x A agents a = (i, j) pooled from the queries:
 *
 *     AG[a]   = mean of Q over cell a: rows floor(i Y/A) to
 *               ceil((i+1) Y/A) - 1, columns alike
 *     VA[a]   = sum over m of softmax(m)(s AG[a] K[m] + PB[a,m]) V[m]
 *     AV[p]   = sum over a of softmax(a)(s Q[p] AG[a] + AB[p,a]) VA[a]
 *             + sum over the 3 x 3 neighbours of WC[f,k,l] V + BC[f]
 *
 * with s = E^(-1/2), which no scaling of Q or K could replace, since the agents
 * are queries once and keys once. Han et al., Agent Attention (2023), equations
 * 4 and 5. The biases PB and AB and the depthwise convolution (zero beyond the
 * edges) are optional; the class token of some models and the interpolation that
 * makes the biases are not here.
 */
#include "kernels/attend.h"

enum { PB = FURTHER_OPERAND, AB, WC, BC };

struct work {
    int64_t side; /* A */
    int64_t y_count;
    int64_t x_count;
    int64_t e_count;
    int64_t f_count;
    struct bounded scale;
    struct bounded *agent; /* AG[a,e] */
    struct bounded *value; /* VA[a,f] */
    struct key_list keys;
};

static void work_clear(struct work *work)
{
    g_free(work->agent);
    g_free(work->value);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             struct diags *diags)
{
    *work = (struct work){
        .side = call->parameter[0],
        .y_count = kernel_extent(call, 'y'),
        .x_count = kernel_extent(call, 'x'),
        .e_count = kernel_extent(call, 'e'),
        .f_count = kernel_extent(call, 'f'),
    };
    int64_t agent_count = work->side * work->side;
    int64_t token_count = work->y_count * work->x_count;
    work->scale = bounded_div(
        bounded_exact(1.0), bounded_sqrt(bounded_exact((double)work->e_count)));
    work->agent = scratch_new(agent_count, work->e_count, diags);
    work->value = scratch_new(agent_count, work->f_count, diags);
    if (work->agent == NULL || work->value == NULL ||
        key_list_init(&work->keys, MAX(agent_count, token_count), diags) !=
            OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

/* The cells that adaptive pooling cuts `length` into. */
static int64_t cell_start(int64_t cell, int64_t cell_count, int64_t length)
{
    return cell * length / cell_count;
}

static int64_t cell_end(int64_t cell, int64_t cell_count, int64_t length)
{
    return num_ceil_div((cell + 1) * length, cell_count);
}

static struct bounded pool(const struct cut *q, const struct work *work,
                           int64_t a, int64_t e)
{
    int64_t i = a / work->side;
    int64_t j = a % work->side;
    int64_t y_end = cell_end(i, work->side, work->y_count);
    int64_t x_end = cell_end(j, work->side, work->x_count);
    struct bounded sum = bounded_exact(0.0);
    int64_t count = 0;
    for (int64_t y = cell_start(i, work->side, work->y_count); y < y_end; y++) {
        for (int64_t x = cell_start(j, work->side, work->x_count); x < x_end;
             x++) {
            sum = bounded_add(sum, lane_get(cut_lane_2(q, y, x), e));
            count++;
        }
    }
    return bounded_div(sum, bounded_exact((double)count));
}

static void pool_agents(const struct slice *slice, struct work *work)
{
    struct cut q = slice_cut(slice, Q_OPERAND, "yxe");
    for (int64_t i = 0; i < work->side * work->side * work->e_count; i++) {
        work->agent[i] = pool(&q, work, i / work->e_count, i % work->e_count);
    }
}

static struct bounded logit_of(const struct work *work, struct lane a,
                               struct lane b, double bias)
{
    return bounded_add(bounded_mul(work->scale, lane_dot(a, b, work->e_count)),
                       bounded_exact(bias));
}

/* Element (i,j,y,x) of a bias that was cut with these axes; 0 without one. */
static double bias_of(const struct cut *bias, const struct work *work,
                      int64_t a, int64_t m)
{
    if (bias->value == NULL) {
        return 0.0;
    }
    return bias->value[a / work->side * bias->stride[0] +
                       a % work->side * bias->stride[1] +
                       m / work->x_count * bias->stride[2] +
                       m % work->x_count * bias->stride[3]];
}

static struct cut cut_bias(const struct slice *slice, int operand)
{
    return kernel_has(slice->call, operand) ? slice_cut(slice, operand, "ijyx")
                                            : (struct cut){.value = NULL};
}

static void gather_values(const struct slice *slice, struct work *work)
{
    struct cut k = slice_cut(slice, K_OPERAND, "yxe");
    struct cut v = slice_cut(slice, V_OPERAND, "yxf");
    struct cut bias = cut_bias(slice, PB);
    for (int64_t a = 0; a < work->side * work->side; a++) {
        key_list_restart(&work->keys);
        for (int64_t m = 0; m < work->y_count * work->x_count; m++) {
            int64_t y = m / work->x_count;
            int64_t x = m % work->x_count;
            struct bounded logit =
                logit_of(work, lane_of_row(work->agent, work->e_count, a),
                         cut_lane_2(&k, y, x), bias_of(&bias, work, a, m));
            key_list_add(&work->keys, logit, cut_lane_2(&v, y, x));
        }
        key_list_attend(&work->keys, lane_of_row(work->value, work->f_count, a),
                        work->f_count);
    }
}

/* The convolution's part of AV[y,x,f]. */
static struct bounded convolve(const struct slice *slice,
                               const struct work *work, int64_t y, int64_t x,
                               int64_t f)
{
    struct bounded sum = bounded_exact(0.0);
    if (kernel_has(slice->call, BC)) {
        struct cut bias = slice_cut(slice, BC, "f");
        sum = bounded_exact(cut_get(&bias, f, 0));
    }
    if (!kernel_has(slice->call, WC)) {
        return sum;
    }
    struct cut taps = slice_cut(slice, WC, "fkl");
    struct cut v = slice_cut(slice, V_OPERAND, "yxf");
    int64_t rows = slice_extent(slice, 'k');
    int64_t columns = slice_extent(slice, 'l');
    for (int64_t tap = 0; tap < rows * columns; tap++) {
        int64_t from_y = y + tap / columns - (rows - 1) / 2;
        int64_t from_x = x + tap % columns - (columns - 1) / 2;
        if (from_y >= 0 && from_y < work->y_count && from_x >= 0 &&
            from_x < work->x_count) {
            struct bounded weight =
                lane_get(cut_lane_2(&taps, f, tap / columns), tap % columns);
            struct bounded value = lane_get(cut_lane_2(&v, from_y, from_x), f);
            sum = bounded_add(sum, bounded_mul(weight, value));
        }
    }
    return sum;
}

static void spread_values(const struct slice *slice, struct work *work)
{
    struct cut q = slice_cut(slice, Q_OPERAND, "yxe");
    struct cut av = slice_cut(slice, AV_OPERAND, "yxf");
    struct cut bias = cut_bias(slice, AB);
    for (int64_t p = 0; p < work->y_count * work->x_count; p++) {
        int64_t y = p / work->x_count;
        int64_t x = p % work->x_count;
        struct lane result = cut_lane_2(&av, y, x);
        key_list_restart(&work->keys);
        for (int64_t a = 0; a < work->side * work->side; a++) {
            struct bounded logit =
                logit_of(work, cut_lane_2(&q, y, x),
                         lane_of_row(work->agent, work->e_count, a),
                         bias_of(&bias, work, a, p));
            key_list_add(&work->keys, logit,
                         lane_of_row(work->value, work->f_count, a));
        }
        key_list_weigh(&work->keys);
        for (int64_t f = 0; f < work->f_count; f++) {
            lane_put(result, f,
                     bounded_add(key_list_mean(&work->keys, f),
                                 convolve(slice, work, y, x, f)));
        }
    }
}

static enum status check(const struct kernel_call *call, struct diags *diags)
{
    int64_t side = call->parameter[0];
    int64_t image_side =
        MIN(kernel_extent(call, 'y'), kernel_extent(call, 'x'));
    bool has_bias = kernel_has(call, PB) || kernel_has(call, AB);
    if (side > image_side || (has_bias && (kernel_extent(call, 'i') != side ||
                                           kernel_extent(call, 'j') != side))) {
        return KERNEL_REJECT(call, diags, "kernel-extents",
                             "'A' (%" G_GINT64_FORMAT
                             ") is more than the image's side or does not "
                             "match the biases",
                             side);
    }
    return OK;
}

enum status kernel_agent_attention(const struct kernel_call *call,
                                   struct diags *diags)
{
    TRY(check(call, diags));
    struct work work;
    TRY(work_init(&work, call, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        pool_agents(&s, &work);
        gather_values(&s, &work);
        spread_values(&s, &work);
    }
    work_clear(&work);
    return OK;
}
