/* `sparse:` of a cascade: which inputs have elements that are always zero, and
 * where. A pattern is drawn from a stated distribution or read from a file, once
 * the shapes are known; it then is a condition on the points of every statement
 * that reads the input: those that would multiply by zero do not exist. */
#include "einsum/ast.h"
#include "einsum/binder.h"
#include "einsum/extension.h"
#include "einsum/pattern.h"

#include <string.h>

static const char *const sparse_keys[] = {
    "density", "structured", "matrix", "counts", "block", "seed", "pack", NULL,
};

struct reader {
    struct binder *binder;
    const struct yaml_node *node;
    const struct cascade_tensor *parsed;
    struct einsum_tensor *tensor;
    int64_t block[2];
    int64_t seed;
    GString *text;
};

static void fail_range(struct reader *reader, const char *key, int64_t value,
                       int64_t low, int64_t high)
{
    diag_error(reader->binder->diags, yaml_span(yaml_find(reader->node, key)),
               "einsum-sparse-range", NULL,
               "'%s' is %" G_GINT64_FORMAT ", must be %" G_GINT64_FORMAT
               " to %" G_GINT64_FORMAT,
               key, value, low, high);
}

/* The dimension that a rank of the declaration names; -1 after a message. */
static int find_dim(struct reader *reader, const struct yaml_node *at,
                    const char *rank)
{
    const char *names[2];
    for (int d = 0; d < 2; d++) {
        names[d] = reader->parsed->declaration->child[d]->name;
        if (strcmp(names[d], rank) == 0) {
            return d;
        }
    }
    g_autofree char *suggestion = suggest_text(rank, names, 2);
    diag_error(reader->binder->diags, yaml_key_span(at), "einsum-sparse-rank",
               suggestion, "'%s' has no rank '%s'", reader->tensor->name, rank);
    return -1;
}

static bool read_block(struct reader *reader)
{
    const struct yaml_node *block = NULL;
    if (yaml_find_node(reader->binder->diags, reader->node, "block",
                       YAML_MAPPING, &block) != OK) {
        return false;
    }
    for (size_t i = 0; block != NULL && i < yaml_count(block); i++) {
        const struct yaml_node *value = yaml_pair_value(block, i);
        int dim = find_dim(reader, value, yaml_pair_key(block, i));
        int64_t size = 0;
        if (dim < 0 || yaml_eval(reader->binder->diags, value,
                                 reader->binder->scope, &size) != OK) {
            return false;
        }
        if (size < 1 || size > reader->tensor->extent[dim]) {
            fail_range(reader, "block", size, 1, reader->tensor->extent[dim]);
            return false;
        }
        reader->block[dim] = size;
    }
    return true;
}

/* ---- from a distribution --------------------------------------------------- */

#define WHOLE 10000 /* shares are in ten-thousandths */

static bool draw_uniform(struct reader *reader, struct einsum_pattern *pattern)
{
    int64_t share = 0;
    if (yaml_get_count(reader->binder->diags, reader->node, "density",
                       UNIT_SHARE, reader->binder->scope, &share) != OK) {
        return false;
    }
    if (share > WHOLE) {
        fail_range(reader, "density", share / 100, 0, 100);
        return false;
    }
    int64_t blocks = pattern->grid[0] * pattern->grid[1];
    int64_t kept = (blocks * share + WHOLE / 2) / WHOLE;
    pattern_draw(pattern, kept, (uint64_t)reader->seed);
    g_string_append_printf(reader->text, "uniform, density %g %%",
                           (double)share / 100.0);
    return true;
}

