/* One tile step: operands from their stores into the unit's hands, arithmetic,
 * results into theirs.
 *
 * An operand must lie in the store that the mapping says, under its own tag, and
 * finished. A result begins with its first contribution, from the reduction's
 * identity, and takes the place of what lay there; further ones add to it until
 * it is finished. Where a mapping computes it again (`recompute: true`) it begins
 * anew. A tile step along an iterative rank reads what it has just computed: it
 * runs index by index of that rank. */
#include <math.h>
#include <string.h>

#include "sim/execute/execute.h"

/* One box of a leaf, in one lane. */
struct box {
    struct execution *x;
    int leaf;
    const struct einsum_statement *statement;
    struct region region;
};

/* ---- operands ------------------------------------------------------------ */

/* Are all elements of a row there and finished? The quick answer, for rows of
 * neighbours. */
static bool is_row_finished(const struct store *store, int64_t at,
                            int64_t element, int64_t count,
                            const uint64_t *uniform)
{
    int64_t wrong = 0;
    if (store->tag != NULL) {
        for (int64_t i = 0; i < count; i++) {
            wrong |= store->tag[at + i] ^ (element + i);
        }
    }
    if (store->credit == NULL) {
        return wrong == 0;
    }
    if (uniform == NULL) {
        return false;
    }
    uint64_t unfinished = 0;
    for (int64_t i = 0; i < count; i++) {
        unfinished |= store->credit[at + i] ^ *uniform;
    }
    return wrong == 0 && unfinished == 0;
}

static void take(struct execution *x, const struct store *store, int64_t at,
                 int64_t element)
{
    struct tensor_data *hand = &x->scratch->tensors[store->tensor];
    hand->value[element] = store->value[at];
    if (store->error != NULL) {
        hand->error[element] = store->error[at];
    }
}

static void take_row(struct execution *x, const struct store *store, int64_t at,
                     int64_t element, int64_t count)
{
    struct tensor_data *hand = &x->scratch->tensors[store->tensor];
    gsize size = (gsize)count * sizeof(double);
    memcpy(hand->value + element, store->value + at, size);
    if (store->error != NULL) {
        memcpy(hand->error + element, store->error + at, size);
    }
}

/* Takes a row; the element that is not there or not finished, or -1. What no
 * point contributes to has its initial value everywhere. */
static int64_t take_checked_row(struct execution *x, const struct store *store,
                                const struct image *image, int64_t base,
                                int64_t *wrong_at)
{
    int64_t element = image->row.element;
    int64_t at = base + image->row.at[0];
    bool is_adjacent = image->row_count == 1 || (image->row_step.element == 1 &&
                                                 image->row_step.at[0] == 1);
    if (is_adjacent &&
        is_row_finished(store, at, element, image->row_count,
                        credits_uniform(x->credits, store->tensor))) {
        take_row(x, store, at, element, image->row_count);
        return -1;
    }
    for (int64_t i = 0; i < image->row_count; i++) {
        if (store_has_finished(x, store, at, element)) {
            take(x, store, at, element);
        } else if (store->credit == NULL ||
                   credits_needed(x->credits, store->tensor, element) != 0) {
            *wrong_at = at;
            return element;
        }
        element += image->row_step.element;
        at += image->row_step.at[0];
    }
    return -1;
}

/* Any element of the operand, for a message. */
static int64_t first_element(const struct box *box,
                             const struct einsum_access *read)
{
    struct image image;
    image_init(&image, box->x->workload, read,
               &g_array_index(box->x->parts, struct region, 0), NULL, 0);
    return image.row.element;
}

/* The element that is wrong, or -1. */
static int64_t take_from_frame(const struct box *box,
                               const struct einsum_access *read,
                               const struct store *store, int64_t lane,
                               const struct frame *frame, int64_t *wrong_at)
{
    struct execution *x = box->x;
    struct place place = store_place(store, frame);
    int64_t base = store_base(store, lane, frame);
    for (guint p = 0; p < x->parts->len; p++) {
        const struct region *part = &g_array_index(x->parts, struct region, p);
        struct image image;
        if (!store_has_room(store, frame, read, part)) {
            return store_element_outside(x, store, frame, read, part);
        }
        image_init(&image, x->workload, read, part, &place, 1);
        do {
            int64_t wrong = take_checked_row(x, store, &image, base, wrong_at);
            if (wrong >= 0) {
                return wrong;
            }
        } while (image_next(&image));
    }
    return -1;
}

