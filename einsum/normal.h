/* The standard normal distribution and what it needs, the same bits on every machine. Private to
 * this folder. */
#ifndef WEIR_EINSUM_NORMAL_H
#define WEIR_EINSUM_NORMAL_H

/* The value below which a standard normal lies with probability p, 0 < p < 1. */
double inverse_normal(double p);
/* Natural logarithm of a finite x > 0. */
double portable_log(double x);

#endif
