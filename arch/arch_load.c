/* The file: head, params, then the tree (arch_tree.c), flattened to arrays.
 *
 * All strings of an arch live in one chunk, freed with it; struct arch is what
 * the header shows of struct arch_file.
 */
#include "arch/arch.h"
#include "arch/builder.h"

#include <string.h>

struct arch_file {
    struct arch arch; /* first: arch_free gets a pointer to it */
    GStringChunk *strings;
};

static const char *const file_keys[] = {
    "schema", "arch", "about",   "source",  "technology", "clock", "word",
    "params", "tree", "voltage", "formats", "fill",       NULL,
};

bool arch_check_name(struct arch_builder *builder, const char *name,
                     struct span span)
{
    bool is_good = g_ascii_isalpha(name[0]) || name[0] == '_';
    for (const char *c = name; is_good && *c != '\0'; c++) {
        is_good = g_ascii_isalnum(*c) || *c == '_';
    }
    if (!is_good) {
        diag_error(builder->diags, span, "arch-bad-name",
                   "letters, digits and '_', not a digit first",
                   "'%s' cannot be a name", name);
    }
    return is_good;
}

bool arch_get_count(struct arch_builder *builder,
                    const struct yaml_node *mapping, const char *key,
                    enum unit_kind kind, int64_t least, int64_t *count)
{
    int64_t value = 0;
    if (yaml_get_count(builder->diags, mapping, key, kind, builder->scope,
                       &value) != OK) {
        return false;
    }
    if (value < least) {
        diag_error(builder->diags, yaml_span(yaml_find(mapping, key)),
                   "arch-out-of-range", NULL,
                   "'%s' is %" G_GINT64_FORMAT
                   ", must be at least %" G_GINT64_FORMAT,
                   key, value, least);
        return false;
    }
    *count = value;
    return true;
}

bool arch_find_count(struct arch_builder *builder,
                     const struct yaml_node *mapping, const char *key,
                     enum unit_kind kind, int64_t least, int64_t *count)
{
    return yaml_find(mapping, key) != NULL &&
           arch_get_count(builder, mapping, key, kind, least, count);
}

void arch_find_flag(struct arch_builder *builder,
                    const struct yaml_node *mapping, const char *key,
                    bool *flag)
{
    const struct yaml_node *node = yaml_find(mapping, key);
    int64_t number = 0;
    if (node != NULL && yaml_kind(node) == YAML_SCALAR &&
        (strcmp(yaml_text(node), "true") == 0 ||
         strcmp(yaml_text(node), "false") == 0)) {
        *flag = strcmp(yaml_text(node), "true") == 0;
    } else if (arch_find_count(builder, mapping, key, UNIT_COUNT, 0, &number)) {
        *flag = number != 0;
    }
}

int arch_find_word(struct arch_builder *builder,
                   const struct yaml_node *mapping, const char *key,
                   const char *const *names, const char *code, const char *what)
{
    const char *text = names[0];
    size_t count = 0;
    arch_reported(yaml_find_text(builder->diags, mapping, key, &text));
    for (; names[count] != NULL; count++) {
        if (strcmp(text, names[count]) == 0) {
            return (int)count;
        }
    }
    g_autofree char *suggestion = suggest_text(text, names, count);
    g_autoptr(GString) known = g_string_new(names[0]);
    for (size_t i = 1; i < count; i++) {
        g_string_append_printf(known, ", %s", names[i]);
    }
    diag_error(builder->diags, yaml_span(yaml_find(mapping, key)), code,
               suggestion, "unknown %s '%s', known are %s", what, text,
               known->str);
    return 0;
}

void arch_note_feature(struct arch_builder *builder, enum arch_feature feature,
                       const char *node_name, const struct yaml_node *node,
                       const char *key)
{
    const struct yaml_node *value = yaml_find(node, key);
    struct arch_feature_use use = {
        .feature = feature,
        .node = node_name,
        .span = value != NULL ? yaml_key_span(value) : yaml_span(node),
    };
    g_array_append_val(builder->features, use);
}

