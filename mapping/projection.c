/* Accesses that are not affine, as the rest of the folder may see them.
 *
 * Where data, or a mode such as clamp, decides which element is met, a hold must
 * keep the whole dimension, and a step moves one element for every point of the
 * ranks that the indices depend on. Both are affine accesses of another kind:
 *
 *   in a hold   the dimension is indexed by a rank that is no statement's and no
 *               loop's, whose extent is the dimension's: all of it, always
 *   by a leaf   an access with one dimension for each of those ranks
 *
 * So the plan gets a copy of the workload with the first kind in place of what was
 * there, and the second kind beside it. */
#include <string.h>

#include "mapping/step.h"

struct statement_elements {
    struct einsum_access
        *reads; /* beside resolved_reads; NULL: they are affine */
    struct einsum_access output;
};

struct projection {
    struct workload workload;            /* shares what is not about accesses */
    struct statement_elements *elements; /* by statement */
};

#define REFUSED_FEATURES ((unsigned)(EINSUM_PART | EINSUM_TRANSFORM))
#define WHOLE_DIMENSION  "whole dimension" /* no name that a file could have */

static bool is_projected(const struct einsum_statement *s)
{
    bool is_any = s->output.beyond_affine != 0;
    for (int i = 0; i < s->read_count; i++) {
        is_any |= s->resolved_reads[i].beyond_affine != 0;
    }
    return s->kind == EINSUM_COMPUTE && is_any;
}

/* ---- refusals ------------------------------------------------------------- */

static enum status refuse(const struct mapping *mapping,
                          const struct workload *workload,
                          const struct einsum_statement *s, const char *what,
                          struct diags *diags)
{
    diag_error(diags, mapping->span, "mapping-unsupported", NULL,
               "mappings do not model %s yet, which einsum '%s' of cascade "
               "'%s' has",
               what, s->name, workload->name);
    return ERR_INPUT;
}

static bool is_along_iteration(const struct workload *workload,
                               const struct einsum_access *access)
{
    int dim = workload->tensors[access->tensor].iterative_dim;
    return dim >= 0 && (access->beyond_affine >> dim & 1U) != 0;
}

static enum status check_statement(const struct mapping *mapping,
                                   const struct workload *workload,
                                   const struct einsum_statement *s,
                                   struct diags *diags)
{
    if ((s->features & REFUSED_FEATURES) != 0) {
        return refuse(mapping, workload, s,
                      einsum_feature_name(s->features & REFUSED_FEATURES),
                      diags);
    }
    bool is_iterative = is_along_iteration(workload, &s->output);
    for (int i = 0; i < s->read_count; i++) {
        is_iterative |= is_along_iteration(workload, &s->resolved_reads[i]);
    }
    if (is_iterative) {
        return refuse(mapping, workload, s, "a gather along an iterative rank",
                      diags);
    }
    bool is_masked_scatter = (s->features & EINSUM_SCATTER) != 0 &&
                             (s->features & EINSUM_PREDICATE) != 0;
    return is_masked_scatter ? refuse(mapping, workload, s,
                                      "a scatter with a predicate", diags)
                             : OK;
}

/* ---- projecting ----------------------------------------------------------- */

/* A rank of that extent beyond those of the workload; -1: no room for one. */
static int find_whole(struct workload *workload, int own_ranks, int64_t extent)
{
    for (int r = own_ranks; r < workload->rank_count; r++) {
        if (workload->rank[r].extent == extent) {
            return r;
        }
    }
    if (workload->rank_count == EINSUM_MAX_RANKS) {
        return -1;
    }
    workload->rank[workload->rank_count] =
        (struct einsum_rank){WHOLE_DIMENSION, extent};
    return workload->rank_count++;
}

static bool project_tile(struct workload *workload, int own_ranks,
                         struct einsum_access *access)
{
    const struct einsum_tensor *t = &workload->tensors[access->tensor];
    for (int d = 0; d < access->dim_count; d++) {
        if ((access->beyond_affine >> d & 1U) != 0) {
            int rank = find_whole(workload, own_ranks, t->extent[d]);
            if (rank < 0) {
                return false;
            }
            access->index[d] = (struct affine){0};
            access->index[d].coefficient[rank] = 1;
        }
    }
    return true;
}

