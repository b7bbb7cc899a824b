/* Largest and top-k by direct comparison: each choice costs a walk over all. */
#include "kernels/select.h"

int64_t select_largest(const struct bounded *x, int64_t count, bool *is_decided)
{
    int64_t largest = 0;
    for (int64_t i = 1; i < count; i++) {
        if (x[i].value > x[largest].value) {
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
        bool is_tie = !(x[j].value > x[i].value) && !(x[j].value < x[i].value);
        place += x[j].value > x[i].value || (is_tie && j < i);
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
