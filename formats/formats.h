/* Formats: how numbers are stored. A format is a finite set of values; what is
 * computed in double is brought into it by rounding, and bits go in and out.
 *
 * Everything is exact. Sums, products, quotients and square roots of values of a
 * format with a significand of p bits that are computed in double (53 bits) and
 * then rounded to the nearest are rounded correctly as long as 2p + 2 <= 53
 * (Figueroa, When is double rounding innocuous?, SIGNUM 30(3), 1995): all formats
 * here but fp64, whose rounding is the identity.
 *
 * The formats: IEEE 754-2019 (fp64, fp32, fp16), bfloat16 and TensorFloat-32
 * (subnormals and infinities as in IEEE 754), OCP 8-bit Floating Point
 * Specification 1.0 (fp8-e4m3 without infinities and with one NaN, fp8-e5m2), OCP
 * Microscaling Formats 1.0 (fp6-e3m2, fp6-e2m3, fp4-e2m1 without either, and
 * blocks of 32 with a shared power of two), two's complement integers.
 *
 * Nothing here allocates or keeps state.
 */
#ifndef WEIR_FORMATS_H
#define WEIR_FORMATS_H

#include "base/base.h"

enum format_kind {
    FORMAT_FLOAT,
    FORMAT_INTEGER, /* -2^(bits-1) .. 2^(bits-1) - 1 */
    FORMAT_SIGN,    /* -1 and +1, one bit */
};

/* What the largest exponent stands for. */
enum format_special {
    FORMAT_IEEE,    /* infinities and NaN */
    FORMAT_ONE_NAN, /* numbers, but for the largest significand: NaN */
    FORMAT_FINITE,  /* numbers */
};

struct format {
    const char *name;
    enum format_kind kind;
    int bits;
    /* FLOAT: a value is (-1)^s 2^(e - bias) 1.m, or 2^(1 - bias) 0.m for e = 0. */
    int exponent_bits;
    int fraction_bits; /* of the significand, the leading one not counted */
    int bias;
    enum format_special special;
};

size_t format_count(void);
const struct format *format_at(size_t i); /* widest first */
/* Also by what else it is called ("e4m3", "bfloat16"). NULL: there is none. */
const struct format *format_find(const char *name);

/* The largest finite value, the smallest positive normal and the smallest
 * positive value; for integers the last two are 1. */
double format_max(const struct format *format);
double format_min_normal(const struct format *format);
double format_min_positive(const struct format *format);
/* Half the distance from 1 to the next value: the relative error of rounding to
 * the nearest, as long as the result is normal. 0.5 (absolute) for integers. */
double format_unit_roundoff(const struct format *format);
/* The distance between the values around x, "unit in the last place"; that of
 * the largest binade beyond the range. */
double format_ulp(const struct format *format, double x);

/* ---- rounding ------------------------------------------------------------ */

enum format_rounding {
    FORMAT_TO_NEAREST_EVEN,
    FORMAT_TO_NEAREST_AWAY, /* ties away from zero */
    FORMAT_TOWARD_ZERO,
    FORMAT_UP,
    FORMAT_DOWN,
};

size_t format_rounding_count(void);
const char *format_rounding_name(enum format_rounding rounding);

struct format_policy {
    enum format_rounding rounding;
    /* Beyond the range: the largest value of the sign, infinities included. Else
     * as IEEE 754 has it: infinity, or NaN where the format has none, unless the
     * rounding direction stops at the largest value. Integers, signs and formats
     * that are all finite always saturate. */
    bool saturates;
    /* Subnormal results become zero of their sign. */
    bool flushes_subnormals;
};

#define FORMAT_POLICY_DEFAULT                                                  \
    {                                                                          \
        .rounding = FORMAT_TO_NEAREST_EVEN                                     \
    }

/* The value of the format that x becomes. NaN stays NaN; where there is none
 * (integers, signs, finite formats) it becomes 0 (signs: +1). */
double format_round(const struct format *format,
                    const struct format_policy *policy, double x);
/* The same for `count` values in place. */
void format_round_row(const struct format *format,
                      const struct format_policy *policy, double *values,
                      size_t count);

/* Is every value of `inner` one of `outer`? */
bool format_contains(const struct format *outer, const struct format *inner);

/* Bound on the distance that format_round moves any value within `margin` of x
 * by: units in the last place of normal values, the smallest value among
 * subnormal ones, the way back into the range where it saturates. Infinite where
 * it might overflow; 0 for infinities that the format has. */
double format_rounding_error(const struct format *format,
                             const struct format_policy *policy, double x,
                             double margin);

/* ---- operations ---------------------------------------------------------- */

/* The exact result of an operation on two doubles, rounded once: also where the
 * operands have more digits than the format, so that rounding to double first
 * would count (it is rounded to odd in between: Boldo and Melquiond, Emulation of
 * FMA and correctly rounded sums, IEEE Trans. Computers 57(4), 2008). In fp64 it
 * is the machine's own, to the nearest. */
enum format_operation {
    FORMAT_ADD,
    FORMAT_SUBTRACT,
    FORMAT_MULTIPLY,
    FORMAT_DIVIDE,
    FORMAT_SQUARE_ROOT, /* of the first operand */
};

