/* What any execution must move: distinct input elements that some statement
 * reads, and output elements.
 *
 * The elements an access touches: the product over its dimensions of the
 * distinct values of the index there, which is exact while no rank stands in
 * two dimensions. Where one does (a diagonal T[i,i]) the number of points
 * bounds it too. Several accesses to one tensor: the largest, a lower bound on
 * the union and exact when one of them covers the tensor. */
#include "einsum/affine.h"
#include "einsum/ast.h"

/* Distinct values of one index. It starts as a single value; each rank, in
 * order of rising |coefficient|, lays shifted copies beside what there is. */
struct value_set {
    int64_t count;
    int64_t span;  /* largest minus smallest */
    int64_t pitch; /* values are `pitch` apart without gaps, or 0 */
};

static void add_copies(struct value_set *set, int64_t shift, int64_t copies)
{
    bool is_apart = shift > set->span;
    if (set->count == 1) {
        set->pitch = shift;
        set->count = copies;
    } else if (set->pitch > 0 && shift % set->pitch == 0 &&
               shift <= set->span + set->pitch) {
        set->count += shift / set->pitch * (copies - 1);
    } else {
        /* At least |A| + |B| - 1 values when copies overlap. */
        set->count = is_apart ? set->count * copies : set->count + copies - 1;
        set->pitch = 0;
    }
    set->span += shift * (copies - 1);
}

static int64_t next_shift(const struct affine *index, int64_t above, int *rank,
                          int after_rank)
{
    int64_t best = INT64_MAX;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t size = ABS(index->coefficient[r]);
        bool is_next = size > above || (size == above && r > after_rank);
        if (size > 0 && is_next && size < best) {
            best = size;
            *rank = r;
        }
    }
    return best;
}

static int64_t count_values(const struct workload *workload,
                            const struct affine *index)
{
    struct value_set set = {1, 0, 0};
    int rank = -1;
    int64_t shift = 0;
    while ((shift = next_shift(index, shift, &rank, rank)) != INT64_MAX) {
        if (workload->rank[rank].extent > 1) {
            add_copies(&set, shift, workload->rank[rank].extent);
        }
    }
    return set.count;
}

/* The points of the ranks that occur in the access; 0 if beyond int64, which
 * then bounds nothing. */
static int64_t count_access_points(const struct workload *workload,
                                   const struct einsum_access *access)
{
    int64_t points = 1;
    for (int r = 0; r < workload->rank_count; r++) {
        bool occurs = false;
        for (int i = 0; i < access->dim_count; i++) {
            occurs = occurs || access->index[i].coefficient[r] != 0;
        }
        if (occurs && !num_mul(points, workload->rank[r].extent, &points)) {
            return 0;
        }
    }
    return points;
}

static int64_t count_touched(const struct workload *workload,
                             const struct einsum_access *access)
{
    int64_t touched = 1;
    for (int i = 0; i < access->dim_count; i++) {
        /* At most the tensor's elements, which are known to fit. */
        touched *= MIN(count_values(workload, &access->index[i]),
                       workload->tensors[access->tensor].extent[i]);
    }
    int64_t points = count_access_points(workload, access);
    return points > 0 ? MIN(touched, points) : touched;
}

static int64_t count_input(const struct workload *workload, int tensor)
{
    int64_t most = 0;
    for (int i = 0; i < workload->statement_count; i++) {
        const struct einsum_statement *statement = &workload->statements[i];
        for (int j = 0; j < statement->read_count; j++) {
            const struct einsum_access *read = &statement->resolved_reads[j];
            if (read->tensor == tensor && statement->kind == EINSUM_COMPUTE) {
                most = MAX(most, count_touched(workload, read));
            }
        }
    }
    return most;
}

enum status workload_count_compulsory_elements(const struct workload *workload,
                                               int64_t *input_elements,
                                               int64_t *output_elements)
{
    int64_t inputs = 0;
    int64_t outputs = 0;
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        if (tensor->kind == TENSOR_INPUT &&
            !num_add(inputs, count_input(workload, i), &inputs)) {
            return ERR_LIMIT;
        }
        if (tensor->kind == TENSOR_OUTPUT &&
            !num_add(outputs, tensor->element_count, &outputs)) {
            return ERR_LIMIT;
        }
    }
    *input_elements = inputs;
    *output_elements = outputs;
    return OK;
}
