/* From the YAML file to a checked cascade, and what the header tells of it. */
#include "einsum/ast.h"

#include <string.h>

#include "einsum/macro.h"

static const char *const known_keys[] = {
    "schema",  "cascade", "about",  "source",  "kernel", "shapes", "inputs",
    "einsums", "outputs", "macros", "include", "ragged", "sparse", NULL,
};

static struct cascade *cascade_new(void)
{
    struct cascade *cascade = g_new0(struct cascade, 1);
    cascade->names = g_string_chunk_new(1024);
    cascade->nodes = g_ptr_array_new();
    cascade->macros = g_ptr_array_new();
    cascade->origins = g_ptr_array_new_with_free_func(g_free);
    cascade->shared = g_ptr_array_new();
    cascade->ranks = g_ptr_array_new_with_free_func(g_free);
    cascade->shapes = g_array_new(FALSE, TRUE, sizeof(struct cascade_shape));
    cascade->tensors = g_array_new(FALSE, TRUE, sizeof(struct cascade_tensor));
    cascade->statements =
        g_array_new(FALSE, TRUE, sizeof(struct ast_statement));
    cascade->ragged = g_array_new(FALSE, TRUE, sizeof(struct cascade_ragged));
    return cascade;
}

static void free_nodes(GPtrArray *nodes)
{
    for (guint i = 0; i < nodes->len; i++) {
        struct ast_node *node = g_ptr_array_index(nodes, i);
        g_free(node->child);
        g_free(node);
    }
    g_ptr_array_unref(nodes);
}

void cascade_free(struct cascade *cascade)
{
    if (cascade == NULL) {
        return;
    }
    for (size_t i = 0; i < cascade->shapes->len; i++) {
        expr_free(cascade_shape_at(cascade, i)->expr);
    }
    for (size_t i = 0; i < cascade->statements->len; i++) {
        g_ptr_array_unref(cascade_statement_at(cascade, i)->reduce_ranks);
    }
    for (size_t i = 0; i < cascade->tensors->len; i++) {
        ast_values_free(cascade_tensor_at(cascade, i)->values);
    }
    g_array_unref(cascade->shapes);
    g_array_unref(cascade->tensors);
    g_array_unref(cascade->statements);
    g_array_unref(cascade->ragged);
    for (guint i = 0; i < cascade->macros->len; i++) {
        macro_free(g_ptr_array_index(cascade->macros, i));
    }
    for (guint i = 0; i < cascade->shared->len; i++) {
        yaml_document_free(g_ptr_array_index(cascade->shared, i));
    }
    g_ptr_array_unref(cascade->macros);
    g_ptr_array_unref(cascade->origins);
    g_ptr_array_unref(cascade->shared);
    free_nodes(cascade->nodes);
    g_ptr_array_unref(cascade->ranks);
    g_string_chunk_free(cascade->names);
    yaml_document_free(cascade->document);
    g_free(cascade->path);
    g_free(cascade->hash);
    g_free(cascade);
}

static void read_shape(struct cascade *cascade, const char *name,
                       const struct yaml_node *value, struct diags *diags)
{
    struct span span = yaml_key_span(value);
    if (!name_is_shape(name)) {
        g_autofree char *upper = g_ascii_strup(name, -1);
        g_autofree char *suggestion =
            name_is_shape(upper) ? g_strdup_printf("write '%s'", upper) : NULL;
        cascade->has_lost_shapes = true;
        diag_error(diags, span, "einsum-bad-name", suggestion,
                   "'%s' is not the name of a shape (capitals)", name);
        return;
    }
    struct cascade_shape shape = {.name = name, .span = span};
    if (yaml_parse_expr(diags, value, &shape.expr) != OK) {
        shape.expr = NULL;
    }
    g_array_append_val(cascade->shapes, shape);
}

static void read_shapes(struct cascade *cascade, const struct yaml_node *root,
                        struct diags *diags)
{
    const struct yaml_node *node = NULL;
    if (yaml_get_node(diags, root, "shapes", YAML_MAPPING, &node) != OK) {
        cascade->has_lost_shapes = true;
        return;
    }
    if (yaml_count(node) > CASCADE_MAX_SHAPES) {
        diag_error(diags, yaml_span(node), "einsum-too-many-shapes", NULL,
                   "a cascade has at most %d shapes", CASCADE_MAX_SHAPES);
        cascade->has_lost_shapes = true;
        return;
    }
    for (size_t i = 0; i < yaml_count(node); i++) {
        read_shape(cascade, yaml_pair_key(node, i), yaml_pair_value(node, i),
                   diags);
    }
}

static void read_input(struct cascade *cascade, const char *name,
                       const struct yaml_node *value, struct diags *diags)
{
    if (!name_is_tensor(name)) {
        cascade->has_lost_tensors = true;
        diag_error(diags, yaml_key_span(value), "einsum-bad-name", NULL,
                   "'%s' is not the name of a tensor (letters and digits, the "
                   "first a capital)",
                   name);
        return;
    }
    struct cascade_tensor tensor = {
        .name = name,
        .place = {.node = value, .length = 1},
        .is_input = true,
        .producer = -1,
        .initializer = -1,
        .iterative_dim = -1,
        .part_dim = -1,
        .first_definition = -1,
        .last_definition = -1,
    };
    if (yaml_expect(diags, value, YAML_SCALAR,
                    "a list of ranks such as \"[m,k]\"") == OK) {
        parse_declaration(cascade, value, &tensor, diags);
    }
    if (tensor.declaration != NULL) {
        tensor.dim_count = tensor.declaration->child_count;
    }
    g_array_append_val(cascade->tensors, tensor);
}

