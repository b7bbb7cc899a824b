/* The parsed cascade, private to this folder: names, places and trees as they
 * stand in the file, nothing evaluated. The cascade owns all of it (one flat
 * list of nodes), together with the YAML document the places point into.
 *
 * Values and indices share one kind of tree. What is legal where (a rank in an
 * index, an access in a value) is decided by cascade_check, not by the parser:
 * the message can then say what was found, and the language can grow.
 */
#ifndef WEIR_EINSUM_AST_H
#define WEIR_EINSUM_AST_H

#include "base/base.h"
#include "einsum/einsum.h"

/* Bytes of one YAML scalar; made into a span only when a message needs it. */
struct place {
    const struct yaml_node *node;
    size_t offset;
    int length;
    const struct span_origin *origin; /* of text that a macro stands for */
};

struct span place_span(struct place place);

enum ast_kind {
    AST_NUMBER, /* 2, 1e-5, inf */
    AST_RANK,   /* m0 */
    AST_SHAPE,  /* M0 */
    AST_ACCESS, /* T[...]; the children are the indices */
    AST_OP,     /* a + b, -a, exp(a) */
    AST_CALL,   /* what is no operation of a unit; `call` says which */
};

/* Written as a call of their names, or as signs where given. */
enum ast_call {
    CALL_SILU,     /* compositions of operations */
    CALL_GELU,     /* x (1 + erf(x / sqrt 2)) / 2 */
    CALL_SOFTPLUS, /* log(1 + exp x) */
    CALL_ONE,      /* one(x): 1 wherever x exists; reads nothing */
    CALL_RE,       /* of complex values: complex.c */
    CALL_IM,
    CALL_CONJ,
    CALL_CIS,     /* cos x + i sin x */
    CALL_COMPLEX, /* complex(a, b) */
    CALL_INDEX,   /* index(p-m): the value of an index */
    CALL_ZERO,    /* around an index: reads 0 out of range */
    CALL_CLAMP,   /* the nearest element in range */
    CALL_WRAP,    /* modulo the extent */
    CALL_SKIP,    /* the point does not exist */
    CALL_BIND,    /* c=IDX[n], on the left; X[d=h*E+e] in a macro */
    CALL_REST,    /* ..-m in a macro: the ranks of its result but m */
    CALL_AND,
    CALL_OR,
    CALL_NOT,
    CALL_COUNT,
};

/* Operators over whole fibers: index producers, sort, transforms. */
enum selection {
    SELECT_NONE,
    SELECT_TOPK,
    SELECT_ARGMAX,
    SELECT_ARGMIN,
    SELECT_ARGSORT,
    SELECT_SORT,
    TRANSFORM_FFT,
    TRANSFORM_IFFT,
    TRANSFORM_RFFT,
    TRANSFORM_IRFFT,
    TRANSFORM_DCT,
    TRANSFORM_IDCT,
};

/* Trees higher than this are refused, so that recursion over them is safe. */
#define AST_MAX_HEIGHT 100
/* So are trees of macros that hold their arguments over and over. */
#define AST_MAX_SIZE 2000
/* Statements of one cascade. */
#define AST_MAX_STATEMENTS 1024
/* Shapes of one cascade (they may refer to each other in a chain). */
#define CASCADE_MAX_SHAPES 256
/* Distinct operands of one statement. */
#define EINSUM_MAX_READS 16

struct ast_node {
    enum ast_kind kind;
    struct place place; /* the word, or the whole of an operation */
    const char *name;   /* of a rank, shape or tensor; interned */
    double number;
    bool is_integer; /* number == integer, written without '.' or exponent */
    int64_t integer;
    enum einsum_op op;
    enum ast_call call;
    int height;
    int size; /* nodes of the tree, those met twice counted twice */
    int child_count;
    struct ast_node **child;
};

struct ast_statement {
    struct ast_node *output; /* an access */
    bool has_reduction;      /* written out: sum(e), max(m0) */
    enum einsum_reduce reduce;
    GPtrArray *reduce_ranks;    /* struct ast_node *, AST_RANK */
    struct ast_node *body;      /* NULL: had a syntax error, already reported */
    struct ast_node *condition; /* after 'where', or NULL */
    /* What of it stands in the text; the rest is of ragged ranks. */
    struct ast_node *written_condition;
    /* An index producer; reduce_ranks has the rank it selects from. */
    enum selection selection;
    struct ast_node *select_count; /* T of topk(m, T) */
    /* VAL[..], I[..] = topk(..) is two statements: one for the values, marked,
     * then one for the indices; so are real and imaginary part of a transform,
     * whose body may be complex(a, b). */
    bool gives_values;
};

