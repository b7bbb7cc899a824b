/* Checks that need no numbers, over the whole cascade: which tensors and ranks
 * there are, who defines what, and in what order. What a single statement may
 * say is in cascade_check_statement.c. Every check reports and goes on. */
#include "einsum/ast.h"

#include <string.h>

struct check {
    struct cascade *cascade;
    struct diags *diags;
    int statement;        /* the one being looked at */
    bool is_whole;        /* every statement was parsed */
    GHashTable *known;    /* names of ranks and shapes that are */
    GHashTable *reported; /* and those already complained about */
};

static struct span tensor_span(const struct cascade_tensor *tensor)
{
    return tensor->is_input ? yaml_key_span(tensor->place.node)
                            : place_span(tensor->place);
}

/* Names of all tensors, for suggestions. */
static GPtrArray *tensor_names(const struct cascade *cascade)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < cascade->tensors->len; i++) {
        g_ptr_array_add(names, g_strdup(cascade_tensor_at(cascade, i)->name));
    }
    g_ptr_array_set_free_func(names, g_free);
    return names;
}

static char *suggest_among(const char *word, const GPtrArray *names)
{
    return suggest_text(word, (const char *const *)(void *)names->pdata,
                        names->len);
}

/* ---- definitions -------------------------------------------------------- */

/* The dimension in which the left side is one rank plus a constant. */
static int find_shifted_dim(const struct ast_node *output, const char **rank)
{
    for (int i = 0; i < output->child_count; i++) {
        const struct ast_node *node = NULL;
        if (index_find_form(output->child[i], &node) == INDEX_SHIFTED) {
            *rank = node->name;
            return i;
        }
    }
    return -1;
}

static bool has_constant_index(const struct ast_node *output)
{
    for (int i = 0; i < output->child_count; i++) {
        if (index_find_form(output->child[i], NULL) == INDEX_CONSTANT) {
            return true;
        }
    }
    return false;
}

/* The one dimension in which a part is an interval: 0, m+1 or M1+m. */
static int find_part_dim(const struct ast_node *output)
{
    int dim = -1;
    for (int i = 0; i < output->child_count; i++) {
        enum index_form form = index_find_form(output->child[i], NULL);
        if (form == INDEX_AFFINE || (form != INDEX_RANK && dim >= 0)) {
            return -1;
        }
        dim = form == INDEX_RANK ? dim : i;
    }
    return dim;
}

static void report_twice(struct check *check, const struct ast_node *output,
                         const struct cascade_tensor *tensor)
{
    struct span first = tensor_span(tensor);
    if (tensor->is_input) {
        diag_error(
            check->diags, place_span(output->place), "einsum-input-defined",
            NULL, "'%s' is an input; no statement may define it", tensor->name);
        return;
    }
    const struct span_origin *origin = first.origin;
    while (origin != NULL && origin->call.origin != NULL) {
        origin = origin->call.origin; /* the call in the cascade itself */
    }
    diag_error(check->diags, place_span(output->place), "einsum-defined-twice",
               NULL, "tensor '%s' is already defined %s%s%son line %d",
               tensor->name, origin == NULL ? "" : "by '",
               origin == NULL ? "" : origin->name,
               origin == NULL ? "" : "', called ",
               origin == NULL ? first.line : origin->call.line);
}

static struct cascade_tensor *add_tensor(struct cascade *cascade,
                                         const struct ast_node *output)
{
    struct cascade_tensor tensor = {
        .name = output->name,
        .place = output->place,
        .dim_count = output->child_count,
        .producer = -1,
        .initializer = -1,
        .iterative_dim = -1,
        .part_dim = -1,
        .first_definition = -1,
        .last_definition = -1,
    };
    g_array_append_val(cascade->tensors, tensor);
    return cascade_tensor_at(cascade, cascade->tensors->len - 1);
}

