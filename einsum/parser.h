/* Shared by parser.c (statements), parser_expr.c (values and indices) and
 * macro_parse.c. */
#ifndef WEIR_EINSUM_PARSER_H
#define WEIR_EINSUM_PARSER_H

#include "einsum/ast.h"
#include "einsum/lexer.h"

struct parser {
    struct cascade *cascade;
    const struct yaml_node *node;
    const char *text;
    struct diags *diags;
    GArray *tokens;
    guint at;
    guint statement_start; /* a token index */
    int open_brackets;     /* a statement goes on over the line's end inside */
    int nesting;
    bool is_macro; /* '..' is a list of ranks, '}' ends a statement */
};

/* NAME(ranks, values) before the body: a macro. */
struct macro_call {
    const char *name; /* NULL: none */
    struct place place;
    GPtrArray *values; /* struct ast_node *, or NULL */
};

/* As it stands in the text, before macros are expanded. */
struct parsed_statement {
    struct ast_statement statement; /* reduce_ranks: also the ranks of a call */
    struct ast_node *second;        /* I of VAL[..], I[..] = topk(..) */
    struct macro_call call;
};

void parsed_statement_clear(struct parsed_statement *parsed);

/* Scans the node's text; the caller unrefs `tokens`. */
struct parser parser_start(struct cascade *cascade,
                           const struct yaml_node *node, struct diags *diags);
/* One statement; after an error its line is skipped and the body is NULL. The
 * output is NULL if not even that could be read. */
void parse_statement(struct parser *parser, struct parsed_statement *parsed);
/* Skips the rest of the line. */
void parser_skip_line(struct parser *parser);
/* Adds what the statement stands for, and takes it over. */
struct expansion;
void cascade_add_statement(struct cascade *cascade,
                           struct parsed_statement *parsed,
                           const struct expansion *expansion,
                           struct diags *diags);

/* The next token; TOKEN_END where the statement ends. */
struct token parser_peek(const struct parser *parser);
/* The token after `ahead` further ones, wherever lines end. */
struct token parser_look(const struct parser *parser, guint ahead);
struct token parser_take(struct parser *parser);
bool parser_accept(struct parser *parser, enum token_kind kind);
/* Reports "expected WHAT, found ..." and returns false if it is not there. */
bool parser_expect(struct parser *parser, enum token_kind kind,
                   const char *what);
/* einsum-syntax at the next token. */
void parser_fail(struct parser *parser, const char *what);
struct place parser_place(const struct parser *parser, struct token token);
/* From the start of `first` to the end of the token taken last, but not
 * beyond the first line. */
struct place parser_place_from(const struct parser *parser, struct place first);
/* Interned text of a name. */
const char *parser_name(const struct parser *parser, struct token token);
/* "sum", "topk", "fft" ...: what may stand between '=' and the expression. */
bool parser_is_prefix(const char *name);
bool parser_is_name(const struct parser *parser, struct token token,
                    const char *name);

/* The whole of a node's text as one expression; NULL after an error. */
struct ast_node *parse_single(struct cascade *cascade,
                              const struct yaml_node *node,
                              struct diags *diags);
/* NULL after an error. */
struct ast_node *parse_expr(struct parser *parser);
/* The name of a rank, appended to `ranks`; false after an error. */
bool parse_rank(struct parser *parser, GPtrArray *ranks);
/* '[' indices ']'; false after an error. */
bool parse_brackets(struct parser *parser, GPtrArray *indices);
/* '[' indices ']' after a tensor's name. */
struct ast_node *parse_access(struct parser *parser);

#endif
