/* Values that go over from one tile to the next.
 *
 * A tensor that advances along an iterative rank, in a hold below the loop over that
 * rank, with nothing outside to keep it: each tile begins with the value that the one
 * before has ended with. It is still in the frame of the older tile, unless that has
 * been given away. */
#include "sim/execute/execute.h"

bool store_has_finished(const struct execution *x, const struct store *store,
                        int64_t at, int64_t element)
{
    return store_has(store, at, element) &&
           (store->credit == NULL ||
            store->credit[at] ==
                credits_needed(x->credits, store->tensor, element));
}

static void carry_element(const struct execution *x, struct store *store,
                          int64_t lane, int64_t to, int64_t from,
                          int64_t element)
{
    if (store->tag[to] == element ||
        !store_has_finished(x, store, from, element)) {
        return;
    }
    store->present[lane] += store->tag[to] < 0;
    store->tag[to] = element;
    store->credit[to] = store->credit[from];
    store->value[to] = store->value[from];
    if (store->error != NULL) {
        store->error[to] = store->error[from];
    }
}

struct carrying {
    struct execution *x;
    struct store *store;
    int64_t lane;
    const struct frame *frame;
    const struct einsum_access *access;
    const struct region *region;
};

static void carry_from(const struct carrying *c, const struct frame *other)
{
    const struct place places[] = {store_place(c->store, c->frame),
                                   store_place(c->store, other)};
    int64_t to = store_base(c->store, c->lane, c->frame);
    int64_t from = store_base(c->store, c->lane, other);
    struct image image;
    image_init(&image, c->x->workload, c->access, c->region, places, 2);
    do {
        for (int64_t i = 0; i < image.row_count; i++) {
            carry_element(c->x, c->store, c->lane,
                          to + image.row.at[0] + i * image.row_step.at[0],
                          from + image.row.at[1] + i * image.row_step.at[1],
                          image.row.element + i * image.row_step.element);
        }
    } while (image_next(&image));
}

void store_carry(struct execution *x, struct store *store, int64_t lane,
                 const struct frame *frame, const struct einsum_access *access,
                 const struct region *region)
{
    const struct carrying carrying = {x, store, lane, frame, access, region};
    for (int64_t age = 0; age < store->frame_count; age++) {
        const struct frame *other = store_remembered(store, lane, age);
        if (other != NULL && other->serial < frame->serial &&
            store_has_room(store, other, access, region) &&
            store_has_room(store, frame, access, region)) {
            carry_from(&carrying, other);
        }
    }
}
