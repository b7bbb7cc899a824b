/* Any bytes as a YAML file: loading ends with a tree or with a message, and
 * every character of every scalar has a place inside the file. */
#include <stdint.h>
#include <string.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_span(struct span span)
{
    if (span.source == NULL || span.line < 1 || span.column < 1 ||
        span.length < 1) {
        BUG("span at %d:%d of length %d", span.line, span.column, span.length);
    }
}

static char byte_at(struct span span)
{
    const char *line = span.source->text;
    for (int i = 1; i < span.line; i++) {
        line = strchr(line, '\n') + 1;
    }
    return *g_utf8_offset_to_pointer(line, span.column - 1);
}

/* Without escapes a letter of the text is the letter that stands there. The
 * other line ends of YAML 1.1 are not followed. */
static void check_letter(const struct yaml_node *node, size_t offset)
{
    struct span span = yaml_text_span(node, offset, 1);
    check_span(span);
    char letter = yaml_text(node)[offset];
    if (g_ascii_isalnum(letter) &&
        strpbrk(span.source->text, "\\\xC2\xE2") == NULL &&
        byte_at(span) != letter) {
        BUG("'%c' is not at %d:%d", letter, span.line, span.column);
    }
}

static void check_node(const struct yaml_node *node)
{
    check_span(yaml_span(node));
    check_span(yaml_key_span(node));
    const char *text = yaml_text(node);
    /* The first part shows everything and keeps the fuzzer quick. */
    for (size_t i = 0; text != NULL && i < 200 && i <= strlen(text); i++) {
        check_letter(node, i);
    }
    for (size_t i = 0; i < yaml_count(node) && i < 50; i++) {
        if (yaml_kind(node) == YAML_MAPPING &&
            yaml_find(node, yaml_pair_key(node, i)) !=
                yaml_pair_value(node, i)) {
            BUG("key '%s' does not find its value", yaml_pair_key(node, i));
        }
    }
}

static void check_tree(const struct yaml_node *node, int *nodes_left)
{
    if ((*nodes_left)-- <= 0) {
        return;
    }
    check_node(node);
    for (size_t i = 0; i < yaml_count(node); i++) {
        check_tree(yaml_item(node, i), nodes_left);
    }
}

static void read_typed(struct diags *diags, const struct yaml_node *root)
{
    static const char *const keys[] = {"schema", "size", NULL};
    int64_t count = 0;
    double real = 0;
    enum status status = yaml_check_schema(diags, root);
    status |= yaml_check_keys(diags, root, keys);
    status |= yaml_find_count(diags, root, "size", UNIT_BYTES, NULL, &count);
    status |= yaml_find_real(diags, root, "energy", UNIT_PJ, NULL, &real);
    if ((status == OK) != (diags_error_count(diags) == 0)) {
        BUG("status %d with %zu errors", (int)status, diags_error_count(diags));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    g_autofree char *text = g_strndup((const char *)data, size_bytes);
    AUTO(diags) diags = diags_new();
    AUTO(yaml_document) document = NULL;
    const struct source *source = diags_add_text(diags, "fuzz.yaml", text);
    enum status status = yaml_load_source(diags, source, &document);
    if (status != diags_status(diags)) {
        BUG("status %d, diags %d", (int)status, (int)diags_status(diags));
    }
    if (status == OK) {
        int nodes_left = 1000;
        check_tree(yaml_root(document), &nodes_left);
        read_typed(diags, yaml_root(document));
    }
    GString *out = g_string_new(NULL);
    diags_print(diags, true, out);
    g_string_free(out, TRUE);
    return 0;
}
