/* Tokens of the statements' text. Offsets are bytes of the YAML scalar. The
 * lexer knows no grammar; where a statement ends is the parser's business, for
 * which a token says whether it is the first of its line. */
#ifndef WEIR_EINSUM_LEXER_H
#define WEIR_EINSUM_LEXER_H

#include "einsum/ast.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_BAD, /* already reported */
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_COMMA,
    TOKEN_EQUALS,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_SAME,
    TOKEN_DIFFERENT,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_LEFT_BRACE,
    TOKEN_RIGHT_BRACE,
    TOKEN_RANGE, /* .. */
};

struct token {
    enum token_kind kind;
    size_t offset;
    size_t length;
    bool starts_line;
};

/* All tokens of `node`'s text, the last is TOKEN_END. Characters that begin no
 * token and numbers that run into a name are reported. Caller unrefs. */
GArray *lexer_scan(const struct yaml_node *node, struct diags *diags);

#endif