struct cascade_shape {
    const char *name;
    struct expr *expr;
    struct span span;
};

/* `in` of an input's declaration. */
struct ast_values {
    enum einsum_value_kind kind;
    struct place place;
    GPtrArray *numbers;        /* struct ast_node *: low and high, or the set */
    struct ast_node *distinct; /* distinct(j): the rank, or NULL */
    struct ast_node *sorted;
};

/* `rank` has as many values as an expression over other ranks says. */
struct cascade_ragged {
    const char *rank;
    struct ast_node *condition; /* rank < extent */
    bool is_used;
};

/* Inputs in file order, then tensors in order of their first statement. */
struct cascade_tensor {
    const char *name;
    struct place place;
    bool is_input;
    bool is_complex; /* an input, until lower_complex makes it two */
    bool is_output;
    bool is_read;
    struct ast_node *declaration; /* of an input: access with its ranks */
    struct ast_values *values;    /* of an input; NULL: normal */
    int dim_count;
    int producer;      /* statement, or -1 */
    int initializer;   /* first INITIAL statement, or -1 */
    int iterative_dim; /* or -1 */
    const char *iterative_rank;
    /* Several statements define it, each an interval of one dimension; -1: of
     * none yet. The first that is computed, and the last. */
    bool is_in_parts;
    int part_dim;
    int first_definition;
    int last_definition;
};

struct cascade {
    struct yaml_document *document;
    char *path;
    char *hash;
    const char *name;
    const char *kernel;
    GStringChunk *names;
    GPtrArray *nodes;   /* owns every struct ast_node */
    GPtrArray *macros;  /* struct macro, owned; later ones hide earlier ones */
    GPtrArray *origins; /* struct span_origin, owned */
    GPtrArray *shared;  /* struct yaml_document of macros, owned */
    bool has_standard_macros;
    GArray *shapes;     /* struct cascade_shape */
    GArray *tensors;    /* struct cascade_tensor */
    GArray *statements; /* struct ast_statement */
    GArray *ragged;     /* struct cascade_ragged */
    const struct yaml_node *outputs;
    /* What could not be read has been reported; names that may stand there are
     * then not unknown. */
    bool has_lost_shapes;
    bool has_lost_tensors;
    /* Names of all ranks in order of appearance, inputs first. */
    GPtrArray *ranks;
};

/* A node of the cascade's own. `children` (may be NULL) is copied. */
struct ast_node *ast_new(struct cascade *cascade, enum ast_kind kind,
                         struct place place);
void ast_set_children(struct ast_node *node, GPtrArray *children);

/* Calls `visit` for every node of that kind, left to right, also inside the
 * indices of accesses. `node` may be NULL. */
typedef void (*ast_visitor)(struct ast_node *node, void *data);
void ast_visit(struct ast_node *node, enum ast_kind kind, ast_visitor visit,
               void *data);
bool ast_has(const struct ast_node *node, enum ast_kind kind);
/* A rank of that name somewhere below, indices included. */
bool ast_has_rank(const struct ast_node *node, const char *rank);

/* Ranks are lower case (m0), shapes capitals (M0), tensors begin with a capital
 * (QK, Qk). A name may be both a shape and a tensor. */
bool name_is_rank(const char *name);
bool name_is_shape(const char *name);
bool name_is_tensor(const char *name);
/* "M0" of "m0", interned. */
const char *name_shape_of_rank(const struct cascade *cascade, const char *rank);

/* What an index is, as far as its form tells. */
enum index_form {
    INDEX_RANK,     /* m */
    INDEX_CONSTANT, /* 0, M1, M1-1 */
    INDEX_SHIFTED,  /* m+1: one rank plus a constant */
    INDEX_AFFINE,   /* m1*M0+m0 and everything else */
};
/* `rank` gets the rank's node for INDEX_RANK and INDEX_SHIFTED; may be NULL. */
enum index_form index_find_form(const struct ast_node *index,
                                const struct ast_node **rank);
