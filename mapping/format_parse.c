/* `formats:` of a mapping, read and printed. */
#include "mapping/formats.h"

#include <string.h>

static const char *const kind_names[] = {
    "dense", "bitmask", "csr", "csc", "block", "run_length",
};

void format_free(void *data)
{
    struct tree_format *format = data;
    if (format == NULL) {
        return;
    }
    g_free(format->tensor.text);
    for (guint i = 0; i < format->places->len; i++) {
        g_free(g_array_index(format->places, struct tree_name, i).text);
    }
    for (guint i = 0; i < format->block->len; i++) {
        struct tree_pair *pair =
            &g_array_index(format->block, struct tree_pair, i);
        g_free(pair->key.text);
        expr_free(pair->value);
    }
    g_array_unref(format->places);
    g_array_unref(format->block);
    expr_free(format->group);
    g_free(format);
}

static enum status parse_kind(struct diags *diags, const struct yaml_node *node,
                              struct tree_format *format)
{
    const char *text = kind_names[STORAGE_DENSE];
    TRY(yaml_find_text(diags, node, "kind", &text));
    for (size_t i = 0; i < G_N_ELEMENTS(kind_names); i++) {
        if (strcmp(kind_names[i], text) == 0) {
            format->kind = (enum storage_kind)i;
            return OK;
        }
    }
    g_autofree char *suggestion =
        suggest_text(text, kind_names, G_N_ELEMENTS(kind_names));
    diag_error(diags, yaml_span(yaml_find(node, "kind")),
               "mapping-unknown-format", suggestion, "unknown format '%s'",
               text);
    return ERR_INPUT;
}

static enum status parse_places(struct diags *diags,
                                const struct yaml_node *node,
                                struct tree_format *format)
{
    const struct yaml_node *list = NULL;
    TRY(yaml_find_node(diags, node, "in", YAML_SEQUENCE, &list));
    for (size_t i = 0; list != NULL && i < yaml_count(list); i++) {
        const struct yaml_node *item = yaml_item(list, i);
        TRY(yaml_expect(diags, item, YAML_SCALAR, "a memory"));
        struct tree_name place = {g_strdup(yaml_text(item)), yaml_span(item)};
        g_array_append_val(format->places, place);
    }
    return OK;
}

static enum status parse_block(struct diags *diags,
                               const struct yaml_node *node,
                               struct tree_format *format)
{
    const struct yaml_node *block = NULL;
    TRY(yaml_find_node(diags, node, "block", YAML_MAPPING, &block));
    for (size_t i = 0; block != NULL && i < yaml_count(block); i++) {
        const struct yaml_node *value = yaml_pair_value(block, i);
        struct tree_pair pair = {0};
        TRY(yaml_parse_expr(diags, value, &pair.value));
        pair.key = (struct tree_name){g_strdup(yaml_pair_key(block, i)),
                                      yaml_key_span(value)};
        g_array_append_val(format->block, pair);
    }
    const struct yaml_node *group = yaml_find(node, "group");
    return group == NULL ? OK : yaml_parse_expr(diags, group, &format->group);
}

static enum status parse_bits(struct diags *diags, const struct yaml_node *node,
                              const char *key, int64_t *bits)
{
    TRY(yaml_find_count(diags, node, key, UNIT_BITS, NULL, bits));
    if (*bits > 64 || (*bits < 1 && yaml_find(node, key) != NULL)) {
        diag_error(diags, yaml_span(yaml_find(node, key)),
                   "mapping-format-bits", NULL,
                   "'%s' has 1 to 64 bits, not %" G_GINT64_FORMAT, key, *bits);
        return ERR_INPUT;
    }
    return OK;
}

static enum status parse_format(struct diags *diags,
                                const struct yaml_node *node,
                                struct tree_format *format)
{
    static const char *const keys[] = {"tensor", "in",    "kind",  "block",
                                       "group",  "value", "index", "pointer",
                                       "run",    NULL};
    const struct yaml_node *tensor = NULL;
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a format"));
    TRY(yaml_check_keys(diags, node, keys));
    TRY(yaml_get_node(diags, node, "tensor", YAML_SCALAR, &tensor));
    format->tensor =
        (struct tree_name){g_strdup(yaml_text(tensor)), yaml_span(tensor)};
    format->span = yaml_span(node);
    TRY(parse_kind(diags, node, format));
    TRY(parse_places(diags, node, format));
    TRY(parse_block(diags, node, format));
    TRY(parse_bits(diags, node, "value", &format->value_bits));
    TRY(parse_bits(diags, node, "index", &format->index_bits));
    TRY(parse_bits(diags, node, "pointer", &format->pointer_bits));
    return parse_bits(diags, node, "run", &format->run_bits);
}

enum status formats_parse(struct diags *diags, const struct yaml_node *list,
                          GPtrArray *formats)
{
    for (size_t i = 0; i < yaml_count(list); i++) {
        struct tree_format *format = g_new0(struct tree_format, 1);
        format->places = g_array_new(FALSE, TRUE, sizeof(struct tree_name));
        format->block = g_array_new(FALSE, TRUE, sizeof(struct tree_pair));
        g_ptr_array_add(formats, format);
        TRY(parse_format(diags, yaml_item(list, i), format));
    }
    return OK;
}

/* ---- printing --------------------------------------------------------------- */

static void print_bits(GString *out, const char *key, int64_t bits)
{
    if (bits > 0) {
        g_string_append_printf(out, ", %s: %" G_GINT64_FORMAT " bits", key,
                               bits);
    }
}

static void print_format(GString *out, const struct tree_format *format)
{
    g_string_append_printf(out, "- {tensor: %s, kind: %s", format->tensor.text,
                           kind_names[format->kind]);
    for (guint i = 0; i < format->places->len; i++) {
        g_string_append_printf(
            out, "%s%s", i == 0 ? ", in: [" : ", ",
            g_array_index(format->places, struct tree_name, i).text);
    }
    g_string_append(out, format->places->len > 0 ? "]" : "");
    for (guint i = 0; i < format->block->len; i++) {
        const struct tree_pair *pair =
            &g_array_index(format->block, struct tree_pair, i);
        g_autofree char *value = expr_print(pair->value);
        g_string_append_printf(out, "%s%s: \"%s\"",
                               i == 0 ? ", block: {" : ", ", pair->key.text,
                               value);
    }
    g_string_append(out, format->block->len > 0 ? "}" : "");
    if (format->group != NULL) {
        g_autofree char *group = expr_print(format->group);
        g_string_append_printf(out, ", group: \"%s\"", group);
    }
    print_bits(out, "value", format->value_bits);
    print_bits(out, "index", format->index_bits);
    print_bits(out, "pointer", format->pointer_bits);
    print_bits(out, "run", format->run_bits);
    g_string_append(out, "}\n");
}

void formats_print(GString *out, const GPtrArray *formats)
{
    if (formats->len > 0) {
        g_string_append(out, "formats:\n");
    }
    for (guint i = 0; i < formats->len; i++) {
        print_format(out, formats->pdata[i]);
    }
}
