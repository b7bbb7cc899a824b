/* Dice, and what random mappings (tests/random_mapping.h) are made for: shapes of a
 * cascade and a small architecture. */
#ifndef WEIR_TESTS_RANDOM_INPUTS_H
#define WEIR_TESTS_RANDOM_INPUTS_H

#include <string.h>

#include "mapping/mapping.h"

/* ---- dice --------------------------------------------------------------- */

static inline int random_below(GRand *rand, int n)
{
    return n <= 1 ? 0 : g_rand_int_range(rand, 0, n);
}

static inline bool random_percent(GRand *rand, int percent)
{
    return random_below(rand, 100) < percent;
}

static inline int64_t random_of(GRand *rand, const int64_t *values, int count)
{
    return values[random_below(rand, count)];
}

static inline int64_t random_divisor(GRand *rand, int64_t n)
{
    int64_t divisors[64];
    int count = 0;
    for (int64_t d = 1; d <= n && count < 64; d++) {
        if (n % d == 0) {
            divisors[count++] = d;
        }
    }
    return random_of(rand, divisors, count);
}

/* ---- shapes and architecture -------------------------------------------- */

static inline void random_shapes(GRand *rand, const struct cascade *cascade,
                                 struct scope *chosen)
{
    static const int64_t small[] = {1, 2, 2, 3};
    static const int64_t few[] = {1, 2, 3, 4};
    static const int64_t heads[] = {1, 2, 3, 4, 4};
    static const int64_t blocks[] = {1, 2, 3, 4, 6};
    static const int64_t lengths[] = {1, 2, 4, 6, 8, 8, 12};
    bool is_split = false;
    for (size_t i = 0; i < cascade_shape_count(cascade); i++) {
        is_split |= strcmp(cascade_shape_name(cascade, i), "M0") == 0;
    }
    int64_t block = random_of(rand, blocks, 5);
    for (size_t i = 0; i < cascade_shape_count(cascade); i++) {
        const char *name = cascade_shape_name(cascade, i);
        int64_t value = random_of(rand, lengths, 7);
        if (g_str_has_suffix(cascade_path(cascade), "convolution.yaml") &&
            strchr("QW", name[0]) != NULL && name[1] == '\0') {
            continue; /* they follow from the others */
        }
        if (g_str_has_suffix(cascade_path(cascade), "conv-2d.yaml")) {
            if (strchr("HW", name[0]) == NULL) {
                scope_set(chosen, name, random_of(rand, few, 4));
            }
            continue;
        }
        if (strchr("BH", name[0]) != NULL) {
            value = random_of(rand, small, 4);
        } else if (strchr("EF", name[0]) != NULL) {
            value = random_of(rand, heads, 5);
        } else if (strcmp(name, "M0") == 0) {
            value = block;
        } else if (strcmp(name, "M") == 0 && is_split) {
            value = block * random_of(rand, few, 4);
        }
        scope_set(chosen, name, value);
    }
}

static inline const char *random_arch(GRand *rand, struct scope *chosen,
                                      bool is_irregular)
{
    static const int64_t lanes[] = {1, 2, 3, 4, 8};
    static const int64_t buffers[] = {128, 512, 1024, 4096, 65536};
    static const int64_t files[] = {4, 16, 64, 256};
    scope_set(chosen, "GBUF", random_of(rand, buffers, 5));
    int which = random_below(rand, is_irregular ? 12 : 6);
    if (which >= 6) {
        static const int64_t sides[] = {1, 2, 3, 4};
        scope_set(chosen, "A", random_of(rand, sides, 4));
        scope_set(chosen, "X", random_of(rand, sides, 4));
        scope_set(chosen, "Y", random_of(rand, sides, 4));
        scope_set(chosen, "V", random_of(rand, lanes, 5));
        scope_set(chosen, "CBUF", random_of(rand, buffers, 5));
        scope_set(chosen, "RF", random_of(rand, buffers, 4));
        if (which >= 10) {
            scope_set(chosen, "LINK", 1 + random_below(rand, 64));
        }
        return which < 10 ? "tests/data/arch/clusters.yaml"
                          : "tests/data/arch/networks.yaml";
    }
    if (which < 2) {
        scope_set(chosen, "PE", random_of(rand, lanes, 5));
        return which == 0 ? "arch-configs/flat-cloud.yaml"
                          : "arch-configs/fusemax-cloud.yaml";
    }
    scope_set(chosen, "X1", random_of(rand, lanes, 5));
    scope_set(chosen, "X2", random_of(rand, lanes, 5));
    scope_set(chosen, "Y2", random_of(rand, lanes, 5));
    scope_set(chosen, "RF1", random_of(rand, files, 4));
    scope_set(chosen, "RF2", random_of(rand, files, 4));
    scope_set(chosen, "GBUF_BW", 1 + random_below(rand, 64));
    scope_set(chosen, "DRAM_BW", 1 + random_below(rand, 32));
    if (which < 5) {
        return "arch-configs/teaching.yaml";
    }
    scope_set(chosen, "LAT", random_below(rand, 100));
    scope_set(chosen, "OP", 1 + random_below(rand, 12));
    return "tests/data/arch/no-multicast.yaml";
}

#endif
