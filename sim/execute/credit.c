/* Which points have contributed to an element, in one number.
 *
 * A point's number is the product over the reduced ranks r of g_r(i), i its
 * index, and g_r(i) is 1 in the low bits and pseudorandom above. Sums over boxes
 * are products of sums over intervals, for which prefix sums are kept. The low
 * bits of a product are 1 as well, so the low bits of a credit count points.
 *
 * Where a predicate leaves points out, or several statements define parts of a
 * tensor, elements need different credits, which are found beforehand: boxes in
 * which all points exist count as one, the rest is halved. */
#include "sim/execute/execute.h"

struct credits {
    const struct workload *workload;
    struct region whole; /* all of every rank */
    uint64_t *prefix[EINSUM_MAX_RANKS];
    uint64_t *uniform; /* by tensor */
    uint64_t **needed; /* by tensor and element; NULL: uniform */
};

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static enum status make_prefix(struct credits *credits, int rank,
                               struct diags *diags)
{
    int64_t extent = credits->workload->rank[rank].extent;
    uint64_t *prefix = g_try_new(uint64_t, (gsize)extent + 1);
    if (prefix == NULL) {
        return diag_fail(diags, ERR_MEM, "execute-memory",
                         "no memory to follow %" G_GINT64_FORMAT
                         " indices of rank '%s'",
                         extent, credits->workload->rank[rank].name);
    }
    prefix[0] = 0;
    for (int64_t i = 0; i < extent; i++) {
        uint64_t bits = mix((uint64_t)i * EINSUM_MAX_RANKS + (uint64_t)rank);
        prefix[i + 1] = prefix[i] + ((bits << CREDIT_COUNT_BITS) | 1);
    }
    credits->prefix[rank] = prefix;
    return OK;
}

uint64_t credits_of_box(const struct credits *credits,
                        const struct einsum_statement *statement,
                        const struct region *region)
{
    uint64_t credit = 1;
    for (int r = 0; r < statement->rank_count; r++) {
        int rank = statement->rank[r];
        if (statement->is_reduced[r]) {
            credit *= credits->prefix[rank][region->high[rank]] -
                      credits->prefix[rank][region->low[rank]];
        }
    }
    return credit;
}

/* ---- predicates ---------------------------------------------------------- */

static bool has_points(const struct workload *workload, int statement,
                       const struct region *region)
{
    const struct einsum_statement *s = &workload->statements[statement];
    int64_t low[EINSUM_MAX_RANKS];
    int64_t high[EINSUM_MAX_RANKS];
    int64_t count = 0;
    for (int r = 0; r < s->rank_count; r++) {
        low[r] = region->low[s->rank[r]];
        high[r] = region->high[s->rank[r]];
    }
    return workload_count_box_points(workload, statement, low, high, &count) ==
               OK &&
           count > 0;
}

/* The longest of the ranks that the predicate names; -1: all are single. */
static int longest_rank(const struct workload *workload, int statement,
                        const struct region *region)
{
    unsigned ranks = workload_mask_ranks(workload, statement);
    int longest = -1;
    int64_t most = 1;
    for (int r = 0; r < workload->rank_count; r++) {
        if ((ranks >> r & 1) != 0 && region->high[r] - region->low[r] > most) {
            most = region->high[r] - region->low[r];
            longest = r;
        }
    }
    return longest;
}

void credits_split_box(const struct workload *workload, int statement,
                       const struct region *region, GArray *parts)
{
    enum box_points points = BOX_ALL;
    if ((workload->statements[statement].features & EINSUM_PREDICATE) != 0) {
        points = workload_classify_box(workload, statement, region->low,
                                       region->high);
    }
    if (points == BOX_NONE) {
        return;
    }
    int rank =
        points == BOX_ALL ? -1 : longest_rank(workload, statement, region);
    if (rank < 0) {
        if (points == BOX_ALL || has_points(workload, statement, region)) {
            g_array_append_vals(parts, region, 1);
        }
        return;
    }
    struct region half = *region;
    half.high[rank] = (region->low[rank] + region->high[rank]) / 2;
    credits_split_box(workload, statement, &half, parts);
    half.low[rank] = half.high[rank];
    half.high[rank] = region->high[rank];
    credits_split_box(workload, statement, &half, parts);
}

