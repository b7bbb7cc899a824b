#include "einsum/passes_length.h"

#include <string.h>

/* Names of a product stand sorted, with this between them. */
#define FACTOR_SEPARATOR "\x1f"

struct term {
    const char *factors; /* "" of a number */
    int64_t coefficient;
};

struct length {
    GArray *terms; /* struct term, no two with the same factors */
    bool is_beyond;
};

struct atom {
    guint32 ranks;
    int64_t value;
    const struct ast_node *node; /* a quotient, or NULL */
};

struct lengths {
    const struct workload *workload;
    GStringChunk *names;
    GHashTable *atoms;   /* name -> struct atom */
    GPtrArray *products; /* struct length */
};

static void free_length(gpointer data)
{
    struct length *length = data;
    g_array_unref(length->terms);
    g_free(length);
}

struct lengths *lengths_new(const struct workload *workload)
{
    struct lengths *lengths = g_new0(struct lengths, 1);
    lengths->workload = workload;
    lengths->names = g_string_chunk_new(256);
    lengths->atoms =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    lengths->products = g_ptr_array_new_with_free_func(free_length);
    return lengths;
}

void lengths_free(struct lengths *lengths)
{
    if (lengths != NULL) {
        g_string_chunk_free(lengths->names);
        g_hash_table_unref(lengths->atoms);
        g_ptr_array_unref(lengths->products);
        g_free(lengths);
    }
}

static struct length *new_length(struct lengths *lengths)
{
    struct length *length = g_new0(struct length, 1);
    length->terms = g_array_new(FALSE, FALSE, sizeof(struct term));
    g_ptr_array_add(lengths->products, length);
    return length;
}

static const struct term *term_at(const struct length *a, guint i)
{
    return &g_array_index(a->terms, struct term, i);
}

static void add_term(struct lengths *lengths, struct length *length,
                     const char *factors, int64_t coefficient)
{
    for (guint i = 0; i < length->terms->len; i++) {
        struct term *term = &g_array_index(length->terms, struct term, i);
        if (g_str_equal(term->factors, factors)) {
            length->is_beyond =
                length->is_beyond ||
                !num_add(term->coefficient, coefficient, &term->coefficient);
            if (term->coefficient == 0) {
                g_array_remove_index(length->terms, i);
            }
            return;
        }
    }
    struct term term = {g_string_chunk_insert_const(lengths->names, factors),
                        coefficient};
    if (coefficient != 0) {
        g_array_append_val(length->terms, term);
    }
}

/* ---- making -------------------------------------------------------------- */

const struct length *length_number(struct lengths *lengths, int64_t number)
{
    struct length *length = new_length(lengths);
    add_term(lengths, length, "", number);
    return length;
}

static const struct length *make_atom(struct lengths *lengths, const char *name,
                                      struct atom atom)
{
    struct length *length = new_length(lengths);
    add_term(lengths, length, name, 1);
    if (!g_hash_table_contains(lengths->atoms, name)) {
        g_hash_table_insert(lengths->atoms, g_strdup(name),
                            g_memdup2(&atom, sizeof atom));
    }
    return length;
}

const struct length *length_name(struct lengths *lengths, const char *name)
{
    const struct workload *workload = lengths->workload;
    struct atom atom = {0};
    int rank = workload_find_rank(workload, name);
    if (rank >= 0) {
        atom.ranks = (guint32)1 << rank;
    }
    for (int i = 0; i < workload->shape_count; i++) {
        if (g_str_equal(workload->shape_name[i], name)) {
            atom.value = workload->shape_value[i];
        }
    }
    return make_atom(lengths, name, atom);
}

