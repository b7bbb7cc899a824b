/* Einsum: the language. A cascade is parsed from YAML, then bound to shapes,
 * which gives a workload: ranks with extents, tensors with shapes, statements
 * with affine accesses. Everything downstream (mapping, model, sim) works on
 * the workload. The interpreter in this folder is what a cascade *means*.
 *
 * Vocabulary (EDGE / TeAAL): a rank is a named dimension; its extent is the
 * shape of the same name in capitals (rank m0, extent M0). A statement's
 * iteration space is the product of the ranks that occur in it. A rank on the
 * right and not on the left is reduced: summed, unless max(m0) or another
 * reduction names it.
 *
 * Ownership: a workload borrows its cascade, a cascade borrows spans of the
 * diags it was read with. All ids are dense indices into the arrays here.
 */
#ifndef WEIR_EINSUM_H
#define WEIR_EINSUM_H

#include <stdint.h>

#include "base/base.h"
#include "formats/formats.h"

/* ---- operations --------------------------------------------------------- */

/* What a compute unit is asked to do. `mac` is a multiplication whose product
 * is summed at once (by the statement's own sum reduction). */
enum einsum_op {
    EINSUM_MAC,
    EINSUM_MUL,
    EINSUM_ADD,
    EINSUM_SUB,
    EINSUM_DIVIDE,
    EINSUM_MAX,
    EINSUM_MIN,
    EINSUM_EXP,
    EINSUM_LOG,
    EINSUM_SQRT,
    EINSUM_ABS,
    EINSUM_NEGATE,
    EINSUM_TANH,
    EINSUM_SIGMOID,
    EINSUM_RELU,
    EINSUM_ERF,
    EINSUM_RSQRT,
    EINSUM_SIN,
    EINSUM_COS,
    EINSUM_FLOOR,
    EINSUM_SIGN,
    EINSUM_POW,
    EINSUM_MOD,        /* a - b floor(a/b) */
    EINSUM_LESS,       /* comparisons give 1 or 0 */
    EINSUM_LESS_EQUAL, /* a > b is b < a */
    EINSUM_EQUAL,
    EINSUM_NOT_EQUAL,
    EINSUM_SELECT, /* the second operand if the first is not 0, else the third */
    EINSUM_OP_COUNT,
};

/* "mac", "mul", ...: the names used in architecture files and JSON. */
const char *einsum_op_name(enum einsum_op op);
/* EINSUM_OP_COUNT if there is none. */
enum einsum_op einsum_op_find(const char *name);

enum einsum_reduce {
    EINSUM_NO_REDUCE,
    EINSUM_SUM,
    EINSUM_MAXIMUM,
    EINSUM_MINIMUM,
    EINSUM_PRODUCT,
};

/* ---- the parsed cascade ------------------------------------------------- */

struct cascade;

/* Reads a cascade file: YAML, lexer, parser, and every check that needs no
 * numbers. All errors are collected. */
MUST_USE enum status cascade_load_file(struct diags *diags, const char *path,
                                       struct cascade **cascade);
/* The same from a text that diags holds already; its path names the cascade's
 * file. */
MUST_USE enum status cascade_load_source(struct diags *diags,
                                         const struct source *source,
                                         struct cascade **cascade);
/* Checks a file of macros, which cascades include. */
MUST_USE enum status cascade_check_macros(struct diags *diags,
                                          const char *path);
void cascade_free(struct cascade *cascade);
BASE_DEFINE_CLEANUP(cascade)

const char *cascade_name(const struct cascade *cascade);
const char *cascade_path(const struct cascade *cascade);
const char *cascade_kernel(const struct cascade *cascade); /* or NULL */
/* Where it is named. */
struct span cascade_kernel_span(const struct cascade *cascade);
const char *cascade_hash(const struct cascade *cascade); /* SHA-256, hex */
/* Names of the shape parameters, file order (those that --set may bind). */
size_t cascade_shape_count(const struct cascade *cascade);
const char *cascade_shape_name(const struct cascade *cascade, size_t i);
/* Span of the shape's entry in the file. */
struct span cascade_shape_span(const struct cascade *cascade, size_t i);
/* Canonical text of the einsums block: parse(print(x)) prints the same. */
char *cascade_print(const struct cascade *cascade);

/* ---- the bound workload ------------------------------------------------- */

#define EINSUM_MAX_RANKS 24 /* in one cascade */
#define EINSUM_MAX_DIMS  8  /* of one tensor */

