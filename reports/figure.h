/* What all figures share: sizes, formats, whole files or none. */
#ifndef WEIR_REPORTS_FIGURE_H
#define WEIR_REPORTS_FIGURE_H

#include "reports/reports.h"

/* DIRECTORY/NAME.pdf; caller frees. */
char *figure_path(const char *name, enum figure_format format,
                  const char *directory);
/* `body` is a gnuplot script without terminal and output. The file is complete
 * or not there. A narrow figure is one column of a paper wide instead of two. */
MUST_USE enum status figure_save(struct diags *diags, const char *body,
                                 enum figure_format format, bool is_narrow,
                                 const char *path);

#endif
