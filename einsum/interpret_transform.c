/* Transforms: every fiber by the fast algorithm, points that do not exist as 0.
 * Real and imaginary part are two statements, which both transform. */
#include "einsum/interpret.h"

#include <math.h>

#include "einsum/extension.h"
#include "einsum/transform.h"

struct run {
    struct fibers *fibers;
    struct transform *transform;
    const struct tensor_data *re;
    const struct tensor_data *im; /* NULL: real */
    const struct tensor_data *output;
    bool is_imaginary; /* which part of the result goes out */
    struct fft_value *in;
    struct fft_value *out;
};

/* Sums of |in| and of their errors. */
static void load(const struct run *run, int64_t fiber, double *sum,
                 double *error)
{
    int64_t length = run->fibers->length;
    *sum = 0.0;
    *error = 0.0;
    for (int64_t j = 0; j < length; j++) {
        int64_t at = fiber * length + j;
        run->in[j] = (struct fft_value){
            run->re->value[at], run->im == NULL ? 0.0 : run->im->value[at]};
        if (run->output->error != NULL) {
            *sum += hypot(run->in[j].re, run->in[j].im);
            *error += run->im == NULL
                          ? run->re->error[at]
                          : hypot(run->re->error[at], run->im->error[at]);
        }
    }
}

static void store(const struct run *run, int64_t fiber, double sum,
                  double error)
{
    const struct fibers *fibers = run->fibers;
    int64_t output = fibers_output(fibers, fiber);
    for (int64_t k = 0; k < fibers->wanted; k++) {
        int64_t at = output + k * fibers->order_stride;
        struct fft_value value = run->out[k];
        run->output->value[at] = run->is_imaginary ? value.im : value.re;
        if (run->output->error != NULL) {
            double largest = fmax(fabs(value.re), fabs(value.im));
            bool is_number = !isnan(value.re) && !isnan(value.im);
            run->output->error[at] =
                transform_error(run->transform, k, sum, error,
                                is_number ? largest : (double)NAN);
        }
    }
}

static void run_fibers(struct run *run)
{
    struct fibers *fibers = run->fibers;
    run->in = g_new(struct fft_value, (gsize)fibers->length);
    run->out = g_new(struct fft_value, (gsize)fibers->wanted);
    for (int64_t fiber = 0; fiber < fibers->count; fiber++) {
        double sum = 0.0;
        double error = 0.0;
        load(run, fiber, &sum, &error);
        transform_run(run->transform, run->in, run->out);
        store(run, fiber, sum, error);
    }
    g_free(run->in);
    g_free(run->out);
}

void transforms_run(const struct workload *workload, int statement_id,
                    const int64_t *lo, const int64_t *hi,
                    struct einsum_data *data)
{
    const struct einsum_statement *statement =
        &workload->statements[statement_id];
    const struct einsum_extension *extension = statement->extension;
    struct fibers fibers = {workload, statement_id, lo, hi, data, 0, 0, 0, 0};
    struct tensor_data re = {NULL, NULL};
    struct tensor_data im = {NULL, NULL};
    fibers_eval(&fibers, NULL, 0.0, &re);
    if (extension->imaginary != NULL) {
        fibers_eval(&fibers, extension->imaginary, 0.0, &im);
    }
    fibers_place(&fibers);
    struct transform_shape shape = {extension->selection, fibers.length,
                                    fibers.wanted,
                                    extension->imaginary != NULL};
    struct run run = {
        .fibers = &fibers,
        .re = &re,
        .im = extension->imaginary == NULL ? NULL : &im,
        .output = &data->tensors[statement->output.tensor],
        .is_imaginary = selection_is_complex(extension->selection) &&
                        !extension->gives_values,
    };
    if (fibers.count > 0) {
        run.transform = transform_new(&shape);
        run_fibers(&run);
        transform_free(run.transform);
    }
    g_free(re.value);
    g_free(re.error);
    g_free(im.value);
    g_free(im.error);
}
