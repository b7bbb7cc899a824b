/* Input values from a counter: element i of tensor T under a seed is a pure
 * function of the three, so tensors may be filled in any order and in parts.
 * The bits come from splitmix64 (Steele, Lea, Flood, OOPSLA 2014), the normal
 * value from the inverse of its distribution function, the value of a half-line
 * from that of the exponential distribution; all else is uniform. */
#include "einsum/einsum.h"

#include <math.h>
#include <stdlib.h>

#include "einsum/draw.h"
#include "einsum/normal.h"
#include "einsum/pattern.h"

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/* FNV-1a. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (const char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3U;
    }
    return hash;
}

/* In the middle of one of 2^52 intervals: never 0 or 1. */
double draw_unit(uint64_t key, int64_t element)
{
    uint64_t bits = mix(key ^ mix((uint64_t)element));
    return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

double draw_standard_normal(uint64_t key, int64_t element)
{
    return inverse_normal(draw_unit(key, element));
}

uint64_t draw_key(uint64_t seed, const char *tensor)
{
    return mix(seed) ^ hash_name(tensor);
}

/* 0 .. count-1 */
static double choose(uint64_t key, int64_t element, double count)
{
    return fmin(floor(draw_unit(key, element) * count), count - 1.0);
}

static double real_value(const struct einsum_values *values, double p)
{
    if (isinf(values->low) && isinf(values->high)) {
        return inverse_normal(p);
    }
    if (isinf(values->high)) {
        return values->low - portable_log(p);
    }
    if (isinf(values->low)) {
        return values->high + portable_log(p);
    }
    double value = values->low + (values->high - values->low) * p;
    return fmin(fmax(value, nextafter(values->low, values->high)),
                nextafter(values->high, values->low));
}

static double count_choices(const struct einsum_values *values)
{
    return values->kind == EINSUM_VALUES_SET ? (double)values->set_count
                                             : values->high - values->low + 1.0;
}

static double chosen_value(const struct einsum_values *values, double choice)
{
    return values->kind == EINSUM_VALUES_SET ? values->set[(int)choice]
                                             : values->low + choice;
}

static double draw_value(const struct einsum_values *values, uint64_t key,
                         int64_t element)
{
    switch (values->kind) {
    case EINSUM_VALUES_NORMAL:
        return draw_standard_normal(key, element);
    case EINSUM_VALUES_REAL:
        return real_value(values, draw_unit(key, element));
    case EINSUM_VALUES_INTEGER:
    case EINSUM_VALUES_SET:
        break;
    }
    return chosen_value(values, choose(key, element, count_choices(values)));
}

/* ---- values along a fiber ------------------------------------------------- */

struct fiber {
    double *value; /* the first */
    int64_t stride;
    int64_t length;
};

static int64_t lookup(GHashTable *moved, int64_t i)
{
    gpointer found = NULL;
    return g_hash_table_lookup_extended(moved, GSIZE_TO_POINTER((gsize)i), NULL,
                                        &found)
               ? (int64_t)GPOINTER_TO_SIZE(found)
               : i;
}

/* The first `length` steps of a Fisher-Yates shuffle of all choices, of which
 * only those that moved are stored. */
static void draw_distinct(const struct einsum_values *values, uint64_t key,
                          const struct fiber *fiber)
{
    g_autoptr(GHashTable) moved = g_hash_table_new(NULL, NULL);
    double count = count_choices(values);
    for (int64_t i = 0; i < fiber->length; i++) {
        int64_t j = i + (int64_t)choose(key, i, count - (double)i);
        int64_t chosen = lookup(moved, j);
        g_hash_table_insert(moved, GSIZE_TO_POINTER((gsize)j),
                            GSIZE_TO_POINTER((gsize)lookup(moved, i)));
        fiber->value[i * fiber->stride] = chosen_value(values, (double)chosen);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void sort_fiber(const struct fiber *fiber)
{
    g_autofree double *values = g_new(double, (gsize)fiber->length);
    for (int64_t i = 0; i < fiber->length; i++) {
        values[i] = fiber->value[i * fiber->stride];
    }
    qsort(values, (size_t)fiber->length, sizeof *values, compare);
    for (int64_t i = 0; i < fiber->length; i++) {
        fiber->value[i * fiber->stride] = values[i];
    }
}

static void fill_fibers(const struct einsum_tensor *tensor, uint64_t key,
                        double *value)
{
    const struct einsum_values *values = &tensor->values;
    int dim = MAX(values->distinct_dim, values->sorted_dim);
    struct fiber fiber = {.stride = 1};
    for (int d = tensor->dim_count - 1; dim >= 0 && d > dim; d--) {
        fiber.stride *= tensor->extent[d];
    }
    fiber.length = dim < 0 ? tensor->element_count : tensor->extent[dim];
    for (int64_t f = 0; dim >= 0 && f < tensor->element_count / fiber.length;
         f++) {
        fiber.value = value + f / fiber.stride * fiber.stride * fiber.length +
                      f % fiber.stride;
        if (values->distinct_dim >= 0 && values->kind != EINSUM_VALUES_REAL) {
            draw_distinct(values, mix(key ^ mix(~(uint64_t)f)), &fiber);
        }
        if (values->sorted_dim >= 0) {
            sort_fiber(&fiber);
        }
    }
}

static void clear_dropped(const struct einsum_tensor *tensor, double *value)
{
    int64_t at[2];
    for (at[0] = 0; at[0] < tensor->extent[0]; at[0]++) {
        for (at[1] = 0; at[1] < tensor->extent[1]; at[1]++, value++) {
            *value = pattern_has(tensor->pattern, false, at) ? *value : 0.0;
        }
    }
}

void einsum_fill_inputs(const struct workload *workload, uint64_t seed,
                        struct einsum_data *data)
{
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        uint64_t key = draw_key(seed, tensor->name);
        if (tensor->kind != TENSOR_INPUT) {
            continue;
        }
        for (int64_t e = 0; e < tensor->element_count; e++) {
            data->tensors[i].value[e] = draw_value(&tensor->values, key, e);
        }
        fill_fibers(tensor, key, data->tensors[i].value);
        if (tensor->pattern != NULL) {
            clear_dropped(tensor, data->tensors[i].value);
        }
    }
}
