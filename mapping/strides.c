/* What a tile keeps as it moves (strides.h). */
#include "mapping/strides.h"

#include <string.h>

#include "base/base.h"

static bool is_same(const struct stride *a, const struct stride *b)
{
    return a->is_known == b->is_known &&
           (!a->is_known || memcmp(a->by, b->by, sizeof(a->by)) == 0);
}

static bool is_zero(const struct stride *stride)
{
    static const struct stride zero;
    return memcmp(stride->by, zero.by, sizeof(zero.by)) == 0;
}

bool stride_goes_on(const struct stride *stride, const struct stride *by)
{
    return !stride->is_known || is_zero(by) ||
           memcmp(stride->by, by->by, sizeof(by->by)) == 0;
}

static bool add(struct stride_pass *pass, int64_t elements, int64_t events,
                int64_t times)
{
    int64_t product = 0;
    return num_mul(elements, times, &product) &&
           num_add(pass->elements, product, &pass->elements) &&
           num_mul(events, times, &product) &&
           num_add(pass->events, product, &pass->events);
}

bool strides_move(struct strides *strides, const struct stride_move *move)
{
    bool fits = true;
    if (move->is_none) {
        return true;
    }
    bool is_first = !strides->has_moved && !is_zero(&move->by);
    for (int p = 0; p < 2; p++) {
        struct stride_pass *pass = &strides->pass[p];
        bool goes_on =
            is_first ? p == 0 : stride_goes_on(&pass->after, &move->by);
        int64_t elements = goes_on ? move->fresh : move->whole;
        fits = fits && add(pass, elements, elements > 0, 1);
        if (!is_zero(&move->by)) {
            pass->after = (struct stride){.is_known = false};
            if (goes_on) {
                pass->after = move->by;
            }
        }
    }
    if (is_first) {
        strides->has_moved = true;
        strides->first = move->by;
    }
    return fits;
}

bool strides_append(struct strides *strides, const struct strides *more)
{
    bool fits = true;
    for (int p = 0; p < 2; p++) {
        struct stride_pass *pass = &strides->pass[p];
        bool goes_on = strides->has_moved
                           ? stride_goes_on(&pass->after, &more->first)
                           : p == 0;
        const struct stride_pass *next =
            &more->pass[more->has_moved && !goes_on];
        fits = fits && add(pass, next->elements, next->events, 1);
        if (more->has_moved) {
            pass->after = next->after;
        }
    }
    if (more->has_moved && !strides->has_moved) {
        strides->has_moved = true;
        strides->first = more->first;
    }
    return fits;
}

static bool is_after_same(const struct strides *a, const struct strides *b)
{
    return a->has_moved == b->has_moved &&
           is_same(&a->pass[0].after, &b->pass[0].after) &&
           is_same(&a->pass[1].after, &b->pass[1].after);
}

/* Adds as many whole periods of `back` rounds as there are in `rounds`, if one has
 * just ended; returns the rounds added. */
static int64_t add_periods(struct strides *strides,
                           const struct strides *earlier, int64_t back,
                           int64_t rounds, bool *fits)
{
    int64_t periods = rounds / back;
    if (periods == 0 || !is_after_same(earlier, strides)) {
        return 0;
    }
    for (int p = 0; p < 2; p++) {
        struct stride_pass *pass = &strides->pass[p];
        const struct stride_pass *from = &earlier->pass[p];
        *fits = *fits && add(pass, pass->elements - from->elements,
                             pass->events - from->events, periods);
    }
    return periods * back;
}

/* A round ends with the stride of the one before, or of the one before that. */
bool strides_repeat(struct strides *strides, int64_t times,
                    const struct stride_move *move, const struct strides *more)
{
    struct strides earlier[2];
    bool fits = true;
    for (int64_t round = 0; round < times && fits;) {
        int64_t added = 0;
        for (int64_t back = 1; back <= MIN(round, 2) && added == 0; back++) {
            added = add_periods(strides, &earlier[(round - back) % 2], back,
                                times - round, &fits);
        }
        round += added;
        if (added == 0) {
            earlier[round % 2] = *strides;
            fits = strides_move(strides, move) && strides_append(strides, more);
            round++;
        }
    }
    return fits;
}
