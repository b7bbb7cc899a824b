/* A sum of products over loops that move only one operand each is a matrix
 * product: with i moving A, j moving B, and k both,
 *
 *     C[i,j] += sum over k of A[i,k] B[j,k].
 *
 * The other loops of the box stand outside. Operands are packed into panels
 * that lie in cache, and a tile of C is kept in registers (Goto and van de
 * Geijn, Anatomy of High-Performance Matrix Multiplication, TOMS 2008). Every
 * element of C is summed in the same order whatever the width of the machine's
 * vectors, and products are rounded before they are added, so results are the
 * same everywhere.
 *
 * With error analysis three more products are taken (rounding.c has the rule
 * for one term): of magnitudes, M = sum |a||b|, and of errors,
 * E = sum |a| e_b + e_a (|b| + e_b). The bound is
 *
 *     (E + u M)(1 + gamma) + gamma M
 *
 * All terms are positive, so the doubled gamma covers their sums' roundings. A
 * product that may be subnormal adds the smallest subnormal; what may be
 * infinite or NaN takes the general way, point by point.
 *
 * Under an arithmetic with fp32 accumulators every sum is rounded to float after
 * each term, in the order of k. The sum of a float and a product of at most 24
 * digits is rounded correctly by way of double: it is not exact there only if one
 * of the two, both floats, is so small beside the other that the result is far
 * from the middle of two floats. Longer products take the way of rounding to odd
 * (formats/format_apply.c). */
#include "einsum/contract.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "einsum/rounding.h"

#define TILE_I  4
#define TILE_J  8
#define BLOCK_I 64
#define BLOCK_J 128
#define BLOCK_K 128

typedef double vector __attribute__((vector_size(TILE_J * sizeof(double))));

/* One panel after another of TILE_I or TILE_J neighbours, k by k. */
struct packed {
    double *value;
    double *magnitude;
    double *error;
    double *reach; /* magnitude + error */
};

struct matrix {
    const double *value;
    const double *error; /* NULL without error analysis */
    int64_t stride;      /* along i or j */
    int64_t stride_k;
};

struct product {
    int64_t count_i;
    int64_t count_j;
    int64_t count_k;
    struct matrix a;
    struct matrix b;
    double *value;
    double *error;
    int64_t stride_i;
    int64_t stride_j;
    double gamma;
    /* Added to each element's error. */
    double underflow;
    /* Sums begin with what is there, and are rounded term by term. */
    bool is_rounded;
    double range; /* the largest magnitude of a sum */
    double least; /* below it a term may be rounded by what is no share of it */
    double step;  /* by that much */
};

/* ---- the tile in registers ---------------------------------------------- */

typedef float narrow __attribute__((vector_size(TILE_J * sizeof(float))));
typedef int64_t bit_vector
    __attribute__((vector_size(TILE_J * sizeof(double))));

#define TO_FLOAT(x)                                                            \
    __builtin_convertvector(__builtin_convertvector(x, narrow), vector)

/* How a term comes to a sum. */
#define PLAIN(sum, term) (sum) += (term);
#define SHORT(sum, term) (sum) = TO_FLOAT((sum) + (term));
/* Two-sum; if there is a rest, the odd neighbour on its side. A comparison of
 * vectors is -1 where it holds. */
#define LONG(sum, term)                                                        \
    {                                                                          \
        const vector zero = {0};                                               \
        vector other = (term);                                                 \
        vector both = (sum) + other;                                           \
        vector part = both - (sum);                                            \
        vector rest = ((sum) - (both - part)) + (other - part);                \
        bit_vector bits = (bit_vector)both;                                    \
        bit_vector is_up = (rest > zero) == (both > zero);                     \
        bit_vector is_even = (bits & 1) - 1;                                   \
        bit_vector has_rest = (rest > zero) | (rest < zero);                   \
        bits += has_rest & is_even & (-1 - 2 * is_up);                         \
        (sum) = TO_FLOAT((vector)bits);                                        \
    }