/* A dimension for each rank; the last takes what is left of them, as one number
 * in as many digits. */
static void project_elements(const struct workload *workload, unsigned ranks,
                             struct einsum_access *access)
{
    access->dim_count = 0;
    access->beyond_affine = 0;
    memset(access->index, 0, sizeof access->index);
    for (int r = 0; r < workload->rank_count; r++) {
        if ((ranks >> r & 1U) == 0) {
            continue;
        }
        struct affine *last = &access->index[EINSUM_MAX_DIMS - 1];
        if (access->dim_count < EINSUM_MAX_DIMS) {
            access->index[access->dim_count++].coefficient[r] = 1;
            continue;
        }
        for (int q = 0; q < r; q++) {
            last->coefficient[q] *= workload->rank[r].extent;
        }
        last->coefficient[r] = 1;
    }
}

static bool project_statement(struct projection *projection, int own_ranks,
                              int statement)
{
    struct workload *workload = &projection->workload;
    struct einsum_statement *s = &workload->statements[statement];
    struct statement_elements *elements = &projection->elements[statement];
    gsize count = (gsize)s->read_count;
    elements->reads = g_new0(struct einsum_access, count + 1);
    elements->output = s->output;
    s->resolved_reads =
        g_memdup2(s->resolved_reads, count * sizeof *s->resolved_reads);
    bool fits = true;
    for (int i = 0; i < s->read_count; i++) {
        struct einsum_access *read = &s->resolved_reads[i];
        elements->reads[i] = *read;
        if (read->beyond_affine != 0) {
            project_elements(workload,
                             workload_access_ranks(workload, statement, i),
                             &elements->reads[i]);
            fits = fits && project_tile(workload, own_ranks, read);
        }
    }
    if (s->output.beyond_affine != 0) {
        project_elements(workload,
                         workload_access_ranks(workload, statement, -1),
                         &elements->output);
        fits = fits && project_tile(workload, own_ranks, &s->output);
    }
    return fits;
}

/* ---- what is taken for granted --------------------------------------------- */

static void note(struct plan *plan, const struct einsum_statement *s)
{
    if ((s->features & EINSUM_SCATTER) != 0) {
        g_ptr_array_add(plan->notes,
                        g_strdup_printf("'%s' scatters: elements are counted "
                                        "as different as long as there are "
                                        "any",
                                        s->name));
    }
    if ((s->features & EINSUM_INDEX_MODE) != 0 && is_projected(s)) {
        g_ptr_array_add(plan->notes,
                        g_strdup_printf("'%s' has indices that are not affine: "
                                        "an element is counted for each point",
                                        s->name));
    }
    if ((s->features & EINSUM_DATA_PREDICATE) != 0) {
        g_ptr_array_add(plan->notes,
                        g_strdup_printf("conditions of '%s' on data are "
                                        "counted as if they held",
                                        s->name));
    }
}

/* ---- the whole ------------------------------------------------------------ */

enum status projection_new(struct plan *plan, const struct mapping *mapping,
                           struct diags *diags)
{
    const struct workload *original = plan->workload;
    bool is_any = false;
    for (int i = 0; i < original->statement_count; i++) {
        const struct einsum_statement *s = &original->statements[i];
        TRY(check_statement(mapping, original, s, diags));
        note(plan, s);
        is_any |= is_projected(s);
    }
    if (!is_any) {
        return OK;
    }
    struct projection *projection = g_new0(struct projection, 1);
    plan->projection = projection;
    projection->workload = *original;
    gsize count = (gsize)original->statement_count;
    projection->workload.statements =
        g_memdup2(original->statements, count * sizeof *original->statements);
    projection->elements = g_new0(struct statement_elements, count + 1);
    for (int i = 0; i < original->statement_count; i++) {
        if (is_projected(&original->statements[i]) &&
            !project_statement(projection, original->rank_count, i)) {
            return refuse(mapping, original, &original->statements[i],
                          "so many ranks and gathered dimensions", diags);
        }
    }
    plan->workload = &projection->workload;
    return OK;
}

