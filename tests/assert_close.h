/* assert_close(a, b, rel): doubles are never compared with ==. */
#ifndef WEIR_TESTS_ASSERT_CLOSE_H
#define WEIR_TESTS_ASSERT_CLOSE_H

#include <math.h>

/* True if a and b differ by at most `relative` of the larger magnitude; equal
 * infinities are close, NaN never is. */
static inline int is_close(double a, double b, double relative)
{
    if (isinf(a) || isinf(b)) {
        return isinf(a) && isinf(b) && signbit(a) == signbit(b);
    }
    return fabs(a - b) <= relative * fmax(fabs(a), fabs(b));
}

#define assert_close(a, b, relative)                                           \
    do {                                                                       \
        double close_a_ = (a);                                                 \
        double close_b_ = (b);                                                 \
        if (!is_close(close_a_, close_b_, (relative))) {                       \
            print_error("%s is %.17g, expected %.17g\n", #a, close_a_,         \
                        close_b_);                                             \
            fail();                                                            \
        }                                                                      \
    } while (0)

#endif
