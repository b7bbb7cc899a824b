/* topk, argmax, argmin, argsort and sort. Each fiber of the selected rank is
 * ordered: topk and argmax by falling value, argmin, argsort and sort by rising
 * value, equal values by their index. A point that does not exist takes no part; places that are left
 * over get the index -1 and the value 0.
 *
 * With error analysis: the k-th largest of values that are each off by at most
 * e is off by at most e. An index is certain if the values before it and after
 * it are further apart than their errors, or exact; else its error is infinite.
 */
#include <math.h>

#include "einsum/extension.h"
#include "einsum/interpret.h"

struct candidate {
    double value; /* negated if small values come first */
    double error;
    int64_t index;
    double least_so_far; /* that any candidate up to here can be */
};

struct select {
    const struct einsum_statement *statement;
    const struct einsum_extension *extension;
    struct einsum_data *data;
    struct fibers fibers;
    const double *value; /* the body */
    const double *error; /* or NULL */
    struct candidate *candidate;
};

static int compare(gconstpointer a, gconstpointer b, gpointer data)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    (void)data;
    if (x->value > y->value || x->value < y->value) {
        return x->value > y->value ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index ? 1 : 0;
}

static bool is_descending(enum selection selection)
{
    return selection == SELECT_TOPK || selection == SELECT_ARGMAX;
}

static int64_t collect(const struct select *select, int64_t fiber)
{
    double sign = is_descending(select->extension->selection) ? 1.0 : -1.0;
    int64_t count = 0;
    for (int64_t i = 0; i < select->fibers.length; i++) {
        int64_t at = fiber * select->fibers.length + i;
        if (!isnan(select->value[at])) {
            select->candidate[count++] = (struct candidate){
                .value = sign * select->value[at],
                .error = select->error == NULL ? 0.0 : select->error[at],
                .index = i,
            };
        }
    }
    g_qsort_with_data(select->candidate, (gint)count, sizeof *select->candidate,
                      compare, NULL);
    return count;
}

static double largest_error(const struct select *select, int64_t count)
{
    double most = 0.0;
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, select->candidate[i].error);
    }
    return most;
}

/* is_separated[i]: every candidate up to i certainly comes before every later
 * one, being larger for any values within the errors, or exact. */
static void find_separated(const struct select *select, int64_t count,
                           double error, bool *is_separated)
{
    double least = (double)INFINITY;
    double most = -(double)INFINITY;
    for (int64_t i = 0; i < count; i++) {
        struct candidate *c = &select->candidate[i];
        least = fmin(least, c->value - c->error);
        c->least_so_far = least;
        is_separated[i] = true;
    }
    for (int64_t i = count - 1; error > 0.0 && i > 0; i--) {
        const struct candidate *c = &select->candidate[i];
        most = fmax(most, c->value + c->error);
        is_separated[i - 1] = (c - 1)->least_so_far > most;
    }
}

static void write_fiber(const struct select *select, int64_t count,
                        int64_t output, bool *is_separated)
{
    const struct tensor_data *tensor =
        &select->data->tensors[select->statement->output.tensor];
    bool gives_values = select->extension->gives_values;
    double sign = is_descending(select->extension->selection) ? 1.0 : -1.0;
    double error = largest_error(select, count);
    find_separated(select, count, error, is_separated);
    for (int64_t t = 0; t < select->fibers.wanted; t++) {
        int64_t at = output + t * select->fibers.order_stride;
        bool is_there = t < count;
        bool is_certain =
            t >= count || ((t == 0 || is_separated[t - 1]) && is_separated[t]);
        double missing = gives_values ? 0.0 : -1.0;
        double found = !is_there      ? 0.0
                       : gives_values ? sign * select->candidate[t].value
                                      : (double)select->candidate[t].index;
        double index_error = is_certain ? 0.0 : (double)INFINITY;
        tensor->value[at] = is_there ? found : missing;
        if (tensor->error != NULL) {
            tensor->error[at] = gives_values && is_there ? error : index_error;
        }
    }
}

static void select_all(struct select *select)
{
    struct fibers *fibers = &select->fibers;
    g_autofree struct candidate *candidate =
        g_new0(struct candidate, (size_t)fibers->length);
    g_autofree bool *is_separated = g_new0(bool, (size_t)fibers->length);
    select->candidate = candidate;
    for (int64_t fiber = 0; fiber < fibers->count; fiber++) {
        int64_t count = collect(select, fiber);
        write_fiber(select, count, fibers_output(fibers, fiber), is_separated);
    }
}

void select_run(const struct workload *workload, int statement_id,
                const int64_t *lo, const int64_t *hi, struct einsum_data *data)
{
    struct tensor_data body = {NULL, NULL};
    struct select select = {
        .statement = &workload->statements[statement_id],
        .extension = workload->statements[statement_id].extension,
        .data = data,
        .fibers = {workload, statement_id, lo, hi, data, 0, 0, 0, 0},
    };
    fibers_eval(&select.fibers, NULL, (double)NAN, &body);
    fibers_place(&select.fibers);
    select.value = body.value;
    select.error = body.error;
    if (select.fibers.count > 0) {
        select_all(&select);
    }
    g_free(body.value);
    g_free(body.error);
}
