/* A draft as a cascade file: the keys of the old one in their order, with the
 * new shapes, statements and name; keys that rewrites know nothing of are
 * copied. */
#include "einsum/rewrite.h"

#include <string.h>

/* Plain where YAML would read the same text back, else in double quotes. */
static void print_scalar(const char *text, GString *out)
{
    bool is_plain = text[0] != '\0' && g_ascii_isalnum(text[0]);
    for (const char *c = text; *c != '\0' && is_plain; c++) {
        is_plain = g_ascii_isalnum(*c) || strchr("_-./*+ ()", *c) != NULL;
    }
    if (is_plain && text[strlen(text) - 1] != ' ') {
        g_string_append(out, text);
        return;
    }
    g_string_append_c(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            g_string_append(out, "\\n");
            continue;
        }
        if (*c == '"' || *c == '\\') {
            g_string_append_c(out, '\\');
        }
        g_string_append_c(out, *c);
    }
    g_string_append_c(out, '"');
}

static void print_node(const struct yaml_node *node, GString *out)
{
    bool is_list = yaml_kind(node) == YAML_SEQUENCE;
    if (yaml_kind(node) == YAML_SCALAR) {
        print_scalar(yaml_text(node), out);
        return;
    }
    g_string_append(out, is_list ? "[" : "{");
    for (size_t i = 0; i < yaml_count(node); i++) {
        g_string_append(out, i > 0 ? ", " : "");
        if (!is_list) {
            print_scalar(yaml_pair_key(node, i), out);
            g_string_append(out, ": ");
        }
        print_node(is_list ? yaml_item(node, i) : yaml_pair_value(node, i),
                   out);
    }
    g_string_append(out, is_list ? "]" : "}");
}

static void print_shapes(const struct draft *draft,
                         const struct yaml_node *shapes, GString *out)
{
    print_node(shapes, out);
    g_string_truncate(out, out->len - 1);
    for (guint i = 0; i < draft->shapes->len; i++) {
        bool is_first = i == 0 && yaml_count(shapes) == 0;
        g_string_append_printf(out, "%s%s", is_first ? "" : ", ",
                               (char *)g_ptr_array_index(draft->shapes, i));
    }
    g_string_append_c(out, '}');
}

/* The statements, '=' of all lines in one column. */
static void print_statements(const struct draft *draft, GString *out)
{
    g_autoptr(GString) text = g_string_new(draft->head->str);
    for (guint i = 0; i < draft->old->len; i++) {
        const GString *line = g_ptr_array_index(draft->lines, i);
        if (line != NULL) {
            g_string_append(text, line->str);
        } else {
            g_string_append_printf(text, "%s\n",
                                   (char *)g_ptr_array_index(draft->old, i));
        }
    }
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    int widest = 0;
    for (char **line = lines; *line != NULL; line++) {
        const char *sign = strstr(*line, " = ");
        widest = MAX(widest, sign == NULL ? 0 : (int)(sign - *line));
    }
    for (char **line = lines; *line != NULL && (*line)[0] != '\0'; line++) {
        const char *sign = strstr(*line, " = ");
        int length = sign == NULL ? (int)strlen(*line) : (int)(sign - *line);
        g_string_append_printf(out, "  %-*.*s%s\n", widest, length, *line,
                               sign == NULL ? "" : sign);
    }
}

static void print_pair(const struct draft *draft, const char *rewrite,
                       const char *key, const struct yaml_node *value,
                       GString *out)
{
    if (g_str_equal(key, "macros") || g_str_equal(key, "include")) {
        return; /* the statements have what they stand for */
    }
    g_string_append_printf(out, "%s: ", key);
    if (g_str_equal(key, "einsums")) {
        g_string_append(out, "|\n");
        print_statements(draft, out);
        return;
    }
    if (g_str_equal(key, "shapes")) {
        print_shapes(draft, value, out);
    } else if (g_str_equal(key, "cascade")) {
        g_autofree char *name =
            g_strdup_printf("%s-%s", yaml_text(value), rewrite);
        print_scalar(name, out);
    } else {
        print_node(value, out);
    }
    g_string_append_c(out, '\n');
}

char *draft_print(const struct draft *draft, const char *rewrite)
{
    const struct yaml_node *root = yaml_root(draft->cascade->document);
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < yaml_count(root); i++) {
        print_pair(draft, rewrite, yaml_pair_key(root, i),
                   yaml_pair_value(root, i), out);
    }
    return g_string_free(out, FALSE);
}
