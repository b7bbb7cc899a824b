/* Reads a mapping file into the tree of mapping/tree.h. Every node kind is one
 * function; keys are checked per kind, so that a misspelt one is named with its
 * place. Numbers stay expressions until the plan is bound. */
#include <string.h>

#include "mapping/formats.h"
#include "mapping/issue.h"
#include "mapping/tree.h"

static enum status parse_items(struct diags *diags,
                               const struct yaml_node *list, GPtrArray *items);

static void name_clear(void *data)
{
    struct tree_name *name = data;
    g_free(name->text);
}

static void pair_clear(void *data)
{
    struct tree_pair *pair = data;
    g_free(pair->key.text);
    g_free(pair->word.text);
    expr_free(pair->value);
}

static void branch_free(void *data)
{
    struct tree_branch *branch = data;
    g_free(branch->name);
    expr_free(branch->slot);
    expr_free(branch->delay);
    g_ptr_array_unref(branch->items);
    g_free(branch);
}

static void item_free(void *data)
{
    struct tree_item *item = data;
    expr_free(item->when);
    pair_clear(&item->loop);
    g_array_unref(item->names);
    g_free(item->place.text);
    g_free(item->masked.text);
    expr_free(item->copies);
    g_free(item->assumption);
    g_array_unref(item->first_reads);
    g_array_unref(item->spatial);
    g_array_unref(item->tiles);
    g_array_unref(item->loops);
    g_array_unref(item->at);
    g_ptr_array_unref(item->issue);
    g_ptr_array_unref(item->branches);
    g_free(item);
}

static void variant_free(void *data)
{
    struct tree_variant *variant = data;
    expr_free(variant->when);
    g_free(variant->about);
    g_array_unref(variant->params);
    g_ptr_array_unref(variant->items);
    g_free(variant);
}

static GArray *pairs_new(void)
{
    GArray *pairs = g_array_new(FALSE, TRUE, sizeof(struct tree_pair));
    g_array_set_clear_func(pairs, pair_clear);
    return pairs;
}

static struct tree_item *item_new(enum plan_kind kind, struct span span)
{
    struct tree_item *item = g_new0(struct tree_item, 1);
    item->kind = kind;
    item->span = span;
    item->names = g_array_new(FALSE, TRUE, sizeof(struct tree_name));
    g_array_set_clear_func(item->names, name_clear);
    item->first_reads = pairs_new();
    item->spatial = pairs_new();
    item->tiles = pairs_new();
    item->loops = pairs_new();
    item->at = pairs_new();
    item->issue = g_ptr_array_new_with_free_func(issue_free);
    item->branches = g_ptr_array_new_with_free_func(branch_free);
    return item;
}

static struct tree_branch *branch_new(struct span span)
{
    struct tree_branch *branch = g_new0(struct tree_branch, 1);
    branch->span = span;
    branch->items = g_ptr_array_new_with_free_func(item_free);
    return branch;
}

/* ---- pieces ------------------------------------------------------------- */

static enum status parse_name(struct diags *diags, const struct yaml_node *node,
                              struct tree_name *name)
{
    TRY(yaml_expect(diags, node, YAML_SCALAR, "a name"));
    name->text = g_strdup(yaml_text(node));
    name->span = yaml_span(node);
    return OK;
}

/* A name, or a list of names. */
static enum status parse_names(struct diags *diags,
                               const struct yaml_node *node, GArray *names)
{
    if (yaml_kind(node) == YAML_SCALAR) {
        struct tree_name name = {0};
        TRY(parse_name(diags, node, &name));
        g_array_append_val(names, name);
        return OK;
    }
    TRY(yaml_expect(diags, node, YAML_SEQUENCE, "a name or a list of names"));
    for (size_t i = 0; i < yaml_count(node); i++) {
        struct tree_name name = {0};
        TRY(parse_name(diags, yaml_item(node, i), &name));
        g_array_append_val(names, name);
    }
    if (names->len == 0) {
        diag_error(diags, yaml_span(node), "mapping-empty-list", NULL,
                   "a list of names must not be empty");
        return ERR_INPUT;
    }
    return OK;
}

