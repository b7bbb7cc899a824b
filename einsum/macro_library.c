/* Where macros come from: `macros` of the cascade's own file, files named in
 * `include` (relative to the file that names them, each read once), and the
 * standard macros, compiled in, which are read when a name is not found among
 * the others. */
#include "einsum/macro.h"

#include "einsum/einsum_ops.h"

/* As of any file of Weir's. */
#define FILE_LIMIT_BYTES ((size_t)4 << 20)
/* Files that one cascade may include. */
#define MAX_INCLUDES 64

/* ---- standard macros ----------------------------------------------------- */

static void read_standard(struct cascade *cascade, struct diags *diags)
{
    if (cascade->has_standard_macros) {
        return;
    }
    cascade->has_standard_macros = true;
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < macro_standard_line_count; i++) {
        g_string_append_printf(text, "%s\n", macro_standard_lines[i]);
    }
    struct yaml_document *document = NULL;
    const struct source *source =
        diags_add_text(diags, "standard macros", text->str);
    if (yaml_load_source(diags, source, &document) != OK) {
        BUG("the standard macros are no YAML");
    }
    g_ptr_array_add(cascade->shared, document);
    size_t errors_before = diags_error_count(diags);
    macros_parse(cascade, yaml_find(yaml_root(document), "macros"), true,
                 diags);
    if (diags_error_count(diags) != errors_before) {
        BUG("a standard macro does not parse");
    }
}

/* ---- finding ------------------------------------------------------------- */

static bool fits(const struct macro *macro, const char *name, guint rank_count,
                 guint value_count)
{
    return g_str_equal(macro->name, name) &&
           macro->values->len == value_count &&
           (macro->ranks->len == rank_count ||
            (macro->has_list && macro->ranks->len < rank_count));
}

static bool has_name(const struct cascade *cascade, const char *name)
{
    for (guint i = 0; i < cascade->macros->len; i++) {
        const struct macro *macro = g_ptr_array_index(cascade->macros, i);
        if (g_str_equal(macro->name, name)) {
            return true;
        }
    }
    return false;
}

bool macro_is_name(struct cascade *cascade, const char *name,
                   struct diags *diags)
{
    if (!has_name(cascade, name)) {
        read_standard(cascade, diags);
    }
    return has_name(cascade, name);
}

/* Of two that differ in it, the one with a condition is for points that may not
 * exist. */
static bool is_better(const struct macro *macro, const struct macro *other,
                      bool has_condition)
{
    if (other == NULL || macro->is_standard != other->is_standard) {
        return other == NULL || other->is_standard;
    }
    return (macro->condition != NULL) == has_condition;
}

/* Points may not exist: by a condition, by 'skip', along a ragged rank. */
static bool leaves_out(const struct cascade *cascade,
                       const struct ast_statement *call)
{
    bool does = call->condition != NULL || ast_has_call(call->body, CALL_SKIP);
    for (guint i = 0; i < call->reduce_ranks->len && !does; i++) {
        const struct ast_node *rank = g_ptr_array_index(call->reduce_ranks, i);
        does = ragged_has(cascade, rank->name);
    }
    return does;
}

static const struct macro *find(const struct cascade *cascade,
                                const struct parsed_statement *call,
                                bool is_standard)
{
    const struct ast_statement *statement = &call->statement;
    bool has_condition = leaves_out(cascade, statement);
    const struct macro *found = NULL;
    for (guint i = 0; i < cascade->macros->len; i++) {
        const struct macro *macro = g_ptr_array_index(cascade->macros, i);
        bool is_own = !macro->is_standard;
        if (fits(macro, call->call.name, statement->reduce_ranks->len,
                 call->call.values->len) &&
            !(is_own && is_standard) &&
            is_better(macro, found, has_condition)) {
            found = macro;
        }
    }
    return found;
}

const struct macro *macro_find(struct cascade *cascade,
                               const struct parsed_statement *call,
                               bool is_standard, struct diags *diags)
{
    const struct macro *found = find(cascade, call, is_standard);
    if (found == NULL && !cascade->has_standard_macros) {
        read_standard(cascade, diags);
        found = find(cascade, call, is_standard);
    }
    return found;
}

char *macro_suggest(const struct cascade *cascade, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < cascade->macros->len; i++) {
        const struct macro *macro = g_ptr_array_index(cascade->macros, i);
        g_ptr_array_add(names, (gpointer)(guintptr)macro->name);
    }
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        const char *known = einsum_op_name((enum einsum_op)op);
        if (op_find_call(known) != EINSUM_OP_COUNT) {
            g_ptr_array_add(names, (gpointer)(guintptr)known);
        }
    }
    for (int kind = SELECT_NONE + 1; kind <= TRANSFORM_IDCT; kind++) {
        const char *known = selection_name((enum selection)kind);
        g_ptr_array_add(names, (gpointer)(guintptr)known);
    }
    return suggest_text(name, (const char *const *)(void *)names->pdata,
                        names->len);
}