/* The same slice was defined before. */
static bool is_same_slice_before(const struct check *check,
                                 const struct ast_node *output)
{
    g_autoptr(GString) text = g_string_new(NULL);
    ast_print(output, text);
    for (int i = 0; i < check->statement; i++) {
        const struct ast_statement *other =
            cascade_statement_at(check->cascade, (size_t)i);
        g_autoptr(GString) other_text = g_string_new(NULL);
        if (g_str_equal(other->output->name, output->name)) {
            ast_print(other->output, other_text);
            if (g_string_equal(text, other_text)) {
                return true;
            }
        }
    }
    return false;
}

static void define_initial(struct check *check, struct cascade_tensor *tensor,
                           const struct ast_node *output)
{
    bool is_slice = has_constant_index(output);
    if (is_same_slice_before(check, output) ||
        (tensor->producer >= 0 && tensor->iterative_dim < 0 && !is_slice) ||
        (!is_slice && tensor->initializer >= 0)) {
        report_twice(check, output, tensor);
    } else if (tensor->initializer < 0) {
        tensor->initializer = check->statement;
    }
    if (tensor->producer >= 0 && tensor->iterative_dim < 0 && is_slice) {
        tensor->is_in_parts = true; /* zeros behind what is computed */
        tensor->part_dim = find_part_dim(output);
    }
}

/* The first that is computed. T[l+1] may advance from what stands before it. */
static void define_main(struct check *check, struct cascade_tensor *tensor,
                        const struct ast_node *output)
{
    int shifted = find_shifted_dim(output, &tensor->iterative_rank);
    tensor->producer = check->statement;
    tensor->iterative_dim = shifted;
    if (tensor->initializer >= 0 && tensor->iterative_dim < 0 &&
        !has_constant_index(output)) {
        report_twice(check, output, tensor);
    } else if (tensor->initializer < 0 && tensor->iterative_dim >= 0) {
        diag_error(check->diags, place_span(output->place),
                   "einsum-missing-initial", NULL,
                   "iterative tensor '%s' has no initial value: a statement "
                   "such as '%s[..,0,..] = 0' must stand before this one",
                   tensor->name, tensor->name);
    }
}

/* A further one, for another interval of one dimension; else false. */
static bool define_part(struct check *check, struct cascade_tensor *tensor,
                        const struct ast_node *output)
{
    int dim = find_part_dim(output);
    if (dim < 0 || is_same_slice_before(check, output) ||
        (tensor->part_dim >= 0 && tensor->part_dim != dim)) {
        report_twice(check, output, tensor);
        return false;
    }
    const struct ast_statement *first =
        cascade_statement_at(check->cascade, (size_t)tensor->producer);
    bool is_first_slice = has_constant_index(first->output);
    const char *rank = NULL;
    tensor->is_in_parts = true;
    tensor->part_dim = dim;
    if (is_first_slice && find_shifted_dim(output, &rank) >= 0) {
        /* X[0] = X0, X[l+1] = ..: the tensor is what advances. */
        tensor->producer = check->statement;
        tensor->iterative_dim = dim;
        tensor->iterative_rank = rank;
    }
    return true;
}

static void define_computed(struct check *check, struct cascade_tensor *tensor,
                            const struct ast_node *output)
{
    if (tensor->producer < 0) {
        define_main(check, tensor, output);
    } else if (!define_part(check, tensor, output)) {
        return;
    }
    if (has_constant_index(output)) {
        tensor->is_in_parts = true;
        tensor->part_dim = find_part_dim(output);
    }
    if (tensor->first_definition < 0) {
        tensor->first_definition = check->statement;
    }
    tensor->last_definition = check->statement;
}

static void define_tensor(struct check *check)
{
    const struct ast_statement *statement =
        cascade_statement_at(check->cascade, (size_t)check->statement);
    const struct ast_node *output = statement->output;
    int found = cascade_find_tensor(check->cascade, output->name);
    struct cascade_tensor *tensor =
        found >= 0 ? cascade_tensor_at(check->cascade, (size_t)found)
                   : add_tensor(check->cascade, output);
    if (tensor->is_input) {
        report_twice(check, output, tensor);
    } else if (statement_is_initial(statement)) {
        define_initial(check, tensor, output);
    } else {
        define_computed(check, tensor, output);
    }
    if (tensor->dim_count > EINSUM_MAX_DIMS &&
        tensor->producer == check->statement) {
        diag_error(check->diags, place_span(output->place),
                   "einsum-too-many-dims", NULL,
                   "tensor '%s' has %d indices, more than %d", tensor->name,
                   tensor->dim_count, EINSUM_MAX_DIMS);
    }
}