static struct tree_name key_name(const struct yaml_node *mapping, size_t i)
{
    return (struct tree_name){
        .text = g_strdup(yaml_pair_key(mapping, i)),
        .span = yaml_key_span(yaml_pair_value(mapping, i)),
    };
}

/* {name: expression, ...} */
static enum status parse_expr_pairs(struct diags *diags,
                                    const struct yaml_node *node, GArray *pairs)
{
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a mapping"));
    for (size_t i = 0; i < yaml_count(node); i++) {
        struct tree_pair pair = {0};
        TRY(yaml_parse_expr(diags, yaml_pair_value(node, i), &pair.value));
        pair.key = key_name(node, i);
        g_array_append_val(pairs, pair);
    }
    return OK;
}

/* {rank: word, ...} */
static enum status parse_word_pairs(struct diags *diags,
                                    const struct yaml_node *node, GArray *pairs)
{
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a mapping"));
    for (size_t i = 0; i < yaml_count(node); i++) {
        struct tree_pair pair = {0};
        TRY(parse_name(diags, yaml_pair_value(node, i), &pair.word));
        pair.key = key_name(node, i);
        g_array_append_val(pairs, pair);
    }
    return OK;
}

static enum status find_expr(struct diags *diags,
                             const struct yaml_node *mapping, const char *key,
                             struct expr **expr)
{
    const struct yaml_node *node = yaml_find(mapping, key);
    if (node == NULL) {
        return OK;
    }
    TRY(yaml_expect(diags, node, YAML_SCALAR, "an expression"));
    return yaml_parse_expr(diags, node, expr);
}

/* One `rank: tile`. */
static enum status parse_loop(struct diags *diags, const struct yaml_node *node,
                              struct tree_pair *loop)
{
    g_autoptr(GArray) pairs = pairs_new();
    TRY(parse_expr_pairs(diags, node, pairs));
    if (pairs->len != 1) {
        diag_error(diags, yaml_span(node), "mapping-loop-form", NULL,
                   "a loop is written {rank: tile} with exactly one rank");
        return ERR_INPUT;
    }
    *loop = g_array_index(pairs, struct tree_pair, 0);
    memset(&g_array_index(pairs, struct tree_pair, 0), 0,
           sizeof(struct tree_pair));
    return OK;
}

/* ---- node kinds --------------------------------------------------------- */

static enum status parse_for(struct diags *diags, const struct yaml_node *node,
                             struct tree_item *item)
{
    static const char *const keys[] = {"for", NULL};
    TRY(yaml_check_keys(diags, node, keys));
    return parse_loop(diags, yaml_find(node, "for"), &item->loop);
}

static enum status parse_spatial(struct diags *diags,
                                 const struct yaml_node *node,
                                 struct tree_item *item)
{
    static const char *const keys[] = {"spatial", "tile", NULL};
    TRY(yaml_check_keys(diags, node, keys));
    const struct yaml_node *pairs = yaml_find(node, "spatial");
    TRY(parse_word_pairs(diags, pairs, item->spatial));
    if (item->spatial->len == 0) {
        diag_error(diags, yaml_span(pairs), "mapping-empty-list", NULL,
                   "'spatial' needs at least one rank");
        return ERR_INPUT;
    }
    const struct yaml_node *tiles = yaml_find(node, "tile");
    return tiles == NULL ? OK : parse_expr_pairs(diags, tiles, item->tiles);
}

