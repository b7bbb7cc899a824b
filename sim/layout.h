/* Layout: where the tensors of a workload lie in main memory, and which bytes of
 * it an event of a flow moves. Private to sim/.
 *
 * Tensors lie one behind another in the order of the workload, each from a multiple
 * of LAYOUT_ALIGN_BYTES on, dense and row-major. An event moves the box of its
 * tensor that the loops' places leave, all lanes together, row by row. Where data
 * decide which elements those are, and for what a memory inside has no room for,
 * the tensor is gone through from where the last such event stopped. */
#ifndef SIM_LAYOUT_H
#define SIM_LAYOUT_H

#include "mapping/mapping.h"

#define LAYOUT_ALIGN_BYTES 4096

struct layout;

/* ERR_LIMIT beyond int64. */
MUST_USE enum status layout_new(const struct plan *plan,
                                struct layout **layout);
void layout_free(struct layout *layout);
BASE_DEFINE_CLEANUP(layout)

/* The bytes of one event, in pieces that are contiguous. */
struct layout_walk {
    int tensor;
    int dim_count;
    int64_t base_bytes;
    int64_t word_bytes;
    int64_t stride[EINSUM_MAX_DIMS]; /* elements */
    int64_t low[EINSUM_MAX_DIMS];
    int64_t high[EINSUM_MAX_DIMS];
    int64_t at[EINSUM_MAX_DIMS];
    int64_t left_bytes;
};

/* `index` by node id: where the loops stand; NULL: unknown. */
void layout_begin(struct layout *layout, int flow, const int64_t *index,
                  int64_t bytes, struct layout_walk *walk);
/* False when all bytes have been named. */
bool layout_next(struct layout_walk *walk, int64_t *address_bytes,
                 int64_t *size_bytes);

#endif
