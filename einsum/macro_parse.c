/* Texts of macros:
 *
 *   macros = { macro }
 *   macro  = OUTPUT '[' '..' ']' '=' name '(' params ')' BODY
 *            [ 'where' CONDITION ] '{' { statement } '}'
 *   params = [ rank { ',' rank } [ '..' ] ] { ',' VALUE }
 *
 * Statements are those of a cascade, besides '..' in brackets. After an error in
 * the head the parser goes on behind the next '}'. */
#include "einsum/macro.h"

#include "einsum/einsum_ops.h"

void macro_free(struct macro *macro)
{
    if (macro == NULL) {
        return;
    }
    for (guint i = 0; i < macro->statements->len; i++) {
        struct parsed_statement *parsed =
            g_ptr_array_index(macro->statements, i);
        parsed_statement_clear(parsed);
        g_free(parsed);
    }
    g_ptr_array_unref(macro->statements);
    g_ptr_array_unref(macro->ranks);
    g_ptr_array_unref(macro->values);
    g_free(macro);
}

static struct macro *macro_new(bool is_standard)
{
    struct macro *macro = g_new0(struct macro, 1);
    macro->ranks = g_ptr_array_new();
    macro->values = g_ptr_array_new();
    macro->statements = g_ptr_array_new();
    macro->is_standard = is_standard;
    return macro;
}

static int find_name(const GPtrArray *names, const char *name)
{
    for (guint i = 0; i < names->len; i++) {
        if (g_str_equal(g_ptr_array_index(names, i), name)) {
            return (int)i;
        }
    }
    return -1;
}

int macro_find_rank(const struct macro *macro, const char *name)
{
    return find_name(macro->ranks, name);
}

int macro_find_value(const struct macro *macro, const char *name)
{
    return find_name(macro->values, name);
}

bool macro_is_parameter(const struct macro *macro, const char *name)
{
    return macro_find_value(macro, name) >= 0 || g_str_equal(macro->body, name);
}

/* ---- the head ------------------------------------------------------------ */

static const char *parse_capital(struct parser *parser, const char *what)
{
    struct token token = parser_peek(parser);
    if (token.kind != TOKEN_NAME ||
        !name_is_tensor(parser_name(parser, token))) {
        parser_fail(parser, what);
        return NULL;
    }
    return parser_name(parser, parser_take(parser));
}

/* The parameters have names of their own, also as the shapes of ranks. */
static bool is_taken(const struct parser *parser, const struct macro *macro,
                     const char *name)
{
    for (guint i = 0; i < macro->ranks->len; i++) {
        const char *rank = g_ptr_array_index(macro->ranks, i);
        if (g_str_equal(rank, name) ||
            g_str_equal(name_shape_of_rank(parser->cascade, rank), name)) {
            return true;
        }
    }
    return find_name(macro->values, name) >= 0 ||
           g_strcmp0(macro->output, name) == 0 ||
           g_strcmp0(macro->body, name) == 0 ||
           g_strcmp0(macro->condition, name) == 0;
}

static const char *claim(const struct parser *parser, const struct macro *macro,
                         const char *name, struct token token)
{
    bool is_reserved = g_str_equal(name, "inf") || g_str_equal(name, "where") ||
                       g_str_equal(name, "mod");
    if (is_reserved || is_taken(parser, macro, name)) {
        diag_error(parser->diags, place_span(parser_place(parser, token)),
                   "einsum-macro-name", NULL,
                   is_reserved ? "'%s' has a meaning already"
                               : "'%s' stands for two parameters of the macro",
                   name);
    }
    return name;
}

static bool parse_parameter(struct parser *parser, struct macro *macro)
{
    struct token token = parser_peek(parser);
    if (token.kind != TOKEN_NAME) {
        parser_fail(parser, "a rank or a value");
        return false;
    }
    const char *name = parser_name(parser, token);
    bool is_value = name_is_tensor(name);
    if ((!is_value && !name_is_rank(name)) ||
        (!is_value && (macro->has_list || macro->values->len > 0))) {
        parser_fail(parser, macro->has_list || macro->values->len > 0
                                ? "a value (a capital; ranks stand before)"
                                : "a rank (lower case) or a value (capital)");
        return false;
    }
    claim(parser, macro, name, parser_take(parser));
    g_ptr_array_add(is_value ? macro->values : macro->ranks,
                    g_string_chunk_insert_const(parser->cascade->names, name));
    macro->has_list =
        macro->has_list || (!is_value && parser_accept(parser, TOKEN_RANGE));
    return true;
}

static bool parse_parameters(struct parser *parser, struct macro *macro)
{
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, "'('")) {
        return false;
    }
    if (parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        return true;
    }
    do {
        if (!parse_parameter(parser, macro)) {
            return false;
        }
    } while (parser_accept(parser, TOKEN_COMMA));
    return parser_expect(parser, TOKEN_RIGHT_PAREN, "',' or ')'");
}

