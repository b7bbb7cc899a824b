#include "einsum/affine.h"

#include <string.h>

struct affine affine_constant(int64_t value)
{
    return (struct affine){.constant = value};
}

struct affine affine_rank(int rank)
{
    struct affine a = {0};
    a.coefficient[rank] = 1;
    return a;
}

bool affine_add(const struct affine *a, const struct affine *b,
                struct affine *sum)
{
    struct affine result;
    bool fits = num_add(a->constant, b->constant, &result.constant);
    for (int r = 0; fits && r < EINSUM_MAX_RANKS; r++) {
        fits = num_add(a->coefficient[r], b->coefficient[r],
                       &result.coefficient[r]);
    }
    if (fits) {
        *sum = result;
    }
    return fits;
}

bool affine_scale(const struct affine *a, int64_t factor,
                  struct affine *product)
{
    struct affine result;
    bool fits = num_mul(a->constant, factor, &result.constant);
    for (int r = 0; fits && r < EINSUM_MAX_RANKS; r++) {
        fits = num_mul(a->coefficient[r], factor, &result.coefficient[r]);
    }
    if (fits) {
        *product = result;
    }
    return fits;
}

bool affine_is_constant(const struct affine *a)
{
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        if (a->coefficient[r] != 0) {
            return false;
        }
    }
    return true;
}

bool affine_is_equal(const struct affine *a, const struct affine *b)
{
    return a->constant == b->constant &&
           memcmp(a->coefficient, b->coefficient, sizeof a->coefficient) == 0;
}

int affine_single_rank(const struct affine *a)
{
    int found = -1;
    if (a->constant != 0) {
        return -1;
    }
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        if (a->coefficient[r] == 0) {
            continue;
        }
        if (a->coefficient[r] != 1 || found >= 0) {
            return -1;
        }
        found = r;
    }
    return found;
}

bool affine_range(const struct affine *a, const struct einsum_rank *ranks,
                  int rank_count, int64_t *min, int64_t *max)
{
    int64_t low = a->constant;
    int64_t high = a->constant;
    for (int r = 0; r < rank_count; r++) {
        int64_t reach = 0;
        if (a->coefficient[r] == 0) {
            continue;
        }
        if (!num_mul(a->coefficient[r], ranks[r].extent - 1, &reach) ||
            !num_add(reach < 0 ? low : high, reach, reach < 0 ? &low : &high)) {
            return false;
        }
    }
    *min = low;
    *max = high;
    return true;
}

bool affine_substitute(const struct affine *a,
                       const struct affine *const *substitute,
                       struct affine *result)
{
    struct affine sum = affine_constant(a->constant);
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        if (a->coefficient[r] == 0) {
            continue;
        }
        struct affine own = affine_rank(r);
        struct affine part;
        if (!affine_scale(substitute[r] != NULL ? substitute[r] : &own,
                          a->coefficient[r], &part) ||
            !affine_add(&sum, &part, &sum)) {
            return false;
        }
    }
    *result = sum;
    return true;
}
