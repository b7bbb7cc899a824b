/* Private to kernels/: softmax by its definition over whatever keys a kernel
 * has picked for a query, and the means of values that follow. */
#ifndef WEIR_KERNELS_ATTEND_H
#define WEIR_KERNELS_ATTEND_H

#include "kernels/lane.h"

/* Operands of every attention kernel start with these four. */
enum { Q_OPERAND, K_OPERAND, V_OPERAND, AV_OPERAND, FURTHER_OPERAND };

/* x_i = exp(x_i) / sum over j of exp(x_j). Taking one number off all logits
 * changes nothing, so the shift by their maximum, as computed, has no error. */
void softmax(struct bounded *x, int64_t count);

/* The keys that one query attends to. */
struct key_list {
    struct bounded *logit;
    struct lane *value; /* a row of V for each */
    int64_t capacity;
    int64_t count;
    /* False once the choice of keys hung on a comparison that rounding errors
     * could turn: what is computed from it has no bound. */
    bool is_decided;
};

MUST_USE enum status key_list_init(struct key_list *list, int64_t capacity,
                                   struct diags *diags);
void key_list_clear(struct key_list *list);
void key_list_restart(struct key_list *list);
void key_list_add(struct key_list *list, struct bounded logit,
                  struct lane value);
/* The softmax of the logits, weights of the mean of the values, which goes to
 * `result`. No keys: zero. */
void key_list_attend(struct key_list *list, struct lane result,
                     int64_t f_count);
/* The two halves of it: logits to weights, and the mean of element f. */
void key_list_weigh(struct key_list *list);
struct bounded key_list_mean(const struct key_list *list, int64_t f);
/* The same with the weights already in `logit`. */
void key_list_average(const struct key_list *list, struct lane result,
                      int64_t f_count);

/* For weights that are not exponentials: their sum, and their division. */
struct bounded key_list_sum(const struct key_list *list);
void key_list_divide(struct key_list *list, struct bounded divisor);

/* The four tensors of a slice, with queries along p and keys along m; along 's'
 * for both if `is_one_sequence`. */
struct attention {
    struct cut q;
    struct cut k;
    struct cut v;
    struct cut av;
    int64_t p_count;
    int64_t m_count;
    int64_t e_count;
    int64_t f_count;
};

struct attention attention_of(const struct slice *slice, bool is_one_sequence);

typedef void (*attend_function)(const struct slice *slice, bool is_causal,
                                struct key_list *keys);

/* Calls `attend` for each slice with a list of room for `capacity` keys. */
MUST_USE enum status attend_each(const struct kernel_call *call,
                                 int64_t capacity, attend_function attend,
                                 bool is_causal, struct diags *diags);

/* Is m a key of query p? */
typedef bool (*is_key_function)(const struct slice *slice, int64_t p,
                                int64_t m);

/* Softmax attention of every query p to its keys, Q[p,e], K[m,e], V[m,f] ->
 * AV[p,f]. */
MUST_USE enum status attend_where(const struct kernel_call *call,
                                  is_key_function is_key, struct diags *diags);

#endif