static enum status parse_hold(struct diags *diags, const struct yaml_node *node,
                              struct tree_item *item)
{
    static const char *const hold_keys[] = {
        "hold",     "in",       "copies",      "shared", "spill",
        "through",  "assume",   "first_reads", "when",   "refetch",
        "resident", "repacked", NULL};
    static const char *const stream_keys[] = {
        "stream", "in", "copies", "shared", "assume", "when", NULL};
    item->is_stream = yaml_find(node, "stream") != NULL;
    TRY(yaml_check_keys(diags, node,
                        item->is_stream ? stream_keys : hold_keys));
    TRY(parse_names(diags, yaml_find(node, item->is_stream ? "stream" : "hold"),
                    item->names));
    const struct yaml_node *place = NULL;
    TRY(yaml_get_node(diags, node, "in", YAML_SCALAR, &place));
    TRY(parse_name(diags, place, &item->place));
    TRY(find_expr(diags, node, "copies", &item->copies));
    TRY(find_expr(diags, node, "when", &item->when));
    TRY(yaml_find_bool(diags, node, "shared", &item->is_shared));
    TRY(yaml_find_bool(diags, node, "spill", &item->can_spill));
    TRY(yaml_find_bool(diags, node, "through", &item->spills_through));
    TRY(yaml_find_bool(diags, node, "refetch", &item->refetches));
    TRY(yaml_find_bool(diags, node, "resident", &item->is_resident));
    TRY(yaml_find_bool(diags, node, "repacked", &item->is_copy));
    const struct yaml_node *first_reads = yaml_find(node, "first_reads");
    if (first_reads != NULL) {
        TRY(parse_expr_pairs(diags, first_reads, item->first_reads));
    }
    const char *assumption = NULL;
    TRY(yaml_find_text(diags, node, "assume", &assumption));
    item->assumption = g_strdup(assumption);
    return OK;
}

static enum status parse_leaf_loops(struct diags *diags,
                                    const struct yaml_node *node,
                                    struct tree_item *item)
{
    TRY(yaml_expect(diags, node, YAML_SEQUENCE, "a list of {rank: tile}"));
    for (size_t i = 0; i < yaml_count(node); i++) {
        struct tree_pair loop = {0};
        TRY(parse_loop(diags, yaml_item(node, i), &loop));
        g_array_append_val(item->loops, loop);
    }
    return OK;
}

static enum status parse_at(struct diags *diags, const struct yaml_node *node,
                            struct tree_item *item)
{
    TRY(parse_word_pairs(diags, node, item->at));
    for (guint i = 0; i < item->at->len; i++) {
        const struct tree_pair *at =
            &g_array_index(item->at, struct tree_pair, i);
        if (strcmp(at->word.text, "last") != 0) {
            diag_error(diags, at->word.span, "mapping-at-form", "write 'last'",
                       "'at' takes 'last', not '%s'", at->word.text);
            return ERR_INPUT;
        }
    }
    return OK;
}

static enum status parse_compute(struct diags *diags,
                                 const struct yaml_node *node,
                                 struct tree_item *item)
{
    TRY(parse_names(diags, yaml_find(node, "compute"), item->names));
    const struct yaml_node *unit = NULL;
    TRY(yaml_get_node(diags, node, "on", YAML_SCALAR, &unit));
    TRY(parse_name(diags, unit, &item->place));
    TRY(yaml_find_bool(diags, node, "chained", &item->is_chained));
    TRY(yaml_find_bool(diags, node, "recompute", &item->is_recomputed));
    const struct yaml_node *masked = yaml_find(node, "masked");
    if (masked != NULL) {
        TRY(parse_name(diags, masked, &item->masked));
    }
    const struct yaml_node *part = yaml_find(node, "spatial");
    if (part != NULL) {
        TRY(parse_word_pairs(diags, part, item->spatial));
    }
    part = yaml_find(node, "for");
    if (part != NULL) {
        TRY(parse_leaf_loops(diags, part, item));
    }
    part = yaml_find(node, "issue");
    if (part != NULL) {
        TRY(issue_parse(diags, part, item->issue));
    }
    part = yaml_find(node, "at");
    if (part != NULL) {
        TRY(parse_at(diags, part, item));
    }
    return OK;
}

static enum status parse_branch(struct diags *diags,
                                const struct yaml_node *node,
                                struct tree_branch *branch)
{
    static const char *const keys[] = {"slot", "delay", "name", "tree", NULL};
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a child"));
    const char *name = NULL;
    TRY(yaml_find_text(diags, node, "name", &name));
    branch->name = g_strdup(name);
    TRY(find_expr(diags, node, "slot", &branch->slot));
    TRY(find_expr(diags, node, "delay", &branch->delay));
    if (yaml_find(node, "compute") != NULL) {
        static const char *const compute_keys[] = {
            "compute", "on",        "spatial", "for",  "at",
            "chained", "recompute", "masked",  "slot", "delay",
            "name",    "issue",     NULL,
        };
        TRY(yaml_check_keys(diags, node, compute_keys));
        struct tree_item *item = item_new(PLAN_COMPUTE, yaml_span(node));
        g_ptr_array_add(branch->items, item);
        return parse_compute(diags, node, item);
    }
    TRY(yaml_check_keys(diags, node, keys));
    const struct yaml_node *tree = NULL;
    TRY(yaml_get_node(diags, node, "tree", YAML_SEQUENCE, &tree));
    return parse_items(diags, tree, branch->items);
}

