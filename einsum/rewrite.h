/* Rewrites of a cascade, private to this folder. A draft holds the new text of
 * every statement of the old cascade: none (dropped), its own (kept), or
 * several lines. Trees are built from nodes that the draft owns; names in them
 * are borrowed from the cascade or the draft. When a rewrite is done, the draft
 * is printed as a file and read again, so that its result has passed all checks
 * of the language.
 *
 * A rewrite looks only into statements it knows all of (draft_is_plain); what
 * the language has beyond that is kept as it is, or the rewrite is refused. */
#ifndef WEIR_EINSUM_REWRITE_H
#define WEIR_EINSUM_REWRITE_H

#include "einsum/ast.h"

/* GLib's lists take no const pointers; they only borrow what they are given. */
static inline gpointer borrow(const void *pointer)
{
    union {
        const void *given;
        gpointer taken;
    } same = {pointer};
    return same.taken;
}

struct draft {
    const struct cascade *cascade;
    struct diags *diags;
    GHashTable *arguments; /* name -> value */
    GStringChunk *names;
    struct cascade *nodes; /* owns new nodes, nothing else */
    GHashTable *used;      /* every name of the cascade, and new ones */
    GHashTable *renamed;   /* tensor -> struct draft_renaming */
    GPtrArray *old;        /* char *: text of each statement */
    GPtrArray *lines;      /* GString *: for each statement, its new text */
    GString *head;         /* lines before the first statement */
    GPtrArray *shapes;     /* char *: "M0: 16" */
    bool is_refused;
    /* In place of the condition of the statement that lines are emitted for. */
    const struct ast_node *where;
    /* And this besides. */
    const struct ast_node *guard;
};

typedef enum status (*rewrite_function)(struct draft *draft);
#define REWRITE(function, name, arguments, help)                               \
    enum status rewrite_##function(struct draft *draft);
#include "einsum/rewrites.def"
#undef REWRITE

/* ---- the life of a draft ---- */

struct draft *draft_new(const struct cascade *cascade, struct diags *diags,
                        GHashTable *arguments);
void draft_free(struct draft *draft);
BASE_DEFINE_CLEANUP(draft)
/* Applies redirections to all statements that were kept. */
void draft_finish(struct draft *draft);
/* The new file. Caller frees. */
char *draft_print(const struct draft *draft, const char *rewrite);
/* The rewrite does not apply: says why, at `statement` (-1: nowhere). The first
 * reason counts. */
void draft_refuse(struct draft *draft, int statement, const char *code,
                  const char *format, ...) PRINTF_LIKE(4, 5);
/* NULL if it was not given. */
const char *draft_argument(const struct draft *draft, const char *name);

/* ---- names ---- */

/* `name` if nothing has it, else name2, name3 ...; taken from then on. */
const char *draft_name(struct draft *draft, const char *name);
/* Replaces a first letter that is among `from`, else prepends: "SD" with ("R",
 * "SG") gives "RD". */
const char *draft_derive(struct draft *draft, const char *prefix,
                         const char *from, const char *name);
/* The statement goes, its tensor's name can be given again. */
void draft_drop(struct draft *draft, int statement);

/* ---- trees ---- */

/* A replacement for `node`, or NULL to copy it and go on below. */
typedef struct ast_node *(*draft_mapper)(struct draft *draft,
                                         const struct ast_node *node,
                                         const void *data);
struct ast_node *draft_map(struct draft *draft, const struct ast_node *node,
                           draft_mapper map, const void *data);
struct ast_node *draft_op(struct draft *draft, enum einsum_op op,
                          const struct ast_node *left,
                          const struct ast_node *right);
struct ast_node *draft_call(struct draft *draft, enum ast_call call,
                            const struct ast_node *left,
                            const struct ast_node *right);
struct ast_node *draft_rank(struct draft *draft, const char *name);
struct ast_node *draft_shape(struct draft *draft, const char *name);
struct ast_node *draft_number(struct draft *draft, int64_t value);
/* NAME[indices]; the array is copied. */
struct ast_node *draft_access(struct draft *draft, const char *name,
                              GPtrArray *indices);
/* NAME[indices of `like`], with `inserted` before index `at` unless NULL. */
struct ast_node *draft_access_like(struct draft *draft, const char *name,
                                   const struct ast_node *like, int at,
                                   const struct ast_node *inserted);
/* The tree with every access to `tensor` replaced. */
struct ast_node *draft_replace(struct draft *draft, const struct ast_node *node,
                               const char *tensor,
                               const struct ast_node *replacement);