/* constant + sum over ranks of coefficient * rank index. */
struct affine {
    int64_t constant;
    int64_t coefficient[EINSUM_MAX_RANKS]; /* by rank id */
};

struct einsum_access {
    int tensor;
    int dim_count;
    struct affine index[EINSUM_MAX_DIMS];
    /* Bit d: where dimension d is read (or written) is not affine; index[d] is
     * then 0. The statement's features say what it is. */
    unsigned beyond_affine;
    struct span span; /* of the tensor's name in the statement */
};

struct workload;
/* Where an access is in its tensor's elements, row-major: at index 0 of all ranks,
 * and how far one step of a rank moves it. Of affine accesses. */
int64_t einsum_access_base(const struct workload *workload,
                           const struct einsum_access *access);
int64_t einsum_access_stride(const struct workload *workload,
                             const struct einsum_access *access, int rank);

struct einsum_rank {
    const char *name;
    int64_t extent;
};

enum tensor_kind { TENSOR_INPUT, TENSOR_INTERMEDIATE, TENSOR_OUTPUT };

/* Where a sparse input (`sparse:`) is not zero. Statements that read it have a
 * predicate: points at which it is zero do not exist. A packed pattern is looked at
 * in two ways, by coordinate and `is_placed`: with what is kept in each line moved
 * to its beginning, which is how points and boxes of points are counted. */
struct einsum_pattern;
/* Elements of a box that are kept; half open. */
int64_t pattern_count(const struct einsum_pattern *pattern, bool is_placed,
                      const int64_t low[2], const int64_t high[2]);
int64_t pattern_count_all(const struct einsum_pattern *pattern);
int64_t pattern_extent(const struct einsum_pattern *pattern, int dim);
int pattern_packed_dim(const struct einsum_pattern *pattern); /* or -1 */
/* "uniform, density 20 %, blocks 4x1, seed 0": names the distribution. */
const char *pattern_text(const struct einsum_pattern *pattern);

/* What values an input takes, written after `in`. */
enum einsum_value_kind {
    EINSUM_VALUES_NORMAL,  /* nothing written: reals, standard normal */
    EINSUM_VALUES_INTEGER, /* 0..M-1: whole numbers, ends included */
    EINSUM_VALUES_REAL,    /* (0,inf): reals between the ends */
    EINSUM_VALUES_SET,     /* {-1,1}: one of these */
};

struct einsum_values {
    enum einsum_value_kind kind;
    double low;
    double high;
    int set_count;
    double *set;
    /* Along this dimension no value occurs twice; values rise. Or -1. */
    int distinct_dim;
    int sorted_dim;
};

struct einsum_tensor {
    const char *name;
    enum tensor_kind kind;
    int dim_count;
    int64_t extent[EINSUM_MAX_DIMS];
    /* The rank that indexes each dimension where the tensor is declared or
     * computed (K[b,h,m,e]: "b", "h", "m", "e"); NULL if it is not one rank. */
    const char *dim_rank[EINSUM_MAX_DIMS];
    int64_t element_count;
    /* The dimension along which the tensor advances (RM[m1+1] from RM[m1]),
     * or -1, and the iterative rank that advances it. */
    int iterative_dim;
    int iterative_rank;
    /* The statement that computes it; -1 for inputs. */
    int producer;
    /* The constant that statements such as RM[0,p] = -inf give it. */
    int initializer; /* statement id, or -1 */
    /* Of an input; of a computed tensor EINSUM_VALUES_INTEGER if it follows from
     * them that it holds whole numbers in a range, else nothing. */
    struct einsum_values values;
    /* Of an input that `sparse:` names: where it is not zero; else NULL. */
    struct einsum_pattern *pattern;
    struct span span;
};

enum einsum_kind {
    EINSUM_COMPUTE, /* has operations or a reduction */
    EINSUM_VIEW,    /* T[..] = S[affine], nothing else: re-indexing, free */
    EINSUM_INITIAL, /* a constant into a slice of a tensor, free */
};

struct einsum_expr; /* expression tree, private to the folder */
struct einsum_extension;

/* What a statement has beyond affine accesses over all points of its ranks. A
 * consumer that does not model one of them must refuse the statement. */
