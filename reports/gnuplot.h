/* gnuplot as a child process: no shell, the script on its standard input. */
#ifndef WEIR_REPORTS_GNUPLOT_H
#define WEIR_REPORTS_GNUPLOT_H

#include "reports/reports.h"

/* A string literal of gnuplot in single quotes, in which nothing is
 * substituted; control characters become blanks. Caller frees. */
char *gnuplot_quote(const char *text);

/* Runs a script. ERR_IO when gnuplot is missing or complains. */
MUST_USE enum status gnuplot_run(struct diags *diags, const char *script);

#endif
