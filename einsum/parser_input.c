/* Grammar of an input's declaration:
 *
 *   declaration = '[' ranks ']' [ 'in' values { order } ]
 *   values      = 'complex'
 *               | expr '..' expr              whole numbers, ends included
 *               | '(' expr ',' expr ')'       reals between the ends
 *               | '{' expr { ',' expr } '}'   one of these
 *   order       = ('distinct' | 'sorted') '(' rank ')'
 */
#include "einsum/parser.h"

#include <string.h>

void ast_values_free(struct ast_values *values)
{
    if (values != NULL) {
        g_ptr_array_unref(values->numbers);
        g_free(values);
    }
}

static bool parse_number_into(struct parser *parser, struct ast_values *values)
{
    struct ast_node *number = parse_expr(parser);
    if (number != NULL) {
        g_ptr_array_add(values->numbers, number);
    }
    return number != NULL;
}

static bool parse_set(struct parser *parser, struct ast_values *values)
{
    values->kind = EINSUM_VALUES_SET;
    do {
        if (!parse_number_into(parser, values)) {
            return false;
        }
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_BRACE, "an operator, ',' or '}'");
}

static bool parse_reals(struct parser *parser, struct ast_values *values)
{
    values->kind = EINSUM_VALUES_REAL;
    return parse_number_into(parser, values) &&
           parser_expect(parser, TOKEN_COMMA, "an operator or ','") &&
           parse_number_into(parser, values) &&
           parser_expect(parser, TOKEN_RIGHT_PAREN, "an operator or ')'");
}

static bool parse_integers(struct parser *parser, struct ast_values *values)
{
    values->kind = EINSUM_VALUES_INTEGER;
    return parse_number_into(parser, values) &&
           parser_expect(parser, TOKEN_RANGE, "an operator or '..'") &&
           parse_number_into(parser, values);
}

static bool parse_order(struct parser *parser, struct ast_values *values)
{
    bool is_distinct = parser_is_name(parser, parser_peek(parser), "distinct");
    if (!is_distinct &&
        !parser_is_name(parser, parser_peek(parser), "sorted")) {
        parser_fail(parser, "'distinct', 'sorted' or the end of the text");
        return false;
    }
    g_autoptr(GPtrArray) ranks = g_ptr_array_new();
    parser_take(parser);
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "'('") ||
        !parse_rank(parser, ranks) ||
        !parser_expect(parser, TOKEN_RIGHT_PAREN, "')'")) {
        return false;
    }
    if (is_distinct) {
        values->distinct = g_ptr_array_index(ranks, 0);
    } else {
        values->sorted = g_ptr_array_index(ranks, 0);
    }
    return true;
}

static bool parse_values(struct parser *parser, struct ast_values *values)
{
    struct place start = parser_place(parser, parser_peek(parser));
    bool is_parsed = false;
    if (parser_accept(parser, TOKEN_LEFT_BRACE)) {
        is_parsed = parse_set(parser, values);
    } else if (parser_accept(parser, TOKEN_LEFT_PAREN)) {
        is_parsed = parse_reals(parser, values);
    } else {
        is_parsed = parse_integers(parser, values);
    }
    if (!is_parsed) {
        return false;
    }
    values->place = parser_place_from(parser, start);
    while (parser_peek(parser).kind != TOKEN_END) {
        if (!parse_order(parser, values)) {
            return false;
        }
    }
    return true;
}

static bool parse_complex(struct parser *parser, bool *is_complex)
{
    *is_complex = parser_is_name(parser, parser_peek(parser), "complex") &&
                  parser_look(parser, 1).kind == TOKEN_END;
    if (*is_complex) {
        parser_take(parser);
    }
    return *is_complex;
}

static struct ast_node *parse_all(struct parser *parser, const char *name,
                                  struct ast_values *values, bool *is_complex)
{
    g_autoptr(GPtrArray) indices = g_ptr_array_new();
    if (!parse_brackets(parser, indices)) {
        return NULL;
    }
    if (parser_peek(parser).kind != TOKEN_END) {
        if (!parser_is_name(parser, parser_peek(parser), "in")) {
            parser_fail(parser, "'in' or the end of the text");
            return NULL;
        }
        parser_take(parser);
        if (!parse_complex(parser, is_complex) &&
            !parse_values(parser, values)) {
            return NULL;
        }
    }
    struct place place = {.node = parser->node,
                          .length = (int)strlen(parser->text)};
    struct ast_node *access = ast_new(parser->cascade, AST_ACCESS, place);
    access->name = g_string_chunk_insert_const(parser->cascade->names, name);
    ast_set_children(access, indices);
    return access;
}

void parse_declaration(struct cascade *cascade, const struct yaml_node *node,
                       struct cascade_tensor *tensor, struct diags *diags)
{
    struct parser parser = parser_start(cascade, node, diags);
    struct ast_values *values = g_new0(struct ast_values, 1);
    values->numbers = g_ptr_array_new();
    tensor->declaration =
        parse_all(&parser, tensor->name, values, &tensor->is_complex);
    tensor->values = values;
    if (tensor->declaration == NULL || values->numbers->len == 0) {
        tensor->values = NULL;
        ast_values_free(values);
    }
    g_array_unref(parser.tokens);
}