enum einsum_feature {
    EINSUM_PREDICATE = 1,      /* where, over ranks: points that do not exist */
    EINSUM_DATA_PREDICATE = 2, /* where, over values of tensors */
    EINSUM_INDEX_MODE = 4,     /* zero, clamp, wrap, floor division, mod */
    EINSUM_GATHER = 8,         /* reads where a tensor says */
    EINSUM_SCATTER = 16,       /* writes where a tensor says */
    EINSUM_INDEX_PRODUCER = 32, /* topk, argmax, argmin, argsort, sort: of whole
                                   fibers of the statement's last rank */
    EINSUM_PART = 64,       /* other statements define the rest of its tensor */
    EINSUM_TRANSFORM = 128, /* fft, dct and the like */
};

/* "a predicate", ...: what to call the lowest feature of the set. */
const char *einsum_feature_name(unsigned features);

struct einsum_statement {
    const char *name; /* the tensor it defines: unique among COMPUTE and VIEW */
    enum einsum_kind kind;
    struct einsum_access output;
    /* Distinct operand accesses, first occurrence order. */
    int read_count;
    struct einsum_access *reads;
    /* The same operands seen through views (BK[..,m1,m0,..] -> K[..,m1*M0+m0]);
     * what moves in hardware. Equal to `reads` where no view is involved. */
    struct einsum_access *resolved_reads;
    /* Ids of the ranks of its iteration space, order of appearance. */
    int rank_count;
    int rank[EINSUM_MAX_RANKS];
    bool is_reduced[EINSUM_MAX_RANKS]; /* by position in rank[] */
    enum einsum_reduce reduce;
    int iterative_rank; /* rank id whose order must ascend, or -1 */
    /* Operations per point of the iteration space. */
    int64_t ops_per_point[EINSUM_OP_COUNT];
    /* Of a transform, over all of its fibers, besides those per point. */
    int64_t ops_of_transform[EINSUM_OP_COUNT];
    int64_t point_count; /* product of the extents of rank[] */
    struct einsum_expr *expr;
    unsigned features; /* enum einsum_feature */
    /* Of a tensor defined in parts, the next statement that computes one; the
     * chain begins with the tensor's producer. -1: none. */
    int next_part;
    /* Private: what the features are, NULL if the statement has nothing of the
     * kind. */
    struct einsum_extension *extension;
    struct span span;
};

/* A statement's expression in postfix order: operands before their operation. */
enum einsum_term_kind { EINSUM_TERM_READ, EINSUM_TERM_NUMBER, EINSUM_TERM_OP };
struct einsum_term {
    enum einsum_term_kind kind;
    int read; /* position in statement.reads */
    double number;
    enum einsum_op op;
    int operand_count; /* of the operation */
};
/* How many terms, written as far as `capacity` goes; 0 if the statement has
 * features, or values of indices, which are none of these. */
int einsum_list_terms(const struct einsum_statement *statement,
                      struct einsum_term *terms, int capacity);

struct workload {
    const struct cascade *cascade;
    const char *name;
    int rank_count;
    struct einsum_rank rank[EINSUM_MAX_RANKS];
    int tensor_count;
    struct einsum_tensor *tensors;
    int statement_count;
    struct einsum_statement *statements; /* in text order */
    /* Every shape name with its value, file order, then inferred extents in
     * order of appearance (M1): what the store writes as `shapes`. */
    int shape_count;
    const char **shape_name;
    int64_t *shape_value;
};

/* Binds the shapes. `chosen` wins over `proposed`, which wins over the file's
 * own value; both map names to integers and may be NULL. Extents not among the
 * shapes are inferred (M1 from m1*M0+m0 into M; an inexact split is an error).
 * Checks every index against its tensor's extent. */
MUST_USE enum status workload_bind(const struct cascade *cascade,
                                   const struct scope *chosen,
                                   const struct scope *proposed,
                                   struct diags *diags,
                                   struct workload **workload);
void workload_free(struct workload *workload);
BASE_DEFINE_CLEANUP(workload)

/* The shape values as far as they follow from the file's shapes (defaults, and
 * `chosen`), set into `scope`: lets a mapping's own expressions refer to them
 * before the workload is bound. */
MUST_USE enum status cascade_eval_shapes(const struct cascade *cascade,
                                         const struct scope *chosen,
                                         const struct scope *proposed,
                                         struct diags *diags,
                                         struct scope *scope);

