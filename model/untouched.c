/* Outputs whose predicate leaves them without any point keep the identity of their
 * reduction: no execution writes them. They are counted by looking at every value
 * of the ranks that the predicate names. */
#include "model/counts.h"

/* Elements of an output looked at one by one; beyond, a bound. */
#define MAX_LOOKED_AT (INT64_C(1) << 20)

/* The ranks of the output that the predicate names, one value each; the rest of
 * the box is whole. */
struct outputs {
    int count;
    int position[EINSUM_MAX_RANKS]; /* in statement.rank[] */
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
    int64_t all;     /* combinations of their values */
    int64_t others;  /* elements for each */
    int64_t reduced; /* points for each element */
};

static bool outputs_init(const struct workload *workload, int statement,
                         struct outputs *o)
{
    const struct einsum_statement *s = &workload->statements[statement];
    unsigned masked = workload_mask_ranks(workload, statement);
    *o = (struct outputs){.all = 1, .others = 1, .reduced = 1};
    bool fits = true;
    for (int r = 0; r < s->rank_count; r++) {
        bool is_named = (masked >> s->rank[r] & 1) != 0;
        int64_t extent = workload->rank[s->rank[r]].extent;
        o->high[r] = extent;
        if (!s->is_reduced[r] && is_named) {
            o->position[o->count++] = r;
            o->high[r] = 1;
        }
        int64_t *product = s->is_reduced[r] ? &o->reduced
                           : is_named       ? &o->all
                                            : &o->others;
        fits = fits && num_mul(*product, extent, product);
    }
    return fits;
}

static bool next_output(const struct workload *workload,
                        const struct einsum_statement *s, struct outputs *o)
{
    for (int i = o->count; i-- > 0;) {
        int r = o->position[i];
        o->low[r]++;
        o->high[r]++;
        if (o->low[r] < workload->rank[s->rank[r]].extent) {
            return true;
        }
        o->low[r] = 0;
        o->high[r] = 1;
    }
    return false;
}

/* At most as many elements of the statement's output as get nothing. */
static bool count_untouched(const struct workload *workload, int statement,
                            int64_t *untouched)
{
    const struct einsum_statement *s = &workload->statements[statement];
    struct outputs o;
    int64_t touched = 0;
    int64_t points = 0;
    if (!outputs_init(workload, statement, &o)) {
        return false;
    }
    if (o.all > MAX_LOOKED_AT) {
        if (workload_count_points(workload, statement, &points) != OK) {
            return false;
        }
        *untouched = o.all * o.others - num_ceil_div(points, o.reduced);
        return true;
    }
    do {
        if (workload_count_box_points(workload, statement, o.low, o.high,
                                      &points) != OK) {
            return false;
        }
        touched += points > 0;
    } while (next_output(workload, s, &o));
    *untouched = (o.all - touched) * o.others;
    return true;
}

/* A scatter may write one element only of each that its other indices name. */
static int64_t count_unscattered(const struct workload *workload,
                                 const struct einsum_statement *s)
{
    const struct einsum_tensor *t = &workload->tensors[s->output.tensor];
    int64_t written = t->element_count;
    for (int d = 0; d < t->dim_count; d++) {
        written /= (s->output.beyond_affine >> d & 1U) != 0 ? t->extent[d] : 1;
    }
    return t->element_count - written;
}

/* Leaves out what no execution writes. */
bool model_drop_untouched(const struct workload *workload, int64_t *outputs)
{
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        int64_t untouched = 0;
        bool is_output =
            s->kind == EINSUM_COMPUTE &&
            workload->tensors[s->output.tensor].kind == TENSOR_OUTPUT;
        if (is_output && (s->features & EINSUM_SCATTER) != 0) {
            *outputs -= count_unscattered(workload, s);
        } else if (s->kind == EINSUM_COMPUTE &&
                   (s->features & EINSUM_PREDICATE) != 0 &&
                   workload->tensors[s->output.tensor].kind == TENSOR_OUTPUT) {
            if (!count_untouched(workload, i, &untouched)) {
                return false;
            }
            *outputs -= untouched;
        }
    }
    return true;
}
