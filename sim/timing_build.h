/* What the files that build a phase's timing share. Private to sim/. */
#ifndef SIM_TIMING_BUILD_H
#define SIM_TIMING_BUILD_H

#include "sim/timing.h"

/* More buffers than this are never filled ahead. */
#define STREAM_MAX_COPIES 64

/* The bank of the memory that the tensor lies in, by all its holds there: in turn,
 * in the order of the mapping; what is not held there (but spilled), in the order
 * of the cascade. */
int timing_find_bank(const struct plan *plan, int memory, int tensor);

/* Does the leaf read or write the tensor (seen through views)? */
bool timing_uses_tensor(const struct plan *plan, int leaf, int tensor);

/* Adds to what the transfer asks of a port, unless that is unlimited; to a bank as
 * a leg of its own, as tensors can be in each other's way there. */
MUST_USE enum status timing_add_port(const struct arch *arch, int port,
                                     int64_t bytes, struct transfer *transfer);
/* Adds what `elements` of a flow ask of the links of networks. */
MUST_USE enum status timing_add_links(const struct plan *plan, int flow,
                                      int64_t elements,
                                      struct transfer *transfer);
/* Makes the transfer last at least as long as the flow's latencies. */
MUST_USE enum status timing_add_latency(const struct plan *plan, int flow,
                                        struct transfer *transfer);

/* Streams and sinks of holds; needs the leaves' tables. */
MUST_USE enum status timing_build_holds(struct phase *phase);
/* Streams, sinks and on-chip transfers of a leaf's own flows. */
MUST_USE enum status timing_build_leaf_flows(struct phase *phase, int leaf);
/* Which streams each leaf waits for, and whose reductions. */
void timing_connect_leaf(struct phase *phase, int leaf);
/* Which stream each stream is filled from; after the leaves. */
void timing_connect_sources(struct phase *phase);

#endif