double format_apply(enum format_operation operation,
                    const struct format *format,
                    const struct format_policy *policy, double a, double b);
/* `result` may be an operand; the second operand of a square root is not read. */
void format_apply_row(enum format_operation operation,
                      const struct format *format,
                      const struct format_policy *policy, const double *a,
                      const double *b, double *result, size_t count);

/* ---- approximations ------------------------------------------------------- */

/* A way to compute a function by multiply-accumulates and tables, as hardware
 * without a unit of its own for it does: its cost, value and error are one
 * definition (formats/approximations/). */
struct approximation {
    const char *name;
    const char *operation; /* "exp", "divide" */
    const char *about;
    int64_t macs;    /* multiply-accumulates, one after another */
    int64_t lookups; /* reads of a small table */
};

size_t approximation_count(void);
const struct approximation *approximation_at(size_t i);
/* NULL: there is none. */
const struct approximation *approximation_find(const char *operation,
                                               const char *name);
/* The value, computed in the format; `b` is the divisor of a division. */
double approximation_value(const struct approximation *approximation,
                           const struct format *format,
                           const struct format_policy *policy, double a,
                           double b);
/* Bound on the relative error of results in the format's normal range, of an exp
 * for arguments up to `reach`. Proved in the approximation's file; tests compare it
 * with all values of the formats up to 16 bits. */
double approximation_error(const struct approximation *approximation,
                           const struct format *format,
                           const struct format_policy *policy, double reach);

/* ---- bits ---------------------------------------------------------------- */

/* Bits of a value of the format, in the low `bits` bits; NaN is the quiet one
 * with the most significant fraction bit set. */
uint64_t format_encode(const struct format *format, double value);
double format_decode(const struct format *format, uint64_t bits);

/* ---- scales ---------------------------------------------------------------- */

/* A scale shared by a group of values (a tensor, a channel, a block): stored are
 * values / scale in the element format. */

/* Symmetric quantisation: the scale that brings the largest magnitude to the
 * largest value that has a negative of its own (127 for int8); 1 if all are 0.
 * Infinite or NaN values are left out. */
double format_choose_scale(const struct format *format, const double *values,
                           size_t count);

/* OCP Microscaling Formats 1.0, section 6.3: the power of two of a block, with
 * the largest element's exponent brought to the element format's largest, within
 * 2^-127 .. 2^127; 1 if all are 0. NaN if an element is not finite. */
double format_choose_block_scale(const struct format *format,
                                 const double *values, size_t count);

/* values[i] becomes scale * round(values[i] / scale), saturating. A NaN scale
 * makes all of them NaN. */
void format_round_scaled(const struct format *format,
                         enum format_rounding rounding, double scale,
                         double *values, size_t count);

/* How the values of a tensor are stored. */
enum format_sharing {
    FORMAT_UNSCALED,
    FORMAT_SCALE_ALL,   /* one scale for the tensor */
    FORMAT_SCALE_FIBER, /* one for each fiber along a dimension ("channel") */
    FORMAT_SCALE_GROUP, /* one for each `group` neighbours of a fiber */
    FORMAT_SCALE_BLOCK, /* the same, a power of two (MX) */
};

struct format_storage {
    const struct format *format;
    struct format_policy policy;
    enum format_sharing sharing;
    int64_t group; /* of GROUP and BLOCK: values that share a scale */
};

/* "bf16", "int8@tensor", "int4@channel", "int4@32", "fp4-e2m1@mx" (blocks of
 * 32), "fp8-e4m3@mx16". Integers and signs with nothing behind them have one
 * scale for the tensor; "int8@none" has none. False, with what is wrong in
 * *problem and "did you mean 'bf16'?" or NULL in *suggestion; caller frees. */
bool format_storage_parse(const char *text, struct format_storage *storage,
                          char **problem, char **suggestion);
/* The text that gives it; caller frees. */
char *format_storage_print(const struct format_storage *storage);

/* Values that lie `stride` apart. */
struct format_values {
    double *value;
    double *error; /* bounds on the values' errors, raised; or NULL */
    size_t count;
    size_t stride;
};

/* Brings values into the storage: one group after another, or all of them under
 * one scale. The bounds hold for every value within twice its error. */
void format_store(const struct format_storage *storage,
                  const struct format_values *values);

/* ---- files of numbers ------------------------------------------------------ */

#define NPY_MAX_DIMS 8

/* An array of a NumPy file, row-major, whatever order the file has. */
struct npy {
    int dim_count;
    int64_t extent[NPY_MAX_DIMS];
    int64_t element_count;
    double *value; /* owned */
};

/* 'npy-format' with the byte at which the file is wrong; 'npy-file' if it cannot
 * be read. */
MUST_USE enum status npy_load(struct diags *diags, const char *path,
                              struct npy *npy);
/* The same of bytes. False, with *problem (caller frees): "byte 10: ...". */
bool npy_parse(const uint8_t *bytes, size_t length, struct npy *npy,
               char **problem);
void npy_clear(struct npy *npy);
/* As float64, by way of a temporary file. At most 4 GiB. */
MUST_USE enum status npy_save(struct diags *diags, const char *path,
                              const struct npy *npy);

#endif