/* ---- files --------------------------------------------------------------- */

struct inclusion {
    struct cascade *cascade;
    struct diags *diags;
    GPtrArray *paths; /* read already */
};

static void read_file(struct inclusion *inclusion, const char *from,
                      const struct yaml_node *name);

static void read_includes(struct inclusion *inclusion,
                          const struct yaml_node *root, const char *from)
{
    const struct yaml_node *list = NULL;
    struct diags *diags = inclusion->diags;
    if (yaml_find_node(diags, root, "include", YAML_SEQUENCE, &list) != OK ||
        list == NULL) {
        return;
    }
    for (size_t i = 0; i < yaml_count(list); i++) {
        const struct yaml_node *name = yaml_item(list, i);
        if (yaml_expect(diags, name, YAML_SCALAR, "the path of a file") == OK) {
            read_file(inclusion, from, name);
        }
    }
}

static void read_text(struct inclusion *inclusion, const struct yaml_node *root)
{
    const struct yaml_node *text = NULL;
    if (yaml_find_node(inclusion->diags, root, "macros", YAML_SCALAR, &text) ==
            OK &&
        text != NULL) {
        macros_parse(inclusion->cascade, text, false, inclusion->diags);
    }
}

static bool is_read(const struct inclusion *inclusion, const char *path)
{
    for (guint i = 0; i < inclusion->paths->len; i++) {
        if (g_str_equal(g_ptr_array_index(inclusion->paths, i), path)) {
            return true;
        }
    }
    return false;
}

/* Relative to the folder of the file that includes it. */
static char *find_path(const char *from, const char *name)
{
    g_autofree char *folder = g_path_get_dirname(from);
    if (g_path_is_absolute(name) || g_str_equal(folder, ".")) {
        return g_strdup(name);
    }
    return g_build_filename(folder, name, NULL);
}

static void read_document(struct inclusion *inclusion,
                          const struct source *source)
{
    static const char *const keys[] = {"schema", "about",   "source",
                                       "macros", "include", NULL};
    struct yaml_document *document = NULL;
    struct diags *diags = inclusion->diags;
    if (yaml_load_source(diags, source, &document) != OK) {
        return;
    }
    g_ptr_array_add(inclusion->cascade->shared, document);
    const struct yaml_node *root = yaml_root(document);
    bool is_mapping = yaml_check_schema(diags, root) == OK ||
                      (root != NULL && yaml_kind(root) == YAML_MAPPING);
    if (is_mapping && yaml_check_keys(diags, root, keys) == OK) {
        read_includes(inclusion, root, source->path);
        read_text(inclusion, root);
    }
}

static void read_file(struct inclusion *inclusion, const char *from,
                      const struct yaml_node *name)
{
    struct diags *diags = inclusion->diags;
    g_autofree char *path = find_path(from, yaml_text(name));
    const struct source *source = NULL;
    if (is_read(inclusion, path)) {
        return;
    }
    if (inclusion->paths->len > MAX_INCLUDES ||
        !g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        diag_error(diags, yaml_span(name), "einsum-include", NULL,
                   inclusion->paths->len > MAX_INCLUDES
                       ? "'%s' is one file more than a cascade may include"
                       : "there is no file '%s'",
                   path);
        return;
    }
    g_ptr_array_add(inclusion->paths, g_strdup(path));
    if (diags_read_file(diags, path, FILE_LIMIT_BYTES, &source) == OK) {
        read_document(inclusion, source);
    }
}

void macros_read_document(struct cascade *cascade, const struct source *source,
                          struct diags *diags)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    struct inclusion inclusion = {cascade, diags, paths};
    g_ptr_array_add(paths, g_strdup(cascade->path));
    read_document(&inclusion, source);
}

/* The hash of a cascade is that of all its text. */
static void mix_hash(struct cascade *cascade)
{
    g_autoptr(GString) all = g_string_new(cascade->hash);
    for (guint i = 0; i < cascade->shared->len; i++) {
        const struct yaml_document *document =
            g_ptr_array_index(cascade->shared, i);
        g_autofree char *hash = source_hash(yaml_source(document));
        g_string_append(all, hash);
    }
    if (cascade->shared->len > 0) {
        g_free(cascade->hash);
        cascade->hash =
            g_compute_checksum_for_string(G_CHECKSUM_SHA256, all->str, -1);
    }
}

void macros_read(struct cascade *cascade, const struct yaml_node *root,
                 struct diags *diags)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    struct inclusion inclusion = {cascade, diags, paths};
    size_t errors_before = diags_error_count(diags);
    g_ptr_array_add(paths, g_strdup(cascade->path));
    read_includes(&inclusion, root, cascade->path);
    mix_hash(cascade);
    read_text(&inclusion, root);
    if (diags_error_count(diags) > errors_before) {
        cascade->has_lost_tensors = true;
    }
}