/* ---- what elements need -------------------------------------------------- */

static void add_needed(struct credits *credits, int statement, uint64_t *needed)
{
    const struct workload *workload = credits->workload;
    const struct einsum_statement *s = &workload->statements[statement];
    g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(struct region));
    credits_split_box(workload, statement, &credits->whole, parts);
    for (guint i = 0; i < parts->len; i++) {
        const struct region *part = &g_array_index(parts, struct region, i);
        uint64_t credit = credits_of_box(credits, s, part);
        struct image image;
        image_init(&image, workload, &s->output, part, NULL, 0);
        do {
            for (int64_t k = 0; k < image.row_count; k++) {
                needed[image.row.element + k * image.row_step.element] +=
                    credit;
            }
        } while (image_next(&image));
    }
}

/* Do constants set some of the tensor, or are its elements unlike? */
static bool is_uneven(const struct workload *workload, int tensor)
{
    const struct einsum_tensor *t = &workload->tensors[tensor];
    const struct einsum_statement *s = &workload->statements[t->producer];
    return (s->features & EINSUM_PREDICATE) != 0 || s->next_part >= 0 ||
           t->initializer >= 0 || t->iterative_dim >= 0;
}

static enum status make_needed(struct credits *credits, int tensor,
                               struct diags *diags)
{
    const struct workload *workload = credits->workload;
    const struct einsum_tensor *t = &workload->tensors[tensor];
    if (t->producer < 0 ||
        workload->statements[t->producer].kind != EINSUM_COMPUTE) {
        return OK;
    }
    if (!is_uneven(workload, tensor)) {
        credits->uniform[tensor] = credits_of_box(
            credits, &workload->statements[t->producer], &credits->whole);
        return OK;
    }
    uint64_t *needed = g_try_new0(uint64_t, (gsize)t->element_count);
    if (needed == NULL) {
        return diag_fail(diags, ERR_MEM, "execute-memory",
                         "no memory to track %" G_GINT64_FORMAT
                         " elements of '%s'",
                         t->element_count, t->name);
    }
    credits->needed[tensor] = needed;
    for (int s = t->producer; s >= 0; s = workload->statements[s].next_part) {
        add_needed(credits, s, needed);
    }
    return OK;
}

enum status credits_new(const struct workload *workload, struct diags *diags,
                        struct credits **result)
{
    AUTO(credits) credits = g_new0(struct credits, 1);
    gsize tensors = (gsize)workload->tensor_count;
    credits->workload = workload;
    credits->uniform = g_new0(uint64_t, tensors + 1);
    credits->needed = g_new0(uint64_t *, tensors + 1);
    for (int r = 0; r < workload->rank_count; r++) {
        credits->whole.high[r] = workload->rank[r].extent;
        TRY(make_prefix(credits, r, diags));
    }
    for (int t = 0; t < workload->tensor_count; t++) {
        TRY(make_needed(credits, t, diags));
    }
    *result = g_steal_pointer(&credits);
    return OK;
}

void credits_free(struct credits *credits)
{
    if (credits == NULL) {
        return;
    }
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        g_free(credits->prefix[r]);
    }
    for (int t = 0;
         credits->needed != NULL && t < credits->workload->tensor_count; t++) {
        g_free(credits->needed[t]);
    }
    g_free(credits->needed);
    g_free(credits->uniform);
    g_free(credits);
}

uint64_t credits_needed(const struct credits *credits, int tensor,
                        int64_t element)
{
    return credits->needed[tensor] != NULL ? credits->needed[tensor][element]
                                           : credits->uniform[tensor];
}

const uint64_t *credits_uniform(const struct credits *credits, int tensor)
{
    return credits->needed[tensor] != NULL ? NULL : &credits->uniform[tensor];
}
