/* Which ranks traverse the same thing. An access K[m1*M0+m0] to a dimension
 * that was declared as m splits m's axis into those of m1 and m0; an access
 * X[n] to such a dimension puts n on m's axis; so does a window X[y+i] or any
 * other index, such as h/G, for the rank that moves it furthest. Two ranks that meet in one iteration space (the
 * queries p and keys m of self-attention, both read from X) are different
 * traversals and never share an axis. */
#include "einsum/passes.h"

#include <string.h>

#include "einsum/affine.h"
#include "einsum/ast.h"

/* ---- questions ----------------------------------------------------------- */

int axes_root(const struct axes *axes, int axis)
{
    while (axes->parent[axis] >= 0) {
        axis = axes->parent[axis];
    }
    return axis;
}

bool axes_is_within(const struct axes *axes, int axis, int whole)
{
    while (axis >= 0 && axis != whole) {
        axis = axes->parent[axis];
    }
    return axis == whole;
}

bool axes_is_outermost(const struct axes *axes, int axis, int whole)
{
    if (axis == whole) {
        return true;
    }
    for (int i = 0; i < axes->split_count; i++) {
        if (axes->split[i].whole == whole &&
            axes_is_outermost(axes, axis, axes->split[i].part[0])) {
            return true;
        }
    }
    return false;
}

bool axes_cover(const struct axes *axes, const bool *has, int axis)
{
    bool is_covered = has[axis];
    for (int i = 0; i < axes->split_count && !is_covered; i++) {
        const struct axis_split *split = &axes->split[i];
        is_covered = split->whole == axis;
        for (int j = 0; j < split->part_count && is_covered; j++) {
            is_covered = axes_cover(axes, has, split->part[j]);
        }
    }
    return is_covered;
}

static int find_dim_rank(const struct workload *workload, int tensor, int dim)
{
    const struct einsum_tensor *t = &workload->tensors[tensor];
    if (dim == t->iterative_dim) {
        return t->iterative_rank;
    }
    return t->dim_rank[dim] == NULL
               ? -1
               : workload_find_rank(workload, t->dim_rank[dim]);
}

int axes_of_dim(const struct axes *axes, int tensor, int dim)
{
    int rank = find_dim_rank(axes->workload, tensor, dim);
    return rank < 0 ? -1 : axes->of_rank[rank];
}

void axes_of_statement(const struct axes *axes, int statement, bool *has)
{
    const struct einsum_statement *s = &axes->workload->statements[statement];
    memset(has, 0, EINSUM_MAX_RANKS * sizeof *has);
    for (int i = 0; i < s->rank_count; i++) {
        has[axes->of_rank[s->rank[i]]] = true;
    }
}

void axes_of_output(const struct axes *axes, int statement, bool *has)
{
    const struct einsum_statement *s = &axes->workload->statements[statement];
    memset(has, 0, EINSUM_MAX_RANKS * sizeof *has);
    for (int i = 0; i < s->rank_count; i++) {
        if (!s->is_reduced[i]) {
            has[axes->of_rank[s->rank[i]]] = true;
        }
    }
}

void axes_of_tensor(const struct axes *axes, int tensor, bool *has)
{
    memset(has, 0, EINSUM_MAX_RANKS * sizeof *has);
    for (int d = 0; d < axes->workload->tensors[tensor].dim_count; d++) {
        int axis = axes_of_dim(axes, tensor, d);
        if (axis >= 0) {
            has[axis] = true;
        }
    }
}

bool axes_moves(const struct axes *axes, const struct affine *index, int whole)
{
    for (int r = 0; r < axes->workload->rank_count; r++) {
        if (index->coefficient[r] != 0 &&
            axes_is_within(axes, axes->of_rank[r], whole)) {
            return true;
        }
    }
    return false;
}

const char *axes_shape(const struct axes *axes, int axis)
{
    return name_shape_of_rank(axes->workload->cascade,
                              axes->workload->rank[axes->longest[axis]].name);
}

