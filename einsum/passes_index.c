/* What an index that is not affine says about the place it reads. Of a tree of
 * sums, multiples, floor divisions, remainders, minima and maxima a trend is
 * kept: index = slope * rank + something in [low, high]. With slope 1 the read
 * follows the traversal at a bounded distance, as a window does: NAT's
 * min(max(s - W/2, 0), S - W) + i stays within W of s. A remainder has slope 0:
 * a cyclic shift reads the last elements first. */
#include "einsum/passes.h"

#include <math.h>

#include "einsum/extension.h"

const struct bound_access *pass_bound_read(const struct einsum_statement *s,
                                           int read)
{
    return s->extension == NULL || read >= EINSUM_MAX_READS
               ? NULL
               : s->extension->read[read];
}

bool pass_index_is_affine(const struct einsum_access *access, int dim)
{
    return (access->beyond_affine >> dim & 1U) == 0;
}

const struct index_node *pass_index_tree(const struct einsum_statement *s,
                                         int read, int dim)
{
    const struct bound_access *bound = pass_bound_read(s, read);
    return bound == NULL ? NULL : bound->index[dim];
}

bool pass_index_has_data(const struct einsum_statement *s, int read, int dim)
{
    if (pass_index_is_affine(&s->resolved_reads[read], dim)) {
        return false;
    }
    const struct index_node *tree = pass_index_tree(s, read, dim);
    return tree == NULL || tree->has_data;
}

/* ---- trends -------------------------------------------------------------- */

static struct trend affine_trend(const struct affine *affine,
                                 const struct workload *workload, int rank)
{
    struct trend trend = {(double)affine->coefficient[rank],
                          (double)affine->constant, (double)affine->constant};
    for (int r = 0; r < workload->rank_count; r++) {
        double reach = (double)affine->coefficient[r] *
                       (double)(workload->rank[r].extent - 1);
        if (r != rank) {
            trend.low += MIN(reach, 0.0);
            trend.high += MAX(reach, 0.0);
        }
    }
    return trend;
}

/* Seen with another slope: the difference joins the interval. */
static struct trend with_slope(struct trend trend, double slope, double last)
{
    double reach = (trend.slope - slope) * last;
    return (struct trend){slope, trend.low + MIN(reach, 0.0),
                          trend.high + MAX(reach, 0.0)};
}

/* The smaller or larger of both; with the slope that keeps it narrower. */
static struct trend extreme_trend(struct trend a, struct trend b, bool is_max,
                                  double last)
{
    struct trend best = {0.0, -(double)INFINITY, (double)INFINITY};
    const double slopes[] = {a.slope, b.slope};
    for (size_t i = 0; i < G_N_ELEMENTS(slopes); i++) {
        struct trend x = with_slope(a, slopes[i], last);
        struct trend y = with_slope(b, slopes[i], last);
        struct trend trend = {
            slopes[i], is_max ? MAX(x.low, y.low) : MIN(x.low, y.low),
            is_max ? MAX(x.high, y.high) : MIN(x.high, y.high)};
        if (trend.high - trend.low < best.high - best.low) {
            best = trend;
        }
    }
    return best;
}

static struct trend scaled(struct trend trend, double factor)
{
    double a = trend.low * factor;
    double b = trend.high * factor;
    return (struct trend){trend.slope * factor, MIN(a, b), MAX(a, b)};
}

static struct trend divided(struct trend trend, double divisor)
{
    struct trend result = scaled(trend, 1.0 / divisor);
    result.low -= (divisor - 1.0) / divisor; /* rounded down */
    return result;
}

static struct trend abs_trend(struct trend trend, double last)
{
    return extreme_trend(trend, scaled(trend, -1.0), true, last);
}

static struct trend find_trend(const struct index_node *node,
                               const struct workload *workload, int rank)
{
    static const struct trend unknown = {0.0, -(double)INFINITY,
                                         (double)INFINITY};
    if (node->is_affine) {
        return affine_trend(&node->affine, workload, rank);
    }
    if (node->has_data || node->kind != INDEX_NODE_OP) {
        return unknown;
    }
    double last = (double)(workload->rank[rank].extent - 1);
    struct trend a = find_trend(node->child[0], workload, rank);
    struct trend b =
        node->child[1] == NULL ? a : find_trend(node->child[1], workload, rank);
    bool is_constant = b.slope * b.slope <= 0.0 && b.low >= b.high;
    switch ((int)node->op) {
    case EINSUM_ADD:
        return (struct trend){a.slope + b.slope, a.low + b.low,
                              a.high + b.high};
    case EINSUM_SUB:
        return (struct trend){a.slope - b.slope, a.low - b.high,
                              a.high - b.low};
    case EINSUM_MUL:
        return is_constant ? scaled(a, b.low) : unknown;
    case EINSUM_DIVIDE:
        return divided(a, b.low);
    case EINSUM_MOD:
        return (struct trend){0.0, 0.0, b.low - 1.0};
    case EINSUM_MIN:
    case EINSUM_MAX:
        return extreme_trend(a, b, node->op == EINSUM_MAX, last);
    case EINSUM_ABS:
        return abs_trend(a, last);
    case EINSUM_NEGATE:
        return scaled(a, -1.0);
    default:
        return unknown;
    }
}