/* ---- uses ---------------------------------------------------------------- */

static void check_index_count(struct check *check,
                              const struct cascade_tensor *tensor,
                              const struct ast_node *access)
{
    bool is_declared = !tensor->is_input || tensor->declaration != NULL;
    if (is_declared && access->child_count != tensor->dim_count) {
        diag_error(check->diags, place_span(access->place),
                   "einsum-index-count", NULL,
                   "'%s' has %d %s here, but %d where it is %s (line %d)",
                   access->name, access->child_count,
                   access->child_count == 1 ? "index" : "indices",
                   tensor->dim_count, tensor->is_input ? "declared" : "defined",
                   tensor_span(tensor).line);
    }
}

/* Written by an earlier statement, or step by step along an iterative rank
 * whose start was written by an earlier statement. */
static bool is_available(const struct cascade_tensor *tensor, int statement)
{
    bool is_started =
        (tensor->initializer >= 0 && tensor->initializer < statement) ||
        (tensor->is_in_parts && tensor->first_definition < statement);
    if (tensor->is_input) {
        return true;
    }
    if (tensor->producer < 0) {
        return is_started;
    }
    return tensor->last_definition < statement ||
           (tensor->iterative_dim >= 0 && is_started);
}

static void report_unknown_tensor(const struct check *check,
                                  const struct ast_node *access)
{
    const struct ast_statement *statement =
        cascade_statement_at(check->cascade, (size_t)check->statement);
    if (check->cascade->has_lost_tensors) {
        return;
    }
    g_autoptr(GPtrArray) names = tensor_names(check->cascade);
    g_autofree char *suggestion = suggest_among(access->name, names);
    /* The name as it was written: the statement may be one part of it. */
    struct place place = statement->output->place;
    diag_error(check->diags, place_span(access->place), "einsum-unknown-tensor",
               suggestion, "unknown tensor '%s' in einsum '%.*s'", access->name,
               place.length, yaml_text(place.node) + place.offset);
}

static void check_read(struct ast_node *access, void *data)
{
    struct check *check = data;
    int found = cascade_find_tensor(check->cascade, access->name);
    if (found < 0) {
        report_unknown_tensor(check, access);
        return;
    }
    struct cascade_tensor *tensor =
        cascade_tensor_at(check->cascade, (size_t)found);
    tensor->is_read = true;
    check_index_count(check, tensor, access);
    if (!is_available(tensor, check->statement)) {
        diag_error(check->diags, place_span(access->place),
                   "einsum-read-before-write", NULL,
                   "tensor '%s' is read before line %d writes it", access->name,
                   tensor_span(tensor).line);
    }
}

static void check_uses(struct check *check)
{
    struct ast_statement *statement =
        cascade_statement_at(check->cascade, (size_t)check->statement);
    const struct cascade_tensor *tensor = cascade_tensor_at(
        check->cascade,
        (size_t)cascade_find_tensor(check->cascade, statement->output->name));
    check_index_count(check, tensor, statement->output);
    for (int i = 0; i < statement->output->child_count; i++) {
        ast_visit(statement->output->child[i], AST_ACCESS, check_read, check);
    }
    ast_visit(statement->body, AST_ACCESS, check_read, check);
    ast_visit(statement->condition, AST_ACCESS, check_read, check);
}

/* ---- ranks and shapes ---------------------------------------------------- */

static bool is_known_shape(const struct cascade *cascade, const char *shape)
{
    g_autofree char *rank = g_ascii_strdown(shape, -1);
    return cascade_find_shape(cascade, shape) >= 0 ||
           (name_is_shape(shape) && cascade_has_rank(cascade, rank));
}