int64_t axes_extent(const struct axes *axes, int axis)
{
    return axes->workload->rank[axes->longest[axis]].extent;
}

int axes_rank_of(const struct axes *axes, int statement, int axis)
{
    const struct einsum_statement *s = &axes->workload->statements[statement];
    for (int i = 0; i < s->rank_count; i++) {
        if (axes->of_rank[s->rank[i]] == axis) {
            return s->rank[i];
        }
    }
    return -1;
}

static bool has_name(const char *length, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = strstr(length, name); at != NULL;
         at = strstr(at + 1, name)) {
        bool is_start = at == length || !g_ascii_isalnum(at[-1]);
        if (is_start && !g_ascii_isalnum(at[size])) {
            return true;
        }
    }
    return false;
}

bool axes_grows(const struct axes *axes, const char *length)
{
    for (int r = 0; r < axes->workload->rank_count; r++) {
        int root = axes_root(axes, axes->of_rank[r]);
        if (axes->is_of_input[root] &&
            axes_is_outermost(axes, axes->of_rank[r], root) &&
            has_name(length,
                     name_shape_of_rank(axes->workload->cascade,
                                        axes->workload->rank[r].name))) {
            return true;
        }
    }
    return false;
}

char *axes_block(const struct axes *axes, int axis, int64_t *elements)
{
    g_autoptr(GString) text = g_string_new(NULL);
    *elements = 1;
    for (int i = 0; i < axes->split_count && text->len == 0; i++) {
        const struct axis_split *split = &axes->split[i];
        for (int j = 1; split->whole == axis && j < split->part_count; j++) {
            g_string_append_printf(text, "%s%s", j > 1 ? "*" : "",
                                   axes_shape(axes, split->part[j]));
            /* At most the extent that is split. */
            *elements *= axes_extent(axes, split->part[j]);
        }
    }
    return g_strdup(text->len == 0 ? "1" : text->str);
}

/* ---- ranks that meet ----------------------------------------------------- */

static void mark_meeting(struct axes *axes, const bool *has)
{
    for (int a = 0; a < EINSUM_MAX_RANKS; a++) {
        for (int b = 0; b < EINSUM_MAX_RANKS; b++) {
            if (has[a] && has[b] && a != b) {
                axes->meets[a * EINSUM_MAX_RANKS + b] = true;
            }
        }
    }
}

static void find_meetings(struct axes *axes)
{
    const struct workload *workload = axes->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        bool has[EINSUM_MAX_RANKS];
        axes_of_statement(axes, i, has);
        mark_meeting(axes, has);
    }
    for (int i = 0; i < workload->tensor_count; i++) {
        bool has[EINSUM_MAX_RANKS];
        axes_of_tensor(axes, i, has);
        mark_meeting(axes, has);
    }
}

