/* Inputs other than those a cascade declares: distributions that hurt, and files.
 * What a cascade declares as whole numbers, a set or a half-line stays that. */
#include "einsum/einsum.h"

#include <math.h>
#include <string.h>

#include "einsum/draw.h"

#define LARGE_FACTOR 16.0

/* One element. */
struct element {
    uint64_t key; /* of the tensor under the seed */
    int64_t at;
    int64_t
        row; /* index of the dimension before the last, 0 if there is none */
};

static double draw_normal(const struct element *element)
{
    return draw_standard_normal(element->key, element->at);
}

static double draw_uniform(const struct element *element)
{
    return 2.0 * draw_unit(element->key, element->at) - 1.0;
}

static double draw_outlier(const struct element *element)
{
    bool is_large = draw_unit(~element->key, element->at) < 1.0 / 64.0;
    return draw_normal(element) * (is_large ? LARGE_FACTOR : 1.0);
}

static double draw_sink(const struct element *element)
{
    return draw_normal(element) * (element->row == 0 ? LARGE_FACTOR : 1.0);
}

static double draw_constant(const struct element *element)
{
    (void)element;
    return 1.0;
}

static double draw_tie(const struct element *element)
{
    return floor(3.0 * draw_unit(element->key, element->at)) - 1.0;
}

static double draw_large(const struct element *element)
{
    return 64.0 * draw_normal(element);
}

static const struct kind {
    const char *name;
    double (*draw)(const struct element *element);
    const char *about;
} kinds[] = {
#define INPUT_KIND(name, function, about) {name, function, about},
#include "einsum/input_kinds.def"
#undef INPUT_KIND
};

size_t einsum_input_kind_count(void)
{
    return G_N_ELEMENTS(kinds);
}

const char *einsum_input_kind_name(size_t i)
{
    return kinds[i].name;
}

const char *einsum_input_kind_about(size_t i)
{
    return kinds[i].about;
}

/* ---- the choice ------------------------------------------------------------ */

struct input {
    int kind; /* -1: as declared */
    double scale;
    struct npy file; /* value NULL: none */
};

struct einsum_inputs {
    const struct workload *workload;
    int tensor_count;
    struct input *inputs; /* by tensor id */
    GString *text;
};

struct einsum_inputs *einsum_inputs_new(const struct workload *workload)
{
    struct einsum_inputs *made = g_new0(struct einsum_inputs, 1);
    made->workload = workload;
    made->tensor_count = workload->tensor_count;
    made->text = g_string_new(NULL);
    made->inputs = g_new0(struct input, (gsize)workload->tensor_count);
    for (int i = 0; i < workload->tensor_count; i++) {
        made->inputs[i].kind = -1;
        made->inputs[i].scale = 1.0;
    }
    return made;
}

void einsum_inputs_free(struct einsum_inputs *inputs)
{
    if (inputs == NULL) {
        return;
    }
    for (int i = 0; i < inputs->tensor_count; i++) {
        npy_clear(&inputs->inputs[i].file);
    }
    g_free(inputs->inputs);
    g_string_free(inputs->text, TRUE);
    g_free(inputs);
}

static void note(struct einsum_inputs *inputs, const char *tensor,
                 const char *what)
{
    g_string_append_printf(
        inputs->text, "%s%s%s%s", inputs->text->len > 0 ? "," : "",
        tensor == NULL ? "" : tensor, tensor == NULL ? "" : "=", what);
}

char *einsum_inputs_print(const struct einsum_inputs *inputs)
{
    return g_strdup(inputs->text->len > 0 ? inputs->text->str : "declared");
}

static int find_kind(const char *name, struct einsum_complaint *complaint)
{
    const char *names[G_N_ELEMENTS(kinds)];
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        names[i] = kinds[i].name;
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    complaint->problem = g_strdup_printf("unknown kind of inputs '%s'", name);
    complaint->suggestion = suggest_text(name, names, G_N_ELEMENTS(kinds));
    return -1;
}

/* -1 after a complaint. */
static int find_input(const struct workload *workload, const char *name,
                      struct einsum_complaint *complaint)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        if (tensor->kind != TENSOR_INPUT) {
            continue;
        }
        if (strcmp(tensor->name, name) == 0) {
            return i;
        }
        g_ptr_array_add(names, (gpointer)(uintptr_t)tensor->name);
    }
    complaint->problem = g_strdup_printf("there is no input '%s'", name);
    complaint->suggestion =
        suggest_text(name, (const char *const *)names->pdata, names->len);
    return -1;
}