static bool draw_structured(struct reader *reader,
                            struct einsum_pattern *pattern)
{
    static const char *const keys[] = {"keep", "of", "along", NULL};
    struct diags *diags = reader->binder->diags;
    const struct yaml_node *node = NULL;
    const char *along = NULL;
    int64_t keep = 0;
    int64_t of = 0;
    if (yaml_get_node(diags, reader->node, "structured", YAML_MAPPING, &node) !=
            OK ||
        yaml_check_keys(diags, node, keys) != OK ||
        yaml_get_count(diags, node, "keep", UNIT_COUNT, reader->binder->scope,
                       &keep) != OK ||
        yaml_get_count(diags, node, "of", UNIT_COUNT, reader->binder->scope,
                       &of) != OK ||
        yaml_get_text(diags, node, "along", &along) != OK) {
        return false;
    }
    int dim = find_dim(reader, yaml_find(node, "along"), along);
    if (dim < 0) {
        return false;
    }
    if (of < 1 || keep > of) {
        fail_range(reader, "structured", keep, 0, of);
        return false;
    }
    pattern_draw_groups(pattern, dim, keep, of, (uint64_t)reader->seed);
    g_string_append_printf(reader->text,
                           "structured, %" G_GINT64_FORMAT
                           " of every %" G_GINT64_FORMAT " along '%s'",
                           keep, of, along);
    return true;
}

/* ---- from a file ----------------------------------------------------------- */

#define FILE_LIMIT ((size_t)1 << 30)

/* Numbers of a text, one after another. */
struct numbers {
    struct reader *reader;
    const struct yaml_node *node; /* names the file */
    const struct source *source;
    const char *at;
};

static bool fail_file(struct numbers *numbers, const char *what)
{
    int line = 1;
    for (const char *c = numbers->source->text; c < numbers->at; c++) {
        line += *c == '\n';
    }
    diag_error(numbers->reader->binder->diags, yaml_span(numbers->node),
               "einsum-sparse-file", NULL, "%s, line %d: %s",
               numbers->source->path, line, what);
    return false;
}

static void skip_blanks(struct numbers *numbers)
{
    while (*numbers->at != '\0' &&
           (g_ascii_isspace(*numbers->at) || *numbers->at == '%')) {
        if (*numbers->at == '%') {
            numbers->at += strcspn(numbers->at, "\n");
        } else {
            numbers->at++;
        }
    }
}

static bool next_number(struct numbers *numbers, int64_t low, int64_t high,
                        int64_t *value)
{
    char *end = NULL;
    skip_blanks(numbers);
    *value = g_ascii_strtoll(numbers->at, &end, 10);
    if (end == numbers->at || *value < low || *value > high) {
        return fail_file(numbers, "a whole number in range expected");
    }
    numbers->at = end;
    return true;
}

/* Relative to the folder of the cascade. */
static bool open_file(struct reader *reader, const char *key,
                      struct numbers *numbers)
{
    const char *name = NULL;
    struct binder *binder = reader->binder;
    if (yaml_get_text(binder->diags, reader->node, key, &name) != OK) {
        return false;
    }
    g_autofree char *folder = g_path_get_dirname(cascade_path(binder->cascade));
    g_autofree char *path = g_path_is_absolute(name)
                                ? g_strdup(name)
                                : g_build_filename(folder, name, NULL);
    numbers->reader = reader;
    numbers->node = yaml_find(reader->node, key);
    if (diags_read_file(binder->diags, path, FILE_LIMIT, &numbers->source) !=
        OK) {
        return false;
    }
    numbers->at = numbers->source->text;
    g_string_append_printf(reader->text, "%s of %s", key, name);
    return true;
}

/* Matrix Market exchange format (NIST), coordinate, general: every entry is
 * kept, whatever its value. */
static bool read_matrix(struct reader *reader, struct einsum_pattern *pattern)
{
    static const char head[] = "%%MatrixMarket matrix coordinate ";
    struct numbers numbers;
    int64_t size[2] = {0, 0};
    int64_t entries = 0;
    if (!open_file(reader, "matrix", &numbers)) {
        return false;
    }
    g_autofree char *first = g_strndup(numbers.at, strcspn(numbers.at, "\r\n"));
    if (g_ascii_strncasecmp(first, head, strlen(head)) != 0 ||
        !g_str_has_suffix(first, "general") ||
        strstr(first, "complex") != NULL) {
        return fail_file(&numbers, "not a general coordinate matrix");
    }
    for (int d = 0; d < 2; d++) {
        int64_t extent = reader->tensor->extent[d];
        if (!next_number(&numbers, extent, extent, &size[d])) {
            return false;
        }
    }
    if (!next_number(&numbers, 0, size[0] * size[1], &entries)) {
        return false;
    }
    for (int64_t i = 0; i < entries; i++) {
        int64_t at[2] = {0, 0};
        if (!next_number(&numbers, 1, size[0], &at[0]) ||
            !next_number(&numbers, 1, size[1], &at[1])) {
            return false;
        }
        numbers.at += strcspn(numbers.at, "\n");
        pattern_keep(pattern, (at[0] - 1) / pattern->block[0],
                     (at[1] - 1) / pattern->block[1]);
    }
    return true;
}