int workload_find_rank(const struct workload *workload, const char *name);
int workload_find_tensor(const struct workload *workload, const char *name);
/* COMPUTE or VIEW statement of that name; -1 if none. */
int workload_find_statement(const struct workload *workload, const char *name);
/* Points of the statement's iteration space for which its static predicate
 * holds (all, if it has none; data predicates are taken to hold). Time: the
 * points of the ranks in the predicate but the innermost, and for conjunctions
 * of affine comparisons but the innermost two. ERR_LIMIT beyond int64. */
MUST_USE enum status workload_count_points(const struct workload *workload,
                                           int statement, int64_t *count);
/* Of those, the ones in a box (by position in statement.rank[], half open). */
MUST_USE enum status workload_count_box_points(const struct workload *workload,
                                               int statement,
                                               const int64_t *low,
                                               const int64_t *high,
                                               int64_t *count);

/* How many points of a box its static predicate leaves, quickly: BOX_SOME may be
 * too careful. `low` and `high` by rank id. */
enum box_points { BOX_NONE, BOX_SOME, BOX_ALL };
enum box_points workload_classify_box(const struct workload *workload,
                                      int statement, const int64_t *low,
                                      const int64_t *high);
/* Bit r: where the read (-1: the output) goes depends on rank r, in an affine index
 * or any other, those of what its indices read included. */
unsigned workload_access_ranks(const struct workload *workload, int statement,
                               int read);
/* Bit r: the static predicate names rank r. */
unsigned workload_mask_ranks(const struct workload *workload, int statement);
/* Is an operand packed? Then `packed` is the rank of positions, `line` that of its
 * lines. */
bool workload_find_packed(const struct workload *workload, int statement,
                          int *packed, int *line);
/* Appends what tells boxes of equal extents apart for an affine predicate: the
 * values of its comparisons at the corner `low` (by rank id). False if it is not
 * affine, or there are more than `most` values. */
bool workload_mask_corner(const struct workload *workload, int statement,
                          const int64_t *low, int most, int64_t *value,
                          int *count);
/* Distinct elements of the tensor that some statement reads, seen through views.
 * Exact (least == most) for static conditions and indices, in closed form or, if
 * there is none, by looking at each value of the ranks in the indices, up to half
 * a million; beyond that, and where data decides, a lower and an upper bound. */
MUST_USE enum status
workload_count_used_elements(const struct workload *workload, int tensor,
                             int64_t *least, int64_t *most);
/* Operations of the whole statement: those per point and those of a transform.
 * ERR_LIMIT beyond int64. */
MUST_USE enum status workload_count_ops(const struct workload *workload,
                                        int statement,
                                        int64_t ops[EINSUM_OP_COUNT]);
/* Bytes that any execution must move between DRAM and the chip: every input
 * element that is used (at least), every output element, once. */
MUST_USE enum status
workload_count_compulsory_elements(const struct workload *workload,
                                   int64_t *input_elements,
                                   int64_t *output_elements);

/* ---- pass analysis ------------------------------------------------------- */

/* FuseMax's analysis (MICRO 2024, section III): what the dependences of a
 * cascade demand of every mapping. The definitions are in doc/passes.md.
 *
 * A family is an original rank and the ranks it was split into (m: m1, m0).
 * A fiber is what is left of a tensor when all ranks but a family are fixed. A
 * pass is a traversal of a fiber that must be finished before a later traversal
 * of the same fiber can begin. */

/* In this pass `statement` traverses the fiber; it cannot do so earlier because
 * `reduction` has to be complete. Both are statement ids. */
struct pass_wait {
    int64_t pass;
    int statement;
    int reduction;
};

struct pass_fiber {
    int family;
    /* False: the tensor has the family's outer ranks only (LM[m1]). Such
     * summaries do not count towards the passes of the family. */
    bool is_whole;
    int64_t pass_count;
    /* Of one fiber, elements that must stay on chip for it to be read only
     * once: with several passes all ("M") or what conditions leave ("W"), else
     * a block ("M0"). */
    char *footprint;
    int64_t footprint_elements;
    bool grows; /* the footprint names an extent of an input */
    int wait_count;
    struct pass_wait *waits; /* by pass, then text order */
};

struct pass_tensor {
    int fiber_count;
    struct pass_fiber *fibers;
    int64_t pass_count; /* the most of any whole fiber */
    /* The product over its whole fibers; NULL for views, whose fibers are those
     * of what they view. */
    char *footprint;
    int64_t footprint_elements;
    bool grows; /* some footprint does */
};

