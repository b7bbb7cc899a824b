/* Loops of AVX-512 and VNNI instructions. What is timed is one asm statement: no
 * compiler moves anything in it. */
#include "cpu/loops.h"

#if defined(__x86_64__)

#define REPEAT2(x)  x x
#define REPEAT4(x)  REPEAT2(x) REPEAT2(x)
#define REPEAT8(x)  REPEAT4(x) REPEAT4(x)
#define REPEAT16(x) REPEAT8(x) REPEAT8(x)
#define REPEAT64(x) REPEAT16(x) REPEAT16(x) REPEAT16(x) REPEAT16(x)

/* Sixteen to registers of their own: `op` is applied to 0 .. 15. */
#define SIXTEEN(op)                                                            \
    op("0") op("1") op("2") op("3") op("4") op("5") op("6") op("7") op("8")    \
        op("9") op("10") op("11") op("12") op("13") op("14") op("15")
#define EIGHT_LOW(op)                                                          \
    op("16") op("17") op("18") op("19") op("20") op("21") op("22") op("23")

#define ADD        "addq $3, %%rax\n\t"
#define ADDS4      REPEAT4(ADD)
#define PRODUCT(r) "vpdpbusd %%zmm30, %%zmm31, %%zmm" r "\n\t"
#define FMA(r)     "vfmadd231ps %%zmm30, %%zmm31, %%zmm" r "\n\t"
#define SHUFFLE(r) "vpunpcklbw %%zmm30, %%zmm31, %%zmm" r "\n\t"
#define VECTOR(r)  "vpaddd %%zmm30, %%zmm31, %%zmm" r "\n\t"
#define LOAD(r)    "vpbroadcastd (%1), %%zmm" r "\n\t"

#define CLOBBERS                                                               \
    "cc", "memory", "rax", "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5",     \
        "zmm6", "zmm7", "zmm8", "zmm9", "zmm10", "zmm11", "zmm12", "zmm13",    \
        "zmm14", "zmm15", "zmm16", "zmm17", "zmm18", "zmm19", "zmm20",         \
        "zmm21", "zmm22", "zmm23", "zmm30", "zmm31"

/* A function that runs `body` `rounds` times. */
#define LOOP(name, body)                                                       \
    __attribute__((target("avx512f,avx512bw,avx512vnni"))) static void name(   \
        int64_t rounds, void *buffer, int64_t bytes)                           \
    {                                                                          \
        (void)bytes;                                                           \
        __asm__ volatile("vzeroall\n\t" /* no values that are slow */          \
                         "vpxord %%zmm30, %%zmm30, %%zmm30\n\t"                \
                         "vpxord %%zmm31, %%zmm31, %%zmm31\n\t"                \
                         ".p2align 6\n1:\n\t" body "decq %0\n\tjnz 1b\n\t"     \
                         : "+r"(rounds)                                        \
                         : "r"(buffer)                                         \
                         : CLOBBERS);                                          \
    }

LOOP(adds, REPEAT64(ADD))
/* A register minus itself waits for nothing and takes no port: issue alone. */
LOOP(nops, REPEAT64("xorl %%eax, %%eax\n\t"))
#define SHUFFLE_ADDS(r) SHUFFLE(r) ADDS4
#define PRODUCT_ADDS(r) PRODUCT(r) ADD ADD
LOOP(vectors_clock, SIXTEEN(SHUFFLE_ADDS))
LOOP(products_clock, SIXTEEN(PRODUCT_ADDS) SIXTEEN(PRODUCT_ADDS))
LOOP(products, SIXTEEN(PRODUCT) SIXTEEN(PRODUCT))
LOOP(product_chain, REPEAT16(PRODUCT("0")) REPEAT16(PRODUCT("0")))
LOOP(fmas, SIXTEEN(FMA) SIXTEEN(FMA))
LOOP(fma_chain, REPEAT16(FMA("0")) REPEAT16(FMA("0")))
LOOP(shuffles, SIXTEEN(SHUFFLE) SIXTEEN(SHUFFLE))
LOOP(vectors, SIXTEEN(VECTOR) SIXTEEN(VECTOR))
LOOP(loads, SIXTEEN(LOAD) SIXTEEN(LOAD))
LOOP(products_shuffles,
     SIXTEEN(PRODUCT) EIGHT_LOW(SHUFFLE) SIXTEEN(PRODUCT) EIGHT_LOW(SHUFFLE))
LOOP(products_vectors, SIXTEEN(PRODUCT) EIGHT_LOW(VECTOR) EIGHT_LOW(VECTOR)
                           SIXTEEN(PRODUCT) EIGHT_LOW(VECTOR) EIGHT_LOW(VECTOR))

/* A function that takes eight lines of the buffer in each pass of `body`. */
#define WALK(name, body)                                                       \
    __attribute__((target("avx512f,avx512bw,avx512vnni"))) static void name(   \
        int64_t rounds, void *buffer, int64_t bytes)                           \
    {                                                                          \
        for (int64_t r = 0; r < rounds; r++) {                                 \
            char *at = buffer;                                                 \
            char *end = at + bytes;                                            \
            __asm__ volatile(".p2align 6\n1:\n\t" body                         \
                             "addq $512, %0\n\tcmpq %1, %0\n\tjb 1b\n\t"       \
                             : "+r"(at)                                        \
                             : "r"(end)                                        \
                             : CLOBBERS);                                      \
        }                                                                      \
    }

#define LINES(op)                                                              \
    op("0", "16") op("64", "17") op("128", "18") op("192", "19")               \
        op("256", "20") op("320", "21") op("384", "22") op("448", "23")
#define READ_LINE(at, r)  "vmovdqu64 " at "(%0), %%zmm" r "\n\t"
#define WRITE_LINE(at, r) "vmovdqu64 %%zmm" r ", " at "(%0)\n\t"
WALK(read_all, LINES(READ_LINE))
WALK(write_all, LINES(WRITE_LINE))
WALK(read_products, LINES(READ_LINE) SIXTEEN(PRODUCT))

bool cpu_loops_x86(struct cpu_loops *loops)
{
    if (!__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vnni")) {
        return false;
    }
    cpu_loops_portable(loops); /* branches are those of C */
    loops->adds = adds;
    loops->nops = nops;
    loops->vectors_clock = vectors_clock;
    loops->products_clock = products_clock;
    loops->products = products;
    loops->product_chain = product_chain;
    loops->fmas = fmas;
    loops->fma_chain = fma_chain;
    loops->shuffles = shuffles;
    loops->vectors = vectors;
    loops->loads = loads;
    loops->products_shuffles = products_shuffles;
    loops->products_vectors = products_vectors;
    loops->read = read_all;
    loops->write = write_all;
    loops->read_products = read_products;
    return true;
}

#else

bool cpu_loops_x86(struct cpu_loops *loops)
{
    (void)loops;
    return false;
}

#endif