/* May the read touch what the other leaf has written there? */
static bool overlaps(const struct box *box, const struct einsum_access *read,
                     const struct fresh *fresh)
{
    const struct execution *x = box->x;
    const struct einsum_statement *writer =
        &x->workload->statements[x->plan->leaves[fresh->leaf].statement];
    for (int d = 0; d < read->dim_count; d++) {
        const struct affine *written = &writer->output.index[d];
        const struct affine *wanted = &read->index[d];
        if (index_highest(wanted, &box->region) <
                index_lowest(written, &fresh->region) ||
            index_highest(written, &fresh->region) <
                index_lowest(wanted, &box->region)) {
            return false;
        }
    }
    return true;
}

/* Children of a pipeline enter a slot together: what one of them writes, another
 * unit does not see before the next slot. */
static enum status check_race(const struct box *box,
                              const struct einsum_access *read,
                              const struct store *store, int64_t lane,
                              const struct frame *frame)
{
    struct execution *x = box->x;
    int64_t serial = frame == NULL ? -1 : frame->serial;
    const struct plan_leaf *reader = &x->plan->leaves[box->leaf];
    for (guint i = 0; i < x->fresh->len; i++) {
        const struct fresh *fresh = &g_array_index(x->fresh, struct fresh, i);
        const struct plan_leaf *writer = &x->plan->leaves[fresh->leaf];
        if (fresh->store == store && fresh->lane == lane &&
            fresh->serial == serial && writer->child != reader->child &&
            writer->unit != reader->unit && overlaps(box, read, fresh)) {
            return complain_race(x, box->leaf, read, fresh->leaf);
        }
    }
    return OK;
}

/* Nothing brings the operand to the leaf. */
static enum status complain_nowhere(const struct box *box,
                                    const struct einsum_access *read)
{
    struct operand operand = {.leaf = box->leaf,
                              .read = read,
                              .element = first_element(box, read),
                              .at = -1};
    return complain_operand(box->x, &operand);
}

/* What arrives inside the lane is what the leaf before has just made there. */
static enum status take_handed(const struct box *box,
                               const struct einsum_access *read)
{
    struct execution *x = box->x;
    for (guint i = 0; i < x->handed->len; i++) {
        const struct fresh *made = &g_array_index(x->handed, struct fresh, i);
        const struct einsum_statement *writer =
            &x->workload->statements[x->plan->leaves[made->leaf].statement];
        if (writer->output.tensor == read->tensor &&
            overlaps(box, read, made)) {
            return OK;
        }
    }
    return complain_nowhere(box, read);
}

static enum status take_operand(const struct box *box,
                                const struct einsum_access *read)
{
    struct execution *x = box->x;
    if (leaf_takes_handed(x, box->leaf, read)) {
        return take_handed(box, read);
    }
    struct store *store = leaf_store(x, box->leaf, read->tensor);
    if (store == NULL || !stream_has(x, box->leaf, read->tensor)) {
        return complain_nowhere(box, read);
    }
    int64_t lane = store_lane(store, x, x->event.index);
    struct frame *frame = NULL;
    struct region tile;
    if (store->node >= 0) {
        (void)store_region(x, store, x->event.index, &tile);
        frame = store_follow(store, lane, box->leaf, store_key(store, &tile));
        if (frame == NULL) {
            /* Perhaps all that is wanted are initial values. */
            frame = store_begin_frame(x, store, lane, &tile);
        }
        TRY(room_check_kept(x, store, frame));
    }
    TRY(check_race(box, read, store, lane, frame));
    for (guint p = 0; store->is_carried && p < x->parts->len; p++) {
        store_carry(x, store, lane, frame, read,
                    &g_array_index(x->parts, struct region, p));
    }
    int64_t wrong_at = -1;
    int64_t wrong = take_from_frame(box, read, store, lane, frame, &wrong_at);
    struct frame *first = frame;
    while (wrong >= 0 && frame != NULL) {
        int64_t newer_at = -1;
        frame = store_follow_newer(store, lane, box->leaf);
        if (frame != NULL &&
            take_from_frame(box, read, store, lane, frame, &newer_at) < 0) {
            return OK;
        }
    }
    struct operand operand = {.leaf = box->leaf,
                              .read = read,
                              .element = wrong,
                              .store = store,
                              .lane = lane,
                              .frame = first,
                              .at = wrong_at};
    return wrong < 0 ? OK : complain_operand(x, &operand);
}