/* Params may refer to those before them; a chosen value wins over the file's,
 * which must be right all the same. */
static void load_params(struct arch_builder *builder,
                        const struct yaml_node *params,
                        const struct scope *chosen, struct arch *arch)
{
    size_t count = yaml_count(params);
    arch->param_name = g_new0(const char *, count);
    arch->param_value = g_new0(int64_t, count);
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *node = yaml_pair_value(params, i);
        const char *name = yaml_pair_key(params, i);
        int64_t value = 0;
        if (!arch_check_name(builder, name, yaml_key_span(node)) ||
            yaml_eval(builder->diags, node, builder->scope, &value) != OK) {
            continue;
        }
        if (strcmp(name, "word") == 0) {
            diag_error(builder->diags, yaml_key_span(node),
                       "arch-reserved-name", NULL,
                       "'word' is the size of a word in bytes, not a param");
            continue;
        }
        if (chosen != NULL) {
            (void)scope_get(chosen, name, &value);
        }
        scope_set(builder->scope, name, value);
        int id = arch->param_count++;
        arch->param_name[id] =
            g_string_chunk_insert_const(builder->strings, name);
        arch->param_value[id] = value;
    }
}

static void load_head(struct arch_builder *builder,
                      const struct yaml_node *root, struct arch *arch)
{
    struct diags *diags = builder->diags;
    const char *name = "";
    const char *text = NULL;
    arch_reported(yaml_get_text(diags, root, "arch", &name));
    arch_reported(yaml_find_text(diags, root, "about", &text));
    arch_reported(yaml_find_text(diags, root, "source", &text));
    arch->name = g_string_chunk_insert_const(builder->strings, name);
    (void)arch_get_count(builder, root, "clock", UNIT_HZ, 1, &arch->clock_hz);
    (void)arch_find_count(builder, root, "technology", UNIT_NM, 1,
                          &arch->technology_nm);
    arch_reported(yaml_find_real(diags, root, "voltage", UNIT_MV,
                                 builder->scope, &arch->voltage_mv));
    static const char *const fill_names[] = {"ignored", "counted", NULL};
    arch->counts_fill = arch_find_word(builder, root, "fill", fill_names,
                                       "arch-unknown-fill", "fill") == 1;
    if (arch_get_count(builder, root, "word", UNIT_BITS, 1, &arch->word_bits) &&
        arch->word_bits % 8 != 0) {
        diag_error(diags, yaml_span(yaml_find(root, "word")), "arch-word-size",
                   NULL,
                   "a word of %" G_GINT64_FORMAT " bits is not whole bytes",
                   arch->word_bits);
    }
}

static void load_root(struct arch_builder *builder,
                      const struct yaml_node *root, const struct scope *chosen,
                      struct arch *arch)
{
    const struct yaml_node *params = NULL;
    const struct yaml_node *tree = NULL;
    arch_reported(yaml_check_keys(builder->diags, root, file_keys));
    arch_reported(
        yaml_find_node(builder->diags, root, "params", YAML_MAPPING, &params));
    if (params != NULL) {
        load_params(builder, params, chosen, arch);
    }
    load_head(builder, root, arch);
    arch_parse_formats(builder, root, &arch->formats);
    if (yaml_get_node(builder->diags, root, "tree", YAML_MAPPING, &tree) ==
        OK) {
        arch_add_tree(builder, tree);
    }
}

static struct arch_file *file_new(void)
{
    struct arch_file *file = g_new0(struct arch_file, 1);
    file->strings = g_string_chunk_new(1024);
    return file;
}