/* What lies on chip while a family is traversed, for each point of the ranks
 * in pass_family.per. */
struct pass_live {
    int tensor;
    /* With its extent along the family. Else carried along: sums, maxima and
     * tensors that advance along the family. */
    bool is_held;
    /* The passes between which it is held, or in which it is computed. */
    int64_t first_pass;
    int64_t last_pass;
    char *extent; /* "M", "M1", "W", "F" */
    int64_t elements;
    bool grows; /* it is held, and names an extent of an input */
};

struct pass_family {
    const char *name; /* of the original rank */
    int64_t extent;
    int rank_count; /* the original and those split from it */
    int rank[EINSUM_MAX_RANKS];
    int64_t pass_count; /* the most over any one fiber */
    /* Traversals of any fibers of the family that must follow each other. More
     * than pass_count where one product's result is the next one's operand. */
    int64_t chain_length;
    int tensor; /* the first with pass_count passes, or -1 */
    int per_count;
    int per[EINSUM_MAX_RANKS]; /* rank ids */
    int live_count;
    struct pass_live *live;
    char *peak; /* largest sum of what is live at once: "M + F + 2" */
    int64_t peak_elements;
    bool grows; /* something live does */
};

struct pass_analysis {
    const struct workload *workload;
    int64_t pass_count; /* the class: the most passes over any fiber */
    int family_count;
    struct pass_family *families; /* by their first rank */
    struct pass_tensor *tensors;  /* by tensor id */
    int64_t ops[EINSUM_OP_COUNT]; /* of the whole cascade */
    int64_t op_count;
    int64_t point_count;
    /* Compulsory: used elements, once each. More than the least only where
     * data decides which they are, or they are too many to look at. */
    int64_t input_elements;
    int64_t input_elements_most;
    int64_t output_elements;
    int64_t compulsory_bytes;
    int64_t compulsory_bytes_most;
    bool is_traffic_data;    /* the most is more because of data, */
    bool is_traffic_limited; /* because elements were too many to look at */
    /* What had to be assumed, in words: "einsum 'S' may gather any element
     * along 'r' of 'K'". */
    GPtrArray *assumptions;
    double ops_per_byte; /* a mac is one operation */
};

/* ERR_LIMIT if a count exceeds int64. Time: statements times tensors times
 * families, whatever the extents; a recurrence that starts new passes at every
 * step is followed until it does so evenly. */
MUST_USE enum status pass_analysis_new(const struct workload *workload,
                                       int64_t word_bytes, struct diags *diags,
                                       struct pass_analysis **analysis);
void pass_analysis_free(struct pass_analysis *analysis);
BASE_DEFINE_CLEANUP(pass_analysis)

/* ---- arithmetic ----------------------------------------------------------- */

/* In which formats a cascade is computed. Values are always held as doubles;
 * under an arithmetic they are values of the formats named here.
 *
 * A tensor has a storage: what its elements become when they are finished. Until
 * then, sums are kept in the format of the operation that adds: `mac` for sums of
 * products (of a statement whose outermost operation is a multiplication), else
 * `add`. Every other operation of an expression rounds to its own format.
 *
 * mac: the operands are rounded to `multiplicand` if there is one; the product is
 * exact, or rounded to `product` if there is one; then it is added and rounded to
 * operation[EINSUM_MAC].format. An integer accumulator adds without rounding.
 *
 * Tensors of whole numbers (indices, lengths) and fp64 stay as they are. Of a
 * transform (fft, dct) only the result is rounded. */
struct einsum_operation {
    const struct format *format; /* of the result */
    struct format_policy policy;
    /* How it is computed, in that format; NULL: exactly, then rounded. */
    const struct approximation *approximation;
};

struct einsum_storage {
    struct format_storage storage;
    int scaled_dim; /* along which values share a scale */
};

struct einsum_arithmetic {
    const struct workload *workload;
    struct einsum_storage *storage; /* by tensor id */
    bool *is_index;                 /* whole numbers: stay as they are */
    const struct format *multiplicand;
    const struct format *product;
    struct einsum_operation operation[EINSUM_OP_COUNT];
    /* EINSUM_OP_COUNT each for statements that run on hardware of their own, by
     * statement id; NULL: as above. */
    struct einsum_operation **of_statement;
    int statement_count;
    GString *text; /* what was set, in order */
};

/* What is wrong with a text, and "did you mean ..." or NULL. */
struct einsum_complaint {
    char *problem;
    char *suggestion;
};
void einsum_complaint_clear(struct einsum_complaint *complaint);

