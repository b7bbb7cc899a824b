/* Problems for tests of kernels/spmm: memory with an unreadable page right
 * behind it, random block-sparse weights, and the textbook result. */
#ifndef TESTS_SPMM_FIXTURE_H
#define TESTS_SPMM_FIXTURE_H

#ifndef _DEFAULT_SOURCE
#error "define _DEFAULT_SOURCE first: for MAP_ANONYMOUS"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels/spmm/block.h"

/* ---- guarded memory ---------------------------------------------------- */

struct guarded {
    void *map;
    size_t map_bytes;
    void *data; /* ends where the guard page begins */
    size_t bytes;
};

static inline struct guarded guarded_new(int64_t count, size_t element_bytes)
{
    struct guarded memory;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    memory.bytes = (size_t)count * element_bytes;
    size_t usable = (memory.bytes + page - 1) / page * page;
    memory.map_bytes = usable + page;
    memory.map = mmap(NULL, memory.map_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory.map, MAP_FAILED);
    assert_int_equal(mprotect((char *)memory.map + usable, page, PROT_NONE), 0);
    memory.data = (char *)memory.map + usable - memory.bytes;
    return memory;
}

static inline void guarded_clear(struct guarded *memory)
{
    assert_int_equal(munmap(memory->map, memory->map_bytes), 0);
}

/* ---- random ------------------------------------------------------------ */

static inline uint64_t spmm_random(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t x = *seed;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline int64_t spmm_random_below(uint64_t *seed, int64_t bound)
{
    return (int64_t)(spmm_random(seed) % (uint64_t)bound);
}

static inline int64_t spmm_block_rows(enum spmm_pattern pattern)
{
    static const int64_t rows[] = {4, 16, 32, 4, 1};
    return rows[pattern];
}

static inline int64_t spmm_block_columns(enum spmm_pattern pattern)
{
    return pattern == SPMM_4X4 || pattern == SPMM_1X4 ? 4 : 1;
}

/* Each block is kept with `kept_percent`; some values of kept blocks are 0. */
static inline void spmm_fill_weight(uint64_t *seed, enum spmm_pattern pattern,
                                    int64_t row_count, int64_t k_count,
                                    int64_t kept_percent, int8_t *values)
{
    int64_t rows = spmm_block_rows(pattern);
    int64_t columns = spmm_block_columns(pattern);
    memset(values, 0, (size_t)(row_count * k_count));
    bool is_extreme = spmm_random_below(seed, 4) == 0;
    for (int64_t m = 0; m < row_count; m += rows) {
        for (int64_t k = 0; k < k_count; k += columns) {
            if (spmm_random_below(seed, 100) >= kept_percent) {
                continue;
            }
            for (int64_t i = m; i < MIN(m + rows, row_count); i++) {
                for (int64_t j = k; j < MIN(k + columns, k_count); j++) {
                    int64_t any = spmm_random_below(seed, 256) - 128;
                    int64_t end = any < 0 ? -128 : 127;
                    values[i * k_count + j] = (int8_t)(is_extreme ? end : any);
                }
            }
        }
    }
}

static inline void spmm_fill_bytes(uint64_t *seed, uint8_t *bytes,
                                   int64_t count)
{
    bool is_extreme = spmm_random_below(seed, 4) == 0;
    for (int64_t i = 0; i < count; i++) {
        bytes[i] = is_extreme ? 255 : (uint8_t)spmm_random(seed);
    }
}

/* A weight of bytes, rows without gaps. */
static inline enum status spmm_new_bytes(const int8_t *values,
                                         int64_t row_count, int64_t k_count,
                                         enum spmm_pattern pattern,
                                         struct spmm_weight **weight)
{
    struct spmm_dense dense = {SPMM_S8, row_count, k_count, k_count, values};
    return spmm_weight_new_dense(&dense, pattern, weight);
}

/* Bytes of tokens, without gaps. */
static inline struct spmm_tokens
spmm_byte_tokens(const uint8_t *values, int64_t row_count, int64_t token_count)
{
    return (struct spmm_tokens){SPMM_U8, row_count, token_count, row_count,
                                (void *)(uintptr_t)values};
}

/* The packed weight's memory moved to where a page that cannot be touched
 * follows, for kernels to run beyond. */
struct guarded_weight {
    struct spmm_weight *weight; /* owned */
    struct guarded first, offsets, values;
};

static inline struct guarded guarded_copy(const void *from, int64_t count,
                                          int64_t element_bytes)
{
    struct guarded memory = guarded_new(count, (size_t)element_bytes);
    if (memory.bytes > 0) {
        memcpy(memory.data, from, memory.bytes);
    }
    return memory;
}

static inline void guarded_weight_init(struct guarded_weight *guarded,
                                       struct spmm_weight *weight)
{
    int64_t groups = weight->first[weight->row_group_count];
    guarded->weight = weight;
    guarded->first =
        guarded_copy(weight->first, weight->row_group_count + 1, 8);
    guarded->offsets =
        guarded_copy(weight->offsets, groups * weight->offset_count, 4);
    guarded->values =
        guarded_copy(weight->values, groups * weight->group_rows,
                     weight->lane_count * spmm_element_bytes(weight->element));
    g_free(weight->first);
    g_free(weight->offsets);
    g_free(weight->values);
    weight->first = guarded->first.data;
    weight->offsets = guarded->offsets.data;
    weight->values = guarded->values.data;
}

static inline void guarded_weight_clear(struct guarded_weight *guarded)
{
    guarded->weight->first = NULL;
    guarded->weight->offsets = NULL;
    guarded->weight->values = NULL;
    spmm_weight_free(guarded->weight);
    guarded_clear(&guarded->first);
    guarded_clear(&guarded->offsets);
    guarded_clear(&guarded->values);
}

#endif