/* Some rank on an axis within `a` meets one on an axis within `b`. */
static bool do_meet(const struct axes *axes, int a, int b)
{
    for (int r = 0; r < axes->workload->rank_count; r++) {
        for (int s = 0; s < axes->workload->rank_count; s++) {
            if (axes->meets[r * EINSUM_MAX_RANKS + s] &&
                axes_is_within(axes, axes->of_rank[r], a) &&
                axes_is_within(axes, axes->of_rank[s], b)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- joining ------------------------------------------------------------- */

static bool is_same_split(const struct axis_split *a,
                          const struct axis_split *b)
{
    return a->whole == b->whole && a->part_count == b->part_count &&
           memcmp(a->part, b->part,
                  (size_t)a->part_count * sizeof a->part[0]) == 0;
}

static void rename_axis(struct axes *axes, int from, int to)
{
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        axes->of_rank[r] = axes->of_rank[r] == from ? to : axes->of_rank[r];
        axes->parent[r] = axes->parent[r] == from ? to : axes->parent[r];
    }
    int kept = 0;
    for (int i = 0; i < axes->split_count; i++) {
        struct axis_split split = axes->split[i];
        bool is_known = false;
        split.whole = split.whole == from ? to : split.whole;
        for (int j = 0; j < split.part_count; j++) {
            split.part[j] = split.part[j] == from ? to : split.part[j];
        }
        for (int j = 0; j < kept; j++) {
            is_known = is_known || is_same_split(&axes->split[j], &split);
        }
        if (!is_known) {
            axes->split[kept++] = split;
        }
    }
    axes->split_count = kept;
}

/* Puts two axes together unless they are different traversals, or it would
 * make an axis a part of itself or of two others. */
static void join(struct axes *axes, int a, int b)
{
    int low = MIN(a, b);
    int high = MAX(a, b);
    bool is_one_tree = axes_root(axes, a) == axes_root(axes, b);
    if (low == high || axes_is_within(axes, a, b) ||
        axes_is_within(axes, b, a)) {
        return;
    }
    if (is_one_tree
            ? axes->parent[a] != axes->parent[b] || do_meet(axes, a, b)
            : (axes->parent[a] >= 0 && axes->parent[b] >= 0) ||
                  do_meet(axes, axes_root(axes, a), axes_root(axes, b))) {
        return;
    }
    if (axes->parent[low] < 0) {
        axes->parent[low] = axes->parent[high];
    }
    rename_axis(axes, high, low);
}

/* ---- splits -------------------------------------------------------------- */

/* Ranks of the index by falling coefficient; equal ones by falling extent. */
static int list_ranks(const struct workload *workload,
                      const struct affine *index, int *rank)
{
    int count = 0;
    for (int r = 0; r < workload->rank_count; r++) {
        if (index->coefficient[r] == 0) {
            continue;
        }
        int at = count++;
        while (at > 0) {
            int before = rank[at - 1];
            int64_t more = index->coefficient[r] - index->coefficient[before];
            if (more < 0 || (more == 0 && workload->rank[r].extent <=
                                              workload->rank[before].extent)) {
                break;
            }
            rank[at] = before;
            at--;
        }
        rank[at] = r;
    }
    return count;
}

/* Mixed radix: every element of the dimension exactly once. */
static bool is_exact_split(const struct workload *workload,
                           const struct affine *index, const int *rank,
                           int count, int64_t extent)
{
    int64_t radix = 1;
    for (int i = count - 1; i >= 0; i--) {
        if (index->coefficient[rank[i]] != radix ||
            !num_mul(radix, workload->rank[rank[i]].extent, &radix)) {
            return false;
        }
    }
    return count > 1 && index->constant == 0 && radix == extent;
}

static void split_axis(struct axes *axes, int whole, const int *rank, int count)
{
    struct axis_split split = {.whole = whole, .part_count = count};
    for (int i = 0; i < count; i++) {
        int part = axes->of_rank[rank[i]];
        bool is_free = axes->parent[part] < 0 || axes->parent[part] == whole;
        if (!is_free || axes_is_within(axes, whole, part) ||
            (axes->parent[part] < 0 && do_meet(axes, part, whole))) {
            return;
        }
        split.part[i] = part;
    }
    for (int i = 0; i < axes->split_count; i++) {
        if (is_same_split(&axes->split[i], &split)) {
            return;
        }
    }
    if (axes->split_count < EINSUM_MAX_RANKS) {
        axes->split[axes->split_count++] = split;
        for (int i = 0; i < count; i++) {
            axes->parent[split.part[i]] = whole;
        }
    }
}

/* The rank that moves a window: further than all others together. */
static int find_carrier(const struct workload *workload,
                        const struct affine *index)
{
    int carrier = -1;
    double furthest = 0.0;
    double sum = 0.0;
    for (int r = 0; r < workload->rank_count; r++) {
        double reach = (double)index->coefficient[r] *
                       (double)(workload->rank[r].extent - 1);
        sum += ABS(reach);
        if (ABS(reach) > ABS(furthest)) {
            furthest = reach;
            carrier = r;
        }
    }
    return furthest > sum / 2.0 ? carrier : -1;
}

static void add_index(struct axes *axes, const struct affine *index, int tensor,
                      int dim)
{
    const struct workload *workload = axes->workload;
    int rank[EINSUM_MAX_RANKS];
    int count = list_ranks(workload, index, rank);
    int whole = axes_of_dim(axes, tensor, dim);
    if (whole < 0 || count == 0) {
        return;
    }
    if (is_exact_split(workload, index, rank, count,
                       workload->tensors[tensor].extent[dim])) {
        split_axis(axes, whole, rank, count);
        return;
    }
    int carrier = count == 1 && index->coefficient[rank[0]] > 0
                      ? rank[0]
                      : find_carrier(workload, index);
    if (carrier >= 0) {
        join(axes, whole, axes->of_rank[carrier]);
    }
}

static void add_read(struct axes *axes, const struct einsum_statement *s,
                     int read)
{
    const struct einsum_access *access = &s->resolved_reads[read];
    for (int d = 0; d < access->dim_count; d++) {
        if (pass_index_is_affine(access, d)) {
            add_index(axes, &access->index[d], access->tensor, d);
            continue;
        }
        int carrier = pass_index_carrier(s, read, d, axes->workload);
        int whole = axes_of_dim(axes, access->tensor, d);
        if (carrier >= 0 && whole >= 0) {
            join(axes, whole, axes->of_rank[carrier]);
        }
    }
}

static void mark_inputs(struct axes *axes)
{
    const struct workload *workload = axes->workload;
    for (int t = 0; t < workload->tensor_count; t++) {
        const struct einsum_tensor *tensor = &workload->tensors[t];
        for (int d = 0; tensor->kind == TENSOR_INPUT && d < tensor->dim_count;
             d++) {
            int axis = axes_of_dim(axes, t, d);
            if (axis >= 0) {
                axes->is_of_input[axes_root(axes, axis)] = true;
            }
        }
    }
}

/* X[p] beside X[m]: p indexes the input as m does, though it shares no axis. */
static void mark_other_names(struct axes *axes)
{
    const struct workload *workload = axes->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        for (int j = 0; j < s->read_count; j++) {
            const struct einsum_access *read = &s->resolved_reads[j];
            for (int d = 0; d < read->dim_count; d++) {
                int rank = affine_single_rank(&read->index[d]);
                if (rank >= 0 &&
                    workload->tensors[read->tensor].kind == TENSOR_INPUT) {
                    int axis = axes->of_rank[rank];
                    axes->is_of_input[axes_root(axes, axis)] = true;
                }
            }
        }
    }
}

/* S[p,m] and S[p,M+g], read as S[p,a]: m, g and a share an axis as long as a. */
static void find_longest(struct axes *axes)
{
    const struct workload *workload = axes->workload;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *s = &workload->statements[i];
        const struct einsum_tensor *tensor =
            &workload->tensors[s->output.tensor];
        for (int d = 0;
             (s->features & EINSUM_PART) != 0 && d < tensor->dim_count; d++) {
            int axis = axes_of_dim(axes, s->output.tensor, d);
            for (int r = 0; axis >= 0 && r < workload->rank_count; r++) {
                int64_t extent = workload->rank[r].extent;
                if (axes->of_rank[r] == axis && extent == tensor->extent[d] &&
                    extent > axes_extent(axes, axis)) {
                    axes->longest[axis] = r;
                }
            }
        }
    }
}

void axes_init(struct axes *axes, const struct workload *workload)
{
    memset(axes, 0, sizeof *axes);
    axes->workload = workload;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        axes->of_rank[r] = r;
        axes->longest[r] = r;
        axes->parent[r] = -1;
    }
    find_meetings(axes);
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        for (int j = 0; j < statement->read_count; j++) {
            add_read(axes, statement, j);
        }
    }
    mark_inputs(axes);
    mark_other_names(axes);
    find_longest(axes);
}
