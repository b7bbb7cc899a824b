/* The expression tree and the lexer under it. Private to base/. */
#ifndef WEIR_BASE_EXPR_H
#define WEIR_BASE_EXPR_H

#include "base/base.h"

enum expr_token_kind {
    EXPR_TOKEN_END,
    EXPR_TOKEN_ERROR, /* reported already */
    EXPR_TOKEN_NUMBER,
    EXPR_TOKEN_NAME,
    EXPR_TOKEN_OPEN,
    EXPR_TOKEN_CLOSE,
    EXPR_TOKEN_COMMA,
    EXPR_TOKEN_QUESTION,
    EXPR_TOKEN_COLON,
    EXPR_TOKEN_NOT,
    EXPR_TOKEN_OR,
    EXPR_TOKEN_AND,
    EXPR_TOKEN_EQUAL,
    EXPR_TOKEN_UNEQUAL,
    EXPR_TOKEN_LESS,
    EXPR_TOKEN_LESS_EQUAL,
    EXPR_TOKEN_GREATER,
    EXPR_TOKEN_GREATER_EQUAL,
    EXPR_TOKEN_ADD,
    EXPR_TOKEN_SUB,
    EXPR_TOKEN_MUL,
    EXPR_TOKEN_DIV,
    EXPR_TOKEN_MOD,
};

struct expr_token {
    enum expr_token_kind kind;
    struct span span;
    const char *start; /* in the text */
    size_t length_bytes;
    uint64_t magnitude; /* of a number; at most 2^63, so that -2^63 exists */
};

struct expr_lexer {
    struct diags *diags;
    struct span at;
    const char *next;
    int column_offset; /* of `next` from `at`, in code points */
};

/* On a character or number that is none: reports it, EXPR_TOKEN_ERROR. */
struct expr_token expr_lexer_next(struct expr_lexer *lexer);

/* Operators by increasing precedence. `text` is as it is printed. */
struct expr_operator {
    enum expr_token_kind token;
    const char *text;
    int precedence;
};
#define EXPR_PRECEDENCE_CONDITIONAL   1
#define EXPR_PRECEDENCE_LOWEST_BINARY 2
#define EXPR_PRECEDENCE_UNARY         8
#define EXPR_PRECEDENCE_PRIMARY       9
/* NULL if the token is no binary operator. */
const struct expr_operator *expr_find_operator(enum expr_token_kind token);

enum expr_kind {
    EXPR_LITERAL,
    EXPR_NAME,
    EXPR_NEGATE,
    EXPR_NOT,
    EXPR_BINARY,
    EXPR_CONDITIONAL, /* condition, then, else */
    EXPR_CALL,
};

struct expr_function;

struct expr {
    enum expr_kind kind;
    struct span span;
    int height; /* of the tree; bounds every recursion over it */
    int64_t literal;
    char *name;
    const struct expr_operator *operation;
    const struct expr_function *function;
    GPtrArray *operands; /* struct expr, owned; NULL for leaves */
};

struct expr_function {
    const char *name;
    size_t least_count;
    size_t most_count;
    /* What is wrong with these values, or NULL. */
    const char *(*find_fault)(const int64_t *values, size_t count);
    int64_t (*apply)(const int64_t *values, size_t count);
};

#define EXPR_FUNCTION_COUNT 6
/* All functions, in the order of the manual. */
const struct expr_function *expr_functions(void);

#endif