/* Asks once for each name. */
static bool is_known(struct check *check, const char *name,
                     bool (*ask)(const struct cascade *, const char *))
{
    if (g_hash_table_contains(check->known, name)) {
        return true;
    }
    if (g_hash_table_contains(check->reported, name) ||
        !ask(check->cascade, name)) {
        return false;
    }
    g_hash_table_add(check->known, g_strdup(name));
    return true;
}

/* A tensor advances along it: Y[k+1] = Y[k] + 1. */
static bool is_stepped(const struct cascade *cascade, const char *rank)
{
    for (size_t i = 0; i < cascade->statements->len; i++) {
        const struct ast_statement *statement =
            cascade_statement_at(cascade, i);
        const char *shifted = NULL;
        if (find_shifted_dim(statement->output, &shifted) >= 0 &&
            g_str_equal(shifted, rank) && statement->body != NULL &&
            ast_has_rank(statement->body, rank)) {
            return true;
        }
    }
    return false;
}

static void check_rank(struct ast_node *rank, void *data)
{
    struct check *check = data;
    if (is_known(check, rank->name, cascade_has_rank) ||
        !g_hash_table_add(check->reported, g_strdup(rank->name))) {
        return;
    }
    if (is_stepped(check->cascade, rank->name)) {
        diag_error(check->diags, place_span(rank->place), "einsum-endless",
                   NULL,
                   "iterative rank '%s' never ends: there is no shape '%s'",
                   rank->name, name_shape_of_rank(check->cascade, rank->name));
        return;
    }
    g_autofree char *suggestion = suggest_rank(check->cascade, rank);
    diag_error(check->diags, place_span(rank->place), "einsum-unknown-rank",
               suggestion, "unknown rank '%s': there is no shape '%s'",
               rank->name, name_shape_of_rank(check->cascade, rank->name));
}

static void check_shape(struct ast_node *shape, void *data)
{
    struct check *check = data;
    if (is_known(check, shape->name, is_known_shape) ||
        !g_hash_table_add(check->reported, g_strdup(shape->name))) {
        return;
    }
    if (cascade_find_tensor(check->cascade, shape->name) >= 0) {
        g_autofree char *suggestion =
            g_strdup_printf("write '%s[...]'", shape->name);
        diag_error(check->diags, place_span(shape->place),
                   "einsum-unknown-shape", suggestion,
                   "tensor '%s' stands here without indices", shape->name);
        return;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < check->cascade->shapes->len; i++) {
        g_ptr_array_add(names,
                        g_strdup(cascade_shape_at(check->cascade, i)->name));
    }
    g_autofree char *suggestion = suggest_among(shape->name, names);
    diag_error(check->diags, place_span(shape->place), "einsum-unknown-shape",
               suggestion, "unknown shape '%s'", shape->name);
}

static void collect_rank(struct ast_node *rank, void *data)
{
    struct check *check = data;
    GPtrArray *ranks = check->cascade->ranks;
    if (ranks->len > EINSUM_MAX_RANKS) {
        return; /* reported */
    }
    for (guint i = 0; i < ranks->len; i++) {
        if (g_str_equal(g_ptr_array_index(ranks, i), rank->name)) {
            return;
        }
    }
    g_ptr_array_add(ranks, g_strdup(rank->name));
    if (ranks->len == EINSUM_MAX_RANKS + 1) {
        diag_error(check->diags, place_span(rank->place),
                   "einsum-too-many-ranks", NULL,
                   "rank '%s' is one more than the %d a cascade may have",
                   rank->name, EINSUM_MAX_RANKS);
    }
}

static void visit_all(struct check *check, enum ast_kind kind,
                      ast_visitor visit)
{
    struct cascade *cascade = check->cascade;
    for (size_t i = 0; i < cascade->tensors->len; i++) {
        const struct cascade_tensor *tensor = cascade_tensor_at(cascade, i);
        ast_visit(tensor->declaration, kind, visit, check);
        for (guint j = 0;
             tensor->values != NULL && j < tensor->values->numbers->len; j++) {
            ast_visit(g_ptr_array_index(tensor->values->numbers, j), kind,
                      visit, check);
        }
    }
    for (size_t i = 0; i < cascade->statements->len; i++) {
        struct ast_statement *statement = cascade_statement_at(cascade, i);
        ast_visit(statement->output, kind, visit, check);
        for (guint j = 0; j < statement->reduce_ranks->len; j++) {
            ast_visit(g_ptr_array_index(statement->reduce_ranks, j), kind,
                      visit, check);
        }
        ast_visit(statement->body, kind, visit, check);
        ast_visit(statement->condition, kind, visit, check);
        ast_visit(statement->select_count, kind, visit, check);
    }
}

