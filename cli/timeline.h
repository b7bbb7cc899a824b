/* weir plot --timeline. */
#ifndef WEIR_CLI_TIMELINE_H
#define WEIR_CLI_TIMELINE_H

#include "cli/command.h"
#include "reports/reports.h"

/* Simulates what --cascade, --arch, --mapping and --set say and draws a window of
 * it as DIR/timeline-MAPPING.FORMAT. */
MUST_USE enum status timeline_plot(struct cli *cli, const bool *formats);

#endif