/* The tree with factor `tensor[..]` taken out of its products. */
struct ast_node *draft_erase(struct draft *draft, const struct ast_node *node,
                             const char *tensor);

/* ---- lines ---- */

/* OUTPUT = [REDUCE(RANKS)] BODY, behind what already replaces the statement, with
 * the parts of its condition whose ranks the line has. `ranks` NULL: no reduction
 * written. */
void draft_emit(struct draft *draft, int statement,
                const struct ast_node *output, enum einsum_reduce reduce,
                const GPtrArray *ranks, const struct ast_node *body);
/* The same for a sum, written out only if `like` writes its. */
void draft_emit_sum(struct draft *draft, int statement,
                    const struct ast_node *output,
                    const struct ast_statement *like, const GPtrArray *ranks,
                    const struct ast_node *body);
/* What the statement had is gone; emit gives it new text. */
void draft_clear(struct draft *draft, int statement);
/* In statements that stay as they are, reads of `tensor` become reads of
 * `name` with `inserted` before index `at`. */
void draft_redirect(struct draft *draft, const char *tensor, const char *name,
                    int at, const struct ast_node *inserted);

/* ---- questions (rewrite_match.c) ---- */

/* The statement has nothing but what its tree, reduction and condition say, its
 * indices have no tensors, and its reduction is none, a sum or a maximum. */
bool draft_is_plain(const struct draft *draft, int statement);
/* Plain, every index on the left is a rank, and the condition has no tensors. */
bool draft_is_simple(const struct draft *draft, int statement);
bool draft_sums(const struct draft *draft, int statement);
/* Names of the ranks in order of appearance. */
GPtrArray *node_ranks(const struct ast_node *node);
bool names_have(const GPtrArray *names, const char *name);
/* Every rank of `node` is among `names`. */
bool names_cover(const GPtrArray *names, const struct ast_node *node);
/* Ranks that the reduction names. */
GPtrArray *statement_written(const struct ast_statement *statement);
/* Ranks on the right and not on the left: those written out first. */
GPtrArray *statement_reduced(const struct ast_statement *statement);
bool node_is_equal(const struct ast_node *a, const struct ast_node *b);
bool node_reads(const struct ast_node *node, const char *tensor);
/* A product with exactly this access (all indices alike) as one factor, so that
 * a factor common to all of the tensor can be taken out. */
bool node_is_linear(const struct ast_node *node, const struct ast_node *access);
/* The statement that computes the tensor, or -1. */
int draft_producer(const struct draft *draft, const char *tensor);
bool draft_is_output(const struct draft *draft, const char *tensor);
/* The text has an access to the tensor. */
bool text_reads(const char *text, const char *tensor);
/* Statements that read the tensor, as an array of int; also in what rewrites do
 * not know of them. */
GArray *draft_readers(const struct draft *draft, const char *tensor);

static inline struct ast_statement *draft_statement(const struct draft *draft,
                                                    int statement)
{
    return cascade_statement_at(draft->cascade, (size_t)statement);
}

static inline int draft_count(const struct draft *draft)
{
    return (int)draft->cascade->statements->len;
}

/* ---- conditions (rewrite_condition.c); NULL is none ---- */

bool condition_is_equal(const struct ast_node *a, const struct ast_node *b);
/* No tensors in it. */
bool condition_is_static(const struct ast_node *condition);
/* Every part of the conjunction has all of the ranks. */
bool condition_needs_all(const struct ast_node *condition,
                         const GPtrArray *ranks);
/* The parts that have no other ranks; NULL for none. */
struct ast_node *draft_condition(struct draft *draft,
                                 const struct ast_node *condition,
                                 const GPtrArray *ranks);
/* Whatever the shapes and the other ranks, some value of the reduced ranks (m,
 * or m1 and m0 of m1*M0+m0) meets the condition; `is_first`: the first does.
 * False: not known. */
bool draft_always_exists(struct draft *draft, const struct ast_node *condition,
                         const GPtrArray *reduced, bool is_first);

/* ---- products (rewrite_product.c) ---- */

/* over[0] * over[1] * ... / (under[0] * ...). */
struct product {
    GPtrArray *over; /* const struct ast_node * */
    GPtrArray *under;
};

struct product product_of(const struct ast_node *node);
void product_clear(struct product *product);
/* NULL for no factors. */
struct ast_node *draft_multiply(struct draft *draft, const GPtrArray *factors);
/* A name made of those of the factors if all are accesses and it is short, else
 * `otherwise`. Fresh. */
const char *draft_name_product(struct draft *draft, const GPtrArray *factors,
                               const char *otherwise);

#endif