static enum status parse_branches(struct diags *diags,
                                  const struct yaml_node *node, const char *key,
                                  struct tree_item *item)
{
    const char *const keys[] = {key, NULL};
    TRY(yaml_check_keys(diags, node, keys));
    const struct yaml_node *list = NULL;
    TRY(yaml_get_node(diags, node, key, YAML_SEQUENCE, &list));
    for (size_t i = 0; i < yaml_count(list); i++) {
        const struct yaml_node *child = yaml_item(list, i);
        struct tree_branch *branch = branch_new(yaml_span(child));
        g_ptr_array_add(item->branches, branch);
        TRY(parse_branch(diags, child, branch));
        if (item->kind != PLAN_PIPELINE &&
            (branch->slot != NULL || branch->delay != NULL)) {
            diag_error(diags, branch->span, "mapping-slot-outside-pipeline",
                       NULL,
                       "'slot' and 'delay' belong to children of a "
                       "'pipeline', not of '%s'",
                       key);
            return ERR_INPUT;
        }
    }
    if (item->branches->len == 0) {
        diag_error(diags, yaml_span(list), "mapping-empty-list", NULL,
                   "'%s' needs at least one child", key);
        return ERR_INPUT;
    }
    return OK;
}

static const struct {
    const char *key;
    enum plan_kind kind;
} node_kinds[] = {
    {"for", PLAN_LOOP},          {"spatial", PLAN_SPATIAL},
    {"hold", PLAN_HOLD},         {"stream", PLAN_HOLD},
    {"phases", PLAN_PHASES},     {"sequence", PLAN_SEQUENCE},
    {"pipeline", PLAN_PIPELINE}, {"compute", PLAN_COMPUTE},
};

static enum status report_node_kind(struct diags *diags,
                                    const struct yaml_node *node)
{
    const char *names[G_N_ELEMENTS(node_kinds)];
    for (size_t i = 0; i < G_N_ELEMENTS(node_kinds); i++) {
        names[i] = node_kinds[i].key;
    }
    const char *word = yaml_count(node) > 0 ? yaml_pair_key(node, 0) : "";
    g_autofree char *suggestion =
        suggest_text(word, names, G_N_ELEMENTS(names));
    struct span span = yaml_count(node) > 0
                           ? yaml_key_span(yaml_pair_value(node, 0))
                           : yaml_span(node);
    diag_error(diags, span, "mapping-unknown-node", suggestion,
               "a node is one of 'for', 'spatial', 'hold', 'stream', "
               "'phases', 'sequence', 'pipeline', 'compute'");
    return ERR_INPUT;
}

static enum status parse_item(struct diags *diags, const struct yaml_node *node,
                              struct tree_item **result)
{
    TRY(yaml_expect(diags, node, YAML_MAPPING, "a node"));
    size_t found = G_N_ELEMENTS(node_kinds);
    /* 'compute' first: such a node may have 'for' and 'spatial' of its own. */
    for (size_t i = G_N_ELEMENTS(node_kinds); i-- > 0;) {
        if (yaml_find(node, node_kinds[i].key) != NULL) {
            found = i;
            break;
        }
    }
    if (found == G_N_ELEMENTS(node_kinds)) {
        return report_node_kind(diags, node);
    }
    struct tree_item *item = item_new(node_kinds[found].kind, yaml_span(node));
    *result = item;
    switch (item->kind) {
    case PLAN_LOOP:
        return parse_for(diags, node, item);
    case PLAN_SPATIAL:
        return parse_spatial(diags, node, item);
    case PLAN_HOLD:
        return parse_hold(diags, node, item);
    case PLAN_COMPUTE: {
        static const char *const keys[] = {
            "compute", "on",        "spatial", "for",   "at",
            "chained", "recompute", "masked",  "issue", NULL};
        TRY(yaml_check_keys(diags, node, keys));
        return parse_compute(diags, node, item);
    }
    case PLAN_PHASES:
    case PLAN_SEQUENCE:
    case PLAN_PIPELINE:
        return parse_branches(diags, node, node_kinds[found].key, item);
    }
    BUG("node kind %d", (int)item->kind);
}

