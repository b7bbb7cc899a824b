/* Diagnostics between collecting and printing. Private to base/. */
#ifndef WEIR_BASE_DIAG_H
#define WEIR_BASE_DIAG_H

#include "base/base.h"

/* Errors that were counted and not stored. */
size_t diags_dropped_count(const struct diags *diags);

#endif
