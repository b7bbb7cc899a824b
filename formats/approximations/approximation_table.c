/* Approximations by name, and how they are computed with. */
#include "formats/approximations/approximations.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "formats/approximations/approximation.h"

struct functions {
    double (*value)(const struct working *working, double a, double b);
    double (*error)(const struct working *working, double reach);
};

static const struct approximation table[] = {
#define APPROXIMATION(name, identifier, operation, macs, lookups, about)       \
    {name, operation, about, macs, lookups},
#include "formats/approximations/approximations.def"
#undef APPROXIMATION
};

static const struct functions functions[] = {
#define APPROXIMATION(name, identifier, operation, macs, lookups, about)       \
    {identifier##_value, identifier##_error},
#include "formats/approximations/approximations.def"
#undef APPROXIMATION
};

size_t approximation_count(void)
{
    return G_N_ELEMENTS(table);
}

const struct approximation *approximation_at(size_t i)
{
    g_assert(i < approximation_count());
    return &table[i];
}

const struct approximation *approximation_find(const char *operation,
                                               const char *name)
{
    for (size_t i = 0; i < approximation_count(); i++) {
        if (strcmp(table[i].name, name) == 0 &&
            strcmp(table[i].operation, operation) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

double approximation_value(const struct approximation *approximation,
                           const struct format *format,
                           const struct format_policy *policy, double a,
                           double b)
{
    const struct working working = {format, policy};
    return functions[approximation - table].value(&working, a, b);
}

double approximation_error(const struct approximation *approximation,
                           const struct format *format,
                           const struct format_policy *policy, double reach)
{
    const struct working working = {format, policy};
    double error = functions[approximation - table].error(&working, reach);
    /* Of the mathematics done here in double. */
    return error + 0x1p-45;
}

double working_round(const struct working *working, double x)
{
    return format_round(working->format, working->policy, x);
}

double working_mac(const struct working *working, double a, double b, double c)
{
    return format_apply(FORMAT_ADD, working->format, working->policy, a * b, c);
}

double working_unit(const struct working *working)
{
    double unit =
        format_rounding_error(working->format, working->policy, 1.0, 0.0);
    return fmax(unit, DBL_EPSILON);
}
