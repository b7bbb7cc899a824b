/* Frames: which tile is where in a store.
 *
 * Tiles take the frames of a lane in turn. Which tile a tile step means follows
 * from where the loops above the hold stand; which frame has it, from the order
 * in which tiles were begun: each leaf goes through the tiles in that order, some
 * leaves later than others (the delays of a software pipeline). A frame that has
 * been given to a newer tile may still have elements of the older one: then
 * their tags tell. */
#include "sim/execute/execute.h"

/* FNV-1a over the corners of the ranks that move the tile. */
uint64_t store_key(const struct store *store, const struct region *region)
{
    uint64_t key = UINT64_C(14695981039346656037);
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        if ((store->key_ranks >> r & 1) != 0) {
            key = (key ^ (uint64_t)region->low[r]) * UINT64_C(1099511628211);
            key ^= key >> 29;
        }
    }
    return key;
}

static struct frame *frame_at(const struct store *store, int64_t lane,
                              int64_t serial)
{
    return &store->frames[lane * store->frame_count +
                          serial % store->frame_count];
}

/* NULL if it is remembered no more. */
static struct frame *frame_with(const struct store *store, int64_t lane,
                                int64_t serial)
{
    if (serial < 0) {
        return NULL;
    }
    struct frame *frame = frame_at(store, lane, serial);
    return frame->serial == serial ? frame : NULL;
}

struct frame *store_begin_frame(struct execution *x, struct store *store,
                                int64_t lane, const struct region *region)
{
    const struct einsum_tensor *t = &x->workload->tensors[store->tensor];
    int64_t serial = ++store->newest[lane];
    struct frame *frame = frame_at(store, lane, serial);
    *frame = (struct frame){
        .serial = serial,
        .key = store_key(store, region),
        .slot = serial % store->copies,
        .filled_by = -1,
    };
    for (int d = 0; d < t->dim_count; d++) {
        int64_t low = INT64_MAX;
        for (guint u = 0; store->is_shifted[d] && u < store->uses->len; u++) {
            if (store_shapes_dim(x, store, u, d)) {
                low = MIN(low, index_lowest(&g_array_index(store->uses,
                                                           struct store_use, u)
                                                 .access->index[d],
                                            region));
            }
        }
        frame->origin[d] = store->is_shifted[d] ? low : 0;
    }
    return frame;
}

struct frame *store_find_frame(const struct store *store, int64_t lane,
                               uint64_t key)
{
    int64_t oldest = MAX(0, store->newest[lane] - store->frame_count + 1);
    for (int64_t s = store->newest[lane]; s >= oldest; s--) {
        struct frame *frame = frame_at(store, lane, s);
        if (frame->key == key) {
            return frame;
        }
    }
    return NULL;
}

static int64_t *cursor_of(struct store *store, int64_t lane, int leaf)
{
    guint u = 0;
    while (u + 1 < store->uses->len &&
           g_array_index(store->uses, struct store_use, u).leaf != leaf) {
        u++;
    }
    return &store->cursor[lane * (int64_t)store->uses->len + (int64_t)u];
}

/* The first with the tile from `serial` on; NULL. */
static struct frame *find_from(const struct store *store, int64_t lane,
                               uint64_t key, int64_t serial)
{
    int64_t oldest = MAX(0, store->newest[lane] - store->frame_count + 1);
    for (int64_t s = MAX(serial, oldest); s <= store->newest[lane]; s++) {
        struct frame *frame = frame_at(store, lane, s);
        if (frame->key == key) {
            return frame;
        }
    }
    return NULL;
}

struct frame *store_follow(struct store *store, int64_t lane, int leaf,
                           uint64_t key)
{
    int64_t *cursor = cursor_of(store, lane, leaf);
    struct frame *frame = frame_with(store, lane, *cursor);
    if (frame == NULL || frame->key != key) {
        frame = find_from(store, lane, key, *cursor + 1);
    }
    if (frame == NULL) {
        return NULL;
    }
    *cursor = frame->serial;
    return frame;
}

struct frame *store_follow_newer(struct store *store, int64_t lane, int leaf)
{
    int64_t *cursor = cursor_of(store, lane, leaf);
    struct frame *frame = frame_with(store, lane, *cursor);
    frame = frame == NULL
                ? NULL
                : find_from(store, lane, frame->key, frame->serial + 1);
    if (frame != NULL) {
        *cursor = frame->serial;
    }
    return frame;
}

int64_t store_base(const struct store *store, int64_t lane,
                   const struct frame *frame)
{
    return (lane * store->copies + (frame == NULL ? 0 : frame->slot)) *
           store->layout.elements;
}

/* Indices of a dimension that the frame has room for. */
static int64_t room_along(const struct store *store, int dim)
{
    int64_t outside =
        dim == 0 ? store->layout.elements : store->layout.stride[dim - 1];
    return outside / store->layout.stride[dim];
}

static bool is_outside(const struct store *store, const struct frame *frame,
                       int dim, int64_t index)
{
    return frame != NULL && dim != store->layout.wrap_dim &&
           (index < frame->origin[dim] ||
            index - frame->origin[dim] >= room_along(store, dim));
}

bool store_has_room(const struct store *store, const struct frame *frame,
                    const struct einsum_access *access,
                    const struct region *region)
{
    for (int d = 0; d < access->dim_count; d++) {
        if (is_outside(store, frame, d,
                       index_lowest(&access->index[d], region)) ||
            is_outside(store, frame, d,
                       index_highest(&access->index[d], region))) {
            return false;
        }
    }
    return true;
}

int64_t store_element_outside(const struct execution *x,
                              const struct store *store,
                              const struct frame *frame,
                              const struct einsum_access *access,
                              const struct region *region)
{
    const struct einsum_tensor *t = &x->workload->tensors[store->tensor];
    int64_t element = 0;
    for (int d = 0; d < access->dim_count; d++) {
        int64_t low = index_lowest(&access->index[d], region);
        int64_t high = index_highest(&access->index[d], region);
        bool is_high = !is_outside(store, frame, d, low) &&
                       is_outside(store, frame, d, high);
        element = element * t->extent[d] + (is_high ? high : low);
    }
    return element;
}

struct frame *store_remembered(const struct store *store, int64_t lane,
                               int64_t age)
{
    return age < store->frame_count
               ? frame_with(store, lane, store->newest[lane] - age)
               : NULL;
}

struct place store_place(const struct store *store, const struct frame *frame)
{
    static const int64_t no_origin[EINSUM_MAX_DIMS];
    return (struct place){&store->layout,
                          frame == NULL ? no_origin : frame->origin};
}
