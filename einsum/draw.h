/* Random values from a counter (input_values.c). Private to this folder. */
#ifndef WEIR_EINSUM_DRAW_H
#define WEIR_EINSUM_DRAW_H

#include <stdint.h>

/* Of a tensor under a seed. */
uint64_t draw_key(uint64_t seed, const char *tensor);
/* Between 0 and 1, ends excluded. */
double draw_unit(uint64_t key, int64_t element);
double draw_standard_normal(uint64_t key, int64_t element);

#endif