/* ---- inputs and outputs -------------------------------------------------- */

/* Constants only; distinct(j) and sorted(j) name a rank of the input. */
static void check_values(struct check *check,
                         const struct cascade_tensor *tensor)
{
    const struct ast_values *values = tensor->values;
    for (guint i = 0; i < values->numbers->len; i++) {
        const struct ast_node *number = g_ptr_array_index(values->numbers, i);
        if (ast_has(number, AST_RANK) || ast_has(number, AST_ACCESS) ||
            ast_has(number, AST_CALL)) {
            diag_error(check->diags, place_span(number->place),
                       "einsum-input-values", NULL,
                       "the values of an input lie between constants");
        }
    }
    const struct ast_node *ranks[] = {values->distinct, values->sorted};
    for (size_t i = 0; i < G_N_ELEMENTS(ranks); i++) {
        if (ranks[i] != NULL &&
            !ast_has_rank(tensor->declaration, ranks[i]->name)) {
            diag_error(check->diags, place_span(ranks[i]->place),
                       "einsum-input-values", NULL,
                       "rank '%s' is none of input '%s'", ranks[i]->name,
                       tensor->name);
        }
    }
    if (values->distinct != NULL && values->sorted != NULL &&
        !g_str_equal(values->distinct->name, values->sorted->name)) {
        diag_error(check->diags, place_span(values->sorted->place),
                   "einsum-input-values", NULL,
                   "'distinct' and 'sorted' together are along one rank");
    }
}

static void check_declaration(struct check *check,
                              const struct cascade_tensor *tensor)
{
    const struct ast_node *access = tensor->declaration;
    for (int i = 0; i < access->child_count; i++) {
        const struct ast_node *index = access->child[i];
        if (index->kind != AST_RANK) {
            diag_error(check->diags, place_span(index->place),
                       "einsum-input-index", NULL,
                       "the declaration of an input lists ranks only");
            continue;
        }
        for (int j = 0; j < i; j++) {
            if (access->child[j]->kind == AST_RANK &&
                g_str_equal(access->child[j]->name, index->name)) {
                diag_error(check->diags, place_span(index->place),
                           "einsum-repeated-rank", NULL,
                           "rank '%s' stands twice in input '%s'", index->name,
                           tensor->name);
            }
        }
    }
    if (access->child_count > EINSUM_MAX_DIMS) {
        diag_error(check->diags, tensor_span(tensor), "einsum-too-many-dims",
                   NULL, "input '%s' has %d ranks, more than %d", tensor->name,
                   access->child_count, EINSUM_MAX_DIMS);
    }
}

static void mark_output(struct check *check, const struct yaml_node *node,
                        const char *name)
{
    int found = cascade_find_tensor(check->cascade, name);
    struct cascade_tensor *tensor =
        found < 0 ? NULL : cascade_tensor_at(check->cascade, (size_t)found);
    if (tensor == NULL && check->cascade->has_lost_tensors) {
        return;
    }
    if (tensor == NULL || tensor->is_input) {
        g_autoptr(GPtrArray) names = tensor_names(check->cascade);
        g_autofree char *suggestion =
            tensor == NULL ? suggest_among(name, names) : NULL;
        diag_error(check->diags, yaml_span(node), "einsum-undefined-output",
                   suggestion, "no statement defines output '%s'", name);
    } else if (tensor->is_output) {
        diag_error(check->diags, yaml_span(node), "einsum-duplicate-output",
                   NULL, "output '%s' is listed twice", name);
    } else {
        tensor->is_output = true;
    }
}