static void read_inputs(struct cascade *cascade, const struct yaml_node *root,
                        struct diags *diags)
{
    const struct yaml_node *node = NULL;
    if (yaml_get_node(diags, root, "inputs", YAML_MAPPING, &node) != OK) {
        cascade->has_lost_tensors = true;
        return;
    }
    if (yaml_count(node) > AST_MAX_STATEMENTS) {
        diag_error(diags, yaml_span(node), "einsum-too-many-inputs", NULL,
                   "a cascade has at most %d inputs", AST_MAX_STATEMENTS);
        cascade->has_lost_tensors = true;
        return;
    }
    for (size_t i = 0; i < yaml_count(node); i++) {
        read_input(cascade, yaml_pair_key(node, i), yaml_pair_value(node, i),
                   diags);
    }
}

/* The texts that nothing here reads are still checked for their kind. */
static void read_texts(struct cascade *cascade, const struct yaml_node *root,
                       struct diags *diags)
{
    const char *unread = NULL;
    const enum status results[] = {
        yaml_get_text(diags, root, "cascade", &cascade->name),
        yaml_find_text(diags, root, "kernel", &cascade->kernel),
        yaml_find_text(diags, root, "about", &unread),
        yaml_find_text(diags, root, "source", &unread),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(results); i++) {
        if (results[i] != OK && diags_error_count(diags) == 0) {
            BUG("a YAML error without a message");
        }
    }
}

static void read_statements(struct cascade *cascade,
                            const struct yaml_node *root, struct diags *diags)
{
    const struct yaml_node *node = NULL;
    if (yaml_get_node(diags, root, "einsums", YAML_SCALAR, &node) == OK) {
        parse_statements(cascade, node, diags);
    } else {
        cascade->has_lost_tensors = true;
    }
    if (yaml_get_node(diags, root, "outputs", YAML_SEQUENCE, &node) == OK) {
        cascade->outputs = node;
    }
}

static void read_root(struct cascade *cascade, struct diags *diags)
{
    const struct yaml_node *root = yaml_root(cascade->document);
    if (yaml_check_schema(diags, root) != OK &&
        (root == NULL || yaml_kind(root) != YAML_MAPPING)) {
        return;
    }
    size_t errors_before = diags_error_count(diags);
    if (yaml_check_keys(diags, root, known_keys) != OK &&
        diags_error_count(diags) == errors_before) {
        BUG("an unknown key without a message");
    }
    read_texts(cascade, root, diags);
    read_shapes(cascade, root, diags);
    read_inputs(cascade, root, diags);
    macros_read(cascade, root, diags);
    ragged_read(cascade, root, diags); /* some macros depend on it */
    read_statements(cascade, root, diags);
    lower_complex(cascade, diags);
    ragged_apply(cascade, diags);
    cascade_check(cascade, diags);
}

/* Takes the document. */
static enum status load_document(struct diags *diags,
                                 struct yaml_document *document,
                                 struct cascade **cascade)
{
    AUTO(cascade) loaded = cascade_new();
    size_t errors_before = diags_error_count(diags);
    const struct source *source = yaml_source(document);
    loaded->document = document;
    loaded->path = g_strdup(source->path);
    loaded->hash = source_hash(source);
    read_root(loaded, diags);
    if (diags_error_count(diags) > errors_before) {
        return ERR_INPUT;
    }
    *cascade = g_steal_pointer(&loaded);
    return OK;
}

enum status cascade_load_file(struct diags *diags, const char *path,
                              struct cascade **cascade)
{
    struct yaml_document *document = NULL;
    TRY(yaml_load_file(diags, path, &document));
    return load_document(diags, document, cascade);
}

enum status cascade_load_source(struct diags *diags,
                                const struct source *source,
                                struct cascade **cascade)
{
    struct yaml_document *document = NULL;
    TRY(yaml_load_source(diags, source, &document));
    return load_document(diags, document, cascade);
}

enum status cascade_check_macros(struct diags *diags, const char *path)
{
    AUTO(cascade) cascade = cascade_new();
    const struct source *source = NULL;
    size_t errors_before = diags_error_count(diags);
    TRY(yaml_load_file(diags, path, &cascade->document));
    source = yaml_source(cascade->document);
    cascade->path = g_strdup(source->path);
    cascade->hash = source_hash(source);
    macros_read_document(cascade, source, diags);
    return diags_error_count(diags) > errors_before ? ERR_INPUT : OK;
}

const char *cascade_name(const struct cascade *cascade)
{
    return cascade->name;
}

const char *cascade_path(const struct cascade *cascade)
{
    return cascade->path;
}

const char *cascade_kernel(const struct cascade *cascade)
{
    return cascade->kernel;
}

struct span cascade_kernel_span(const struct cascade *cascade)
{
    const struct yaml_node *root = yaml_root(cascade->document);
    const struct yaml_node *node =
        root == NULL ? NULL : yaml_find(root, "kernel");
    return node == NULL ? SPAN_NONE : yaml_span(node);
}

const char *cascade_hash(const struct cascade *cascade)
{
    return cascade->hash;
}

size_t cascade_shape_count(const struct cascade *cascade)
{
    return cascade->shapes->len;
}

const char *cascade_shape_name(const struct cascade *cascade, size_t i)
{
    return cascade_shape_at(cascade, i)->name;
}

struct span cascade_shape_span(const struct cascade *cascade, size_t i)
{
    return cascade_shape_at(cascade, i)->span;
}