/* "silu", "&&", "=" */
const char *call_name(enum ast_call call);
/* CALL_COUNT if none is written as a call of that name. */
enum ast_call call_find(const char *name);
bool ast_is_call(const struct ast_node *node, enum ast_call call);
bool ast_has_call(const struct ast_node *node, enum ast_call call);
/* "topk", NULL for SELECT_NONE. */
const char *selection_name(enum selection selection);
bool selection_is_transform(enum selection selection);
/* fft, ifft, rfft: two results, real and imaginary part. */
bool selection_is_complex(enum selection selection);
/* Two results can be written: VAL[..], I[..] = topk(..) */
bool selection_is_pair(enum selection selection);
/* The rank of the left side that counts what is selected (t of topk(m, T)), or
 * NULL. */
const char *statement_order_rank(const struct ast_statement *statement);
/* `rank` occurs in the body or the condition. */
bool statement_has_right_rank(const struct ast_statement *statement,
                              const char *rank);
/* `rank` stands on the left other than within a gather, Y[c=IDX[n]]. */
bool output_has_rank(const struct ast_node *output, const char *rank);
/* `rank` stands within a gather on the left: it is reduced. */
bool output_scatters_rank(const struct ast_node *output, const char *rank);
/* A constant into a slice or a whole tensor: no operand on either side. */
bool statement_is_initial(const struct ast_statement *statement);
/* The reduction that is written out names `rank`. */
bool statement_reduces(const struct ast_statement *statement, const char *rank);
/* `rank` has no shape of its own but follows from a split in the statement:
 * BK[m1,m0] = K[m1*M0+m0] gives M1 = M/M0. */
bool statement_infers_rank(const struct cascade *cascade,
                           const struct ast_statement *statement,
                           const char *rank);

/* There is a shape of its name, or a statement infers its extent. */
bool cascade_has_rank(const struct cascade *cascade, const char *rank);
/* "did you mean 'm0'?" for the unknown rank at this place, or NULL; the caller
 * frees. */
char *suggest_rank(const struct cascade *cascade, const struct ast_node *rank);

int cascade_find_shape(const struct cascade *cascade, const char *name);
int cascade_find_tensor(const struct cascade *cascade, const char *name);

static inline struct cascade_shape *cascade_shape_at(const struct cascade *c,
                                                     size_t i)
{
    return &g_array_index(c->shapes, struct cascade_shape, i);
}

static inline struct cascade_tensor *cascade_tensor_at(const struct cascade *c,
                                                       size_t i)
{
    return &g_array_index(c->tensors, struct cascade_tensor, i);
}

static inline struct ast_statement *
cascade_statement_at(const struct cascade *c, size_t i)
{
    return &g_array_index(c->statements, struct ast_statement, i);
}

/* The block of statements, added to cascade->statements. A statement that does
 * not parse is reported and, if its left side did, kept without a body. */
void parse_statements(struct cascade *cascade, const struct yaml_node *node,
                      struct diags *diags);
/* "[p,j] in 0..M-1" of an input: sets its declaration and values. After an
 * error the declaration is NULL. */
void parse_declaration(struct cascade *cascade, const struct yaml_node *node,
                       struct cascade_tensor *tensor, struct diags *diags);
void ast_values_free(struct ast_values *values);

/* Complex inputs and statements become pairs of real ones: Z_RE, Z_IM. */
void lower_complex(struct cascade *cascade, struct diags *diags);
/* 'ragged' of the file, and the conditions it puts on statements. */
void ragged_read(struct cascade *cascade, const struct yaml_node *root,
                 struct diags *diags);
void ragged_apply(struct cascade *cascade, struct diags *diags);
bool ragged_has(const struct cascade *cascade, const char *rank);

/* Builds cascade->tensors and ->ranks and makes every check that needs no
 * numbers. */
void cascade_check(struct cascade *cascade, struct diags *diags);
/* The part of it that looks into one statement's indices and reductions. What
 * would only follow from a misspelt rank is left out unless `has_known_ranks`.
 */
void statement_check(const struct cascade *cascade,
                     const struct ast_statement *statement,
                     bool has_known_ranks, struct diags *diags);

/* Text of one tree, as cascade_print writes it. An index stands without
 * spaces. */
void ast_print(const struct ast_node *node, GString *out);
void ast_print_index(const struct ast_node *index, GString *out);

#endif