bool einsum_inputs_set(struct einsum_inputs *inputs, const char *tensor,
                       const char *kind, double scale,
                       struct einsum_complaint *complaint)
{
    int id = find_kind(kind, complaint);
    int only = id < 0 || tensor == NULL
                   ? -1
                   : find_input(inputs->workload, tensor, complaint);
    if (complaint->problem != NULL) {
        return false;
    }
    for (int i = 0; i < inputs->workload->tensor_count; i++) {
        if (only < 0 || i == only) {
            inputs->inputs[i].kind = id;
            inputs->inputs[i].scale = scale;
        }
    }
    note(inputs, tensor, kind);
    if (scale < 1.0 || scale > 1.0) {
        g_string_append_printf(inputs->text, "*%g", scale);
    }
    return true;
}

static char *print_shape(const int64_t *extent, int count)
{
    GString *text = g_string_new("");
    for (int d = 0; d < count; d++) {
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT, d > 0 ? " x " : "",
                               extent[d]);
    }
    return g_string_free(text, FALSE);
}

bool einsum_inputs_take(struct einsum_inputs *inputs, const char *tensor,
                        const char *path, struct npy *file,
                        struct einsum_complaint *complaint)
{
    int id = find_input(inputs->workload, tensor, complaint);
    if (id < 0) {
        return false;
    }
    const struct einsum_tensor *wanted = &inputs->workload->tensors[id];
    if (file->dim_count != wanted->dim_count ||
        memcmp(file->extent, wanted->extent,
               (size_t)wanted->dim_count * sizeof(int64_t)) != 0) {
        g_autofree char *given = print_shape(file->extent, file->dim_count);
        g_autofree char *shape = print_shape(wanted->extent, wanted->dim_count);
        complaint->problem = g_strdup_printf(
            "an array of %s for '%s', which is %s", given, tensor, shape);
        return false;
    }
    npy_clear(&inputs->inputs[id].file);
    inputs->inputs[id].file = *file;
    file->value = NULL;
    note(inputs, tensor, path);
    return true;
}

/* ---- values ------------------------------------------------------------------ */

static bool is_least(const struct input *input,
                     const struct einsum_tensor *tensor)
{
    return input->kind >= 0 && strcmp(kinds[input->kind].name, "masked") == 0 &&
           (tensor->values.kind == EINSUM_VALUES_INTEGER ||
            tensor->values.kind == EINSUM_VALUES_SET);
}

static double least_value(const struct einsum_values *values)
{
    double least =
        values->kind == EINSUM_VALUES_SET ? values->set[0] : values->low;
    for (int i = 0; values->kind == EINSUM_VALUES_SET && i < values->set_count;
         i++) {
        least = fmin(least, values->set[i]);
    }
    return least;
}

static void fill(const struct input *input, const struct einsum_tensor *tensor,
                 uint64_t seed, double *value)
{
    int last = tensor->dim_count - 1;
    int64_t columns = last >= 0 ? tensor->extent[last] : 1;
    int64_t rows = last >= 1 ? tensor->extent[last - 1] : 1;
    struct element element = {.key = draw_key(seed, tensor->name)};
    for (int64_t i = 0; i < tensor->element_count; i++) {
        element.at = i;
        element.row = i / columns % rows;
        value[i] = input->scale * kinds[input->kind].draw(&element);
    }
}

void einsum_inputs_fill(const struct einsum_inputs *inputs, uint64_t seed,
                        struct einsum_data *data)
{
    const struct workload *workload = inputs->workload;
    einsum_fill_inputs(workload, seed, data);
    for (int i = 0; i < workload->tensor_count; i++) {
        const struct einsum_tensor *tensor = &workload->tensors[i];
        const struct input *input = &inputs->inputs[i];
        double *value = data->tensors[i].value;
        if (tensor->kind != TENSOR_INPUT) {
            continue;
        }
        if (input->file.value != NULL) {
            memcpy(value, input->file.value,
                   (size_t)tensor->element_count * sizeof *value);
        } else if (is_least(input, tensor)) {
            for (int64_t e = 0; e < tensor->element_count; e++) {
                value[e] = least_value(&tensor->values);
            }
        } else if (input->kind >= 0 &&
                   tensor->values.kind == EINSUM_VALUES_NORMAL) {
            fill(input, tensor, seed, value);
        }
    }
}
