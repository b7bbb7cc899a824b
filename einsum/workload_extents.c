/* Extents of ranks and tensors.
 *
 * A rank's extent is the shape of its name. Where the file has none, it follows
 * from a split: in BK[m1,m0] = K[m1*M0+m0] all of dimension 0 of K must be met
 * exactly once, so M1 = M / M0, and a remainder is an error. A tensor's extent
 * follows from the left side that defines it, so both are found together, going
 * over the statements until nothing new turns up.
 */
#include "einsum/binder.h"

#include <string.h>

int binder_rank(const struct binder *binder, const char *name)
{
    int found = workload_find_rank(binder->workload, name);
    if (found < 0) {
        BUG("rank '%s' was not collected", name);
    }
    return found;
}

/* ---- affine form of an index --------------------------------------------- */

static bool affine_of(const struct binder *binder, const struct ast_node *index,
                      struct affine *affine, bool *is_overflow);

static bool affine_of_op(const struct binder *binder,
                         const struct ast_node *index, struct affine *affine,
                         bool *is_overflow)
{
    struct affine left;
    struct affine right = affine_constant(0);
    if (!affine_of(binder, index->child[0], &left, is_overflow) ||
        (index->child_count > 1 &&
         !affine_of(binder, index->child[1], &right, is_overflow))) {
        return false;
    }
    bool fits = false;
    if (index->op == EINSUM_ADD) {
        fits = affine_add(&left, &right, affine);
    } else if (index->op == EINSUM_SUB) {
        fits = affine_scale(&right, -1, &right) &&
               affine_add(&left, &right, affine);
    } else if (index->op == EINSUM_NEGATE) {
        fits = affine_scale(&left, -1, affine);
    } else if (index->op != EINSUM_MUL) {
        return false; /* no affine index: extension.h */
    } else if (affine_is_constant(&left)) {
        fits = affine_scale(&right, left.constant, affine);
    } else {
        fits = affine_scale(&left, right.constant, affine);
    }
    *is_overflow = *is_overflow || !fits;
    return fits;
}

static bool affine_of(const struct binder *binder, const struct ast_node *index,
                      struct affine *affine, bool *is_overflow)
{
    int64_t value = 0;
    switch (index->kind) {
    case AST_NUMBER:
        *affine = affine_constant(index->integer);
        return true;
    case AST_RANK:
        *affine = affine_rank(binder_rank(binder, index->name));
        return true;
    case AST_SHAPE:
        if (!scope_get(binder->scope, index->name, &value)) {
            return false;
        }
        *affine = affine_constant(value);
        return true;
    case AST_OP:
        return affine_of_op(binder, index, affine, is_overflow);
    case AST_ACCESS:
    case AST_CALL:
        break;
    }
    return false;
}

bool binder_affine(const struct binder *binder, const struct ast_node *index,
                   bool is_final, struct affine *affine)
{
    bool is_overflow = false;
    bool is_known = affine_of(binder, index, affine, &is_overflow);
    if (is_overflow && is_final) {
        diag_error(binder->diags, place_span(index->place), "einsum-overflow",
                   NULL, "the index is beyond 64-bit integers");
    }
    return is_known;
}

/* ---- inferring a rank from a split ----------------------------------------
 */

static void set_rank_extent(struct binder *binder, int rank, int64_t extent)
{
    struct einsum_rank *bound = &binder->workload->rank[rank];
    bound->extent = extent;
    scope_set(binder->scope, name_shape_of_rank(binder->cascade, bound->name),
              extent);
}

/* The only rank of the index without an extent, or -1. */
static int find_open_rank(const struct workload *workload,
                          const struct affine *affine)
{
    int open = -1;
    for (int r = 0; r < workload->rank_count; r++) {
        if (affine->coefficient[r] != 0 && workload->rank[r].extent == 0) {
            if (open >= 0) {
                return -1;
            }
            open = r;
        }
    }
    return open;
}

static void report_inexact(const struct binder *binder,
                           const struct ast_node *index, int64_t extent,
                           int64_t block)
{
    g_autoptr(GString) text = g_string_new(NULL);
    ast_print_index(index, text);
    diag_error(binder->diags, place_span(index->place), "einsum-inexact-split",
               NULL,
               "'%s' does not split an extent of %" G_GINT64_FORMAT
               " exactly: it is not a multiple of %" G_GINT64_FORMAT,
               text->str, extent, block);
}

