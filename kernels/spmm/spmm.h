/* SpMM: D = W x A on a CPU, with W pruned in blocks and what follows a layer (bias,
 * scale, residual, activation, requantisation) fused into the store. W is M x K
 * (outputs x inputs), A is K x N (inputs x tokens), D is M x N: activations stay
 * transposed from layer to layer. Three kinds of product, chosen by the element
 * of the weight:
 *   SPMM_S8    signed bytes x unsigned bytes, sums in 32 bits (AVX512-VNNI)
 *   SPMM_BF16  bfloat16 x bfloat16, sums in fp32 (AVX512-BF16, or emulated)
 *   SPMM_F32   fp32 x fp32, sums in fp32 (FMA)
 *
 * Life: pack a weight once (spmm_weight_new_dense, _new_csr); bring token-major
 * activations into panels (spmm_panels_from_tokens) or leave them as an earlier
 * layer wrote them; spmm_run; spmm_tokens_from_panels at the end.
 *
 * Results are exact and the same bits on every path (`enum spmm_path`), for any
 * number of threads, and for every M, N, K >= 0 (only which NaN a NaN is may
 * differ, in fp32 and bfloat16):
 *   1. S8: acc = sum over k of W[m][k] * A[k][n] + bias[m] in 32 bits, modulo
 *      2^32. There is no saturation in between. Nothing can wrap while
 *      K <= 65,793 - |bias| / 32,640 (255 * 128 = 32,640 a product).
 *      F32: acc = 0, then acc = fma(W[m][k], A[k][n], acc), rounded once, for the
 *      inputs k of kept blocks in ascending order.
 *      BF16: the same, but subnormal operands and results of each step count as
 *      zero of their sign, and after an odd number of inputs follows
 *      fma(0, 0, acc): what the instruction vdpbf16ps does.
 *   2. SPMM_S32 stores acc. Otherwise x = (float)acc, rounded to nearest even, or,
 *      of F32 and BF16, x = acc, + real_bias[m] where there is one.
 *   3. x = x * scale[m];  x = x + residual[m][n];  each rounded once (no FMA).
 *   4. ReLU: x > 0 ? x : 0, so NaN gives 0. GELU: doc/spmm.md gives the
 *      operations one by one; tanh form, within 5e-7 * max(1, |x|) of it.
 *   5. SPMM_F32 stores x, SPMM_BF16 x rounded to nearest even (subnormals stay).
 *      SPMM_U8 and SPMM_S8: y = x * output_scale, clamped to
 *      [low - zero_point, high - zero_point] (NaN gives the low end), rounded to
 *      nearest even, plus zero_point.
 * The rounding mode of the caller must be to nearest even, the default.
 *
 * Layouts. Tokens are cut into panels of SPMM_PANEL = 64; panel p of a matrix of
 * R rows starts at element p * spmm_padded_rows(R, layout) * 64.
 *   SPMM_LINES  [panel][row][64]. For s32 and fp32, position t is token t. What
 *               AVX-512's pack instructions write and its unpack instructions
 *               read back in order, with i, j, l in 0..3:
 *               bytes: position 16*l + 4*j + i is token 16*j + 4*l + i;
 *               bfloat16: position 32*(j/2) + 8*l + 4*(j%2) + i is that token.
 *   SPMM_QUADS  [panel][row / 4][64][4], bytes only: four consecutive rows of a
 *               token together, rows padded to a multiple of 4.
 * Weights of bytes in patterns with four inputs (4x4, 1x4) read SPMM_QUADS, all
 * others SPMM_LINES. Positions of tokens >= N in the last panel must exist; in
 * results they are unspecified, in inputs they may hold anything. Padding rows of
 * an input may hold anything, too. Any alignment of the element is right; 64
 * bytes is fast.
 *
 * Threads: a weight is read only after packing and may be shared.
 */
#ifndef WEIR_SPMM_H
#define WEIR_SPMM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define SPMM_PANEL INT64_C(64)

/* Outputs x inputs of a block that is kept or dropped as a whole. */
enum spmm_pattern { SPMM_4X1, SPMM_16X1, SPMM_32X1, SPMM_4X4, SPMM_1X4 };
/* S8 runs on the VNNI paths. KEEP interleaves activations of 16x1 and 32x1 once for
 * all rows of a block: for cores whose shuffles and products share a port. F32
 * and BF16 run on AVX512, BF16 on AVX512_BF16, too. AUTO knows which is best. */
enum spmm_path {
    SPMM_AUTO,
    SPMM_PORTABLE,
    SPMM_AVX512_VNNI,
    SPMM_AVX512_VNNI_KEEP,
    SPMM_AVX512,
    SPMM_AVX512_BF16,
};
enum spmm_layout { SPMM_LINES, SPMM_QUADS };
/* Of weights: S8, BF16, F32; of their activations: U8, BF16, F32; of D: any. A
 * bfloat16 is the upper half of a float, kept in a uint16_t. */