struct trend pass_index_trend(const struct einsum_statement *s, int read,
                              int dim, const struct workload *workload,
                              int rank)
{
    const struct bound_access *bound = pass_bound_read(s, read);
    if (bound == NULL) {
        BUG("a trend of an index that is not known");
    }
    struct trend trend = find_trend(bound->index[dim], workload, rank);
    double last = (double)(workload->rank[rank].extent - 1);
    double end = (double)(bound->extent[dim] - 1);
    if (bound->mode[dim] == MODE_CLAMP) {
        trend = extreme_trend(trend, (struct trend){0.0, 0.0, 0.0}, true, last);
        trend =
            extreme_trend(trend, (struct trend){0.0, end, end}, false, last);
    } else if (bound->mode[dim] == MODE_WRAP) {
        trend = (struct trend){0.0, 0.0, end};
    }
    return trend;
}

int pass_index_carrier(const struct einsum_statement *s, int read, int dim,
                       const struct workload *workload)
{
    int carrier = -1;
    double furthest = 0.0;
    const struct index_node *tree = pass_index_tree(s, read, dim);
    for (int r = 0; tree != NULL && r < workload->rank_count; r++) {
        if (tree->has_data || (tree->ranks >> r & 1U) == 0) {
            continue;
        }
        struct trend trend = pass_index_trend(s, read, dim, workload, r);
        double reach = trend.slope * (double)(workload->rank[r].extent - 1);
        if (reach > furthest && reach > trend.high - trend.low) {
            furthest = reach;
            carrier = r;
        }
    }
    return carrier;
}

/* ---- floor division ------------------------------------------------------ */

int pass_index_coarse_rank(const struct einsum_statement *s, int read, int dim,
                           const struct workload *workload)
{
    const struct bound_access *bound = pass_bound_read(s, read);
    const struct index_node *tree = bound == NULL ? NULL : bound->index[dim];
    if (tree == NULL || tree->is_affine || tree->kind != INDEX_NODE_OP ||
        tree->op != EINSUM_DIVIDE || !tree->child[0]->is_affine) {
        return -1;
    }
    int rank = affine_single_rank(&tree->child[0]->affine);
    int64_t divisor = tree->child[1]->affine.constant;
    bool is_cover = rank >= 0 && num_ceil_div(workload->rank[rank].extent,
                                              divisor) == bound->extent[dim];
    return is_cover ? rank : -1;
}

/* ---- indices that are data ----------------------------------------------- */

static bool access_reads(const struct bound_access *access, int tensor);

static bool tree_reads(const struct index_node *node, int tensor)
{
    if (node == NULL || !node->has_data) {
        return false;
    }
    if (node->kind == INDEX_NODE_READ) {
        return node->read->tensor == tensor || access_reads(node->read, tensor);
    }
    return tree_reads(node->child[0], tensor) ||
           tree_reads(node->child[1], tensor);
}

static bool access_reads(const struct bound_access *access, int tensor)
{
    for (int d = 0; d < access->dim_count; d++) {
        if (tree_reads(access->index[d], tensor)) {
            return true;
        }
    }
    return false;
}

bool pass_tensor_is_index(const struct axes *axes, int axis,
                          const struct einsum_statement *s, int tensor,
                          const bool *is_on_fiber)
{
    for (int i = 0; i < s->read_count; i++) {
        const struct einsum_access *read = &s->resolved_reads[i];
        bool is_of_fiber = is_on_fiber == NULL || is_on_fiber[read->tensor];
        for (int d = 0; d < read->dim_count && is_of_fiber; d++) {
            int dim_axis = axes_of_dim(axes, read->tensor, d);
            if (pass_index_has_data(s, i, d) && dim_axis >= 0 &&
                axes_is_within(axes, dim_axis, axis) &&
                tree_reads(pass_index_tree(s, i, d), tensor)) {
                return true;
            }
        }
    }
    return false;
}