/* Solves block*(X-1) + rest + 1 = extent for the extent X of the open rank,
 * where `rest` is the most that the other ranks add. False: this index does not
 * say what X is. */
static bool solve_split(struct binder *binder, const struct ast_node *index,
                        const struct affine *affine, int rank, int64_t extent)
{
    struct affine others = *affine;
    int64_t block = affine->coefficient[rank];
    int64_t low = 0;
    int64_t rest = 0;
    others.coefficient[rank] = 0;
    if (block < 1 ||
        !affine_range(&others, binder->workload->rank,
                      binder->workload->rank_count, &low, &rest) ||
        low < 0) {
        return false;
    }
    if (rest >= extent || (extent - 1 - rest) % block != 0) {
        report_inexact(binder, index, extent, block);
        rest = extent - 1; /* an extent of 1: no further complaints */
    }
    set_rank_extent(binder, rank, (extent - 1 - rest) / block + 1);
    return true;
}

struct inference {
    struct binder *binder;
    const struct ast_statement *statement;
    bool is_changed;
};

static void infer_from_access(struct ast_node *access, void *data)
{
    struct inference *inference = data;
    struct binder *binder = inference->binder;
    const struct einsum_tensor *tensor =
        &binder->workload
             ->tensors[cascade_find_tensor(binder->cascade, access->name)];
    for (int i = 0; i < access->child_count; i++) {
        struct affine affine;
        if (tensor->extent[i] == 0 ||
            !binder_affine(binder, access->child[i], false, &affine)) {
            continue;
        }
        int rank = find_open_rank(binder->workload, &affine);
        if (rank >= 0 &&
            statement_infers_rank(binder->cascade, inference->statement,
                                  binder->workload->rank[rank].name) &&
            solve_split(binder, access->child[i], &affine, rank,
                        tensor->extent[i])) {
            inference->is_changed = true;
        }
    }
}

/* ---- tensors
 * ---------------------------------------------------------------*/

/* What one left side asks of a dimension; 0 while a rank or shape is open. */
static int64_t find_left_extent(const struct binder *binder,
                                const struct ast_node *index)
{
    struct affine affine;
    int64_t low = 0;
    int64_t high = 0;
    if (!binder_affine(binder, index, false, &affine)) {
        return 0;
    }
    for (int r = 0; r < binder->workload->rank_count; r++) {
        if (affine.coefficient[r] != 0 &&
            binder->workload->rank[r].extent == 0) {
            return 0;
        }
    }
    if (!affine_range(&affine, binder->workload->rank,
                      binder->workload->rank_count, &low, &high) ||
        high >= INT64_MAX) {
        return 0;
    }
    return MAX(high + 1, 1);
}

/* A slice such as RM[0,p] does not bound the iterative dimension; the statement
 * that steps along it does. */
static void extend_tensor(struct inference *inference)
{
    const struct ast_node *output = inference->statement->output;
    const struct cascade *cascade = inference->binder->cascade;
    int found = cascade_find_tensor(cascade, output->name);
    const struct cascade_tensor *parsed =
        cascade_tensor_at(cascade, (size_t)found);
    bool is_main = parsed->producer < 0 || parsed->is_in_parts ||
                   cascade_statement_at(cascade, (size_t)parsed->producer) ==
                       inference->statement;
    struct einsum_tensor *tensor = &inference->binder->workload->tensors[found];
    for (int i = 0; is_main && i < output->child_count; i++) {
        const struct ast_node *index = output->child[i];
        bool is_bind = ast_is_call(index, CALL_BIND);
        int64_t extent = find_left_extent(inference->binder,
                                          is_bind ? index->child[0] : index);
        if (extent > tensor->extent[i]) {
            tensor->extent[i] = extent;
            inference->is_changed = true;
        }
    }
}

static void set_input_extents(struct binder *binder)
{
    for (size_t i = 0; i < binder->cascade->tensors->len; i++) {
        const struct cascade_tensor *parsed =
            cascade_tensor_at(binder->cascade, i);
        struct einsum_tensor *tensor = &binder->workload->tensors[i];
        for (int d = 0; parsed->is_input && d < parsed->dim_count; d++) {
            tensor->extent[d] =
                find_left_extent(binder, parsed->declaration->child[d]);
        }
    }
}