const struct length *length_add(struct lengths *lengths, const struct length *a,
                                int64_t factor, const struct length *b)
{
    struct length *sum = new_length(lengths);
    sum->is_beyond = a->is_beyond || b->is_beyond;
    for (guint i = 0; i < a->terms->len; i++) {
        add_term(lengths, sum, term_at(a, i)->factors,
                 term_at(a, i)->coefficient);
    }
    for (guint i = 0; i < b->terms->len; i++) {
        int64_t coefficient = 0;
        sum->is_beyond =
            !num_mul(term_at(b, i)->coefficient, factor, &coefficient) ||
            sum->is_beyond;
        add_term(lengths, sum, term_at(b, i)->factors, coefficient);
    }
    return sum;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *join_factors(const char *a, const char *b)
{
    g_auto(GStrv) left = g_strsplit(a, FACTOR_SEPARATOR, -1);
    g_auto(GStrv) right = g_strsplit(b, FACTOR_SEPARATOR, -1);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (char **name = left; *name != NULL; name++) {
        g_ptr_array_add(names, *name);
    }
    for (char **name = right; *name != NULL; name++) {
        g_ptr_array_add(names, *name);
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(FACTOR_SEPARATOR, (char **)names->pdata);
}

const struct length *length_multiply(struct lengths *lengths,
                                     const struct length *a,
                                     const struct length *b)
{
    struct length *product = new_length(lengths);
    product->is_beyond = a->is_beyond || b->is_beyond;
    for (guint i = 0; i < a->terms->len; i++) {
        for (guint j = 0; j < b->terms->len; j++) {
            const struct term *x = term_at(a, i);
            const struct term *y = term_at(b, j);
            int64_t coefficient = 0;
            product->is_beyond =
                !num_mul(x->coefficient, y->coefficient, &coefficient) ||
                product->is_beyond;
            g_autofree char *factors =
                x->factors[0] == '\0'   ? g_strdup(y->factors)
                : y->factors[0] == '\0' ? g_strdup(x->factors)
                                        : join_factors(x->factors, y->factors);
            add_term(lengths, product, factors, coefficient);
        }
    }
    return product;
}

/* `factors` without one of the names; NULL if it is not among them. */
static char *remove_factor(const char *factors, const char *name)
{
    g_auto(GStrv) names = g_strsplit(factors, FACTOR_SEPARATOR, -1);
    g_autoptr(GPtrArray) rest = g_ptr_array_new();
    bool is_found = false;
    for (char **n = names; *n != NULL; n++) {
        if (!is_found && g_str_equal(*n, name)) {
            is_found = true;
        } else {
            g_ptr_array_add(rest, *n);
        }
    }
    g_ptr_array_add(rest, NULL);
    return is_found ? g_strjoinv(FACTOR_SEPARATOR, (char **)rest->pdata) : NULL;
}

/* NULL: some term cannot be divided. */
static const struct length *divide_terms(struct lengths *lengths,
                                         const struct length *a,
                                         const struct term *divisor)
{
    struct length *quotient = new_length(lengths);
    for (guint i = 0; i < a->terms->len; i++) {
        const struct term *term = term_at(a, i);
        g_autofree char *rest =
            divisor->factors[0] == '\0'
                ? g_strdup(term->factors)
                : remove_factor(term->factors, divisor->factors);
        if (rest == NULL || term->coefficient % divisor->coefficient != 0) {
            return NULL;
        }
        add_term(lengths, quotient, rest,
                 term->coefficient / divisor->coefficient);
    }
    return quotient;
}

const struct length *length_divide(struct lengths *lengths,
                                   const struct length *a,
                                   const struct length *b)
{
    const struct length *quotient =
        b->terms->len == 1 ? divide_terms(lengths, a, term_at(b, 0)) : NULL;
    int64_t over = 0;
    int64_t under = 0;
    if (quotient != NULL || !length_value(lengths, a, &over) ||
        !length_value(lengths, b, &under) || under < 1) {
        return quotient == NULL ? a : quotient;
    }
    g_autofree char *above = length_print(a);
    g_autofree char *below = length_print(b);
    bool is_sum = a->terms->len > 1;
    bool is_long = b->terms->len > 1 || strchr(below, '*') != NULL;
    g_autofree char *name = g_strdup_printf(
        "ceil(%s%s%s/%s%s%s)", is_sum ? "(" : "", above, is_sum ? ")" : "",
        is_long ? "(" : "", below, is_long ? ")" : "");
    return make_atom(lengths, name,
                     (struct atom){.value = num_ceil_div(over, under)});
}

/* ---- from trees ---------------------------------------------------------- */

static int64_t apply(enum einsum_op op, int64_t a, int64_t b)
{
    int64_t quotient = b == 0 ? 0 : a / b - (a % b != 0 && (a < 0) != (b < 0));
    if (op == EINSUM_DIVIDE) {
        return quotient;
    }
    if (op == EINSUM_MOD) {
        return a - b * quotient;
    }
    if (op == EINSUM_MIN) {
        return MIN(a, b);
    }
    return op == EINSUM_MAX ? MAX(a, b) : ABS(a);
}

/* An operation that no sum of products says: known by its text. */
static const struct length *atom_of(struct lengths *lengths,
                                    const struct ast_node *node)
{
    guint32 ranks = 0;
    int64_t operand[2] = {0, 0};
    for (int i = 0; i < MIN(node->child_count, 2); i++) {
        const struct length *child = length_of(lengths, node->child[i]);
        if (child == NULL) {
            return NULL;
        }
        ranks |= length_ranks(lengths, child);
        if (ranks == 0 && !length_value(lengths, child, &operand[i])) {
            return NULL;
        }
    }
    g_autoptr(GString) text = g_string_new(NULL);
    ast_print_index(node, text);
    return make_atom(
        lengths, text->str,
        (struct atom){
            .ranks = ranks,
            .value = ranks == 0 ? apply(node->op, operand[0], operand[1]) : 0,
            .node = node->op == EINSUM_DIVIDE ? node : NULL,
        });
}

static bool is_sum(enum einsum_op op)
{
    return op == EINSUM_ADD || op == EINSUM_SUB || op == EINSUM_MUL ||
           op == EINSUM_NEGATE;
}

static bool is_index_op(enum einsum_op op)
{
    return is_sum(op) || op == EINSUM_DIVIDE || op == EINSUM_MOD ||
           op == EINSUM_MIN || op == EINSUM_MAX || op == EINSUM_ABS;
}

static const struct length *length_of_op(struct lengths *lengths,
                                         const struct ast_node *node)
{
    if (!is_index_op(node->op)) {
        return NULL;
    }
    if (!is_sum(node->op)) {
        return atom_of(lengths, node);
    }
    const struct length *a = length_of(lengths, node->child[0]);
    const struct length *b =
        node->child_count < 2 ? a : length_of(lengths, node->child[1]);
    if (a == NULL || b == NULL) {
        return NULL;
    }
    if (node->op == EINSUM_MUL) {
        return length_multiply(lengths, a, b);
    }
    if (node->op == EINSUM_NEGATE) {
        return length_add(lengths, length_number(lengths, 0), -1, a);
    }
    return length_add(lengths, a, node->op == EINSUM_ADD ? 1 : -1, b);
}

const struct length *length_of(struct lengths *lengths,
                               const struct ast_node *node)
{
    if (node->kind == AST_NUMBER) {
        return node->is_integer ? length_number(lengths, node->integer) : NULL;
    }
    if (node->kind == AST_RANK || node->kind == AST_SHAPE) {
        return length_name(lengths, node->name);
    }
    return node->kind == AST_OP ? length_of_op(lengths, node) : NULL;
}

/* ---- questions ----------------------------------------------------------- */

static guint32 term_ranks(const struct lengths *lengths,
                          const struct term *term)
{
    g_auto(GStrv) names = g_strsplit(term->factors, FACTOR_SEPARATOR, -1);
    guint32 ranks = 0;
    for (char **name = names; *name != NULL; name++) {
        const struct atom *atom = g_hash_table_lookup(lengths->atoms, *name);
        ranks |= atom == NULL ? 0 : atom->ranks;
    }
    return ranks;
}

guint32 length_ranks(const struct lengths *lengths, const struct length *a)
{
    guint32 ranks = 0;
    for (guint i = 0; i < a->terms->len; i++) {
        ranks |= term_ranks(lengths, term_at(a, i));
    }
    return ranks;
}

bool length_has_rank(const struct lengths *lengths, const struct length *a)
{
    return length_ranks(lengths, a) != 0;
}

bool length_is_never_positive(const struct lengths *lengths,
                              const struct length *a)
{
    int64_t most = 0;
    for (guint i = 0; i < a->terms->len; i++) {
        const struct term *term = term_at(a, i);
        bool is_number = term->factors[0] == '\0';
        bool has_atom = strpbrk(term->factors, "/ (") != NULL;
        if (!is_number && (term->coefficient > 0 || has_atom)) {
            return false;
        }
        if (is_number || term_ranks(lengths, term) == 0) {
            most += term->coefficient;
        }
    }
    return !a->is_beyond && most <= 0;
}

bool length_value(const struct lengths *lengths, const struct length *a,
                  int64_t *value)
{
    int64_t sum = 0;
    bool fits = !a->is_beyond;
    for (guint i = 0; i < a->terms->len && fits; i++) {
        const struct term *term = term_at(a, i);
        g_auto(GStrv) names = g_strsplit(term->factors, FACTOR_SEPARATOR, -1);
        int64_t product = term->coefficient;
        for (char **name = names; *name != NULL && fits; name++) {
            const struct atom *atom =
                g_hash_table_lookup(lengths->atoms, *name);
            fits = atom == NULL || num_mul(product, atom->value, &product);
        }
        fits = fits && num_add(sum, product, &sum);
    }
    *value = sum;
    return fits;
}

char *length_print(const struct length *a)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int64_t number = 0;
    for (guint i = 0; i < a->terms->len; i++) {
        const struct term *term = term_at(a, i);
        if (term->factors[0] == '\0') {
            number = term->coefficient;
            continue;
        }
        g_auto(GStrv) names = g_strsplit(term->factors, FACTOR_SEPARATOR, -1);
        g_autofree char *product = g_strjoinv("*", names);
        const char *sign = term->coefficient < 0 ? "-"
                           : text->len > 0       ? "+"
                                                 : "";
        g_string_append(text, sign);
        if (ABS(term->coefficient) != 1) {
            g_string_append_printf(text, "%" G_GINT64_FORMAT "*",
                                   ABS(term->coefficient));
        }
        g_string_append(text, product);
    }
    if (number != 0 || text->len == 0) {
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT,
                               text->len > 0 && number > 0 ? "+" : "", number);
    }
    return g_strdup(text->str);
}

int64_t length_coefficient(const struct length *a, const struct length *factors)
{
    for (guint i = 0; i < a->terms->len; i++) {
        if (g_str_equal(term_at(a, i)->factors, term_at(factors, 0)->factors)) {
            return term_at(a, i)->coefficient;
        }
    }
    return 0;
}

void length_visit_quotients(struct lengths *lengths, const struct length *a,
                            const char *rank, length_visitor visit, void *data)
{
    for (guint i = 0; i < a->terms->len; i++) {
        const char *factors = term_at(a, i)->factors;
        const struct atom *atom = g_hash_table_lookup(lengths->atoms, factors);
        if (atom == NULL || atom->node == NULL ||
            atom->node->child[0]->kind != AST_RANK ||
            !g_str_equal(atom->node->child[0]->name, rank)) {
            continue;
        }
        const struct length *divisor = length_of(lengths, atom->node->child[1]);
        if (divisor != NULL && !length_has_rank(lengths, divisor)) {
            visit(make_atom(lengths, factors, *atom), divisor, data);
        }
    }
}