/* How many blocks each row of blocks keeps, as in some real matrix. */
static bool read_counts(struct reader *reader, struct einsum_pattern *pattern)
{
    struct numbers numbers;
    g_autofree int64_t *count = g_new0(int64_t, (gsize)pattern->grid[0] + 1);
    if (!open_file(reader, "counts", &numbers)) {
        return false;
    }
    for (int64_t row = 0; row < pattern->grid[0]; row++) {
        if (!next_number(&numbers, 0, pattern->grid[1], &count[row])) {
            return false;
        }
    }
    skip_blanks(&numbers);
    if (*numbers.at != '\0') {
        return fail_file(&numbers, "more counts than rows of blocks");
    }
    pattern_draw_rows(pattern, count, (uint64_t)reader->seed);
    return true;
}

/* ---- one tensor ------------------------------------------------------------- */

static const struct {
    const char *key;
    bool (*fill)(struct reader *reader, struct einsum_pattern *pattern);
    bool is_drawn;
} sources[] = {
    {"density", draw_uniform, true},
    {"structured", draw_structured, true},
    {"matrix", read_matrix, false},
    {"counts", read_counts, true},
};

static int find_source(struct reader *reader)
{
    int found = -1;
    int count = 0;
    for (int i = 0; i < (int)G_N_ELEMENTS(sources); i++) {
        if (yaml_find(reader->node, sources[i].key) != NULL) {
            found = i;
            count++;
        }
    }
    if (count != 1) {
        diag_error(reader->binder->diags, yaml_span(reader->node),
                   "einsum-sparse-form", NULL,
                   "one of 'density', 'structured', 'matrix' and 'counts' "
                   "says where '%s' is not zero",
                   reader->tensor->name);
        return -1;
    }
    return found;
}

static bool read_pack(struct reader *reader, int *packed_dim)
{
    const char *rank = NULL;
    *packed_dim = -1;
    if (yaml_find_text(reader->binder->diags, reader->node, "pack", &rank) !=
        OK) {
        return false;
    }
    if (rank != NULL) {
        *packed_dim = find_dim(reader, yaml_find(reader->node, "pack"), rank);
    }
    return rank == NULL || *packed_dim >= 0;
}

static void describe(struct reader *reader,
                     const struct einsum_pattern *pattern, bool is_drawn)
{
    if (pattern->block[0] * pattern->block[1] > 1) {
        g_string_append_printf(
            reader->text, ", blocks %" G_GINT64_FORMAT "x%" G_GINT64_FORMAT,
            pattern->block[0], pattern->block[1]);
    }
    if (is_drawn) {
        g_string_append_printf(reader->text, ", seed %" G_GINT64_FORMAT,
                               reader->seed);
    }
}

static void fill_pattern(struct reader *reader)
{
    int source = find_source(reader);
    int packed_dim = -1;
    reader->block[0] = reader->block[1] = 1;
    if (source < 0 || !read_block(reader) || !read_pack(reader, &packed_dim) ||
        yaml_find_count(reader->binder->diags, reader->node, "seed", UNIT_COUNT,
                        reader->binder->scope, &reader->seed) != OK) {
        return;
    }
    struct einsum_pattern *pattern =
        pattern_new(reader->tensor->extent, reader->block);
    if (pattern == NULL) {
        diag_error(reader->binder->diags, yaml_span(reader->node),
                   "einsum-sparse-size", NULL,
                   "'%s' has more than %" G_GINT64_FORMAT " blocks",
                   reader->tensor->name, PATTERN_MAX_BLOCKS);
        return;
    }
    if (!sources[source].fill(reader, pattern)) {
        pattern_free(pattern);
        return;
    }
    describe(reader, pattern, sources[source].is_drawn);
    pattern_finish(pattern, packed_dim, g_strdup(reader->text->str));
    reader->tensor->pattern = pattern;
}

