/* Flow attention, for each b and h; q = sigmoid(Q), k = sigmoid(K), e = 1e-6,
 * x . y = sum over the channels of (x + e)(y + e):
 *
 *     SI[p]  = 1 / (q[p] . sum over m of k[m])      incoming flow of a sink
 *     SO[m]  = 1 / (k[m] . sum over p of q[p])      outgoing flow of a source
 *     CSI[p] = q[p] . sum over m of k[m] SO[m]      conserved
 *     CSO[m] = clamp(k[m] . sum over p of q[p] SI[p], -1, 1)
 *     AL[p]  = sigmoid(CSI[p] P / M)                allocation
 *     CP[m]  = M softmax(m)(CSO[m])                 competition
 *     AV[p]  = AL[p] SI[p] sum over m of (q[p] k[m] without e) CP[m] V[m]
 *
 * The causal form takes, at token t, all sums over tokens up to t, scales SI and
 * SO by t + 1, divides both conserved flows by t + 1, and has
 *
 *     CP[t]  = (t + 1) exp(CSO[t]) / sum over i <= t of exp(CSO[i])
 *     AL[t]  = sigmoid(CSI[t])
 *     AV[t]  = AL[t] SI[t] / (t + 1) sum over i <= t of (q[t] k[i]) CP[i] V[i]
 *
 * Wu et al., Flowformer (2022), equations 4 to 8, with the constants of the
 * released code (thuml/Flowformer, Flow_Attention.py); the catalogue of
 * algorithms agrees with it. No scale.
 */
#include "kernels/attend.h"

static const double epsilon = 1e-6;

struct flow {
    int64_t count; /* tokens */
    int64_t e_count;
    struct bounded *gate; /* q[p,e] or k[m,e] */
    struct bounded *flow; /* SI or SO */
    struct bounded *conserved;
    struct bounded *sum;      /* over tokens, of gate */
    struct bounded *weighted; /* over tokens, of gate * flow */
};

struct work {
    struct flow sink;
    struct flow source;
    struct key_list keys;
};

static bool flow_init(struct flow *flow, int64_t count, int64_t e_count,
                      struct diags *diags)
{
    *flow = (struct flow){.count = count, .e_count = e_count};
    return (flow->gate = scratch_new(count, e_count, diags)) != NULL &&
           (flow->flow = scratch_new(count, 1, diags)) != NULL &&
           (flow->conserved = scratch_new(count, 1, diags)) != NULL &&
           (flow->sum = scratch_new(e_count, 1, diags)) != NULL &&
           (flow->weighted = scratch_new(e_count, 1, diags)) != NULL;
}

static void flow_clear(struct flow *flow)
{
    g_free(flow->gate);
    g_free(flow->flow);
    g_free(flow->conserved);
    g_free(flow->sum);
    g_free(flow->weighted);
}

static void work_clear(struct work *work)
{
    flow_clear(&work->sink);
    flow_clear(&work->source);
    key_list_clear(&work->keys);
}

static enum status work_init(struct work *work, const struct kernel_call *call,
                             bool is_causal, struct diags *diags)
{
    int64_t e_count = kernel_extent(call, 'e');
    int64_t p_count = kernel_extent(call, is_causal ? 's' : 'p');
    int64_t m_count = kernel_extent(call, is_causal ? 's' : 'm');
    *work = (struct work){.keys = {0}};
    if (!flow_init(&work->sink, p_count, e_count, diags) ||
        !flow_init(&work->source, m_count, e_count, diags) ||
        key_list_init(&work->keys, m_count, diags) != OK) {
        work_clear(work);
        return ERR_MEM;
    }
    return OK;
}

static void flow_open(struct flow *flow, const struct cut *x)
{
    for (int64_t n = 0; n < flow->count; n++) {
        for (int64_t e = 0; e < flow->e_count; e++) {
            flow->gate[n * flow->e_count + e] =
                bounded_sigmoid(lane_get(cut_lane(x, n), e));
        }
    }
    for (int64_t e = 0; e < flow->e_count; e++) {
        flow->sum[e] = bounded_exact(0.0);
        flow->weighted[e] = bounded_exact(0.0);
    }
}

/* Adds token n to the sums. */
static void add_gate(struct flow *flow, int64_t n)
{
    for (int64_t e = 0; e < flow->e_count; e++) {
        flow->sum[e] =
            bounded_add(flow->sum[e], flow->gate[n * flow->e_count + e]);
    }
}

static void add_weighted(struct flow *flow, int64_t n)
{
    for (int64_t e = 0; e < flow->e_count; e++) {
        struct bounded term =
            bounded_mul(flow->gate[n * flow->e_count + e], flow->flow[n]);
        flow->weighted[e] = bounded_add(flow->weighted[e], term);
    }
}

