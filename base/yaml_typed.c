/* Typed access: what a folder that reads a file asks of its nodes. */
#include "base/yaml_node.h"

#include <string.h>

enum status yaml_expect(struct diags *diags, const struct yaml_node *node,
                        enum yaml_kind kind, const char *what)
{
    if (node->kind == kind) {
        return OK;
    }
    diag_error(diags, node->span, "yaml-wrong-type", NULL,
               "%s must be %s, not %s", what, yaml_kind_name(kind),
               yaml_kind_name(node->kind));
    return ERR_INPUT;
}

static enum status expect_key(struct diags *diags, const struct yaml_node *node,
                              enum yaml_kind kind, const char *key)
{
    g_autofree char *what = g_strdup_printf("'%s'", key);
    return yaml_expect(diags, node, kind, what);
}

enum status yaml_check_keys(struct diags *diags, const struct yaml_node *node,
                            const char *const *keys)
{
    TRY(yaml_expect(diags, node, YAML_MAPPING, "the value"));
    enum status status = OK;
    size_t key_count = 0;
    while (keys[key_count] != NULL) {
        key_count++;
    }
    for (size_t i = 0; i < yaml_count(node); i++) {
        const char *key = yaml_pair_key(node, i);
        if (g_strv_contains(keys, key)) {
            continue;
        }
        g_autofree char *suggestion = suggest_text(key, keys, key_count);
        diag_error(diags, yaml_key_span(yaml_pair_value(node, i)),
                   "yaml-unknown-key", suggestion, "unknown key '%s'", key);
        status = ERR_INPUT;
    }
    return status;
}

enum status yaml_check_schema(struct diags *diags, const struct yaml_node *root)
{
    TRY(yaml_expect(diags, root, YAML_MAPPING, "the file"));
    const struct yaml_node *schema = yaml_find(root, "schema");
    if (schema == NULL) {
        diag_error(diags, root->span, "yaml-schema",
                   "start the file with 'schema: 1'", "no key 'schema'");
        return ERR_INPUT;
    }
    TRY(yaml_expect(diags, schema, YAML_SCALAR, "'schema'"));
    if (strcmp(schema->text, "1") != 0) {
        diag_error(diags, schema->span, "yaml-schema", NULL,
                   "schema '%s' is not known, only 1 is", schema->text);
        return ERR_INPUT;
    }
    return OK;
}

enum status yaml_find_node(struct diags *diags, const struct yaml_node *mapping,
                           const char *key, enum yaml_kind kind,
                           const struct yaml_node **value)
{
    TRY(yaml_expect(diags, mapping, YAML_MAPPING, "the value"));
    const struct yaml_node *found = yaml_find(mapping, key);
    if (found == NULL) {
        return OK;
    }
    TRY(expect_key(diags, found, kind, key));
    *value = found;
    return OK;
}

enum status yaml_get_node(struct diags *diags, const struct yaml_node *mapping,
                          const char *key, enum yaml_kind kind,
                          const struct yaml_node **value)
{
    const struct yaml_node *found = NULL;
    TRY(yaml_find_node(diags, mapping, key, kind, &found));
    if (found == NULL) {
        diag_error(diags, yaml_key_span(mapping), "yaml-missing-key", NULL,
                   "missing key '%s'", key);
        return ERR_INPUT;
    }
    *value = found;
    return OK;
}

enum status yaml_get_text(struct diags *diags, const struct yaml_node *mapping,
                          const char *key, const char **text)
{
    const struct yaml_node *node;
    TRY(yaml_get_node(diags, mapping, key, YAML_SCALAR, &node));
    *text = node->text;
    return OK;
}

enum status yaml_find_text(struct diags *diags, const struct yaml_node *mapping,
                           const char *key, const char **text)
{
    const struct yaml_node *node = NULL;
    TRY(yaml_find_node(diags, mapping, key, YAML_SCALAR, &node));
    if (node != NULL) {
        *text = node->text;
    }
    return OK;
}

enum status yaml_find_bool(struct diags *diags, const struct yaml_node *mapping,
                           const char *key, bool *value)
{
    const struct yaml_node *node = NULL;
    TRY(yaml_find_node(diags, mapping, key, YAML_SCALAR, &node));
    if (node == NULL) {
        return OK;
    }
    bool is_true = strcmp(node->text, "true") == 0;
    if (!is_true && strcmp(node->text, "false") != 0) {
        diag_error(diags, node->span, "yaml-wrong-type", "write true or false",
                   "'%s' must be true or false, not '%s'", key, node->text);
        return ERR_INPUT;
    }
    *value = is_true;
    return OK;
}

static struct span whole_text_span(const struct yaml_node *node)
{
    return yaml_text_span(node, 0, (int)g_utf8_strlen(node->text, -1));
}

enum status yaml_parse_expr(struct diags *diags, const struct yaml_node *node,
                            struct expr **expr)
{
    TRY(yaml_expect(diags, node, YAML_SCALAR, "an expression"));
    return expr_parse(diags, whole_text_span(node), node->text, expr);
}

enum status yaml_eval(struct diags *diags, const struct yaml_node *node,
                      const struct scope *scope, int64_t *value)
{
    AUTO(expr) expr = NULL;
    TRY(yaml_parse_expr(diags, node, &expr));
    return expr_eval(expr, scope, diags, value);
}

enum status yaml_quantity(struct diags *diags, const struct yaml_node *node,
                          enum unit_kind kind, const struct scope *scope,
                          int64_t *count, double *real)
{
    TRY(yaml_expect(diags, node, YAML_SCALAR, "a quantity"));
    return units_parse(diags, whole_text_span(node), node->text, kind, scope,
                       count, real);
}

enum status yaml_get_count(struct diags *diags, const struct yaml_node *mapping,
                           const char *key, enum unit_kind kind,
                           const struct scope *scope, int64_t *count)
{
    const struct yaml_node *node;
    TRY(yaml_get_node(diags, mapping, key, YAML_SCALAR, &node));
    return yaml_quantity(diags, node, kind, scope, count, NULL);
}

enum status yaml_find_count(struct diags *diags,
                            const struct yaml_node *mapping, const char *key,
                            enum unit_kind kind, const struct scope *scope,
                            int64_t *count)
{
    const struct yaml_node *node = NULL;
    TRY(yaml_find_node(diags, mapping, key, YAML_SCALAR, &node));
    if (node == NULL) {
        return OK;
    }
    return yaml_quantity(diags, node, kind, scope, count, NULL);
}

enum status yaml_get_real(struct diags *diags, const struct yaml_node *mapping,
                          const char *key, enum unit_kind kind,
                          const struct scope *scope, double *real)
{
    const struct yaml_node *node;
    TRY(yaml_get_node(diags, mapping, key, YAML_SCALAR, &node));
    return yaml_quantity(diags, node, kind, scope, NULL, real);
}

enum status yaml_find_real(struct diags *diags, const struct yaml_node *mapping,
                           const char *key, enum unit_kind kind,
                           const struct scope *scope, double *real)
{
    const struct yaml_node *node = NULL;
    TRY(yaml_find_node(diags, mapping, key, YAML_SCALAR, &node));
    if (node == NULL) {
        return OK;
    }
    return yaml_quantity(diags, node, kind, scope, NULL, real);
}
