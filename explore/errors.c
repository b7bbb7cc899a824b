/* How far values are from a reference: one tensor at a time. */
#include "explore/errors.h"

#include <math.h>

/* A NaN on either side is never within a bound, and is kept as the maximum. */
static double larger(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : fmax(a, b);
}

static double relative(double difference, double value)
{
    return difference > 0.0 || isnan(difference) ? difference / fabs(value)
                                                 : 0.0;
}

/* The bin of an error in units in the last place; the first holds 0 too. */
static int find_bin(double ulps)
{
    int exponent = 0;
    if (!(ulps > 0.0)) {
        return isnan(ulps) ? ERROR_BINS - 1 : 0;
    }
    if (isinf(ulps)) {
        return ERROR_BINS - 1;
    }
    (void)frexp(ulps, &exponent); /* below 2^exponent */
    return CLAMP(exponent - ERROR_FIRST_EXPONENT, 0, ERROR_BINS - 1);
}

static void keep_worst(const struct einsum_tensor *tensor, int64_t at,
                       struct tensor_errors *errors)
{
    errors->worst_count = tensor->dim_count;
    for (int d = tensor->dim_count - 1; d >= 0; d--) {
        errors->worst[d] = at % tensor->extent[d];
        at /= tensor->extent[d];
    }
}

/* Of what is finite: a value that is not on either side counts as beyond all. */
static void add_element(struct tensor_errors *errors, double value,
                        double reference, double ulp)
{
    double difference = fabs(value - reference);
    bool is_same = value <= reference && value >= reference;
    difference = is_same ? 0.0 : difference; /* infinities too */
    double share = relative(difference, reference);
    double ulps = difference / ulp;
    errors->max_abs = larger(errors->max_abs, difference);
    errors->max_rel = larger(errors->max_rel, share);
    errors->max_ulp = larger(errors->max_ulp, ulps);
    errors->mean_abs += difference;
    errors->mean_ulp += ulps;
    if (isfinite(share)) {
        errors->mean_rel += share;
        errors->rel_count++;
    }
    errors->bins[find_bin(ulps)]++;
}

void errors_measure(const struct einsum_tensor *tensor,
                    const struct format *format, const double *value,
                    const double *reference, const double *bound,
                    struct tensor_errors *errors)
{
    double worst = -1.0;
    *errors = (struct tensor_errors){.tensor = tensor->name,
                                     .kind = tensor->kind,
                                     .point_count = tensor->element_count,
                                     .bound = bound == NULL ? (double)NAN : 0.0,
                                     .is_ok = true};
    for (int64_t i = 0; i < tensor->element_count; i++) {
        double difference = fabs(value[i] - reference[i]);
        add_element(errors, value[i], reference[i],
                    format_ulp(format, reference[i]));
        if (bound != NULL) {
            errors->bound = larger(errors->bound, bound[i]);
            errors->is_ok =
                errors->is_ok && difference <= bound[i] && isfinite(bound[i]);
        }
        if (difference > worst || (isnan(difference) && !isnan(worst))) {
            worst = difference;
            keep_worst(tensor, i, errors);
            errors->worst_value = value[i];
            errors->worst_reference = reference[i];
            errors->worst_bound = bound == NULL ? (double)NAN : bound[i];
        }
    }
    double count = (double)MAX(tensor->element_count, 1);
    errors->mean_abs /= count;
    errors->mean_ulp /= count;
    errors->mean_rel /= (double)MAX(errors->rel_count, 1);
}