void arch_free(struct arch *arch)
{
    if (arch == NULL) {
        return;
    }
    struct arch_file *file = (struct arch_file *)arch;
    for (int i = 0; i < arch->unit_count; i++) {
        g_free(arch->units[i].ops);
        g_free(arch->units[i].ports);
    }
    for (int i = 0; i < arch->memory_count; i++) {
        g_free(arch->memories[i].keep);
    }
    g_free(arch->formats.op);
    g_free(arch->formats.op_text);
    g_free(arch->formats.op_span);
    g_free(arch->nodes);
    g_free(arch->memories);
    g_free(arch->fanouts);
    g_free(arch->units);
    g_free(arch->feature_uses);
    g_free(arch->param_name);
    g_free(arch->param_value);
    g_string_chunk_free(file->strings);
    g_free(file);
}

/* Gives the builder's arrays to the arch. */
static void take_arrays(struct arch_builder *builder, struct arch *arch)
{
    arch->node_count = (int)builder->nodes->len;
    arch->memory_count = (int)builder->memories->len;
    arch->fanout_count = (int)builder->fanouts->len;
    arch->unit_count = (int)builder->units->len;
    arch->feature_use_count = (int)builder->features->len;
    arch->axis_count = builder->axis_count;
    arch->nodes =
        (struct arch_node *)(void *)g_array_free(builder->nodes, FALSE);
    arch->fanouts =
        (struct arch_fanout *)(void *)g_array_free(builder->fanouts, FALSE);
    arch->feature_uses = (struct arch_feature_use *)(void *)g_array_free(
        builder->features, FALSE);
    arch->memories =
        (struct arch_memory *)(void *)g_array_free(builder->memories, FALSE);
    arch->units =
        (struct arch_unit *)(void *)g_array_free(builder->units, FALSE);
    g_array_free(builder->taken, TRUE);
}

static void load_document(struct diags *diags,
                          const struct yaml_document *document,
                          const struct scope *chosen, struct arch_file *file)
{
    struct arch *arch = &file->arch;
    AUTO(scope) scope = scope_new(NULL);
    struct arch_builder builder = {
        .diags = diags,
        .scope = scope,
        .strings = file->strings,
        .arch = arch,
        .nodes = g_array_new(FALSE, TRUE, sizeof(struct arch_node)),
        .fanouts = g_array_new(FALSE, TRUE, sizeof(struct arch_fanout)),
        .features = g_array_new(FALSE, TRUE, sizeof(struct arch_feature_use)),
        .memories = g_array_new(FALSE, TRUE, sizeof(struct arch_memory)),
        .units = g_array_new(FALSE, TRUE, sizeof(struct arch_unit)),
        .taken = g_array_new(FALSE, TRUE, sizeof(struct arch_taken)),
    };
    g_autofree char *hash = source_hash(yaml_source(document));
    arch->hash = g_string_chunk_insert(file->strings, hash);
    load_root(&builder, yaml_root(document), chosen, arch);
    take_arrays(&builder, arch);
}

static enum status check_document(struct diags *diags,
                                  const struct yaml_document *document,
                                  const struct scope *chosen,
                                  struct arch **arch)
{
    TRY(yaml_check_schema(diags, yaml_root(document)));

    /* Errors of another file in the same diags are not this file's. */
    size_t errors_before = diags_error_count(diags);
    struct arch_file *file = file_new();
    file->arch.path =
        g_string_chunk_insert(file->strings, yaml_source(document)->path);
    load_document(diags, document, chosen, file);
    if (diags_error_count(diags) != errors_before) {
        arch_free(&file->arch);
        return diags_status(diags);
    }
    *arch = &file->arch;
    return OK;
}

enum status arch_load_source(struct diags *diags, const struct source *source,
                             const struct scope *chosen, struct arch **arch)
{
    AUTO(yaml_document) document = NULL;
    TRY(yaml_load_source(diags, source, &document));
    return check_document(diags, document, chosen, arch);
}

enum status arch_load_file(struct diags *diags, const char *path,
                           const struct scope *chosen, struct arch **arch)
{
    AUTO(yaml_document) document = NULL;
    TRY(yaml_load_file(diags, path, &document));
    return check_document(diags, document, chosen, arch);
}