static bool is_branching(enum plan_kind kind)
{
    return kind != PLAN_LOOP && kind != PLAN_SPATIAL && kind != PLAN_HOLD;
}

static enum status parse_items(struct diags *diags,
                               const struct yaml_node *list, GPtrArray *items)
{
    size_t count = yaml_count(list);
    for (size_t i = 0; i < count; i++) {
        struct tree_item *item = NULL;
        enum status status = parse_item(diags, yaml_item(list, i), &item);
        if (item != NULL) {
            g_ptr_array_add(items, item);
        }
        TRY(status);
        bool is_last = i + 1 == count;
        if (is_branching(item->kind) != is_last) {
            diag_error(diags, item->span, "mapping-chain", NULL, "%s",
                       is_last ? "a tree ends with 'compute', 'pipeline',"
                                 " 'sequence' or 'phases'"
                               : "nothing may follow this node; put the "
                                 "nodes into a 'sequence'");
            return ERR_INPUT;
        }
    }
    if (count == 0) {
        diag_error(diags, yaml_span(list), "mapping-empty-list", NULL,
                   "a tree must not be empty");
        return ERR_INPUT;
    }
    return OK;
}

/* ---- the file ----------------------------------------------------------- */

static enum status parse_variant(struct diags *diags,
                                 const struct yaml_node *node,
                                 struct mapping *mapping)
{
    struct tree_variant *variant = g_new0(struct tree_variant, 1);
    variant->params = pairs_new();
    variant->items = g_ptr_array_new_with_free_func(item_free);
    g_ptr_array_add(mapping->variants, variant);
    const struct yaml_node *tree = NULL;
    TRY(yaml_get_node(diags, node, "tree", YAML_SEQUENCE, &tree));
    if (node != yaml_root(mapping->document)) {
        static const char *const keys[] = {"when", "about", "params", "tree",
                                           NULL};
        TRY(yaml_check_keys(diags, node, keys));
        TRY(find_expr(diags, node, "when", &variant->when));
        const char *about = NULL;
        TRY(yaml_find_text(diags, node, "about", &about));
        variant->about = g_strdup(about);
        const struct yaml_node *params = yaml_find(node, "params");
        if (params != NULL) {
            TRY(parse_expr_pairs(diags, params, variant->params));
        }
    }
    return parse_items(diags, tree, variant->items);
}

static enum status parse_variants(struct diags *diags,
                                  const struct yaml_node *root,
                                  struct mapping *mapping)
{
    const struct yaml_node *list = NULL;
    TRY(yaml_find_node(diags, root, "variants", YAML_SEQUENCE, &list));
    if ((list == NULL) == (yaml_find(root, "tree") == NULL)) {
        diag_error(diags, yaml_span(root), "mapping-no-tree", NULL,
                   "a mapping has either 'tree' or 'variants'");
        return ERR_INPUT;
    }
    if (list == NULL) {
        return parse_variant(diags, root, mapping);
    }
    if (yaml_count(list) == 0) {
        diag_error(diags, yaml_span(list), "mapping-empty-list", NULL,
                   "'variants' needs at least one variant");
        return ERR_INPUT;
    }
    for (size_t i = 0; i < yaml_count(list); i++) {
        const struct yaml_node *node = yaml_item(list, i);
        TRY(yaml_expect(diags, node, YAML_MAPPING, "a variant"));
        TRY(parse_variant(diags, node, mapping));
    }
    return OK;
}

static void collect_param_names(struct mapping *mapping)
{
    for (guint i = 0; i < mapping->params->len; i++) {
        g_ptr_array_add(
            mapping->param_names,
            g_array_index(mapping->params, struct tree_pair, i).key.text);
    }
    for (guint v = 0; v < mapping->variants->len; v++) {
        const struct tree_variant *variant = mapping->variants->pdata[v];
        for (guint i = 0; i < variant->params->len; i++) {
            g_ptr_array_add(
                mapping->param_names,
                g_array_index(variant->params, struct tree_pair, i).key.text);
        }
    }
}

