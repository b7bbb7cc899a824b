/* From a caller's tensors to a checked call: each operand is found by name, its
 * dimensions are turned into strides by letter, and all must agree on extents.
 */
#include "kernels/call.h"
#include "kernels/kernels.h"

#include <string.h>

struct checker {
    struct diags *diags;
    struct span at;
    const struct kernel *kernel;
    struct kernel_call call;
    bool is_good;
};

#define REJECT(checker, code, ...)                                             \
    do {                                                                       \
        (checker)->is_good = false;                                            \
        diag_error((checker)->diags, (checker)->at, code, NULL, __VA_ARGS__);  \
    } while (0)

static const struct kernel_tensor *
find_tensor(const struct kernel_tensor *tensors, size_t tensor_count,
            const char *name)
{
    for (size_t i = 0; i < tensor_count; i++) {
        if (strcmp(tensors[i].name, name) == 0) {
            return &tensors[i];
        }
    }
    return NULL;
}

/* Each dimension known to the operand and written once, none missing. */
static bool check_dims(struct checker *checker,
                       const struct kernel_operand *operand, const char *dims)
{
    const char *kernel = checker->kernel->name;
    bool is_good = strlen(dims) <= KERNEL_MAX_DIMS;
    for (const char *dim = dims; is_good && *dim != '\0'; dim++) {
        is_good = strchr(operand->dims, *dim) != NULL &&
                  strchr(dim + 1, *dim) == NULL;
    }
    for (const char *dim = operand->required; *dim != '\0'; dim++) {
        is_good = is_good && strchr(dims, *dim) != NULL;
    }
    if (!is_good) {
        REJECT(checker, "kernel-dimensions",
               "kernel '%s' takes '%s' with dimensions among '%s', at least "
               "'%s', not '%s'",
               kernel, operand->name, operand->dims, operand->required, dims);
    }
    return is_good;
}

/* Row-major strides, and the extents into the call. */
static void fill_view(struct checker *checker,
                      const struct kernel_tensor *tensor,
                      struct kernel_view *view)
{
    int64_t stride = 1;
    view->value = tensor->value;
    view->error = tensor->error;
    for (size_t d = strlen(tensor->dims); d-- > 0;) {
        int letter = tensor->dims[d] - 'a';
        int64_t extent = tensor->extent[d];
        int64_t *known = &checker->call.extent[letter];
        if (extent < 1 || (*known != 0 && *known != extent)) {
            REJECT(checker, "kernel-extents",
                   "extent %" G_GINT64_FORMAT " of '%c' in '%s' is not that of "
                   "the other tensors (%" G_GINT64_FORMAT ")",
                   extent, tensor->dims[d], tensor->name, *known);
        }
        *known = extent;
        view->stride[letter] = stride;
        if (!num_mul(stride, extent, &stride)) {
            REJECT(checker, "kernel-extents", "'%s' is too large",
                   tensor->name);
            return;
        }
    }
}

/* A result must have every dimension that any operand has: what it lacks
 * would be written more than once. */
static void check_result(struct checker *checker,
                         const struct kernel_operand *operand, const char *dims)
{
    for (const char *dim = operand->dims; *dim != '\0'; dim++) {
        if (strchr(dims, *dim) == NULL &&
            checker->call.extent[*dim - 'a'] > 1) {
            REJECT(checker, "kernel-dimensions",
                   "the result '%s' lacks dimension '%c', which an operand of "
                   "kernel '%s' has",
                   operand->name, *dim, checker->kernel->name);
        }
    }
}

static void check_operands(struct checker *checker,
                           const struct kernel_tensor *tensors,
                           size_t tensor_count)
{
    const struct kernel *kernel = checker->kernel;
    for (size_t i = 0;
         i < KERNEL_MAX_OPERANDS && kernel->operand[i].name != NULL; i++) {
        const struct kernel_operand *operand = &kernel->operand[i];
        const struct kernel_tensor *tensor =
            find_tensor(tensors, tensor_count, operand->name);
        if (tensor == NULL) {
            REJECT(checker, "kernel-missing-tensor",
                   "kernel '%s' needs a tensor '%s', which the cascade lacks",
                   kernel->name, operand->name);
            continue;
        }
        if (!check_dims(checker, operand, tensor->dims)) {
            continue;
        }
        fill_view(checker, tensor, &checker->call.view[i]);
        if (operand->is_result) {
            check_result(checker, operand, tensor->dims);
        }
    }
}

enum status kernel_run(const struct kernel *kernel,
                       const struct kernel_tensor *tensors, size_t tensor_count,
                       struct diags *diags, struct span at)
{
    struct checker checker = {
        .diags = diags, .at = at, .kernel = kernel, .is_good = true};
    check_operands(&checker, tensors, tensor_count);
    if (!checker.is_good) {
        return ERR_INPUT;
    }
    for (int i = 0; i < KERNEL_LETTERS; i++) {
        if (checker.call.extent[i] == 0) {
            checker.call.extent[i] = 1;
        }
    }
    return kernel->run(&checker.call, diags);
}
