/* Measuring errors. Private to this folder; struct tensor_errors is public. */
#ifndef WEIR_EXPLORE_ERRORS_H
#define WEIR_EXPLORE_ERRORS_H

#include "explore/explore.h"

/* `format` says what a unit in the last place is; `bound` may be NULL. */
void errors_measure(const struct einsum_tensor *tensor,
                    const struct format *format, const double *value,
                    const double *reference, const double *bound,
                    struct tensor_errors *errors);

#endif
