/* Trees of * and / as lists of factors. */
#include "einsum/rewrite.h"

#include <string.h>

static void collect(const struct ast_node *node, GPtrArray *over,
                    GPtrArray *under)
{
    bool is_op = node->kind == AST_OP && node->child_count == 2;
    if (is_op && node->op == EINSUM_MUL) {
        collect(node->child[0], over, under);
        collect(node->child[1], over, under);
    } else if (is_op && node->op == EINSUM_DIVIDE) {
        collect(node->child[0], over, under);
        collect(node->child[1], under, over);
    } else {
        g_ptr_array_add(over, borrow(node));
    }
}

struct product product_of(const struct ast_node *node)
{
    struct product product = {g_ptr_array_new(), g_ptr_array_new()};
    collect(node, product.over, product.under);
    return product;
}

void product_clear(struct product *product)
{
    g_ptr_array_unref(product->over);
    g_ptr_array_unref(product->under);
}

struct ast_node *draft_multiply(struct draft *draft, const GPtrArray *factors)
{
    struct ast_node *result = NULL;
    for (guint i = 0; i < factors->len; i++) {
        struct ast_node *factor = g_ptr_array_index(factors, i);
        result = result == NULL ? factor
                                : draft_op(draft, EINSUM_MUL, result, factor);
    }
    return result;
}

/* K of the view BK[m1,m0] = K[m1*M0+m0]. */
static const char *viewed_name(const struct draft *draft, const char *name)
{
    int producer = draft_producer(draft, name);
    const struct ast_node *body =
        producer < 0 ? NULL : draft_statement(draft, producer)->body;
    bool is_view = body != NULL && body->kind == AST_ACCESS &&
                   draft_is_simple(draft, producer) &&
                   !draft_sums(draft, producer) &&
                   !draft_statement(draft, producer)->has_reduction;
    return is_view ? body->name : name;
}

const char *draft_name_product(struct draft *draft, const GPtrArray *factors,
                               const char *otherwise)
{
    static const size_t longest = 8;
    g_autoptr(GString) name = g_string_new(NULL);
    for (guint i = 0; i < factors->len; i++) {
        const struct ast_node *factor = g_ptr_array_index(factors, i);
        if (factor->kind != AST_ACCESS) {
            return draft_name(draft, otherwise);
        }
        g_string_append(name, viewed_name(draft, factor->name));
    }
    bool is_usable =
        factors->len > 1 && name->len <= longest && name_is_tensor(name->str);
    return draft_name(draft, is_usable ? name->str : otherwise);
}