#define DEFINE_TILE(name, attribute, add)                                      \
    attribute static void name(const double *a, const double *b,               \
                               int64_t count, vector *sum)                     \
    {                                                                          \
        vector s0 = sum[0];                                                    \
        vector s1 = sum[1];                                                    \
        vector s2 = sum[2];                                                    \
        vector s3 = sum[3];                                                    \
        for (int64_t k = 0; k < count; k++) {                                  \
            const vector *row = (const void *)(b + k * TILE_J);                \
            add(s0, a[k * TILE_I] * *row) add(s1, a[k * TILE_I + 1] * *row)    \
                add(s2, a[k * TILE_I + 2] * *row)                              \
                    add(s3, a[k * TILE_I + 3] * *row)                          \
        }                                                                      \
        sum[0] = s0;                                                           \
        sum[1] = s1;                                                           \
        sum[2] = s2;                                                           \
        sum[3] = s3;                                                           \
    }

typedef void (*tile_function)(const double *a, const double *b, int64_t count,
                              vector *sum);

/* The same for one kind of machine. */
struct tiles {
    tile_function plain;
    tile_function brief;
    tile_function full;
};

#define DEFINE_TILES(machine, attribute)                                       \
    DEFINE_TILE(plain_##machine, attribute, PLAIN)                             \
    DEFINE_TILE(short_##machine, attribute, SHORT)                             \
    DEFINE_TILE(long_##machine, attribute, LONG)                               \
    static const struct tiles tiles_##machine = {                              \
        plain_##machine, short_##machine, long_##machine};

DEFINE_TILES(baseline, )

#ifdef __x86_64__
DEFINE_TILES(avx2, __attribute__((target("avx2"))))
DEFINE_TILES(avx512, __attribute__((target("avx512f"))))

static const struct tiles *choose_tiles(void)
{
    if (__builtin_cpu_supports("avx512f")) {
        return &tiles_avx512;
    }
    return __builtin_cpu_supports("avx2") ? &tiles_avx2 : &tiles_baseline;
}
#else
static const struct tiles *choose_tiles(void)
{
    return &tiles_baseline;
}
#endif

/* ---- packing ------------------------------------------------------------ */

static void pack_one(const struct matrix *from, int64_t offset, bool is_there,
                     struct packed *to, int64_t at)
{
    double value = is_there ? from->value[offset] : 0.0;
    to->value[at] = value;
    if (from->error != NULL) {
        double error = is_there ? from->error[offset] : 0.0;
        to->magnitude[at] = fabs(value);
        to->error[at] = error;
        to->reach[at] = fabs(value) + error;
    }
}

/* `width` neighbours a panel; the last is filled up with zeros. */
static void pack(const struct matrix *from, int64_t count, int64_t count_k,
                 int64_t width, struct packed *to)
{
    int64_t at = 0;
    for (int64_t panel = 0; panel < count; panel += width) {
        for (int64_t k = 0; k < count_k; k++) {
            for (int64_t i = panel; i < panel + width; i++) {
                pack_one(from, i * from->stride + k * from->stride_k, i < count,
                         to, at++);
            }
        }
    }
}

static bool packed_new(struct packed *packed, int64_t count, bool has_error)
{
    void *memory = NULL;
    count = num_ceil_div(count, TILE_J) * TILE_J; /* all four aligned */
    size_t size = (size_t)count * sizeof(double);
    if (posix_memalign(&memory, sizeof(vector), size * (has_error ? 4 : 1)) !=
        0) {
        return false;
    }
    packed->value = memory;
    packed->magnitude = packed->value + (has_error ? count : 0);
    packed->error = packed->magnitude + (has_error ? count : 0);
    packed->reach = packed->error + (has_error ? count : 0);
    return true;
}

/* ---- one block ---------------------------------------------------------- */

static void store_values(const struct product *product, int64_t i, int64_t j,
                         const vector *sum)
{
    for (int64_t y = 0; y < MIN(TILE_I, product->count_i - i); y++) {
        for (int64_t x = 0; x < MIN(TILE_J, product->count_j - j); x++) {
            double *value = &product->value[(i + y) * product->stride_i +
                                            (j + x) * product->stride_j];
            *value = product->is_rounded ? sum[y][x] : *value + sum[y][x];
        }
    }
}

static void load_values(const struct product *product, int64_t i, int64_t j,
                        vector *sum)
{
    for (int64_t y = 0; y < MIN(TILE_I, product->count_i - i); y++) {
        for (int64_t x = 0; x < MIN(TILE_J, product->count_j - j); x++) {
            sum[y][x] = product->value[(i + y) * product->stride_i +
                                       (j + x) * product->stride_j];
        }
    }
}

static void store_errors(const struct product *product, int64_t i, int64_t j,
                         const vector *magnitude, const vector *error)
{
    double gamma = product->gamma;
    for (int64_t y = 0; y < MIN(TILE_I, product->count_i - i); y++) {
        for (int64_t x = 0; x < MIN(TILE_J, product->count_j - j); x++) {
            double size = magnitude[y][x];
            double passed = error[y][x] + UNIT_ROUNDOFF * size;
            product->error[(i + y) * product->stride_i +
                           (j + x) * product->stride_j] +=
                (passed * (1.0 + gamma) + gamma * size + product->underflow) *
                ERROR_INFLATE * ERROR_INFLATE;
        }
    }
}

/* For values, and for the sums of bounds. */
struct kernel_tiles {
    tile_function value;
    tile_function bound;
};

static void run_tile(const struct product *product,
                     const struct kernel_tiles *tiles, const struct packed *a,
                     const struct packed *b, int64_t i, int64_t j)
{
    int64_t from_a = i * product->count_k;
    int64_t from_b = j * product->count_k;
    int64_t count = product->count_k;
    vector sum[TILE_I] = {{0}};
    if (product->is_rounded) {
        load_values(product, i, j, sum);
    }
    tiles->value(a->value + from_a, b->value + from_b, count, sum);
    store_values(product, i, j, sum);
    if (product->error != NULL) {
        vector magnitude[TILE_I] = {{0}};
        vector error[TILE_I] = {{0}};
        tiles->bound(a->magnitude + from_a, b->magnitude + from_b, count,
                     magnitude);
        tiles->bound(a->magnitude + from_a, b->error + from_b, count, error);
        tiles->bound(a->error + from_a, b->reach + from_b, count, error);
        store_errors(product, i, j, magnitude, error);
    }
}

/* A product of at most BLOCK_I x BLOCK_J x BLOCK_K. */
static void run_block(const struct product *product,
                      const struct kernel_tiles *tiles, struct packed *a,
                      const struct packed *b)
{
    pack(&product->a, product->count_i, product->count_k, TILE_I, a);
    for (int64_t j = 0; j < product->count_j; j += TILE_J) {
        for (int64_t i = 0; i < product->count_i; i += TILE_I) {
            run_tile(product, tiles, a, b, i, j);
        }
    }
}

static struct matrix matrix_at(const struct matrix *matrix, int64_t i,
                               int64_t k)
{
    int64_t offset = i * matrix->stride + k * matrix->stride_k;
    return (struct matrix){matrix->value + offset,
                           matrix->error == NULL ? NULL
                                                 : matrix->error + offset,
                           matrix->stride, matrix->stride_k};
}

static struct product product_at(const struct product *whole, int64_t i,
                                 int64_t j, int64_t k)
{
    struct product part = *whole;
    int64_t offset = i * whole->stride_i + j * whole->stride_j;
    part.count_i = MIN(BLOCK_I, whole->count_i - i);
    part.count_j = MIN(BLOCK_J, whole->count_j - j);
    part.count_k = MIN(BLOCK_K, whole->count_k - k);
    part.a = matrix_at(&whole->a, i, k);
    part.b = matrix_at(&whole->b, j, k);
    part.value += offset;
    part.error = whole->error == NULL ? NULL : whole->error + offset;
    return part;
}

static void run_product(const struct product *product,
                        const struct kernel_tiles *tiles, struct packed *a,
                        struct packed *b)
{
    for (int64_t k = 0; k < product->count_k; k += BLOCK_K) {
        for (int64_t j = 0; j < product->count_j; j += BLOCK_J) {
            struct product part = product_at(product, 0, j, k);
            pack(&part.b, part.count_j, part.count_k, TILE_J, b);
            for (int64_t i = 0; i < product->count_i; i += BLOCK_I) {
                part = product_at(product, i, j, k);
                run_block(&part, tiles, a, b);
            }
        }
    }
}

/* ---- may it be computed this way? ---------------------------------------- */

/* Of all numbers of an operand, errors included, that are not 0. */
struct range {
    double smallest;
    double largest; /* NaN and infinities end here as infinity */
};

static void range_add(struct range *range, double magnitude)
{
    if (magnitude > 0.0) {
        range->smallest = MIN(range->smallest, magnitude);
    }
    range->largest = magnitude <= DBL_MAX ? MAX(range->largest, magnitude)
                                          : (double)INFINITY;
}

static struct range range_of(const struct matrix *matrix, int64_t count,
                             int64_t count_k)
{
    struct range range = {DBL_MAX, 0.0};
    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < count_k; k++) {
            int64_t offset = i * matrix->stride + k * matrix->stride_k;
            range_add(&range, fabs(matrix->value[offset]));
            if (matrix->error != NULL) {
                range_add(&range, matrix->error[offset]);
            }
        }
    }
    return range;
}

/* False if a sum might leave the range of doubles. */
static bool check_range(struct product *product)
{
    struct range a = range_of(&product->a, product->count_i, product->count_k);
    struct range b = range_of(&product->b, product->count_j, product->count_k);
    double terms = (double)product->count_k;
    bool is_small = a.smallest * b.smallest < product->least;
    product->underflow = is_small ? 4.0 * terms * product->step : 0.0;
    return a.largest * 4.0 * terms < product->range / MAX(b.largest, 1.0) &&
           b.largest < product->range / 4.0;
}

/* ---- which loops --------------------------------------------------------- */

enum loop_role { LOOP_I, LOOP_J, LOOP_K, LOOP_ROLES, LOOP_OUTER = LOOP_ROLES };

static enum loop_role find_role(const struct box_loop *loop, int a, int b)
{
    bool moves_a = loop->read_stride[a] != 0;
    bool moves_b = loop->read_stride[b] != 0;
    if (loop->output_stride == 0) {
        return moves_a && moves_b ? LOOP_K : LOOP_OUTER;
    }
    if (moves_a == moves_b) {
        return LOOP_OUTER;
    }
    return moves_a ? LOOP_I : LOOP_J;
}

/* The longest loop of each role from `first` on; -1 if there is none. */
static void choose_loops(const struct box_plan *plan, int first, int a, int b,
                         int chosen[LOOP_ROLES])
{
    for (int role = 0; role < LOOP_ROLES; role++) {
        chosen[role] = -1;
    }
    for (int l = first; l < plan->loop_count; l++) {
        enum loop_role role = find_role(&plan->loop[l], a, b);
        if (role != LOOP_OUTER &&
            (chosen[role] < 0 ||
             plan->loop[l].count > plan->loop[chosen[role]].count)) {
            chosen[role] = l;
        }
    }
}

bool contract_split(const struct box_plan *plan, struct box_plan *inner,
                    struct box_plan *outer)
{
    int a = plan->expr->nodes[0].read;
    int b = plan->expr->nodes[1].read;
    int chosen[LOOP_ROLES];
    choose_loops(plan, plan->fixed_count, a, b, chosen);
    *inner = *plan;
    *outer = *plan;
    inner->loop_count = 0;
    outer->loop_count = 0;
    for (int role = 0; role < LOOP_ROLES; role++) {
        if (chosen[role] < 0) {
            return false;
        }
        inner->loop[inner->loop_count++] = plan->loop[chosen[role]];
    }
    for (int l = 0; l < plan->loop_count; l++) {
        if (l != chosen[LOOP_I] && l != chosen[LOOP_J] && l != chosen[LOOP_K]) {
            outer->loop[outer->loop_count++] = plan->loop[l];
        }
    }
    /* Packing must be worth it. */
    return inner->loop[LOOP_I].count >= TILE_I &&
           inner->loop[LOOP_J].count >= TILE_I &&
           inner->loop[LOOP_K].count >= TILE_I;
}

static struct matrix make_matrix(const struct box_plan *inner, int read,
                                 enum loop_role role, const int64_t *at)
{
    const struct box_operand *operand = &inner->read[read];
    return (struct matrix){
        operand->value + at[read + 1],
        inner->output.error == NULL ? NULL : operand->error + at[read + 1],
        inner->loop[role].read_stride[read],
        inner->loop[LOOP_K].read_stride[read],
    };
}

/* Rounding to the nearest float, and nothing else. */
static bool is_float(const struct einsum_operation *operation)
{
    return operation->format->kind == FORMAT_FLOAT &&
           operation->format->bits == 32 &&
           operation->policy.rounding == FORMAT_TO_NEAREST_EVEN &&
           !operation->policy.saturates &&
           !operation->policy.flushes_subnormals;
}

static bool is_double(const struct einsum_operation *operation)
{
    bool is_plain = operation->format->bits == 64 &&
                    !operation->policy.saturates &&
                    !operation->policy.flushes_subnormals;
    return is_plain || operation->format->kind == FORMAT_INTEGER;
}

/* Digits of the operand's values, 53 if nothing is known. */
static int count_digits(const struct box_plan *plan, int node)
{
    const struct format *format =
        plan->read_format[plan->expr->nodes[node].read];
    return format == NULL                 ? DBL_MANT_DIG
           : format->kind == FORMAT_FLOAT ? format->fraction_bits + 1
                                          : format->bits;
}

static bool needs_conversion(const struct box_plan *plan, int node)
{
    const struct format *multiplicand = plan->arithmetic->multiplicand;
    const struct format *format =
        plan->read_format[plan->expr->nodes[node].read];
    return multiplicand != NULL &&
           (format == NULL || !format_contains(multiplicand, format));
}

/* The way of computing; false if there is none here. */
static bool choose_kernel(const struct box_plan *plan,
                          const struct tiles *tiles,
                          struct kernel_tiles *kernel)
{
    *kernel = (struct kernel_tiles){tiles->plain, tiles->plain};
    if (plan->arithmetic == NULL) {
        return true;
    }
    const struct einsum_operation *sum = plan_reduction(plan);
    if (plan->arithmetic->product != NULL || needs_conversion(plan, 0) ||
        needs_conversion(plan, 1)) {
        return false;
    }
    if (is_float(sum)) {
        int digits = count_digits(plan, 0) + count_digits(plan, 1);
        kernel->value = digits <= FLT_MANT_DIG ? tiles->brief : tiles->full;
        return true;
    }
    return is_double(sum);
}

static void init_range(struct product *product, const struct box_plan *plan)
{
    product->is_rounded = plan->arithmetic != NULL;
    product->range = DBL_MAX / 2.0;
    product->least = DBL_MIN;
    product->step = DBL_TRUE_MIN;
    if (product->is_rounded && is_float(plan_reduction(plan))) {
        product->range = (double)FLT_MAX / 2.0;
        product->least = (double)FLT_MIN;
        product->step = plan->least;
    }
}

static struct product make_product(const struct box_plan *inner,
                                   const int64_t *at)
{
    const struct expr_node *nodes = inner->expr->nodes;
    double *error = inner->output.error;
    return (struct product){
        .count_i = inner->loop[LOOP_I].count,
        .count_j = inner->loop[LOOP_J].count,
        .count_k = inner->loop[LOOP_K].count,
        .a = make_matrix(inner, nodes[0].read, LOOP_I, at),
        .b = make_matrix(inner, nodes[1].read, LOOP_J, at),
        .value = inner->output.value + at[0],
        .error = error == NULL ? NULL : error + at[0],
        .stride_i = inner->loop[LOOP_I].output_stride,
        .stride_j = inner->loop[LOOP_J].output_stride,
        .gamma = inner->gamma,
    };
}

bool contract_run(const struct box_plan *inner, const int64_t *at)
{
    struct product product = make_product(inner, at);
    struct kernel_tiles tiles;
    init_range(&product, inner);
    if (!choose_kernel(inner, choose_tiles(), &tiles) ||
        !check_range(&product)) {
        return false;
    }
    struct packed a = {NULL, NULL, NULL, NULL};
    struct packed b = {NULL, NULL, NULL, NULL};
    bool has_error = product.error != NULL;
    int64_t count_k = MIN(product.count_k, BLOCK_K);
    int64_t count_a = MIN(product.count_i + TILE_I, BLOCK_I) * count_k;
    int64_t count_b = MIN(product.count_j + TILE_J, BLOCK_J) * count_k;
    bool has_memory = packed_new(&a, count_a, has_error) &&
                      packed_new(&b, count_b, has_error);
    if (has_memory) {
        run_product(&product, &tiles, &a, &b);
    }
    free(a.value);
    free(b.value);
    return has_memory;
}