/* gate[n] . total */
static struct bounded meet(const struct flow *flow, int64_t n,
                           const struct bounded *total)
{
    struct bounded small = bounded_exact(epsilon);
    struct bounded sum = bounded_exact(0.0);
    for (int64_t e = 0; e < flow->e_count; e++) {
        struct bounded gate = flow->gate[n * flow->e_count + e];
        sum = bounded_add(sum, bounded_mul(bounded_add(gate, small),
                                           bounded_add(total[e], small)));
    }
    return sum;
}

/* AV[p] from the sources below `m_count`, whose competition is in conserved[].
 */
static void emit(const struct attention *at, int64_t p, int64_t m_count,
                 struct bounded allocation, struct work *work)
{
    int64_t e_count = at->e_count;
    key_list_restart(&work->keys);
    for (int64_t m = 0; m < m_count; m++) {
        struct bounded likeness =
            lane_dot(lane_of_row(work->sink.gate, e_count, p),
                     lane_of_row(work->source.gate, e_count, m), e_count);
        struct bounded weight =
            bounded_mul(likeness, work->source.conserved[m]);
        key_list_add(&work->keys, bounded_mul(weight, allocation),
                     cut_lane(&at->v, m));
    }
    key_list_average(&work->keys, cut_lane(&at->av, p), at->f_count);
}

static void attend(const struct slice *slice, struct work *work)
{
    struct attention at = attention_of(slice, false);
    struct flow *sink = &work->sink;
    struct flow *source = &work->source;
    struct bounded one = bounded_exact(1.0);
    struct bounded m_count = bounded_exact((double)at.m_count);
    struct bounded ratio =
        bounded_div(bounded_exact((double)at.p_count), m_count);
    flow_open(sink, &at.q);
    flow_open(source, &at.k);
    for (int64_t p = 0; p < at.p_count; p++) {
        add_gate(sink, p);
    }
    for (int64_t m = 0; m < at.m_count; m++) {
        add_gate(source, m);
    }
    for (int64_t p = 0; p < at.p_count; p++) {
        sink->flow[p] = bounded_div(one, meet(sink, p, source->sum));
        add_weighted(sink, p);
    }
    for (int64_t m = 0; m < at.m_count; m++) {
        source->flow[m] = bounded_div(one, meet(source, m, sink->sum));
        add_weighted(source, m);
        source->conserved[m] =
            bounded_clamp(meet(source, m, sink->weighted), -1.0, 1.0);
    }
    softmax(source->conserved, at.m_count);
    for (int64_t m = 0; m < at.m_count; m++) {
        source->conserved[m] = bounded_mul(source->conserved[m], m_count);
    }
    for (int64_t p = 0; p < at.p_count; p++) {
        struct bounded arrived = meet(sink, p, source->weighted);
        struct bounded allocation =
            bounded_sigmoid(bounded_mul(arrived, ratio));
        emit(&at, p, at.m_count, bounded_mul(allocation, sink->flow[p]), work);
    }
}

static void attend_causal(const struct slice *slice, struct work *work)
{
    struct attention at = attention_of(slice, true);
    struct flow *sink = &work->sink;
    struct flow *source = &work->source;
    struct bounded competition = bounded_exact(0.0);
    flow_open(sink, &at.q);
    flow_open(source, &at.k);
    for (int64_t t = 0; t < at.p_count; t++) {
        struct bounded length = bounded_exact((double)(t + 1));
        add_gate(sink, t);
        add_gate(source, t);
        sink->flow[t] = bounded_div(length, meet(sink, t, source->sum));
        source->flow[t] = bounded_div(length, meet(source, t, sink->sum));
        add_weighted(sink, t);
        add_weighted(source, t);
        struct bounded arrived =
            bounded_div(meet(sink, t, source->weighted), length);
        struct bounded left =
            bounded_div(meet(source, t, sink->weighted), length);
        struct bounded strength = bounded_exp(bounded_clamp(left, -1.0, 1.0));
        competition = bounded_add(competition, strength);
        source->conserved[t] =
            bounded_mul(bounded_div(strength, competition), length);
        struct bounded allocation =
            bounded_mul(bounded_sigmoid(arrived), sink->flow[t]);
        emit(&at, t, t + 1, bounded_div(allocation, length), work);
    }
}

static enum status run(const struct kernel_call *call, bool is_causal,
                       struct diags *diags)
{
    struct work work;
    TRY(work_init(&work, call, is_causal, diags));
    for (struct slice s = slice_first(call); slice_is_valid(&s);
         slice_next(&s)) {
        if (is_causal) {
            attend_causal(&s, &work);
        } else {
            attend(&s, &work);
        }
    }
    work_clear(&work);
    return OK;
}

enum status kernel_flowformer(const struct kernel_call *call,
                              struct diags *diags)
{
    return run(call, false, diags);
}

enum status kernel_flowformer_causal(const struct kernel_call *call,
                                     struct diags *diags)
{
    return run(call, true, diags);
}
