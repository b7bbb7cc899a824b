/* Characters to tokens. */
#include "base/expr.h"
#include "base/source.h"

#include <string.h>

static const struct {
    const char *text;
    enum expr_token_kind kind;
} symbols[] = {
    /* Longer ones first. */
    {"||", EXPR_TOKEN_OR},         {"&&", EXPR_TOKEN_AND},
    {"==", EXPR_TOKEN_EQUAL},      {"!=", EXPR_TOKEN_UNEQUAL},
    {"<=", EXPR_TOKEN_LESS_EQUAL}, {">=", EXPR_TOKEN_GREATER_EQUAL},
    {"<", EXPR_TOKEN_LESS},        {">", EXPR_TOKEN_GREATER},
    {"!", EXPR_TOKEN_NOT},         {"?", EXPR_TOKEN_QUESTION},
    {":", EXPR_TOKEN_COLON},       {"(", EXPR_TOKEN_OPEN},
    {")", EXPR_TOKEN_CLOSE},       {",", EXPR_TOKEN_COMMA},
    {"+", EXPR_TOKEN_ADD},         {"-", EXPR_TOKEN_SUB},
    {"*", EXPR_TOKEN_MUL},         {"/", EXPR_TOKEN_DIV},
    {"%", EXPR_TOKEN_MOD},
};

static const struct {
    const char *text;
    int shift;
} suffixes[] = {
    {"K", 10},  {"M", 20},   {"G", 30},   {"Ki", 10},  {"Mi", 20},
    {"Gi", 30}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30},
};

static bool is_name_start(char c)
{
    return g_ascii_isalpha(c) || c == '_';
}

static bool is_name_part(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '.';
}

/* A token of the next `length_bytes` bytes; the lexer moves past it. */
static struct expr_token take(struct expr_lexer *lexer,
                              enum expr_token_kind kind, size_t length_bytes)
{
    int length = (int)g_utf8_strlen(lexer->next, (gssize)length_bytes);
    struct expr_token token = {
        .kind = kind,
        .span = lexer->at,
        .start = lexer->next,
        .length_bytes = length_bytes,
    };
    token.span.column += lexer->column_offset;
    token.span.length = MAX(length, 1);
    lexer->column_offset += length;
    lexer->next += length_bytes;
    return token;
}

static bool find_suffix(const char *text, size_t length, int *shift)
{
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        if (strlen(suffixes[i].text) == length &&
            strncmp(suffixes[i].text, text, length) == 0) {
            *shift = suffixes[i].shift;
            return true;
        }
    }
    return false;
}

static bool parse_magnitude(const char *digits, size_t count, int shift,
                            uint64_t *magnitude)
{
    const uint64_t most = (uint64_t)INT64_MAX + 1;
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (value > (most - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (value > most >> shift) {
        return false;
    }
    *magnitude = value << shift;
    return true;
}

static struct expr_token take_number(struct expr_lexer *lexer)
{
    const char *text = lexer->next;
    size_t digits = strspn(text, "0123456789");
    size_t length = digits;
    while (is_name_part(text[length])) {
        length++;
    }
    int shift = 0;
    struct expr_token token = take(lexer, EXPR_TOKEN_NUMBER, length);
    if (length > digits &&
        !find_suffix(text + digits, length - digits, &shift)) {
        diag_error(lexer->diags, token.span, "expr-syntax",
                   "integers may end in K, M, G, KiB, MiB or GiB",
                   "'%.*s' is not an integer", (int)MIN(length, 40), text);
        token.kind = EXPR_TOKEN_ERROR;
    } else if (!parse_magnitude(text, digits, shift, &token.magnitude)) {
        diag_error(lexer->diags, token.span, "expr-overflow", NULL,
                   "'%.*s' does not fit in 63 bits", (int)MIN(length, 40),
                   text);
        token.kind = EXPR_TOKEN_ERROR;
    }
    return token;
}

static struct expr_token take_unknown(struct expr_lexer *lexer)
{
    const char *text = lexer->next;
    size_t length = (size_t)(source_next_letter(text) - text);
    struct expr_token token = take(lexer, EXPR_TOKEN_ERROR, length);
    diag_error(lexer->diags, token.span, "expr-syntax", NULL,
               "unexpected character '%.*s'", (int)length, text);
    return token;
}

struct expr_token expr_lexer_next(struct expr_lexer *lexer)
{
    while (g_ascii_isspace(*lexer->next)) {
        lexer->next++;
        lexer->column_offset++;
    }
    const char *text = lexer->next;
    if (*text == '\0') {
        return take(lexer, EXPR_TOKEN_END, 0);
    }
    if (g_ascii_isdigit(*text)) {
        return take_number(lexer);
    }
    if (is_name_start(*text)) {
        size_t length = 1;
        while (is_name_part(text[length])) {
            length++;
        }
        return take(lexer, EXPR_TOKEN_NAME, length);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(symbols); i++) {
        if (g_str_has_prefix(text, symbols[i].text)) {
            return take(lexer, symbols[i].kind, strlen(symbols[i].text));
        }
    }
    return take_unknown(lexer);
}