static enum status parse_root(struct diags *diags, struct mapping *mapping)
{
    static const char *const keys[] = {
        "schema", "mapping", "cascade",  "about",   "source", "shapes",
        "params", "tree",    "variants", "formats", NULL};
    const struct yaml_node *root = yaml_root(mapping->document);
    TRY(yaml_check_schema(diags, root));
    TRY(yaml_check_keys(diags, root, keys));
    const char *text = NULL;
    TRY(yaml_get_text(diags, root, "mapping", &text));
    mapping->name = g_strdup(text);
    mapping->span = yaml_span(yaml_find(root, "mapping"));
    TRY(yaml_get_text(diags, root, "cascade", &text));
    mapping->cascade = g_strdup(text);
    text = NULL;
    TRY(yaml_find_text(diags, root, "about", &text));
    mapping->about = g_strdup(text);
    text = NULL;
    TRY(yaml_find_text(diags, root, "source", &text));
    mapping->source_note = g_strdup(text);
    const struct yaml_node *pairs = yaml_find(root, "shapes");
    if (pairs != NULL) {
        TRY(parse_expr_pairs(diags, pairs, mapping->shapes));
    }
    pairs = yaml_find(root, "params");
    if (pairs != NULL) {
        TRY(parse_expr_pairs(diags, pairs, mapping->params));
    }
    pairs = NULL;
    TRY(yaml_find_node(diags, root, "formats", YAML_SEQUENCE, &pairs));
    if (pairs != NULL) {
        TRY(formats_parse(diags, pairs, mapping->formats));
    }
    TRY(parse_variants(diags, root, mapping));
    collect_param_names(mapping);
    return diags_status(diags);
}

enum status mapping_load_source(struct diags *diags,
                                const struct source *source,
                                struct mapping **result)
{
    struct yaml_document *document = NULL;
    TRY(yaml_load_source(diags, source, &document));
    AUTO(mapping) mapping = g_new0(struct mapping, 1);
    mapping->document = document;
    mapping->path = g_strdup(source->path);
    mapping->hash = source_hash(source);
    mapping->shapes = pairs_new();
    mapping->params = pairs_new();
    mapping->formats = g_ptr_array_new_with_free_func(format_free);
    mapping->variants = g_ptr_array_new_with_free_func(variant_free);
    mapping->param_names = g_ptr_array_new();
    TRY(parse_root(diags, mapping));
    *result = g_steal_pointer(&mapping);
    return OK;
}

enum status mapping_load_file(struct diags *diags, const char *path,
                              struct mapping **mapping)
{
    const struct source *source = NULL;
    TRY(diags_read_file(diags, path, 4u << 20, &source));
    return mapping_load_source(diags, source, mapping);
}

void mapping_free(struct mapping *mapping)
{
    if (mapping == NULL) {
        return;
    }
    g_free(mapping->name);
    g_free(mapping->cascade);
    g_free(mapping->about);
    g_free(mapping->source_note);
    g_free(mapping->path);
    g_free(mapping->hash);
    g_array_unref(mapping->shapes);
    g_array_unref(mapping->params);
    g_ptr_array_unref(mapping->formats);
    g_ptr_array_unref(mapping->variants);
    g_ptr_array_unref(mapping->param_names);
    yaml_document_free(mapping->document);
    g_free(mapping);
}

const char *mapping_name(const struct mapping *mapping)
{
    return mapping->name;
}

const char *mapping_path(const struct mapping *mapping)
{
    return mapping->path;
}

const char *mapping_hash(const struct mapping *mapping)
{
    return mapping->hash;
}

const char *mapping_cascade(const struct mapping *mapping)
{
    return mapping->cascade;
}

size_t mapping_param_count(const struct mapping *mapping)
{
    return mapping->param_names->len;
}

const char *mapping_param_name(const struct mapping *mapping, size_t i)
{
    return mapping->param_names->pdata[i];
}