/* fp64 everywhere. */
struct einsum_arithmetic *
einsum_arithmetic_new(const struct workload *workload);
void einsum_arithmetic_free(struct einsum_arithmetic *arithmetic);
BASE_DEFINE_CLEANUP(einsum_arithmetic)

/* STORAGE[:MULTIPLICAND[:ACCUMULATOR]] for all tensors and operations. STORAGE
 * as format_storage_parse has it, with '/RANK' for values that share a scale
 * along a rank other than a tensor's last; the multiplicand is a format or
 * 'stored'; the accumulator, a format, is also that of all other operations:
 * fp32 if none is named and the storage is narrower. False: see complaint. */
MUST_USE bool einsum_arithmetic_set(struct einsum_arithmetic *arithmetic,
                                    const char *text,
                                    struct einsum_complaint *complaint);
/* The storage of one tensor. */
MUST_USE bool einsum_arithmetic_set_tensor(struct einsum_arithmetic *arithmetic,
                                           const char *tensor, const char *text,
                                           struct einsum_complaint *complaint);
/* The format of one operation's results, or the approximation that computes it;
 * 'multiplicand' and 'product' are settings of mac. */
MUST_USE bool
einsum_arithmetic_set_operation(struct einsum_arithmetic *arithmetic,
                                const char *operation, const char *text,
                                struct einsum_complaint *complaint);
/* The approximation with which one statement computes an operation. */
void einsum_arithmetic_approximate(struct einsum_arithmetic *arithmetic,
                                   int statement, enum einsum_op op,
                                   const struct approximation *approximation);
/* To all storages and operations. */
void einsum_arithmetic_set_policy(struct einsum_arithmetic *arithmetic,
                                  struct format_policy policy);
/* "bf16,RD=fp32,exp=bf16,toward-zero": what was set; "fp64" if nothing was. */
const char *einsum_arithmetic_print(const struct einsum_arithmetic *arithmetic);
/* Everything is fp64: the same as no arithmetic at all. */
bool einsum_arithmetic_is_double(const struct einsum_arithmetic *arithmetic);
/* Brings `count` finished elements, `stride` apart, into a tensor's storage if
 * that has no scale; `error` may be NULL. */
void einsum_store_elements(const struct einsum_arithmetic *arithmetic,
                           int tensor, double *value, double *error,
                           int64_t count, int64_t stride);

/* ---- the interpreter ----------------------------------------------------- */

/* Values of all tensors of a workload, row-major in double, and beside each
 * value, when asked for, a bound on its absolute rounding error: a running
 * error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2nd
 * ed., section 3.3) that holds for every order of the reductions.
 *
 * The result of softmax does not depend on the maximum that is subtracted, only on
 * that being the same everywhere. Such tensors are found by proof, not by name
 * (invariance.c); their values count as given: error 0. What is computed from them
 * is then relative to them, the outputs are not. */
struct tensor_data {
    double *value; /* element_count */
    double *error; /* element_count, or NULL */
};

struct einsum_data {
    int tensor_count;
    struct tensor_data *tensors; /* by tensor id */
    /* By tensor id; NULL without errors. */
    bool *is_free;     /* its values count as given */
    bool *is_relative; /* its errors are relative to those */
    /* Borrowed; NULL: fp64. Set it before inputs are stored. */
    const struct einsum_arithmetic *arithmetic;
    /* The first gather or scatter that left its range, with coordinates, and
     * its statement; NULL if none did. einsum_run reports it. */
    char *fault;
    int fault_statement;
};

/* Allocates all tensors (views excluded: they stay NULL), fills outputs of
 * reductions with their identity, everything else with NaN, and runs the
 * INITIAL statements. ERR_MEM with the size asked for. */
MUST_USE enum status einsum_data_new(const struct workload *workload,
                                     bool with_error, struct diags *diags,
                                     struct einsum_data **data);
void einsum_data_free(struct einsum_data *data);
BASE_DEFINE_CLEANUP(einsum_data)

/* Fills the inputs with values of their kinds, a pure function of (seed, tensor
 * name, element or, where they are distinct or sorted, fiber): the same on
 * every machine. */
void einsum_fill_inputs(const struct workload *workload, uint64_t seed,
                        struct einsum_data *data);

/* Other inputs than those: by kind ("uniform", "outliers", ..: input_kinds.def)
 * where a cascade says nothing of their values, and from files. */