static void infer_extents(struct binder *binder)
{
    bool is_changed = true;
    while (is_changed) {
        is_changed = false;
        set_input_extents(binder);
        for (size_t i = 0; i < binder->cascade->statements->len; i++) {
            struct inference inference = {
                binder, cascade_statement_at(binder->cascade, i), false};
            ast_visit(inference.statement->body, AST_ACCESS, infer_from_access,
                      &inference);
            extend_tensor(&inference);
            is_changed = is_changed || inference.is_changed;
        }
    }
}

/* ---- setting up
 * ------------------------------------------------------------*/

static void add_ranks(struct binder *binder)
{
    const struct cascade *cascade = binder->cascade;
    struct workload *workload = binder->workload;
    for (guint i = 0; i < cascade->ranks->len; i++) {
        const char *name = g_ptr_array_index(cascade->ranks, i);
        const char *shape = name_shape_of_rank(cascade, name);
        int64_t extent = 0;
        workload->rank[workload->rank_count++].name = name;
        if (scope_get(binder->scope, shape, &extent) ||
            (binder_get_outside(binder, shape, &extent) && extent >= 1)) {
            set_rank_extent(binder, (int)i, extent);
        }
    }
}

static enum tensor_kind find_kind(const struct cascade_tensor *tensor)
{
    if (tensor->is_input) {
        return TENSOR_INPUT;
    }
    return tensor->is_output ? TENSOR_OUTPUT : TENSOR_INTERMEDIATE;
}

static void add_tensors(struct binder *binder)
{
    const struct cascade *cascade = binder->cascade;
    struct workload *workload = binder->workload;
    workload->tensors = g_new0(struct einsum_tensor, cascade->tensors->len);
    workload->tensor_count = (int)cascade->tensors->len;
    for (size_t i = 0; i < cascade->tensors->len; i++) {
        const struct cascade_tensor *parsed = cascade_tensor_at(cascade, i);
        workload->tensors[i] = (struct einsum_tensor){
            .name = parsed->name,
            .kind = find_kind(parsed),
            .dim_count = parsed->dim_count,
            .iterative_dim = parsed->iterative_dim,
            .iterative_rank = parsed->iterative_dim < 0
                                  ? -1
                                  : binder_rank(binder, parsed->iterative_rank),
            .producer =
                parsed->producer >= 0 ? parsed->producer : parsed->initializer,
            .initializer = parsed->initializer,
            .span = parsed->is_input ? yaml_key_span(parsed->place.node)
                                     : place_span(parsed->place),
        };
    }
}

static void count_elements(struct binder *binder, struct einsum_tensor *tensor)
{
    tensor->element_count = 1;
    for (int d = 0; d < tensor->dim_count; d++) {
        if (tensor->extent[d] == 0) {
            diag_error(binder->diags, tensor->span, "einsum-unknown-extent",
                       NULL, "the extent of dimension %d of '%s' is not known",
                       d + 1, tensor->name);
            return;
        }
        if (!num_mul(tensor->element_count, tensor->extent[d],
                     &tensor->element_count)) {
            diag_error(binder->diags, tensor->span, "einsum-overflow", NULL,
                       "tensor '%s' has more elements than 64-bit integers "
                       "count",
                       tensor->name);
            return;
        }
    }
}

void bind_extents(struct binder *binder)
{
    add_ranks(binder);
    add_tensors(binder);
    size_t errors_before = diags_error_count(binder->diags);
    infer_extents(binder);
    for (int i = 0; i < binder->workload->tensor_count; i++) {
        count_elements(binder, &binder->workload->tensors[i]);
    }
    for (int r = 0; r < binder->workload->rank_count; r++) {
        const struct einsum_rank *rank = &binder->workload->rank[r];
        if (rank->extent == 0 &&
            diags_error_count(binder->diags) == errors_before) {
            diag_error(binder->diags, SPAN_NONE, "einsum-unknown-extent", NULL,
                       "the extent of rank '%s' is not known", rank->name);
        }
    }
}