enum spmm_element { SPMM_S32, SPMM_F32, SPMM_U8, SPMM_S8, SPMM_BF16 };
enum spmm_function { SPMM_LINEAR, SPMM_RELU, SPMM_GELU };

/* Whether this machine runs `path`; AUTO takes the best one that it has. */
bool spmm_has_path(enum spmm_path path);
int64_t spmm_element_bytes(enum spmm_element element);
enum spmm_layout spmm_input_layout(enum spmm_pattern pattern,
                                   enum spmm_element weight);
int64_t spmm_padded_rows(int64_t rows, enum spmm_layout layout);
/* Elements of all panels of a rows x tokens matrix. */
int64_t spmm_panel_elements(int64_t rows, int64_t tokens,
                            enum spmm_layout layout);

/* ---- weights ----------------------------------------------------------- */

/* Packed: it keeps each block that has a nonzero, so every matrix can be packed
 * in every pattern. */
struct spmm_weight;

/* Row-major: entry (m, k) is values[m * stride + k]. */
struct spmm_dense {
    enum spmm_element element; /* S8, BF16 or F32 */
    int64_t row_count, k_count, stride;
    const void *values;
};
/* A zero of either sign counts as pruned. ERR_INPUT: another element, a negative
 * extent or stride < k_count; ERR_LIMIT: more than 2^24 inputs; ERR_MEM. */
MUST_USE enum status spmm_weight_new_dense(const struct spmm_dense *dense,
                                           enum spmm_pattern pattern,
                                           struct spmm_weight **weight);
/* Entries [row_first[m], row_first[m + 1]) belong to row m, columns strictly
 * ascending. */
struct spmm_csr {
    enum spmm_element element;
    int64_t row_count, k_count;
    const int64_t *row_first; /* row_count + 1 */
    const int32_t *columns;
    const void *values;
};
/* Stored zeros keep their block. ERR_INPUT also where row_first descends or a
 * column does not ascend or is not below k_count. */
MUST_USE enum status spmm_weight_new_csr(const struct spmm_csr *csr,
                                         enum spmm_pattern pattern,
                                         struct spmm_weight **weight);
void spmm_weight_free(struct spmm_weight *weight);
BASE_DEFINE_CLEANUP(spmm_weight)

struct spmm_weight_size {
    int64_t row_count, k_count;
    int64_t block_count; /* kept blocks, without padding */
    int64_t mac_count;   /* a token, with what blocks pad: the work done */
    int64_t value_bytes; /* with padding */
    int64_t index_bytes;
};
struct spmm_weight_size spmm_weight_get_size(const struct spmm_weight *weight);

/* ---- activations ------------------------------------------------------- */

/* Token-major: element k of token n is values[n * stride + k]. */
struct spmm_tokens {
    enum spmm_element element; /* any but S32 */
    int64_t row_count;         /* elements of a token */
    int64_t token_count, stride;
    void *values; /* read only by spmm_panels_from_tokens */
};
/* `panels` has spmm_panel_elements elements; unused positions become 0. */
void spmm_panels_from_tokens(const struct spmm_tokens *tokens,
                             enum spmm_layout layout, void *panels);
void spmm_tokens_from_panels(const void *panels, enum spmm_layout layout,
                             const struct spmm_tokens *tokens);

/* ---- the product ------------------------------------------------------- */

/* What follows the sum; see the rules above. Zero-initialised it stores s32, which
 * only S8 weights can. */
struct spmm_post {
    const int32_t *bias;         /* row_count, or NULL; of S8 weights */
    const float *real_bias;      /* row_count, or NULL; of the others */
    const float *scale;          /* row_count, or NULL for 1; not with s32 */
    const float *residual;       /* fp32 lines as D, or NULL; not with s32 */
    enum spmm_function function; /* LINEAR with s32 */
    enum spmm_element output;
    enum spmm_layout layout; /* of D; QUADS for bytes only */
    float output_scale;      /* bytes: finite */
    int32_t zero_point;      /* bytes: in the range of the type */
};

struct spmm_call {
    const struct spmm_weight *weight;
    const void *activations; /* panels in the weight's input layout */
    int64_t token_count;
    struct spmm_post post;
    void *output; /* panels; must not overlap the inputs */
    enum spmm_path path;
};

/* ERR_INPUT: options that exclude each other, or a path for other weights; ERR_IO:
 * a path that this machine does not have. Allocates nothing. */
MUST_USE enum status spmm_run(const struct spmm_call *call);

/* Threads that wait for work, made outside the hot path. ERR_INPUT: not 1 to 1024;
 * ERR_LIMIT: the system has no more. */
struct spmm_threads;
MUST_USE enum status spmm_threads_new(int thread_count,
                                      struct spmm_threads **threads);
void spmm_threads_free(struct spmm_threads *threads);
BASE_DEFINE_CLEANUP(spmm_threads)
/* As spmm_run, with the rows and panels of D divided among `threads`. One call
 * at a time for each `threads`. */
MUST_USE enum status spmm_run_threads(const struct spmm_call *call,
                                      struct spmm_threads *threads);

#endif
