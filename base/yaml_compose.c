/* Events of libyaml to a tree, with every limit enforced on the way: nothing is
 * built that is larger or deeper than allowed. An error that leaves the
 * structure intact (a duplicate key, a tag) is reported and composing goes on.
 *
 * Of libyaml's marks only the index is used, which counts code points from the
 * start of the text. */
#include "base/yaml_node.h"

#include <string.h>

#include <yaml.h>

#define MAX_FILE_BYTES ((size_t)4 * 1024 * 1024)
#define MAX_DEPTH      64
#define MAX_NODES      100000

struct composer {
    yaml_parser_t parser;
    struct diags *diags;
    struct yaml_document *document;
    GHashTable *anchors;      /* name -> struct yaml_node, borrowed */
    GHashTable *open_anchors; /* names whose node is not complete yet */
    int64_t node_count;       /* so far, aliases expanded */
    bool has_error;
};

static enum status compose(struct composer *composer, yaml_event_t *event,
                           int depth, struct yaml_node **node);

static size_t byte_of(const struct composer *composer, yaml_mark_t mark)
{
    return source_map_byte(composer->document->map, mark.index);
}

static struct span span_of(const struct composer *composer,
                           const yaml_event_t *event)
{
    return source_map_range(composer->document->map,
                            byte_of(composer, event->start_mark),
                            byte_of(composer, event->end_mark));
}

/* ---- syntax errors ------------------------------------------------------ */

static char *describe_problem(const yaml_parser_t *parser)
{
    const char *problem = parser->problem ? parser->problem : "cannot parse";
    if (parser->context == NULL) {
        return g_strdup(problem);
    }
    if (parser->context_mark.line == parser->problem_mark.line) {
        return g_strdup_printf("%s %s", problem, parser->context);
    }
    return g_strdup_printf("%s %s that starts in line %zu", problem,
                           parser->context, parser->context_mark.line + 1);
}

static enum status report_syntax(struct composer *composer)
{
    const yaml_parser_t *parser = &composer->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        return diag_fail(composer->diags, ERR_MEM, "yaml-memory",
                         "out of memory while parsing '%s'",
                         composer->document->source->path);
    }
    size_t byte = parser->error == YAML_READER_ERROR
                      ? parser->problem_offset
                      : byte_of(composer, parser->problem_mark);
    const struct source *source = composer->document->source;
    byte = MIN(byte, source->length_bytes);
    const char *suggestion = source->text[byte] == '\t'
                                 ? "indent with spaces, not with a tab"
                                 : NULL;
    g_autofree char *problem = describe_problem(parser);
    diag_error(composer->diags,
               source_map_span(composer->document->map, byte, 1), "yaml-syntax",
               suggestion, "%s", problem);
    return ERR_INPUT;
}

static enum status next_event(struct composer *composer, yaml_event_t *event)
{
    if (!yaml_parser_parse(&composer->parser, event)) {
        return report_syntax(composer);
    }
    return OK;
}

/* ---- limits and refusals ------------------------------------------------ */

static enum status count_nodes(struct composer *composer, struct span span,
                               int64_t count, bool is_alias)
{
    composer->node_count += count;
    if (composer->node_count <= MAX_NODES) {
        return OK;
    }
    if (is_alias) {
        diag_error(composer->diags, span, "yaml-alias-bomb", NULL,
                   "aliases expand to more than %d nodes", MAX_NODES);
    } else {
        diag_error(composer->diags, span, "yaml-too-large", NULL,
                   "more than %d nodes", MAX_NODES);
    }
    return ERR_INPUT;
}

static enum status check_depth(struct composer *composer, struct span span,
                               int depth)
{
    if (depth <= MAX_DEPTH) {
        return OK;
    }
    diag_error(composer->diags, span, "yaml-too-deep", NULL,
               "nested deeper than %d levels", MAX_DEPTH);
    return ERR_INPUT;
}

