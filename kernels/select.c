/* Largest and top-k by direct comparison: each choice costs a walk over all. */
#include "kernels/select.h"

/* What a value is sorted by: NaN, which nothing is above or below, would leave
 * fewer places than values. It is never decided, wherever it is put. */
static double sort_key(struct bounded x)
{
    return isnan(x.value) ? -HUGE_VAL : x.value;
}

int64_t select_largest(const struct bounded *x, int64_t count, bool *is_decided)
{
    int64_t largest = 0;
    for (int64_t i = 1; i < count; i++) {
        if (sort_key(x[i]) > sort_key(x[largest])) {
            largest = i;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        if (i != largest && !bounded_is_ordered(x[largest], x[i])) {
            *is_decided = false;
        }
    }
    return largest;
}

/* How many come before x[i] when sorted by descending value, then index. */
static int64_t find_place(const struct bounded *x, int64_t count, int64_t i)
{
    int64_t place = 0;
    for (int64_t j = 0; j < count; j++) {
        bool is_above = sort_key(x[j]) > sort_key(x[i]);
        bool is_tie = !is_above && !(sort_key(x[j]) < sort_key(x[i]));
        place += is_above || (is_tie && j < i);
    }
    return place;
}

void select_top(const struct bounded *x, int64_t count, int64_t wanted,
                int64_t *index, bool *is_decided)
{
    int64_t found = 0;
    for (int64_t i = 0; i < count && found < wanted; i++) {
        if (find_place(x, count, i) < wanted) {
            index[found++] = i;
        }
    }
    for (int64_t i = 0, next = 0; i < count; i++) {
        if (next < found && index[next] == i) {
            next++;
            continue;
        }
        for (int64_t t = 0; t < found; t++) {
            if (!bounded_is_ordered(x[index[t]], x[i])) {
                *is_decided = false;
            }
        }
    }
}
