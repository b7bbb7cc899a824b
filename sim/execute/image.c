/* The elements of an access over a box, as rows.
 *
 * Accesses are affine, and so is where an element lies in a frame: each rank
 * moves by a fixed step. Ranks become nested counts, those that continue one
 * another one longer row. Only slices that take turns are not even: along the
 * rank that moves them every index begins anew. */
#include "sim/execute/execute.h"

struct layout layout_of_tensor(const struct einsum_tensor *tensor)
{
    struct layout layout = {.elements = 1, .wrap_dim = -1};
    for (int d = tensor->dim_count; d-- > 0;) {
        layout.stride[d] = layout.elements;
        layout.elements *= tensor->extent[d];
    }
    return layout;
}

static int64_t index_end(const struct affine *index,
                         const struct region *region, bool is_high)
{
    int64_t value = index->constant;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        int64_t coefficient = index->coefficient[r];
        if (coefficient != 0) {
            value += coefficient * ((coefficient < 0) != is_high
                                        ? region->high[r] - 1
                                        : region->low[r]);
        }
    }
    return value;
}

int64_t index_lowest(const struct affine *index, const struct region *region)
{
    return index_end(index, region, false);
}

int64_t index_highest(const struct affine *index, const struct region *region)
{
    return index_end(index, region, true);
}

/* Where index `value` of a dimension lies. */
static int64_t dim_place(const struct place *place, int dim, int64_t value)
{
    const struct layout *layout = place->layout;
    int64_t at = dim == layout->wrap_dim ? value % layout->slices
                                         : value - place->origin[dim];
    return at * layout->stride[dim];
}

static void find_first(struct image *image)
{
    struct layout whole =
        layout_of_tensor(&image->workload->tensors[image->access->tensor]);
    image->row = (struct image_step){0};
    for (int d = 0; d < image->access->dim_count; d++) {
        const struct affine *index = &image->access->index[d];
        int64_t value = index->constant;
        for (int r = 0; r < image->workload->rank_count; r++) {
            value += index->coefficient[r] * image->region.low[r];
        }
        image->row.element += value * whole.stride[d];
        for (int p = 0; p < image->place_count; p++) {
            image->row.at[p] += dim_place(&image->place[p], d, value);
        }
    }
}

static struct image_step rank_step(const struct image *image, int rank)
{
    struct layout whole =
        layout_of_tensor(&image->workload->tensors[image->access->tensor]);
    struct image_step step = {0};
    for (int d = 0; d < image->access->dim_count; d++) {
        int64_t coefficient = image->access->index[d].coefficient[rank];
        step.element += coefficient * whole.stride[d];
        for (int p = 0; p < image->place_count; p++) {
            step.at[p] += coefficient * image->place[p].layout->stride[d];
        }
    }
    return step;
}

/* Does the outer step go on where `count` inner ones end? */
static bool continues(const struct image *image, const struct image_step *outer,
                      const struct image_step *inner, int64_t count)
{
    bool is_even = outer->element == inner->element * count;
    for (int p = 0; p < image->place_count; p++) {
        is_even = is_even && outer->at[p] == inner->at[p] * count;
    }
    return is_even;
}

/* Puts the loop in its order, longest steps outermost. */
static void insert_level(struct image *image, int64_t count,
                         struct image_step step)
{
    int at = image->depth++;
    while (at > 0 && ABS(image->step[at - 1].element) < ABS(step.element)) {
        image->step[at] = image->step[at - 1];
        image->count[at] = image->count[at - 1];
        at--;
    }
    image->step[at] = step;
    image->count[at] = count;
}

static void find_levels(struct image *image)
{
    image->depth = 0;
    for (int rank = 0; rank < image->workload->rank_count; rank++) {
        int64_t count = image->region.high[rank] - image->region.low[rank];
        struct image_step step = {0};
        if (count > 1 && rank != image->wrap_rank) {
            step = rank_step(image, rank);
        }
        if (step.element != 0) {
            insert_level(image, count, step);
        }
    }
    for (int l = image->depth - 1; l > 0; l--) {
        if (continues(image, &image->step[l - 1], &image->step[l],
                      image->count[l])) {
            image->count[l - 1] *= image->count[l];
            image->step[l - 1] = image->step[l];
            for (int k = l; k + 1 < image->depth; k++) {
                image->count[k] = image->count[k + 1];
                image->step[k] = image->step[k + 1];
            }
            image->depth--;
        }
    }
    image->row_count = 1;
    image->row_step = (struct image_step){0};
    if (image->depth > 0) {
        image->depth--;
        image->row_count = image->count[image->depth];
        image->row_step = image->step[image->depth];
    }
}

/* The rank that moves slices which take turns; -1: they stay. */
static int find_wrap_rank(const struct image *image)
{
    for (int p = 0; p < image->place_count; p++) {
        int d = image->place[p].layout->wrap_dim;
        for (int rank = 0; d >= 0 && rank < image->workload->rank_count;
             rank++) {
            if (image->access->index[d].coefficient[rank] != 0 &&
                image->region.high[rank] - image->region.low[rank] > 1) {
                return rank;
            }
        }
    }
    return -1;
}

static void begin_rows(struct image *image)
{
    find_first(image);
    for (int l = 0; l < image->depth; l++) {
        image->index[l] = 0;
    }
}

void image_init(struct image *image, const struct workload *workload,
                const struct einsum_access *access, const struct region *region,
                const struct place *places, int place_count)
{
    image->workload = workload;
    image->access = access;
    image->region = *region;
    image->place_count = place_count;
    for (int p = 0; p < place_count; p++) {
        image->place[p] = places[p];
    }
    image->wrap_rank = find_wrap_rank(image);
    find_levels(image);
    begin_rows(image);
}

static void advance(struct image *image, int level, int64_t steps)
{
    image->row.element += steps * image->step[level].element;
    for (int p = 0; p < image->place_count; p++) {
        image->row.at[p] += steps * image->step[level].at[p];
    }
}

bool image_next(struct image *image)
{
    for (int l = image->depth - 1; l >= 0; l--) {
        if (++image->index[l] < image->count[l]) {
            advance(image, l, 1);
            return true;
        }
        advance(image, l, 1 - image->count[l]);
        image->index[l] = 0;
    }
    int wrap = image->wrap_rank;
    if (wrap >= 0 && image->region.low[wrap] + 1 < image->region.high[wrap]) {
        image->region.low[wrap]++;
        begin_rows(image);
        return true;
    }
    return false;
}
