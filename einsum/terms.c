/* Expressions as others see them. */
#include "einsum/binder.h"
#include "einsum/einsum_ops.h"

int einsum_list_terms(const struct einsum_statement *statement,
                      struct einsum_term *terms, int capacity)
{
    const struct einsum_expr *expr = statement->expr;
    if (expr == NULL || statement->features != 0) {
        return 0;
    }
    for (int i = 0; i < expr->node_count; i++) {
        const struct expr_node *node = &expr->nodes[i];
        if (node->kind == NODE_INDEX) {
            return 0;
        }
        bool is_op = node->kind == NODE_OP;
        if (i < capacity) {
            terms[i] = (struct einsum_term){
                .kind = is_op                       ? EINSUM_TERM_OP
                        : node->kind == NODE_NUMBER ? EINSUM_TERM_NUMBER
                                                    : EINSUM_TERM_READ,
                .read = node->read,
                .number = node->number,
                .op = node->op,
                .operand_count = is_op ? op_arity(node->op) : 0,
            };
        }
    }
    return expr->node_count;
}
