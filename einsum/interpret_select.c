/* topk, argmax, argmin and argsort. The body is evaluated for a whole box into
 * scratch memory, then each fiber of the selected rank is ordered: topk and
 * argmax by falling value, argmin and argsort by rising value, equal values by
 * their index. A point that does not exist takes no part; places that are left
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
    const struct workload *workload;
    const struct einsum_statement *statement;
    const struct einsum_extension *extension;
    struct einsum_data *data;
    double *value;  /* the body: box, row-major, the selected rank innermost */
    double *error;  /* or NULL */
    int64_t length; /* of the selected rank */
    int64_t wanted;
    int64_t order_stride;
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
    for (int64_t i = 0; i < select->length; i++) {
        int64_t at = fiber * select->length + i;
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
    for (int64_t t = 0; t < select->wanted; t++) {
        int64_t at = output + t * select->order_stride;
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

/* Where the fiber's results begin. */
static int64_t find_output(const struct select *select, const int64_t *lo,
                           const int64_t *hi, int64_t fiber)
{
    const struct einsum_statement *statement = select->statement;
    const struct einsum_tensor *tensor =
        &select->workload->tensors[statement->output.tensor];
    int64_t index[EINSUM_MAX_RANKS] = {0};
    int64_t offset = 0;
    for (int i = statement->rank_count - 2; i >= 0; i--) {
        index[statement->rank[i]] = lo[i] + fiber % (hi[i] - lo[i]);
        fiber /= hi[i] - lo[i];
    }
    for (int d = 0; d < tensor->dim_count; d++) {
        int64_t at = 0;
        for (int i = 0; i < statement->rank_count; i++) {
            int rank = statement->rank[i];
            at += statement->output.index[d].coefficient[rank] * index[rank];
        }
        offset = offset * tensor->extent[d] + at;
    }
    return offset;
}

static void select_all(struct select *select, const int64_t *lo,
                       const int64_t *hi, int64_t fibers)
{
    const struct einsum_tensor *tensor =
        &select->workload->tensors[select->statement->output.tensor];
    g_autofree struct candidate *candidate =
        g_new0(struct candidate, (size_t)select->length);
    g_autofree bool *is_separated = g_new0(bool, (size_t)select->length);
    int order = select->extension->order_dim;
    select->candidate = candidate;
    select->wanted = order < 0 ? 1 : tensor->extent[order];
    select->order_stride = 1;
    for (int d = tensor->dim_count - 1; order >= 0 && d > order; d--) {
        select->order_stride *= tensor->extent[d];
    }
    for (int64_t fiber = 0; fiber < fibers; fiber++) {
        int64_t count = collect(select, fiber);
        write_fiber(select, count, find_output(select, lo, hi, fiber),
                    is_separated);
    }
}

void select_run(const struct workload *workload, int statement_id,
                const int64_t *lo, const int64_t *hi, struct einsum_data *data)
{
    const struct einsum_statement *statement =
        &workload->statements[statement_id];
    struct points_output output = {.start = 0};
    int64_t points = 1;
    for (int i = statement->rank_count - 1; i >= 0; i--) {
        output.stride[statement->rank[i]] = points;
        output.start -= points * lo[i];
        points *= MAX(hi[i] - lo[i], 0);
    }
    bool has_error = data->tensors[statement->output.tensor].error != NULL;
    g_autofree double *value = g_new(double, (size_t)points);
    g_autofree double *error =
        has_error ? g_new0(double, (size_t)points) : NULL;
    for (int64_t i = 0; i < points; i++) {
        value[i] = (double)NAN;
    }
    output.operand = (struct box_operand){.value = value, .error = error};
    points_run(workload, statement_id, lo, hi, &output, data);
    int last = statement->rank_count - 1;
    struct select select = {
        .workload = workload,
        .statement = statement,
        .extension = statement->extension,
        .data = data,
        .value = value,
        .error = error,
        .length = hi[last] - lo[last],
    };
    if (points > 0) {
        select_all(&select, lo, hi, points / select.length);
    }
}
