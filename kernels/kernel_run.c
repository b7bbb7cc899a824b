/* From a caller's tensors to a checked call: each operand is found by name, its
 * dimensions are turned into strides by letter, and all must agree on extents.
 */
#include "kernels/call.h"
#include "kernels/kernels.h"

#include <math.h>
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

/* The operand's own letter for a tensor's dimension, or NUL: 's' has synonyms.
 */
static char find_letter(const struct kernel_operand *operand, char dim)
{
    if (strchr(operand->dims, dim) != NULL) {
        return dim;
    }
    bool is_sequence = strchr(operand->dims, 's') != NULL &&
                       strchr(KERNEL_SEQUENCE_LETTERS, dim) != NULL;
    return is_sequence ? 's' : '\0';
}

/* `dims` in the operand's letters. False if one is unknown. */
static bool translate_dims(const struct kernel_operand *operand,
                           const char *dims, char *letters)
{
    size_t count = strlen(dims);
    if (count > KERNEL_MAX_DIMS) {
        return false;
    }
    for (size_t d = 0; d < count; d++) {
        letters[d] = find_letter(operand, dims[d]);
        if (letters[d] == '\0') {
            return false;
        }
    }
    letters[count] = '\0';
    return true;
}

/* Each dimension known to the operand and written once, none missing. */
static bool check_dims(struct checker *checker,
                       const struct kernel_operand *operand, const char *dims,
                       char *letters)
{
    const char *kernel = checker->kernel->name;
    bool is_good = translate_dims(operand, dims, letters);
    for (const char *dim = letters; is_good && *dim != '\0'; dim++) {
        is_good = strchr(dim + 1, *dim) == NULL;
    }
    for (const char *dim = operand->required; *dim != '\0'; dim++) {
        is_good = is_good && strchr(letters, *dim) != NULL;
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
                      const struct kernel_operand *operand,
                      const struct kernel_tensor *tensor, const char *letters,
                      struct kernel_view *view)
{
    int64_t stride = 1;
    view->name = operand->name;
    view->value = tensor->value;
    view->error = operand->is_result ? tensor->error : NULL;
    for (size_t d = strlen(letters); d-- > 0;) {
        int letter = letters[d] - 'a';
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
    view->element_count = stride;
}

/* A result must have every dimension that any operand has: what it lacks
 * would be written more than once. */
static void check_result(struct checker *checker,
                         const struct kernel_operand *operand,
                         const struct kernel_view *result)
{
    for (const char *dim = operand->dims; *dim != '\0'; dim++) {
        if (kernel_stride(result, *dim) == 0 &&
            checker->call.extent[*dim - 'a'] > 1) {
            REJECT(checker, "kernel-dimensions",
                   "the result '%s' lacks dimension '%c', which an operand of "
                   "kernel '%s' has",
                   operand->name, *dim, checker->kernel->name);
        }
    }
}

static void check_operand(struct checker *checker,
                          const struct kernel_operand *operand,
                          const struct kernel_tensor *tensor,
                          struct kernel_view *view)
{
    char letters[KERNEL_MAX_DIMS + 1] = "";
    if (tensor == NULL) {
        if (!operand->is_optional) {
            REJECT(checker, "kernel-missing-tensor",
                   "kernel '%s' needs a tensor '%s', which the cascade lacks",
                   checker->kernel->name, operand->name);
        }
    } else if (check_dims(checker, operand, tensor->dims, letters)) {
        fill_view(checker, operand, tensor, letters, view);
    }
}

static void check_operands(struct checker *checker,
                           const struct kernel_arguments *arguments)
{
    const struct kernel *kernel = checker->kernel;
    for (size_t i = 0;
         i < KERNEL_MAX_OPERANDS && kernel->operand[i].name != NULL; i++) {
        const struct kernel_operand *operand = &kernel->operand[i];
        const struct kernel_tensor *tensor = find_tensor(
            arguments->tensors, arguments->tensor_count, operand->name);
        check_operand(checker, operand, tensor, &checker->call.view[i]);
    }
    /* Once the extents of all operands are known. */
    for (size_t i = 0;
         i < KERNEL_MAX_OPERANDS && kernel->operand[i].name != NULL; i++) {
        if (kernel->operand[i].is_result &&
            kernel_has(&checker->call, (int)i)) {
            check_result(checker, &kernel->operand[i], &checker->call.view[i]);
        }
    }
}

static const struct kernel_parameter *
find_parameter(const struct kernel_arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->parameter_count; i++) {
        if (strcmp(arguments->parameters[i].name, name) == 0) {
            return &arguments->parameters[i];
        }
    }
    return NULL;
}

static void check_parameters(struct checker *checker,
                             const struct kernel_arguments *arguments)
{
    const struct kernel *kernel = checker->kernel;
    for (size_t i = 0;
         i < KERNEL_MAX_PARAMETERS && kernel->parameter[i].name != NULL; i++) {
        const struct kernel_wish *wish = &kernel->parameter[i];
        const struct kernel_parameter *parameter =
            find_parameter(arguments, wish->name);
        if (parameter == NULL) {
            REJECT(checker, "kernel-missing-parameter",
                   "kernel '%s' needs a shape '%s', which the cascade lacks",
                   kernel->name, wish->name);
        } else if (parameter->value < wish->least) {
            REJECT(checker, "kernel-parameter",
                   "kernel '%s' wants '%s' >= %" G_GINT64_FORMAT
                   ", not %" G_GINT64_FORMAT,
                   kernel->name, wish->name, wish->least, parameter->value);
        } else {
            checker->call.parameter[i] = parameter->value;
        }
    }
}

enum status kernel_check_index(const struct kernel_call *call, int operand,
                               int64_t limit, struct diags *diags)
{
    const struct kernel_view *view = &call->view[operand];
    for (int64_t i = 0; i < view->element_count; i++) {
        double index = view->value[i];
        /* NaN fails the first comparison. */
        if (!(index >= 0.0) || !(index < (double)limit) ||
            floor(index) < index) {
            return KERNEL_REJECT(
                call, diags, "kernel-index",
                "element %" G_GINT64_FORMAT
                " of '%s' is %g, not an integer in 0..%" G_GINT64_FORMAT,
                i, view->name, index, limit - 1);
        }
    }
    return OK;
}

enum status kernel_check_divides(const struct kernel_call *call,
                                 const char *part_name, int64_t part,
                                 const char *whole_name, int64_t whole,
                                 struct diags *diags)
{
    if (whole % part != 0) {
        return KERNEL_REJECT(call, diags, "kernel-extents",
                             "%s (%" G_GINT64_FORMAT
                             ") does not divide %s (%" G_GINT64_FORMAT ")",
                             part_name, part, whole_name, whole);
    }
    return OK;
}

enum status kernel_run_with(const struct kernel *kernel,
                            const struct kernel_arguments *arguments,
                            struct diags *diags, struct span at)
{
    struct checker checker = {
        .diags = diags, .at = at, .kernel = kernel, .is_good = true};
    checker.call.at = at;
    check_operands(&checker, arguments);
    check_parameters(&checker, arguments);
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

enum status kernel_run(const struct kernel *kernel,
                       const struct kernel_tensor *tensors, size_t tensor_count,
                       struct diags *diags, struct span at)
{
    struct kernel_arguments arguments = {.tensors = tensors,
                                         .tensor_count = tensor_count};
    return kernel_run_with(kernel, &arguments, diags, at);
}