/* ---- results ------------------------------------------------------------- */

/* What an element is before its first contribution; where values decide which
 * points exist, and none does, that is what it stays. */
static double identity(const struct einsum_statement *statement)
{
    switch (statement->reduce) {
    case EINSUM_NO_REDUCE:
        return (statement->features &
                (EINSUM_PREDICATE | EINSUM_DATA_PREDICATE | EINSUM_SCATTER)) !=
                       0
                   ? 0.0
                   : (double)NAN;
    case EINSUM_SUM:
        return 0.0;
    case EINSUM_MAXIMUM:
        return -(double)INFINITY;
    case EINSUM_MINIMUM:
        return (double)INFINITY;
    case EINSUM_PRODUCT:
        return 1.0;
    }
    BUG("reduction %d", (int)statement->reduce);
}

/* The element of the output begins at `at`, in place of what is there. */
static enum status begin_element(const struct box *box, struct store *store,
                                 int64_t lane, int64_t at, int64_t element)
{
    struct execution *x = box->x;
    if (store->tag != NULL && store->tag[at] != element) {
        int64_t lost = store->tag[at];
        if (lost >= 0 && store->credit[at] != 0 &&
            store->credit[at] !=
                credits_needed(x->credits, store->tensor, lost)) {
            return complain_lost(x, store, lost, store->credit[at], element);
        }
        store->present[lane] += lost < 0;
        store->tag[at] = element;
    }
    store->credit[at] = 0;
    store->value[at] = identity(box->statement);
    if (store->error != NULL) {
        store->error[at] = 0.0;
    }
    take(x, store, at, element);
    return OK;
}

/* Brings the element to hand and credits it with what is about to be added. */
static enum status contribute(const struct box *box, struct store *store,
                              int64_t lane, int64_t at, int64_t element,
                              uint64_t credit)
{
    struct execution *x = box->x;
    uint64_t needed = credits_needed(x->credits, store->tensor, element);
    if (!store_has(store, at, element) || store->credit[at] == 0 ||
        (store->credit[at] == needed &&
         x->plan->leaves[box->leaf].is_recomputed)) {
        if (x->is_done[store->tensor][element] != 0 &&
            !x->plan->leaves[box->leaf].is_recomputed) {
            return complain_twice(x, box->leaf, element, needed + credit);
        }
        TRY(begin_element(box, store, lane, at, element));
    } else {
        take(x, store, at, element);
    }
    store->credit[at] += credit;
    if (credit_count(store->credit[at]) > credit_count(needed)) {
        return complain_twice(x, box->leaf, element, store->credit[at]);
    }
    if (store->credit[at] == needed) {
        x->is_done[store->tensor][element] = 1;
    }
    return OK;
}

/* What each element of a box gets, in a lane's frame. */
struct share {
    struct store *store;
    int64_t lane;
    int64_t base;
    uint64_t credit;
};

static enum status contribute_row(const struct box *box,
                                  const struct share *share,
                                  const struct image *image)
{
    for (int64_t i = 0; i < image->row_count; i++) {
        TRY(contribute(
            box, share->store, share->lane,
            share->base + image->row.at[0] + i * image->row_step.at[0],
            image->row.element + i * image->row_step.element, share->credit));
    }
    return OK;
}

static enum status contribute_part(const struct box *box, struct store *store,
                                   int64_t lane, const struct frame *frame,
                                   const struct region *part)
{
    struct execution *x = box->x;
    struct place place = store_place(store, frame);
    int64_t base = store_base(store, lane, frame);
    const struct share share = {
        store, lane, base, credits_of_box(x->credits, box->statement, part)};
    struct image image;
    image_init(&image, x->workload, &box->statement->output, part, &place, 1);
    do {
        TRY(contribute_row(box, &share, &image));
    } while (image_next(&image));
    return OK;
}