/* OUTPUT[..] = name */
static bool parse_definition(struct parser *parser, struct macro *macro)
{
    struct token token = parser_peek(parser);
    macro->output = parse_capital(parser, "the result of a macro (a capital)");
    if (macro->output == NULL ||
        !parser_expect(parser, TOKEN_LEFT_BRACKET, "'[..]'") ||
        !parser_expect(parser, TOKEN_RANGE, "'..'") ||
        !parser_expect(parser, TOKEN_RIGHT_BRACKET, "']'") ||
        !parser_expect(parser, TOKEN_EQUALS, "'='")) {
        return false;
    }
    token = parser_peek(parser);
    if (token.kind != TOKEN_NAME || !name_is_rank(parser_name(parser, token))) {
        parser_fail(parser, "the name of the macro (lower case)");
        return false;
    }
    macro->place = parser_place(parser, token);
    macro->name = parser_name(parser, parser_take(parser));
    return true;
}

static bool parse_head(struct parser *parser, struct macro *macro)
{
    if (!parse_definition(parser, macro) || !parse_parameters(parser, macro)) {
        return false;
    }
    struct token token = parser_peek(parser);
    const char *body =
        parse_capital(parser, "what the macro is of (a capital)");
    if (body == NULL) {
        return false;
    }
    macro->body = claim(parser, macro, body, token);
    token = parser_peek(parser);
    if (token.kind == TOKEN_NAME && parser_is_name(parser, token, "where")) {
        parser_take(parser);
        token = parser_peek(parser);
        const char *condition =
            parse_capital(parser, "the name of the condition (a capital)");
        if (condition == NULL) {
            return false;
        }
        macro->condition = claim(parser, macro, condition, token);
    }
    return parser_expect(parser, TOKEN_LEFT_BRACE, "'{'");
}

/* ---- the whole ----------------------------------------------------------- */

static void parse_body(struct parser *parser, struct macro *macro)
{
    while (parser_look(parser, 0).kind != TOKEN_RIGHT_BRACE &&
           parser_look(parser, 0).kind != TOKEN_END) {
        struct parsed_statement parsed;
        parse_statement(parser, &parsed);
        if (parsed.statement.body == NULL) {
            parser->cascade->has_lost_tensors = true;
            parsed_statement_clear(&parsed);
        } else {
            g_ptr_array_add(macro->statements,
                            g_memdup2(&parsed, sizeof parsed));
        }
    }
    parser->statement_start = parser->at;
    parser_expect(parser, TOKEN_RIGHT_BRACE, "'}'");
}

static void check_name(const struct cascade *cascade, const struct macro *macro,
                       struct diags *diags)
{
    bool is_reserved =
        op_find_call(macro->name) != EINSUM_OP_COUNT ||
        call_find(macro->name) != CALL_COUNT || parser_is_prefix(macro->name) ||
        g_str_equal(macro->name, "inf") || g_str_equal(macro->name, "pi") ||
        g_str_equal(macro->name, "where") || g_str_equal(macro->name, "mod");
    if (is_reserved) {
        diag_error(diags, place_span(macro->place), "einsum-macro-name", NULL,
                   "'%s' has a meaning already", macro->name);
    }
    for (guint i = 0; i < cascade->macros->len; i++) {
        const struct macro *other = g_ptr_array_index(cascade->macros, i);
        if (g_str_equal(other->name, macro->name) &&
            other->is_standard == macro->is_standard &&
            other->ranks->len == macro->ranks->len &&
            other->values->len == macro->values->len &&
            (other->condition == NULL) == (macro->condition == NULL)) {
            struct span first = place_span(other->place);
            diag_error(diags, place_span(macro->place), "einsum-macro-name",
                       NULL,
                       "macro '%s' with as many ranks and values is defined "
                       "already (%s, line %d)",
                       macro->name, first.source->path, first.line);
            return;
        }
    }
}

static void skip_macro(struct parser *parser)
{
    struct token token;
    do {
        token = parser_take(parser);
    } while (token.kind != TOKEN_RIGHT_BRACE && token.kind != TOKEN_END);
    parser->open_brackets = 0;
    parser->nesting = 0;
}

static void parse_macro(struct parser *parser, bool is_standard)
{
    struct macro *macro = macro_new(is_standard);
    size_t errors_before = diags_error_count(parser->diags);
    parser->statement_start = parser->at;
    if (!parse_head(parser, macro)) {
        parser->cascade->has_lost_tensors = true;
        skip_macro(parser);
        macro_free(macro);
        return;
    }
    parse_body(parser, macro);
    check_name(parser->cascade, macro, parser->diags);
    if (diags_error_count(parser->diags) == errors_before) {
        macro_check(parser->cascade, macro, parser->diags);
    }
    macro->is_broken = diags_error_count(parser->diags) > errors_before;
    g_ptr_array_add(parser->cascade->macros, macro);
}

void macros_parse(struct cascade *cascade, const struct yaml_node *node,
                  bool is_standard, struct diags *diags)
{
    struct parser parser = parser_start(cascade, node, diags);
    parser.is_macro = true;
    while (parser_look(&parser, 0).kind != TOKEN_END) {
        parse_macro(&parser, is_standard);
    }
    g_array_unref(parser.tokens);
}