static void refuse_tag(struct composer *composer, const yaml_event_t *event,
                       const yaml_char_t *tag)
{
    if (tag == NULL) {
        return;
    }
    diag_error(composer->diags, span_of(composer, event), "yaml-tag", NULL,
               "tags are not allowed, found '%s'", (const char *)tag);
    composer->has_error = true;
}

/* ---- nodes -------------------------------------------------------------- */

static void open_anchor(struct composer *composer, const yaml_char_t *anchor)
{
    if (anchor != NULL) {
        g_hash_table_add(composer->open_anchors,
                         g_strdup((const char *)anchor));
    }
}

static void close_anchor(struct composer *composer, const char *anchor,
                         struct yaml_node *node)
{
    if (anchor != NULL) {
        g_hash_table_remove(composer->open_anchors, anchor);
        g_hash_table_insert(composer->anchors, g_strdup(anchor), node);
    }
}

static enum yaml_style style_of(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_ANY_SCALAR_STYLE:
    case YAML_PLAIN_SCALAR_STYLE:
        return YAML_STYLE_PLAIN;
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return YAML_STYLE_SINGLE_QUOTED;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return YAML_STYLE_DOUBLE_QUOTED;
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE:
        return YAML_STYLE_BLOCK;
    }
    BUG("scalar style %d", (int)style);
}

/* Of an anchor, which may end at a letter of the scalar's own, a tag or a
 * comment. */
