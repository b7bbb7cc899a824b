/* One pass over the text, longest match, '#' to the end of the line is a
 * comment. Only ASCII begins a token; another character is reported once,
 * whole.
 */
#include "einsum/lexer.h"

#include <string.h>

struct lexer {
    const struct yaml_node *node;
    const char *text;
    size_t at;
    bool is_line_start;
    GArray *tokens;
    struct diags *diags;
};

static bool is_name_char(char c)
{
    return g_ascii_isalnum(c) || c == '_';
}

static struct span lexer_span(const struct lexer *lexer, size_t offset,
                              size_t length)
{
    return place_span((struct place){
        .node = lexer->node,
        .offset = offset,
        .length = (int)MIN(length, G_MAXINT),
    });
}

static void add_token(struct lexer *lexer, enum token_kind kind, size_t length)
{
    struct token token = {kind, lexer->at, length, lexer->is_line_start};
    g_array_append_val(lexer->tokens, token);
    lexer->at += length;
    lexer->is_line_start = false;
}

/* Spaces, newlines and comments. */
static void skip_blank(struct lexer *lexer)
{
    for (;;) {
        char c = lexer->text[lexer->at];
        if (c == '#') {
            lexer->at += strcspn(lexer->text + lexer->at, "\n");
        } else if (c == '\n') {
            lexer->is_line_start = true;
            lexer->at++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            lexer->at++;
        } else {
            return;
        }
    }
}

static size_t count_digits(const char *text)
{
    size_t n = 0;
    while (g_ascii_isdigit(text[n])) {
        n++;
    }
    return n;
}

/* digits ['.' digits] [('e'|'E') ['+'|'-'] digits] */
static size_t number_length(const char *text)
{
    size_t n = count_digits(text);
    if (text[n] == '.' && g_ascii_isdigit(text[n + 1])) {
        n += 1 + count_digits(text + n + 1);
    }
    if (text[n] == 'e' || text[n] == 'E') {
        size_t sign = text[n + 1] == '+' || text[n + 1] == '-' ? 1 : 0;
        size_t digits = count_digits(text + n + 1 + sign);
        if (digits > 0) {
            n += 1 + sign + digits;
        }
    }
    return n;
}

static void scan_number(struct lexer *lexer)
{
    const char *start = lexer->text + lexer->at;
    size_t length = number_length(start);
    bool is_range = g_str_has_prefix(start + length, ".."); /* 0..M-1 */
    if ((!is_name_char(start[length]) && start[length] != '.') || is_range) {
        add_token(lexer, TOKEN_NUMBER, length);
        return;
    }
    while (is_name_char(start[length]) || start[length] == '.') {
        length++;
    }
    diag_error(lexer->diags, lexer_span(lexer, lexer->at, length),
               "einsum-bad-number", NULL, "'%.*s' is not a number",
               (int)MIN(length, 60), start);
    add_token(lexer, TOKEN_BAD, length);
}

static void scan_name(struct lexer *lexer)
{
    size_t length = 0;
    while (is_name_char(lexer->text[lexer->at + length])) {
        length++;
    }
    add_token(lexer, TOKEN_NAME, length);
}

static void scan_bad(struct lexer *lexer)
{
    const char *start = lexer->text + lexer->at;
    size_t length = 1;
    while (((unsigned char)start[length] & 0xc0U) == 0x80U) {
        length++; /* the rest of a UTF-8 sequence */
    }
    diag_error(lexer->diags, lexer_span(lexer, lexer->at, 1),
               "einsum-bad-character", NULL,
               "character '%.*s' has no meaning here", (int)length, start);
    add_token(lexer, TOKEN_BAD, length);
}

/* Longest first: "<=" before "<". */
static const struct sign {
    const char *text;
    enum token_kind kind;
} signs[] = {
    {"<=", TOKEN_LESS_EQUAL},   {">=", TOKEN_GREATER_EQUAL},
    {"==", TOKEN_SAME},         {"!=", TOKEN_DIFFERENT},
    {"&&", TOKEN_AND},          {"||", TOKEN_OR},
    {"<", TOKEN_LESS},          {">", TOKEN_GREATER},
    {"!", TOKEN_NOT},           {"[", TOKEN_LEFT_BRACKET},
    {"]", TOKEN_RIGHT_BRACKET}, {"(", TOKEN_LEFT_PAREN},
    {")", TOKEN_RIGHT_PAREN},   {",", TOKEN_COMMA},
    {"=", TOKEN_EQUALS},        {"+", TOKEN_PLUS},
    {"-", TOKEN_MINUS},         {"*", TOKEN_STAR},
    {"/", TOKEN_SLASH},         {"{", TOKEN_LEFT_BRACE},
    {"}", TOKEN_RIGHT_BRACE},   {"..", TOKEN_RANGE},
};

static void scan_sign(struct lexer *lexer)
{
    const char *start = lexer->text + lexer->at;
    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (g_str_has_prefix(start, signs[i].text)) {
            add_token(lexer, signs[i].kind, strlen(signs[i].text));
            return;
        }
    }
    scan_bad(lexer);
}

GArray *lexer_scan(const struct yaml_node *node, struct diags *diags)
{
    struct lexer lexer = {
        .node = node,
        .text = yaml_text(node),
        .is_line_start = true,
        .tokens = g_array_new(FALSE, FALSE, sizeof(struct token)),
        .diags = diags,
    };
    for (skip_blank(&lexer); lexer.text[lexer.at] != '\0'; skip_blank(&lexer)) {
        char c = lexer.text[lexer.at];
        if (g_ascii_isdigit(c)) {
            scan_number(&lexer);
        } else if (is_name_char(c)) {
            scan_name(&lexer);
        } else {
            scan_sign(&lexer);
        }
    }
    lexer.is_line_start = true;
    add_token(&lexer, TOKEN_END, 0);
    return lexer.tokens;
}
