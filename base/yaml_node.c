/* The tree and its plain accessors. */
#include "base/yaml_node.h"

static void free_node(gpointer data)
{
    struct yaml_node *node = data;
    if (!node->is_alias) {
        g_free(node->text);
        g_clear_pointer(&node->points, g_array_unref);
        g_clear_pointer(&node->children, g_ptr_array_unref);
        g_clear_pointer(&node->keys, g_ptr_array_unref);
        g_clear_pointer(&node->key_indices, g_hash_table_unref);
    }
    g_free(node);
}

struct yaml_node *yaml_node_new(struct yaml_document *document,
                                enum yaml_kind kind)
{
    if (document->nodes == NULL) {
        document->nodes = g_ptr_array_new_with_free_func(free_node);
    }
    struct yaml_node *node = g_new0(struct yaml_node, 1);
    node->kind = kind;
    node->document = document;
    node->height = 1;
    node->node_count = 1;
    g_ptr_array_add(document->nodes, node);
    return node;
}

void yaml_document_free(struct yaml_document *document)
{
    if (document == NULL) {
        return;
    }
    g_clear_pointer(&document->nodes, g_ptr_array_unref);
    source_map_free(document->map);
    g_free(document);
}

const struct yaml_node *yaml_root(const struct yaml_document *document)
{
    return document->root;
}

const struct source *yaml_source(const struct yaml_document *document)
{
    return document->source;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
    switch (kind) {
    case YAML_SCALAR:
        return "a scalar";
    case YAML_SEQUENCE:
        return "a list";
    case YAML_MAPPING:
        return "a mapping";
    }
    BUG("yaml kind %d", (int)kind);
}

enum yaml_kind yaml_kind(const struct yaml_node *node)
{
    return node->kind;
}

struct span yaml_span(const struct yaml_node *node)
{
    return node->span;
}

struct span yaml_key_span(const struct yaml_node *node)
{
    return node->key_span.source != NULL ? node->key_span : node->span;
}

size_t yaml_count(const struct yaml_node *node)
{
    return node->children != NULL ? node->children->len : 0;
}

const struct yaml_node *yaml_item(const struct yaml_node *node, size_t i)
{
    g_assert(i < yaml_count(node));
    return node->children->pdata[i];
}

const char *yaml_pair_key(const struct yaml_node *node, size_t i)
{
    g_assert(node->kind == YAML_MAPPING && i < yaml_count(node));
    return node->keys->pdata[i];
}

const struct yaml_node *yaml_pair_value(const struct yaml_node *node, size_t i)
{
    g_assert(node->kind == YAML_MAPPING);
    return yaml_item(node, i);
}

const struct yaml_node *yaml_find(const struct yaml_node *node, const char *key)
{
    if (node->kind != YAML_MAPPING) {
        return NULL;
    }
    guint found = GPOINTER_TO_UINT(g_hash_table_lookup(node->key_indices, key));
    return found > 0 ? yaml_item(node, found - 1) : NULL;
}

const char *yaml_text(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR ? node->text : NULL;
}
