/* The functions of approximations.def. Private to formats/. */
#ifndef WEIR_FORMATS_APPROXIMATIONS_H
#define WEIR_FORMATS_APPROXIMATIONS_H

struct working;

#define APPROXIMATION(name, identifier, operation, macs, lookups, about)       \
    double identifier##_value(const struct working *working, double a,         \
                              double b);                                       \
    double identifier##_error(const struct working *working, double reach);
#include "formats/approximations/approximations.def"
#undef APPROXIMATION

#endif
