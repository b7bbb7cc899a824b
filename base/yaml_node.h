/* The composed tree. Private to base/; "yaml.h" of libyaml is included by
 * yaml_compose.c alone. */
#ifndef WEIR_BASE_YAML_NODE_H
#define WEIR_BASE_YAML_NODE_H

#include "base/base.h"
#include "base/source.h"

enum yaml_style {
    YAML_STYLE_PLAIN,
    YAML_STYLE_SINGLE_QUOTED,
    YAML_STYLE_DOUBLE_QUOTED,
    YAML_STYLE_BLOCK, /* literal or folded */
};

/* Byte `text_offset` of a scalar's text stands at byte `source_offset`; so do
 * the bytes after both, up to the next anchor or the end of the line. */
struct yaml_anchor_point {
    size_t text_offset;
    size_t source_offset;
};

struct yaml_node {
    enum yaml_kind kind;
    const struct yaml_document *document;
    struct span span;
    struct span key_span; /* source NULL: the node stands under no key */
    size_t source_start;  /* byte */
    int height;           /* levels from here down, a scalar is 1 */
    int64_t node_count;   /* nodes from here down, aliases expanded */
    /* A copy made for an alias: what the pointers below lead to belongs to the
     * node with the anchor. */
    bool is_alias;
    /* Scalars. */
    char *text;
    size_t text_length_bytes;
    enum yaml_style style;
    GArray *points; /* struct yaml_anchor_point, ascending; NULL before use */
    /* Sequences and mappings: struct yaml_node, borrowed from the document. */
    GPtrArray *children;
    GPtrArray *keys;         /* mappings: char *, owned, parallel */
    GHashTable *key_indices; /* mappings: key -> index + 1 */
};

struct yaml_document {
    const struct source *source;
    struct source_map *map;
    GPtrArray *nodes; /* every node, owned */
    const struct yaml_node *root;
};

struct yaml_node *yaml_node_new(struct yaml_document *document,
                                enum yaml_kind kind);
/* Fills node->points from the scalar's source text. */
void yaml_node_place_text(struct yaml_node *node);
/* "a mapping", for messages. */
const char *yaml_kind_name(enum yaml_kind kind);

#endif