void projection_free(struct projection *projection)
{
    if (projection == NULL) {
        return;
    }
    for (int i = 0; i < projection->workload.statement_count; i++) {
        if (projection->elements[i].reads != NULL) {
            g_free(projection->elements[i].reads);
            g_free(projection->workload.statements[i].resolved_reads);
        }
    }
    g_free(projection->elements);
    g_free(projection->workload.statements);
    g_free(projection);
}

const struct einsum_access *
projection_elements(const struct plan *plan, int leaf,
                    const struct einsum_access *access)
{
    int statement = plan->leaves[leaf].statement;
    const struct einsum_statement *s = &plan->workload->statements[statement];
    if (plan->projection == NULL ||
        plan->projection->elements[statement].reads == NULL) {
        return access;
    }
    const struct statement_elements *elements =
        &plan->projection->elements[statement];
    return access == &s->output ? &elements->output
                                : &elements->reads[access - s->resolved_reads];
}

static bool has_rank(const struct einsum_statement *s, int rank)
{
    for (int r = 0; r < s->rank_count; r++) {
        if (s->rank[r] == rank) {
            return true;
        }
    }
    return false;
}

bool projection_count_foreign(const struct plan *plan,
                              const struct einsum_statement *s,
                              int64_t *elements)
{
    const struct workload *workload = plan->workload;
    *elements = 1;
    for (int d = 0; d < s->output.dim_count; d++) {
        for (int r = 0; r < workload->rank_count; r++) {
            if (s->output.index[d].coefficient[r] != 0 && !has_rank(s, r) &&
                !num_mul(*elements, workload->rank[r].extent, elements)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- selections and scatters ------------------------------------------------ */

static enum status refuse_rank(struct builder *b, int leaf_id, int rank,
                               const char *what)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    diag_error(b->diags, b->plan->nodes[leaf->node].span, "mapping-selection",
               NULL, "Einsum '%s' %s rank '%s'",
               b->workload->statements[leaf->statement].name, what,
               b->workload->rank[rank].name);
    return ERR_INPUT;
}

/* Do lanes share out the rank, above the leaf or in its step? */
static bool is_spread(const struct builder *b, int leaf_id, int position)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    bool is_any = leaf->axis_of[position] >= 0;
    for (int n = leaf->node; n >= 0; n = b->plan->nodes[n].parent) {
        const struct plan_node *node = &b->plan->nodes[n];
        is_any |= node->kind == PLAN_SPATIAL && node->trips > 1 &&
                  node->rank == s->rank[position];
    }
    return is_any;
}

/* Does a loop in the step over another rank turn inside one over the fiber's? */
static bool is_interrupted(const struct step *step, int rank)
{
    bool is_inside = false;
    bool is_any = false;
    for (int i = 0; i < step->loop_count; i++) {
        bool is_fiber = step->loop[i].rank == rank;
        is_any |= is_inside && !is_fiber && step->loop[i].trips > 1;
        is_inside |= is_fiber && step->loop[i].trips > 1;
    }
    return is_any;
}

enum status check_selection(struct builder *b, int leaf_id)
{
    const struct plan_leaf *leaf = &b->plan->leaves[leaf_id];
    const struct einsum_statement *s =
        &b->workload->statements[leaf->statement];
    int last = s->rank_count - 1;
    int64_t extent[EINSUM_MAX_RANKS];
    struct step step;
    TRY(step_of_leaf(b, leaf_id, &step));
    node_extents(b->plan, leaf->node, extent);
    if ((s->features & EINSUM_INDEX_PRODUCER) != 0 && last >= 0 &&
        (extent[s->rank[last]] < b->workload->rank[s->rank[last]].extent ||
         is_spread(b, leaf_id, last) || is_interrupted(&step, s->rank[last]))) {
        return refuse_rank(b, leaf_id, s->rank[last],
                           "selects from whole fibers: loops and lanes may "
                           "not divide");
    }
    for (int r = 0; (s->features & EINSUM_SCATTER) != 0 && r <= last; r++) {
        if (s->is_reduced[r] && is_spread(b, leaf_id, r)) {
            return refuse_rank(b, leaf_id, s->rank[r],
                               "scatters: lanes cannot add up what they send "
                               "over");
        }
    }
    return OK;
}