/* Finished elements of the row become what their storage holds of them; partial
 * ones stay as they were added up. */
static void round_row(const struct box *box, const struct store *store,
                      const struct image *image, int64_t base)
{
    struct execution *x = box->x;
    const struct tensor_data *hand = &x->scratch->tensors[store->tensor];
    const uint64_t *uniform = credits_uniform(x->credits, store->tensor);
    int64_t begin = 0;
    for (int64_t i = 0; i <= image->row_count; i++) {
        int64_t at = base + image->row.at[0] + i * image->row_step.at[0];
        int64_t element = image->row.element + i * image->row_step.element;
        if (i < image->row_count &&
            store->credit[at] ==
                (uniform != NULL
                     ? *uniform
                     : credits_needed(x->credits, store->tensor, element))) {
            continue;
        }
        int64_t first = image->row.element + begin * image->row_step.element;
        if (i > begin) {
            bool is_free =
                x->data->is_free != NULL && x->data->is_free[store->tensor];
            einsum_store_elements(
                x->data->arithmetic, store->tensor, hand->value + first,
                hand->error == NULL || is_free ? NULL : hand->error + first,
                i - begin, image->row_step.element);
        }
        begin = i + 1;
    }
}

static void leave_row(const struct execution *x, struct store *store,
                      const struct image *image, int64_t base)
{
    const struct tensor_data *hand = &x->scratch->tensors[store->tensor];
    for (int64_t i = 0; i < image->row_count; i++) {
        int64_t at = base + image->row.at[0] + i * image->row_step.at[0];
        int64_t element = image->row.element + i * image->row_step.element;
        store->value[at] = hand->value[element];
        if (store->error != NULL) {
            store->error[at] = hand->error[element];
        }
    }
}

static void leave_part(const struct box *box, struct store *store, int64_t lane,
                       const struct frame *frame, const struct region *part)
{
    struct execution *x = box->x;
    const struct einsum_arithmetic *arithmetic = x->data->arithmetic;
    bool is_rounded =
        arithmetic != NULL &&
        arithmetic->storage[store->tensor].storage.sharing == FORMAT_UNSCALED;
    struct place place = store_place(store, frame);
    int64_t base = store_base(store, lane, frame);
    struct image image;
    image_init(&image, x->workload, &box->statement->output, part, &place, 1);
    do {
        if (is_rounded) {
            round_row(box, store, &image, base);
        }
        leave_row(x, store, &image, base);
    } while (image_next(&image));
}

/* Does the box have all that shares a scale: whole groups, or whole dimensions? */
static bool shares_whole(const struct box *box,
                         const struct einsum_arithmetic *arithmetic)
{
    const struct execution *x = box->x;
    const struct einsum_access *output = &box->statement->output;
    const struct einsum_storage *storage = &arithmetic->storage[output->tensor];
    enum format_sharing sharing = storage->storage.sharing;
    bool is_grouped =
        sharing == FORMAT_SCALE_GROUP || sharing == FORMAT_SCALE_BLOCK;
    for (int d = 0; d < output->dim_count; d++) {
        int64_t extent = x->workload->tensors[output->tensor].extent[d];
        int64_t group = is_grouped ? storage->storage.group : extent;
        int64_t low = index_lowest(&output->index[d], &box->region);
        int64_t end = index_highest(&output->index[d], &box->region) + 1;
        bool must = sharing == FORMAT_SCALE_ALL || d == storage->scaled_dim;
        if (must && (low % group != 0 || (end % group != 0 && end < extent))) {
            return false;
        }
    }
    return true;
}

/* Values that share scales are stored together: a tile step that finishes some
 * must finish all that share. */
