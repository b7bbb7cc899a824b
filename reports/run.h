/* What the files that fill runs share. */
#ifndef WEIR_REPORTS_RUN_H
#define WEIR_REPORTS_RUN_H

#include "reports/reports.h"

/* An empty run. */
struct run *run_alloc(void);
/* A copy of `text` that lives as long as the run; NULL gives NULL. */
const char *run_keep(struct run *run, const char *text);
void run_keep_origin(struct run *run, const struct run_origin *origin);

#endif
