/* Which elements of its tensor an access meets; private to this folder. */
#ifndef WEIR_EINSUM_USED_ELEMENTS_H
#define WEIR_EINSUM_USED_ELEMENTS_H

#include "einsum/affine.h"
#include "einsum/extension.h"

struct used_access {
    const struct workload *workload;
    const struct einsum_access *access;
    const struct bound_access *bound;    /* NULL: affine, or not known */
    const struct einsum_extension *part; /* the static conditions */
    bool has_data_condition;
};

struct used_range {
    int64_t least;
    int64_t most;
};

/* NULL if the index is not affine. */
const struct affine *used_affine(const struct used_access *access, int dim);
/* Data says where, or it is not known. */
bool used_has_data(const struct used_access *access, int dim);
/* Of a dimension without data; may leave the extent with zero(..). */
int64_t used_index(const struct used_access *access, int dim,
                   struct point *point);

/* Distinct elements. */
struct used_range used_count(const struct used_access *access);

/* Calls `visit` with every element, some several times, -1 for none: those that
 * are certain to be met, or, unless `is_certain`, that may be. False: data may say
 * any, or the values of the ranks in the indices are more than *budget, which
 * falls by their number. */
typedef void (*used_visitor)(int64_t element, void *data);
MUST_USE bool used_mark(const struct used_access *access, bool is_certain,
                        int64_t *budget, used_visitor visit, void *data);

#endif