static enum status store_scaled(const struct box *box,
                                const struct store *store, int64_t lane,
                                const struct frame *frame, const int64_t *lo,
                                const int64_t *hi)
{
    struct execution *x = box->x;
    const struct einsum_arithmetic *arithmetic = x->data->arithmetic;
    if (arithmetic == NULL ||
        arithmetic->storage[store->tensor].storage.sharing == FORMAT_UNSCALED) {
        return OK;
    }
    int64_t finished = 0;
    int64_t all = 0;
    struct place place = store_place(store, frame);
    int64_t base = store_base(store, lane, frame);
    struct image image;
    image_init(&image, x->workload, &box->statement->output, &box->region,
               &place, 1);
    do {
        for (int64_t i = 0; i < image.row_count; i++) {
            finished += store_has_finished(
                x, store, base + image.row.at[0] + i * image.row_step.at[0],
                image.row.element + i * image.row_step.element);
            all++;
        }
    } while (image_next(&image));
    if (finished == 0) {
        return OK;
    }
    if (finished < all || !shares_whole(box, arithmetic)) {
        return complain_scale(x, box->statement);
    }
    einsum_store_box(x->workload,
                     (int)(box->statement - x->workload->statements), lo, hi,
                     x->scratch);
    return OK;
}

/* The frame of the tile that the leaf writes; it begins one if it is the first
 * there. */
static struct frame *frame_to_write(const struct box *box, struct store *store,
                                    int64_t lane)
{
    struct execution *x = box->x;
    struct region tile;
    if (store->node < 0) {
        return NULL;
    }
    (void)store_region(x, store, x->event.index, &tile);
    struct frame *frame =
        store_follow(store, lane, box->leaf, store_key(store, &tile));
    if (frame == NULL) {
        (void)store_begin_frame(x, store, lane, &tile);
        frame = store_follow(store, lane, box->leaf, store_key(store, &tile));
    }
    return frame;
}

static void note(const struct box *box, GArray *notes,
                 const struct store *store, int64_t lane,
                 const struct frame *frame)
{
    struct fresh fresh = {store, lane, frame == NULL ? -1 : frame->serial,
                          box->leaf, box->region};
    g_array_append_val(notes, fresh);
}

static enum status run_box(const struct box *box)
{
    struct execution *x = box->x;
    const struct einsum_statement *s = box->statement;
    int statement = (int)(s - x->workload->statements);
    int64_t lo[EINSUM_MAX_RANKS];
    int64_t hi[EINSUM_MAX_RANKS];
    g_array_set_size(x->parts, 0);
    credits_split_box(x->workload, statement, &box->region, x->parts);
    if (x->parts->len == 0) {
        return OK;
    }
    for (int r = 0; r < s->rank_count; r++) {
        lo[r] = box->region.low[s->rank[r]];
        hi[r] = box->region.high[s->rank[r]];
    }
    for (int r = 0; r < s->read_count; r++) {
        TRY(take_operand(box, &s->resolved_reads[r]));
    }
    struct store *store = leaf_store(x, box->leaf, s->output.tensor);
    int64_t lane = store_lane(store, x, x->event.index);
    struct frame *frame = frame_to_write(box, store, lane);
    for (guint p = 0; p < x->parts->len; p++) {
        TRY(contribute_part(box, store, lane, frame,
                            &g_array_index(x->parts, struct region, p)));
    }
    einsum_run_box(x->workload, statement, lo, hi, x->scratch);
    TRY(store_scaled(box, store, lane, frame, lo, hi));
    for (guint p = 0; p < x->parts->len; p++) {
        leave_part(box, store, lane, frame,
                   &g_array_index(x->parts, struct region, p));
    }
    note(box, x->fresh, store, lane, frame);
    note(box, x->handed, store, lane, frame);
    return room_check(x, store);
}

enum status tile_step_run(struct execution *x)
{
    struct box box = {.x = x, .leaf = x->event.leaf};
    const struct plan_leaf *leaf = &x->plan->leaves[box.leaf];
    box.statement = &x->workload->statements[leaf->statement];
    for (int r = 0; r < x->workload->rank_count; r++) {
        box.region.high[r] = x->workload->rank[r].extent;
    }
    for (int r = 0; r < box.statement->rank_count; r++) {
        box.region.low[box.statement->rank[r]] = x->event.lo[r];
        box.region.high[box.statement->rank[r]] = x->event.hi[r];
    }
    int rank = box.statement->iterative_rank;
    if (rank < 0) {
        return run_box(&box);
    }
    int64_t end = box.region.high[rank];
    for (int64_t i = box.region.low[rank]; i < end; i++) {
        box.region.low[rank] = i;
        box.region.high[rank] = i + 1;
        TRY(run_box(&box));
    }
    return OK;
}
