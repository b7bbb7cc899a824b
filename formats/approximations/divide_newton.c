/* 1/m from the line 48/17 - 32/17 m, off by at most 1/17 on 1/2..1, then steps
 * that square the error. Exact constants are rounded: u 48/17 and u 32/17, and
 * the line's value, at most 2 (1 + 1/17), against 1/m >= 1. */
#include "formats/approximations/approximations.h"

#include "formats/approximations/approximation.h"

static double seed(const struct working *working, double m)
{
    return working_mac(working, working_round(working, -32.0 / 17.0), m,
                       working_round(working, 48.0 / 17.0));
}

static double seed_error(const struct working *working)
{
    double u = working_unit(working);
    return 1.0 / 17.0 + u * (48.0 / 17.0 + 32.0 / 17.0 + 2.2) * (1.0 + u);
}

static double reciprocal2(const struct working *working, double m)
{
    double x = newton_step(working, m, seed(working, m));
    return newton_step(working, m, x);
}

static double reciprocal3(const struct working *working, double m)
{
    return newton_step(working, m, reciprocal2(working, m));
}

double divide_newton2_value(const struct working *working, double a, double b)
{
    return divide_by_reciprocal(working, a, b, reciprocal2);
}

double divide_newton2_error(const struct working *working, double reach)
{
    (void)reach;
    double error = newton_error(working, seed_error(working));
    return divide_error(working, newton_error(working, error));
}

double divide_newton3_value(const struct working *working, double a, double b)
{
    return divide_by_reciprocal(working, a, b, reciprocal3);
}

double divide_newton3_error(const struct working *working, double reach)
{
    (void)reach;
    double error = newton_error(working, seed_error(working));
    error = newton_error(working, newton_error(working, error));
    return divide_error(working, error);
}
