/* Macros: pieces of a cascade written once, in the language itself. A call
 *
 *   A[p,m] = softmax(m) S[p,m] where m <= p
 *
 * is replaced, while it is parsed, by the statements of the macro's text with
 * the call's ranks and values in the place of the parameters, so that nothing
 * behind the parser knows of macros. A local tensor T becomes A_T. Nodes of the
 * macro's text keep their place there and remember the call (span_origin); nodes
 * of the call keep theirs.
 *
 *   macro_parse.c    texts of macros
 *   macro_check.c    what can be said of a text without a call
 *   macro_library.c  finding a macro; the standard ones; files of macros
 *   macro_expand.c   calls
 */
#ifndef WEIR_EINSUM_MACRO_H
#define WEIR_EINSUM_MACRO_H

#include "einsum/ast.h"
#include "einsum/parser.h"

/* OUTPUT[..] = NAME(ranks, values) BODY where CONDITION { statements } */
struct macro {
    const char *name;
    struct place place;
    const char *output;
    GPtrArray *ranks;      /* char *, interned */
    bool has_list;         /* the last rank takes all further ones of a call */
    GPtrArray *values;     /* char *, interned */
    const char *body;      /* a parameter too */
    const char *condition; /* or NULL: takes none */
    GPtrArray *statements; /* struct parsed_statement, owned */
    bool is_standard;
    bool is_broken; /* its text has an error, which was reported */
};

void macro_free(struct macro *macro);
/* Position of the name, or -1. */
int macro_find_rank(const struct macro *macro, const char *name);
int macro_find_value(const struct macro *macro, const char *name);
/* A value or the body. */
bool macro_is_parameter(const struct macro *macro, const char *name);

/* The macros of a text, appended to cascade->macros. */
void macros_parse(struct cascade *cascade, const struct yaml_node *node,
                  bool is_standard, struct diags *diags);
/* Names that are neither parameters nor defined, and the like. */
void macro_check(const struct cascade *cascade, const struct macro *macro,
                 struct diags *diags);

/* 'macros' and 'include' of a file's root. */
void macros_read(struct cascade *cascade, const struct yaml_node *root,
                 struct diags *diags);
/* A file of macros by itself. */
void macros_read_document(struct cascade *cascade, const struct source *source,
                          struct diags *diags);
/* Some macro has that name, a standard one too. */
bool macro_is_name(struct cascade *cascade, const char *name,
                   struct diags *diags);
/* The one that takes as many ranks and values as the call has, or NULL. Macros
 * of the cascade come before standard ones, which call only each other. */
const struct macro *macro_find(struct cascade *cascade,
                               const struct parsed_statement *call,
                               bool is_standard, struct diags *diags);
/* "did you mean 'softmax'?" or NULL; the caller frees. */
char *macro_suggest(const struct cascade *cascade, const char *name);
/* The text that is compiled in. */
extern const char *const macro_standard_lines[];
extern const size_t macro_standard_line_count;

/* The call whose statements are being added; NULL in the cascade itself. */
struct expansion {
    const struct expansion *outer;
    struct cascade *cascade;
    const struct macro *macro;
    const struct parsed_statement *call;
    const struct span_origin *origin;
    GPtrArray *ranks; /* AST_RANK, of the result */
    struct diags *diags;
    bool is_failed;
    bool has_ragged_extent; /* warned */
};

/* Appends the statements that `call` stands for. */
void macro_expand(struct cascade *cascade, const struct parsed_statement *call,
                  const struct expansion *outer, struct diags *diags);

#endif
