/* What the files that fill runs share. */
#ifndef WEIR_REPORTS_RUN_H
#define WEIR_REPORTS_RUN_H

#include "reports/reports.h"

/* An empty run. */
struct run *run_alloc(void);
/* A copy of `text` that lives as long as the run; NULL gives NULL. */
const char *run_keep(struct run *run, const char *text);
void run_keep_origin(struct run *run, const struct run_origin *origin);
/* By name; DEPENDENCY for one that is not known. */
enum stall run_find_stall(const char *name);
/* The table of the largest causes of stalls; nothing without any. */
void run_print_causes(const struct evaluation *evaluation, GString *out);

/* What the network of a fan-out carried: the sum of its actions. */
struct run_network {
    const char *name;  /* borrowed from the evaluation */
    int64_t hop_count; /* links that values crossed */
    int64_t bytes;     /* on all links */
    double energy_pj;  /* leakage included */
};
/* In the order of the first action of each; caller unrefs. */
GArray *run_sum_networks(const struct evaluation *evaluation);

#endif
