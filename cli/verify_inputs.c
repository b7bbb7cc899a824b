/* Inputs by kind and from files, and results into files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verify_output.h"

static enum status complain(struct cli *cli, struct einsum_complaint *complaint,
                            const char *option)
{
    diag_error(cli->diags, SPAN_NONE, "inputs", complaint->suggestion, "%s: %s",
               option, complaint->problem);
    einsum_complaint_clear(complaint);
    return ERR_INPUT;
}

/* One [TENSOR=]KIND, and the ',scale=S' that may follow. */
struct choice {
    char *tensor; /* or NULL */
    char *kind;   /* NULL: none read yet */
    double scale;
};

static enum status apply(struct cli *cli, struct choice *choice,
                         struct einsum_inputs *inputs)
{
    struct einsum_complaint complaint = {NULL, NULL};
    bool is_set = choice->kind == NULL ||
                  einsum_inputs_set(inputs, choice->tensor, choice->kind,
                                    choice->scale, &complaint);
    g_clear_pointer(&choice->tensor, g_free);
    g_clear_pointer(&choice->kind, g_free);
    choice->scale = 1.0;
    return is_set ? OK : complain(cli, &complaint, "--inputs");
}

static enum status parse_scale(struct cli *cli, const char *text,
                               struct choice *choice)
{
    char *end = NULL;
    choice->scale = g_ascii_strtod(text, &end);
    if (choice->kind == NULL || *text == '\0' || *end != '\0' ||
        !isfinite(choice->scale)) {
        return cli_fail_usage(
            cli, NULL, "'scale=%s' is no number behind a kind of inputs", text);
    }
    return OK;
}

static enum status parse_word(struct cli *cli, const char *word,
                              struct choice *choice,
                              struct einsum_inputs *inputs)
{
    const char *equals = strchr(word, '=');
    if (g_str_has_prefix(word, "scale=")) {
        return parse_scale(cli, equals + 1, choice);
    }
    TRY(apply(cli, choice, inputs));
    choice->kind = g_strdup(equals == NULL ? word : equals + 1);
    choice->tensor =
        equals == NULL ? NULL : g_strndup(word, (gsize)(equals - word));
    return OK;
}

static enum status parse_kinds(struct cli *cli, struct einsum_inputs *inputs)
{
    GPtrArray *list = cli->settings.inputs;
    struct choice choice = {NULL, NULL, 1.0};
    enum status status = OK;
    for (guint i = 0; i < list->len && status == OK; i++) {
        g_auto(GStrv) words = g_strsplit(g_ptr_array_index(list, i), ",", -1);
        for (char **word = words; *word != NULL && status == OK; word++) {
            status = parse_word(cli, *word, &choice, inputs);
        }
    }
    enum status last = apply(cli, &choice, inputs);
    return status == OK ? last : status;
}

/* TENSOR=FILE; *name is the caller's. */
static enum status split_file(struct cli *cli, const char *option,
                              const char *text, char **name, const char **path)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') {
        return cli_fail_usage(cli, NULL, "'%s' takes TENSOR=FILE, not '%s'",
                              option, text);
    }
    *name = g_strndup(text, (gsize)(equals - text));
    *path = equals + 1;
    return OK;
}

static enum status load_file(struct cli *cli, const char *text,
                             struct einsum_inputs *inputs)
{
    g_autofree char *name = NULL;
    const char *path = NULL;
    struct npy file = {0};
    struct einsum_complaint complaint = {NULL, NULL};
    TRY(split_file(cli, "--input", text, &name, &path));
    TRY(npy_load(cli->diags, path, &file));
    bool is_taken = einsum_inputs_take(inputs, name, path, &file, &complaint);
    npy_clear(&file);
    return is_taken ? OK : complain(cli, &complaint, path);
}

enum status cli_parse_inputs(struct cli *cli, const struct workload *workload,
                             struct einsum_inputs **inputs)
{
    const struct settings *settings = &cli->settings;
    if (settings->inputs->len == 0 && settings->input->len == 0) {
        return OK;
    }
    AUTO(einsum_inputs) made = einsum_inputs_new(workload);
    TRY(parse_kinds(cli, made));
    for (guint i = 0; i < settings->input->len; i++) {
        TRY(load_file(cli, g_ptr_array_index(settings->input, i), made));
    }
    *inputs = g_steal_pointer(&made);
    return OK;
}

static enum status save_file(struct cli *cli, const char *text,
                             const struct workload *workload,
                             const struct einsum_data *data)
{
    g_autofree char *name = NULL;
    const char *path = NULL;
    TRY(split_file(cli, "--output", text, &name, &path));
    int id = workload_find_tensor(workload, name);
    if (id < 0 || data->tensors[id].value == NULL) {
        return cli_fail_usage(cli, NULL, "'--output': no tensor '%s' %s", name,
                              id < 0 ? "exists" : "has values of its own");
    }
    const struct einsum_tensor *tensor = &workload->tensors[id];
    struct npy npy = {.dim_count = tensor->dim_count,
                      .element_count = tensor->element_count,
                      .value = data->tensors[id].value};
    memcpy(npy.extent, tensor->extent,
           (size_t)tensor->dim_count * sizeof(int64_t));
    return npy_save(cli->diags, path, &npy);
}

enum status cli_save_outputs(struct cli *cli, const struct workload *workload,
                             const struct verification *verification)
{
    const GPtrArray *list = cli->settings.outputs;
    for (guint i = 0; i < list->len; i++) {
        TRY(save_file(cli, g_ptr_array_index(list, i), workload,
                      verification->data));
    }
    return OK;
}
