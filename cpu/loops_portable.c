/* Plain C: what the compiler makes of sums of products, copies and branches. */
#include "cpu/loops.h"

#include <string.h>

/* Keeps a value from being known to the compiler. */
#define HIDE(value) __asm__ volatile("" : "+r"(value))

static void adds(int64_t rounds, void *buffer, int64_t bytes)
{
    (void)buffer;
    (void)bytes;
    uint64_t x = 1;
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 64
        for (int i = 0; i < 64; i++) {
            x += 3;
            HIDE(x);
        }
    }
}

static void products(int64_t rounds, void *buffer, int64_t bytes)
{
    (void)buffer;
    (void)bytes;
    uint32_t a[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint32_t factor = 3;
    HIDE(factor);
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
#pragma GCC unroll 8
            for (int k = 0; k < 8; k++) {
                uint32_t product = factor * (uint32_t)i;
                HIDE(product);
                a[k] += product;
                HIDE(a[k]);
            }
        }
    }
}

static void product_chain(int64_t rounds, void *buffer, int64_t bytes)
{
    (void)buffer;
    (void)bytes;
    uint32_t a = 1;
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 32
        for (int i = 0; i < 32; i++) {
            a = a * a + 1;
            HIDE(a);
        }
    }
}

static void read_all(int64_t rounds, void *buffer, int64_t bytes)
{
    const uint64_t *words = buffer;
    for (int64_t r = 0; r < rounds; r++) {
        uint64_t sum[8] = {0};
        for (int64_t i = 0; i < bytes / 8; i += 8) {
            for (int k = 0; k < 8; k++) {
                sum[k] ^= words[i + k];
            }
        }
        for (int k = 0; k < 8; k++) {
            HIDE(sum[k]);
        }
    }
}

static void write_all(int64_t rounds, void *buffer, int64_t bytes)
{
    for (int64_t r = 0; r < rounds; r++) {
        memset(buffer, (int)(r & 127), (size_t)bytes);
        __asm__ volatile("" : : "r"(buffer) : "memory");
    }
}

static void loads(int64_t rounds, void *buffer, int64_t bytes)
{
    (void)bytes;
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 32
        for (int i = 0; i < 32; i++) {
            uint32_t x = ((volatile uint32_t *)buffer)[i];
            HIDE(x);
        }
    }
}

static uint64_t count_bits(const uint8_t *bits, uint8_t mask)
{
    uint64_t taken = 0;
    for (int i = 0; i < 1024; i++) {
        if ((bits[i] & mask) != 0) {
            taken += 3;
            HIDE(taken);
        } else {
            taken ^= 5;
            HIDE(taken);
        }
    }
    return taken;
}

static void even_branches(int64_t rounds, void *buffer, int64_t bytes)
{
    (void)bytes;
    for (int64_t r = 0; r < rounds; r++) {
        uint64_t taken = count_bits(buffer, 0);
        HIDE(taken);
    }
}

/* Other bits each round, so that no predictor learns them. */
static void random_branches(int64_t rounds, void *buffer, int64_t bytes)
{
    for (int64_t r = 0; r < rounds; r++) {
        const uint8_t *bits = (uint8_t *)buffer + r * 1031 % (bytes - 1024);
        uint64_t taken = count_bits(bits, (uint8_t)(1 << r % 8));
        HIDE(taken);
    }
}

static void nops(int64_t rounds, void *buffer, int64_t bytes)
{
    (void)buffer;
    (void)bytes;
    for (int64_t r = 0; r < rounds; r++) {
#define EIGHT                                                                  \
    __asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop")
        EIGHT;
        EIGHT;
        EIGHT;
        EIGHT;
        EIGHT;
        EIGHT;
        EIGHT;
        EIGHT;
#undef EIGHT
    }
}

void cpu_loops_portable(struct cpu_loops *loops)
{
    *loops = (struct cpu_loops){
        .adds = adds,
        .vectors_clock = adds,
        .products_clock = adds,
        .nops = nops,
        .products = products,
        .product_chain = product_chain,
        .fmas = products,
        .fma_chain = product_chain,
        .shuffles = products,
        .vectors = products,
        .loads = loads,
        .products_shuffles = NULL,
        .products_vectors = NULL,
        .read = read_all,
        .write = write_all,
        .read_products = NULL,
        .even_branches = even_branches,
        .random_branches = random_branches,
    };
}
