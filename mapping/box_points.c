/* Does a predicate leave any point of a box? Bounds of its comparisons tell for
 * most boxes, corners for most of those that a comparison crosses; else the points
 * are counted. */
#include "mapping/builder.h"

/* More corners than this are not worth it. */
#define MOST_CORNERS 16

static enum status has_corner(const struct workload *workload, int statement,
                              const int64_t *low, const int64_t *high,
                              bool *has_point)
{
    const struct einsum_statement *s = &workload->statements[statement];
    unsigned ranks = workload_mask_ranks(workload, statement);
    int at[EINSUM_MAX_RANKS];
    int count = 0;
    for (int r = 0; r < s->rank_count; r++) {
        if ((ranks >> s->rank[r] & 1) != 0 && high[r] - low[r] > 1) {
            at[count++] = r;
        }
    }
    int64_t first[EINSUM_MAX_RANKS];
    int64_t end[EINSUM_MAX_RANKS];
    for (unsigned corner = 0;
         corner < MOST_CORNERS && corner >> count == 0 && !*has_point;
         corner++) {
        int64_t points = 0;
        for (int r = 0; r < s->rank_count; r++) {
            first[r] = low[r];
            end[r] = low[r] + 1;
        }
        for (int i = 0; i < count; i++) {
            first[at[i]] =
                (corner >> i & 1) != 0 ? high[at[i]] - 1 : low[at[i]];
            end[at[i]] = first[at[i]] + 1;
        }
        TRY(workload_count_box_points(workload, statement, first, end,
                                      &points));
        *has_point = points > 0;
    }
    return OK;
}

enum status box_has_point(const struct workload *workload, int statement,
                          const int64_t *low, const int64_t *high,
                          bool *has_point)
{
    const struct einsum_statement *s = &workload->statements[statement];
    int64_t by_rank_low[EINSUM_MAX_RANKS] = {0};
    int64_t by_rank_high[EINSUM_MAX_RANKS] = {0};
    int64_t points = 0;
    *has_point = false;
    for (int r = 0; r < s->rank_count; r++) {
        by_rank_low[s->rank[r]] = low[r];
        by_rank_high[s->rank[r]] = high[r];
        if (low[r] >= high[r]) {
            return OK;
        }
    }
    enum box_points kind =
        workload_classify_box(workload, statement, by_rank_low, by_rank_high);
    if (kind != BOX_SOME) {
        *has_point = kind == BOX_ALL;
        return OK;
    }
    TRY(has_corner(workload, statement, low, high, has_point));
    if (!*has_point) {
        TRY(workload_count_box_points(workload, statement, low, high, &points));
        *has_point = points > 0;
    }
    return OK;
}
