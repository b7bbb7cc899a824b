/* Worker processes. The parent sends the index of a point, the worker answers
 * with one frame: a header and a text, which is the run as JSON or what the
 * diagnostics said. A frame that is cut off by death is never taken for one. */
#ifndef WEIR_EXPLORE_WORKER_H
#define WEIR_EXPLORE_WORKER_H

#include <sys/types.h>

#include "explore/explore.h"

struct frame_header {
    uint32_t point;
    uint32_t status; /* enum status */
    uint64_t length_bytes;
};

struct worker {
    pid_t pid;
    int request; /* parent writes */
    int answer;  /* parent reads */
    bool is_busy;
    uint32_t point;     /* it works on, when busy */
    GByteArray *buffer; /* of a frame that is not whole yet */
};

/* Forks. `others` are workers that run already, whose pipes the new one must
 * not keep open. ERR_IO when there are no processes or files left. */
MUST_USE enum status worker_start(struct diags *diags,
                                  const struct experiment *experiment,
                                  const struct sweep_options *options,
                                  const struct worker *others, size_t count,
                                  struct worker *worker);
/* False when the worker is gone. */
bool worker_ask(struct worker *worker, uint32_t point);
/* Reads what is there; false at the end of the pipe: the worker is gone. */
bool worker_read(struct worker *worker);
/* Takes a whole frame out of the buffer; `text` is owned by the caller. */
bool worker_take_frame(struct worker *worker, struct frame_header *header,
                       char **text);
/* Closes the pipes, which ends an idle worker, and waits for it; kills it first
 * if asked to. Returns what waitpid says. */
int worker_stop(struct worker *worker, bool kill_it);

#endif