/* A complex output stands for its parts. */
static void check_output(struct check *check, const struct yaml_node *node)
{
    if (yaml_expect(check->diags, node, YAML_SCALAR, "the name of a tensor") !=
        OK) {
        return;
    }
    g_autofree char *re = g_strconcat(yaml_text(node), "_RE", NULL);
    g_autofree char *im = g_strconcat(yaml_text(node), "_IM", NULL);
    if (cascade_find_tensor(check->cascade, yaml_text(node)) < 0 &&
        cascade_find_tensor(check->cascade, re) >= 0 &&
        cascade_find_tensor(check->cascade, im) >= 0) {
        mark_output(check, node, re);
        mark_output(check, node, im);
    } else {
        mark_output(check, node, yaml_text(node));
    }
}

static void check_outputs(struct check *check)
{
    const struct yaml_node *node = check->cascade->outputs;
    if (node == NULL) {
        return;
    }
    if (yaml_count(node) == 0) {
        diag_error(check->diags, yaml_span(node), "einsum-undefined-output",
                   NULL, "the cascade has no output");
    }
    for (size_t i = 0; i < yaml_count(node); i++) {
        check_output(check, yaml_item(node, i));
    }
}

static void warn_unused(struct check *check)
{
    for (size_t i = 0; i < check->cascade->tensors->len; i++) {
        const struct cascade_tensor *tensor =
            cascade_tensor_at(check->cascade, i);
        if (!tensor->is_read && !tensor->is_output) {
            diag_warning(check->diags, tensor_span(tensor),
                         tensor->is_input ? "einsum-unused-input"
                                          : "einsum-unused-tensor",
                         NULL, "%s '%s' is never read",
                         tensor->is_input ? "input" : "tensor", tensor->name);
        }
    }
}

static bool has_reported_rank(const struct check *check,
                              const struct ast_statement *statement)
{
    for (guint i = 0; i < check->cascade->ranks->len; i++) {
        const char *rank = g_ptr_array_index(check->cascade->ranks, i);
        if (g_hash_table_contains(check->reported, rank) &&
            (ast_has_rank(statement->output, rank) ||
             statement_reduces(statement, rank) ||
             statement_has_right_rank(statement, rank))) {
            return true;
        }
    }
    return false;
}

static void define_tensors(struct check *check)
{
    int count = (int)check->cascade->statements->len;
    for (check->statement = 0; check->statement < count; check->statement++) {
        define_tensor(check);
    }
}

static void check_statements(struct check *check)
{
    int count = (int)check->cascade->statements->len;
    for (check->statement = 0; check->statement < count; check->statement++) {
        const struct ast_statement *statement =
            cascade_statement_at(check->cascade, (size_t)check->statement);
        check_uses(check);
        statement_check(check->cascade, statement,
                        !has_reported_rank(check, statement), check->diags);
        check->is_whole = check->is_whole && statement->body != NULL;
    }
}

void cascade_check(struct cascade *cascade, struct diags *diags)
{
    g_autoptr(GHashTable) reported =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) known =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct check check = {
        .cascade = cascade,
        .diags = diags,
        .is_whole = true,
        .known = known,
        .reported = reported,
    };
    size_t errors_before = diags_error_count(diags);
    for (size_t i = 0; i < cascade->tensors->len; i++) {
        const struct cascade_tensor *tensor = cascade_tensor_at(cascade, i);
        if (tensor->declaration != NULL) {
            check_declaration(&check, tensor);
        }
        if (tensor->declaration != NULL && tensor->values != NULL) {
            check_values(&check, tensor);
        }
    }
    visit_all(&check, AST_RANK, collect_rank);
    if (cascade->ranks->len > EINSUM_MAX_RANKS) {
        return;
    }
    if (!cascade->has_lost_shapes) {
        visit_all(&check, AST_RANK, check_rank);
    }
    define_tensors(&check);
    check_statements(&check);
    if (!cascade->has_lost_shapes) {
        visit_all(&check, AST_SHAPE, check_shape);
    }
    check_outputs(&check);
    if (check.is_whole && !cascade->has_lost_tensors &&
        diags_error_count(diags) == errors_before) {
        warn_unused(&check);
    }
}