static size_t property_length(const char *text)
{
    if (text[0] == '&') {
        return 1 +
               strspn(text + 1, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-");
    }
    return strcspn(text, text[0] == '#' ? "\r\n" : " \t\r\n");
}

/* Anchors, tags and comments behind them stand before the scalar and belong to
 * its event. */
static size_t find_scalar_start(const struct composer *composer,
                                const yaml_event_t *event)
{
    const char *text = composer->document->source->text;
    size_t start = byte_of(composer, event->start_mark);
    size_t end = byte_of(composer, event->end_mark);
    while (start < end && strchr("&!#", text[start]) != NULL) {
        start += property_length(text + start);
        start += strspn(text + start, " \t\r\n");
    }
    return MIN(start, end);
}

static enum status compose_scalar(struct composer *composer,
                                  const yaml_event_t *event,
                                  struct yaml_node **node)
{
    refuse_tag(composer, event, event->data.scalar.tag);
    const char *value = (const char *)event->data.scalar.value;
    size_t start = find_scalar_start(composer, event);
    struct yaml_node *scalar = yaml_node_new(composer->document, YAML_SCALAR);
    scalar->text = g_strdup(value);
    scalar->text_length_bytes = strlen(value);
    scalar->style = style_of(event->data.scalar.style);
    scalar->source_start = start;
    scalar->span = source_map_range(composer->document->map, start,
                                    byte_of(composer, event->end_mark));
    yaml_node_place_text(scalar);
    if (scalar->text_length_bytes != event->data.scalar.length) {
        diag_error(composer->diags, scalar->span, "yaml-nul", NULL,
                   "NUL character in a text");
        composer->has_error = true;
    }
    close_anchor(composer, (const char *)event->data.scalar.anchor, scalar);
    *node = scalar;
    return OK;
}

static enum status compose_alias(struct composer *composer,
                                 const yaml_event_t *event, int depth,
                                 struct yaml_node **node)
{
    const char *anchor = (const char *)event->data.alias.anchor;
    struct span span = span_of(composer, event);
    const struct yaml_node *target =
        g_hash_table_lookup(composer->anchors, anchor);
    if (g_hash_table_contains(composer->open_anchors, anchor)) {
        diag_error(composer->diags, span, "yaml-alias-recursive", NULL,
                   "alias '*%s' stands inside of what it names", anchor);
        return ERR_INPUT;
    }
    if (target == NULL) {
        diag_error(composer->diags, span, "yaml-alias-unknown", NULL,
                   "alias '*%s' has no anchor '&%s' before it", anchor, anchor);
        return ERR_INPUT;
    }
    TRY(count_nodes(composer, span, target->node_count, true));
    TRY(check_depth(composer, span, depth + target->height - 1));
    struct yaml_node *copy = yaml_node_new(composer->document, target->kind);
    *copy = *target;
    copy->is_alias = true;
    copy->key_span = SPAN_NONE;
    *node = copy;
    return OK;
}

static void adopt(struct yaml_node *parent, struct yaml_node *child)
{
    g_ptr_array_add(parent->children, child);
    parent->height = MAX(parent->height, child->height + 1);
    parent->node_count += child->node_count;
}

static enum status compose_sequence(struct composer *composer, int depth,
                                    struct yaml_node *sequence)
{
    for (;;) {
        yaml_event_t event;
        TRY(next_event(composer, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return OK;
        }
        struct yaml_node *item;
        TRY(compose(composer, &event, depth + 1, &item));
        adopt(sequence, item);
    }
}

static void add_pair(struct composer *composer, struct yaml_node *mapping,
                     const struct yaml_node *key, struct yaml_node *value)
{
    value->key_span = key->span;
    if (key->kind != YAML_SCALAR) {
        diag_error(composer->diags, key->span, "yaml-key", NULL,
                   "a key must be a scalar, not %s", yaml_kind_name(key->kind));
        composer->has_error = true;
        return;
    }
    const struct yaml_node *first = yaml_find(mapping, key->text);
    if (first != NULL) {
        diag_error(composer->diags, key->span, "yaml-duplicate-key", NULL,
                   "duplicate key '%s', first in line %d", key->text,
                   first->key_span.line);
        composer->has_error = true;
        return;
    }
    char *name = g_strdup(key->text);
    adopt(mapping, value);
    g_ptr_array_add(mapping->keys, name);
    g_hash_table_insert(mapping->key_indices, name,
                        GUINT_TO_POINTER(mapping->keys->len));
}

static enum status compose_mapping(struct composer *composer, int depth,
                                   struct yaml_node *mapping)
{
    mapping->keys = g_ptr_array_new_with_free_func(g_free);
    mapping->key_indices = g_hash_table_new(g_str_hash, g_str_equal);
    for (;;) {
        yaml_event_t event;
        TRY(next_event(composer, &event));
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return OK;
        }
        struct yaml_node *key;
        struct yaml_node *value;
        TRY(compose(composer, &event, depth + 1, &key));
        TRY(next_event(composer, &event));
        TRY(compose(composer, &event, depth + 1, &value));
        add_pair(composer, mapping, key, value);
    }
}

static enum status compose_collection(struct composer *composer,
                                      const yaml_event_t *event, int depth,
                                      struct yaml_node **node)
{
    bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *anchor = is_mapping ? event->data.mapping_start.anchor
                                           : event->data.sequence_start.anchor;
    refuse_tag(composer, event,
               is_mapping ? event->data.mapping_start.tag
                          : event->data.sequence_start.tag);
    struct yaml_node *collection = yaml_node_new(
        composer->document, is_mapping ? YAML_MAPPING : YAML_SEQUENCE);
    collection->source_start = byte_of(composer, event->start_mark);
    /* The event ends with its first token; the first line says more. */
    collection->span =
        source_map_range(composer->document->map, collection->source_start,
                         composer->document->source->length_bytes);
    collection->children = g_ptr_array_new();
    g_autofree char *name = g_strdup((const char *)anchor);
    open_anchor(composer, anchor);
    if (is_mapping) {
        TRY(compose_mapping(composer, depth, collection));
    } else {
        TRY(compose_sequence(composer, depth, collection));
    }
    close_anchor(composer, name, collection);
    *node = collection;
    return OK;
}

/* Takes the event over. `depth` is the level of the node, the root's is 1. */
static enum status compose(struct composer *composer, yaml_event_t *event,
                           int depth, struct yaml_node **node)
{
    struct span span = span_of(composer, event);
    enum status status = check_depth(composer, span, depth);
    bool is_alias = event->type == YAML_ALIAS_EVENT;
    if (status == OK && !is_alias) {
        status = count_nodes(composer, span, 1, false);
    }
    if (status == OK) {
        if (is_alias) {
            status = compose_alias(composer, event, depth, node);
        } else if (event->type == YAML_SCALAR_EVENT) {
            status = compose_scalar(composer, event, node);
        } else {
            status = compose_collection(composer, event, depth, node);
        }
    }
    yaml_event_delete(event);
    return status;
}

/* ---- documents ---------------------------------------------------------- */

static enum status skip_event(struct composer *composer,
                              yaml_event_type_t *type, struct span *span)
{
    yaml_event_t event;
    TRY(next_event(composer, &event));
    *type = event.type;
    *span = span_of(composer, &event);
    yaml_event_delete(&event);
    return OK;
}

static enum status report_empty(struct composer *composer)
{
    diag_error(composer->diags, source_map_span(composer->document->map, 0, 1),
               "yaml-empty", NULL, "the file holds no data");
    return ERR_INPUT;
}

static enum status compose_root(struct composer *composer)
{
    yaml_event_type_t type;
    struct span span;
    TRY(skip_event(composer, &type, &span)); /* stream start */
    TRY(skip_event(composer, &type, &span));
    if (type == YAML_STREAM_END_EVENT) {
        return report_empty(composer);
    }
    yaml_event_t event;
    struct yaml_node *root;
    TRY(next_event(composer, &event));
    TRY(compose(composer, &event, 1, &root));
    TRY(skip_event(composer, &type, &span)); /* document end */
    TRY(skip_event(composer, &type, &span));
    if (type != YAML_STREAM_END_EVENT) {
        diag_error(composer->diags, span, "yaml-several-documents", NULL,
                   "a second document starts here");
        return ERR_INPUT;
    }
    if (root->kind == YAML_SCALAR && root->text[0] == '\0') {
        return report_empty(composer);
    }
    composer->document->root = root;
    return composer->has_error ? ERR_INPUT : OK;
}

static struct yaml_document *document_new(const struct source *source)
{
    struct yaml_document *document = g_new0(struct yaml_document, 1);
    document->source = source;
    document->map = source_map_new(source);
    return document;
}

enum status yaml_load_source(struct diags *diags, const struct source *source,
                             struct yaml_document **document)
{
    if (source->length_bytes > MAX_FILE_BYTES) {
        return diag_fail(diags, ERR_LIMIT, "yaml-too-large",
                         "'%s' is larger than %zu bytes", source->path,
                         MAX_FILE_BYTES);
    }
    struct composer composer = {.diags = diags};
    if (!yaml_parser_initialize(&composer.parser)) {
        return diag_fail(diags, ERR_MEM, "yaml-memory",
                         "out of memory for the YAML parser");
    }
    yaml_parser_set_encoding(&composer.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&composer.parser,
                                 (const yaml_char_t *)source->text,
                                 source->length_bytes);
    composer.document = document_new(source);
    composer.anchors =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    composer.open_anchors =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    enum status status = compose_root(&composer);
    g_hash_table_unref(composer.open_anchors);
    g_hash_table_unref(composer.anchors);
    yaml_parser_delete(&composer.parser);
    if (status != OK) {
        yaml_document_free(composer.document);
        return status;
    }
    *document = composer.document;
    return OK;
}

enum status yaml_load_file(struct diags *diags, const char *path,
                           struct yaml_document **document)
{
    const struct source *source;
    TRY(source_read(diags, path, MAX_FILE_BYTES, "yaml-too-large", &source));
    return yaml_load_source(diags, source, document);
}
