/* Exact decimals for quantities. Private to base/. */
#ifndef WEIR_BASE_DECIMAL_H
#define WEIR_BASE_DECIMAL_H

#include "base/base.h"

struct decimal {
    bool is_negative;
    size_t length_bytes; /* in the text */
};

enum decimal_exactness { DECIMAL_EXACT, DECIMAL_FRACTION, DECIMAL_TOO_LARGE };

/* Does `text` begin with [+-] digits [. digits] [e [+-] digits]? One of the
 * first two may lack its digits. */
bool decimal_scan(const char *text, struct decimal *decimal);
/* The scanned, not negative decimal times `factor`, written if that is a whole
 * number of 63 bits. */
enum decimal_exactness decimal_scale_exactly(const char *text, size_t length,
                                             int64_t factor, int64_t *count);
/* The scanned decimal times 10^shift, correctly rounded; false if it is not
 * finite. */
bool decimal_shift(const char *text, size_t length, int shift, double *real);

#endif