static void bind_sparse_tensor(struct binder *binder, const char *name,
                               const struct yaml_node *node)
{
    const struct cascade *cascade = binder->cascade;
    int id = cascade_find_tensor(cascade, name);
    const struct cascade_tensor *parsed =
        id < 0 ? NULL : cascade_tensor_at(cascade, (size_t)id);
    if (parsed == NULL || !parsed->is_input || parsed->dim_count != 2) {
        diag_error(binder->diags, yaml_key_span(node), "einsum-sparse-tensor",
                   NULL, "'%s' is not an input with two ranks", name);
        return;
    }
    if (yaml_expect(binder->diags, node, YAML_MAPPING, "a pattern") != OK ||
        yaml_check_keys(binder->diags, node, sparse_keys) != OK) {
        return;
    }
    struct reader reader = {
        .binder = binder,
        .node = node,
        .parsed = parsed,
        .tensor = &binder->workload->tensors[id],
        .text = g_string_new(NULL),
    };
    fill_pattern(&reader);
    g_string_free(reader.text, TRUE);
}

void bind_sparse(struct binder *binder)
{
    const struct yaml_node *root = yaml_root(binder->cascade->document);
    const struct yaml_node *sparse = NULL;
    if (yaml_find_node(binder->diags, root, "sparse", YAML_MAPPING, &sparse) !=
            OK ||
        sparse == NULL) {
        return;
    }
    for (size_t i = 0; i < yaml_count(sparse); i++) {
        bind_sparse_tensor(binder, yaml_pair_key(sparse, i),
                           yaml_pair_value(sparse, i));
    }
}

/* ---- as a condition --------------------------------------------------------- */

/* The rank that alone is the index of the dimension, or -1. */
static int only_rank(const struct affine *index)
{
    int found = -1;
    for (int r = 0; r < EINSUM_MAX_RANKS; r++) {
        if (index->coefficient[r] != 0) {
            if (found >= 0 || index->coefficient[r] != 1) {
                return -1;
            }
            found = r;
        }
    }
    return index->constant == 0 ? found : -1;
}

/* A sum of products with this operand in each: what a zero leaves out adds
 * nothing. */
static bool is_product(const struct einsum_statement *statement)
{
    int64_t others = 0;
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        others += op == EINSUM_MAC || op == EINSUM_MUL
                      ? 0
                      : statement->ops_per_point[op];
    }
    return others == 0 && statement->ops_per_point[EINSUM_MAC] <= 1 &&
           statement->reduce == EINSUM_SUM;
}

static void fail_use(const struct binder *binder,
                     const struct einsum_access *read, const char *name,
                     const char *code, const char *what)
{
    diag_error(binder->diags, read->span, code, NULL, "sparse '%s' is read %s",
               name, what);
}

void add_sparse_conditions(const struct binder *binder,
                           struct einsum_statement *statement,
                           struct einsum_extension *extension)
{
    for (int i = 0; i < statement->read_count; i++) {
        const struct einsum_access *read = &statement->reads[i];
        const struct einsum_tensor *tensor =
            &binder->workload->tensors[read->tensor];
        if (tensor->pattern == NULL) {
            continue;
        }
        int rank[2] = {only_rank(&read->index[0]), only_rank(&read->index[1])};
        if (read->beyond_affine != 0 || statement->kind != EINSUM_COMPUTE ||
            rank[0] < 0 || rank[1] < 0 || rank[0] == rank[1]) {
            fail_use(binder, read, tensor->name, "einsum-sparse-index",
                     "otherwise than by two ranks");
            continue;
        }
        if (!is_product(statement)) {
            fail_use(binder, read, tensor->name, "einsum-sparse-product",
                     "by what is not a sum of products");
            continue;
        }
        struct condition *condition = g_new0(struct condition, 1);
        g_ptr_array_add(extension->memory, condition);
        *condition = (struct condition){
            .kind = CONDITION_PATTERN,
            .pattern = tensor->pattern,
            .rank = {rank[0], rank[1]},
            .ranks = (guint32)1 << rank[0] | (guint32)1 << rank[1],
        };
        extension_add(extension, statement, condition, binder->diags);
    }
}
