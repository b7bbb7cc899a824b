/* Standard normal values from a counter: element i of tensor T under a seed is
 * a pure function of the three, so tensors may be filled in any order and in
 * parts. The bits come from splitmix64 (Steele, Lea, Flood, OOPSLA 2014), the
 * normal value from the inverse of its distribution function. */
#include "einsum/einsum.h"

#include "einsum/normal.h"

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

static double normal_value(uint64_t key, int64_t element)
{
    uint64_t bits = mix(key ^ mix((uint64_t)element));
    /* 52 bits, in the middle of their interval: never 0 or 1. */
    double p = ((double)(bits >> 12) + 0.5) * 0x1p-52;
    return inverse_normal(p);
}

void einsum_fill_inputs(const struct workload *workload, uint64_t seed,
                        struct einsum_data *data)
{
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        uint64_t key = mix(seed) ^ hash_name(tensor->name);
        if (tensor->kind != TENSOR_INPUT) {
            continue;
        }
        for (int64_t e = 0; e < tensor->element_count; e++) {
            data->tensors[i].value[e] = normal_value(key, e);
        }
    }
}