struct einsum_inputs;
size_t einsum_input_kind_count(void);
const char *einsum_input_kind_name(size_t i);
const char *einsum_input_kind_about(size_t i);
/* The workload's own. */
struct einsum_inputs *einsum_inputs_new(const struct workload *workload);
void einsum_inputs_free(struct einsum_inputs *inputs);
BASE_DEFINE_CLEANUP(einsum_inputs)
/* Of one input, or of all if `tensor` is NULL; values are multiplied by `scale`. */
MUST_USE bool einsum_inputs_set(struct einsum_inputs *inputs,
                                const char *tensor, const char *kind,
                                double scale,
                                struct einsum_complaint *complaint);
/* The values of one input, whose shape must be the array's: takes them. */
MUST_USE bool einsum_inputs_take(struct einsum_inputs *inputs,
                                 const char *tensor, const char *path,
                                 struct npy *file,
                                 struct einsum_complaint *complaint);
/* "uniform*2,K=sinks,Q=q.npy": what was chosen, "declared" if nothing; caller
 * frees. */
char *einsum_inputs_print(const struct einsum_inputs *inputs);
void einsum_inputs_fill(const struct einsum_inputs *inputs, uint64_t seed,
                        struct einsum_data *data);

/* Evaluates one statement at all points lo <= index < hi of its iteration
 * space (by position in statement.rank[]), ranks in order, the last fastest:
 * assigns, or folds into the output with the statement's reduction. Reads go
 * through views. Under an arithmetic, results are those of the operations, not
 * yet stored; sums are added one after another in the order of the loops. */
void einsum_run_box(const struct workload *workload, int statement,
                    const int64_t *lo, const int64_t *hi,
                    struct einsum_data *data);

/* Under an arithmetic, brings the inputs into their storage, without errors: from
 * then on they are what is computed with. */
void einsum_store_inputs(const struct workload *workload,
                         struct einsum_data *data);
/* Under an arithmetic, brings the elements that the statement's box defines into
 * their storage: once, when they are finished. With scales, the box must be
 * whole along the scaled dimension. Nothing otherwise. */
void einsum_store_box(const struct workload *workload, int statement,
                      const int64_t *lo, const int64_t *hi,
                      struct einsum_data *data);

/* Runs the whole cascade: statements in text order, statements that recur on
 * each other stepped together along their iterative rank. */
MUST_USE enum status einsum_run(const struct workload *workload,
                                struct diags *diags, struct einsum_data *data);

/* Points of a statement that exist with these values, conditions on data
 * included: what a run of it visits. */
MUST_USE enum status einsum_count_points(const struct workload *workload,
                                         const struct einsum_data *data,
                                         int statement, int64_t *count);

/* ---- rewrites ------------------------------------------------------------ */

/* Transformations of a cascade that keep its inputs, outputs and values but may
 * change its passes; doc/rewrites.md has the identities. A rewrite is chosen by
 * a text such as "split:rank=m:by=M0". */
size_t rewrite_count(void);
const char *rewrite_name(size_t i);
const char *rewrite_help(size_t i); /* one line */

/* The rewritten cascade, read back from its own text, which `diags` holds.
 * Where the rewrite does not apply: OK, an error 'rewrite-...' that says why,
 * and *rewritten is NULL. ERR_INPUT: no such rewrite or argument. */
MUST_USE enum status cascade_rewrite(const struct cascade *cascade,
                                     const char *spec, struct diags *diags,
                                     struct cascade **rewritten);
/* Both on the same random inputs. */
struct cascade_comparison {
    /* False: too many points, with the file's own shapes too. */
    bool was_run;
    bool has_file_shapes; /* the chosen ones are too many points */
    bool is_equal; /* every output, within the sum of both error bounds */
    uint64_t seed;
    int64_t points;           /* output elements compared */
    int64_t undecided_points; /* without a bound: rounding decides on data */
    double max_abs_error;     /* difference of old and new */
    double bound;             /* the largest */
};
/* `chosen` may name shapes that only one of them has. */
MUST_USE enum status cascade_compare(const struct cascade *old,
                                     const struct cascade *new,
                                     const struct scope *chosen, uint64_t seed,
                                     struct diags *diags,
                                     struct cascade_comparison *result);
/* The whole file, as it was read. */
const char *cascade_text(const struct cascade *cascade);

#endif
