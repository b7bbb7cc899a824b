/* Cascades written in the tests themselves. Include after cmocka.h. */
#ifndef TESTS_UNIT_EINSUM_TEXT_H
#define TESTS_UNIT_EINSUM_TEXT_H

#include <string.h>

#include "einsum/einsum.h"

struct loaded {
    struct diags *diags;
    struct cascade *cascade;
    struct workload *workload;
};

static inline void loaded_clear(struct loaded *loaded)
{
    workload_free(loaded->workload);
    cascade_free(loaded->cascade);
    diags_free(loaded->diags);
    memset(loaded, 0, sizeof *loaded);
}

static inline void loaded_print(const struct loaded *loaded)
{
    g_autoptr(GString) text = g_string_new(NULL);
    diags_print(loaded->diags, false, text);
    print_error("%s", text->str);
}

/* The YAML around statements; every line of `einsums` is indented. */
static inline char *cascade_yaml(const char *shapes, const char *inputs,
                                 const char *einsums, const char *outputs)
{
    g_auto(GStrv) lines = g_strsplit(einsums, "\n", -1);
    g_autofree char *block = g_strjoinv("\n  ", lines);
    return g_strdup_printf("schema: 1\ncascade: test\nshapes: {%s}\n"
                           "inputs: {%s}\neinsums: |\n  %s\noutputs: [%s]\n",
                           shapes, inputs, block, outputs);
}

/* Loads and binds; fails the test if that does not work. */
static inline struct loaded load_cascade(const char *shapes, const char *inputs,
                                         const char *einsums,
                                         const char *outputs)
{
    struct loaded loaded = {.diags = diags_new()};
    g_autofree char *text = cascade_yaml(shapes, inputs, einsums, outputs);
    const struct source *source = diags_add_text(loaded.diags, "test", text);
    enum status status =
        cascade_load_source(loaded.diags, source, &loaded.cascade);
    if (status == OK) {
        status = workload_bind(loaded.cascade, NULL, NULL, loaded.diags,
                               &loaded.workload);
    }
    if (status != OK) {
        loaded_print(&loaded);
    }
    assert_int_equal(status, OK);
    return loaded;
}

/* With `ragged`: m: "LEN[b]" */
static inline struct loaded load_ragged(const char *shapes, const char *inputs,
                                        const char *ragged, const char *einsums,
                                        const char *outputs)
{
    struct loaded loaded = {.diags = diags_new()};
    g_autofree char *plain = cascade_yaml(shapes, inputs, einsums, outputs);
    g_autofree char *text = g_strdup_printf("%sragged: {%s}\n", plain, ragged);
    const struct source *source = diags_add_text(loaded.diags, "test", text);
    enum status status =
        cascade_load_source(loaded.diags, source, &loaded.cascade);
    if (status == OK) {
        status = workload_bind(loaded.cascade, NULL, NULL, loaded.diags,
                               &loaded.workload);
    }
    if (status != OK) {
        loaded_print(&loaded);
    }
    assert_int_equal(status, OK);
    return loaded;
}

/* A file of the tree with `chosen` shapes (may be NULL). */
static inline struct loaded load_workload(const char *path,
                                          const struct scope *chosen)
{
    struct loaded loaded = {.diags = diags_new()};
    enum status status = cascade_load_file(loaded.diags, path, &loaded.cascade);
    if (status == OK) {
        status = workload_bind(loaded.cascade, chosen, NULL, loaded.diags,
                               &loaded.workload);
    }
    if (status != OK) {
        loaded_print(&loaded);
    }
    assert_int_equal(status, OK);
    return loaded;
}

static inline struct einsum_data *new_data(const struct loaded *loaded,
                                           bool with_error, uint64_t seed)
{
    struct einsum_data *data = NULL;
    assert_int_equal(
        einsum_data_new(loaded->workload, with_error, loaded->diags, &data),
        OK);
    einsum_fill_inputs(loaded->workload, seed, data);
    return data;
}

static inline const struct tensor_data *
values_of(const struct loaded *loaded, const struct einsum_data *data,
          const char *name)
{
    int tensor = workload_find_tensor(loaded->workload, name);
    assert_true(tensor >= 0);
    return &data->tensors[tensor];
}

static inline int64_t element_count(const struct loaded *loaded,
                                    const char *name)
{
    int tensor = workload_find_tensor(loaded->workload, name);
    assert_true(tensor >= 0);
    return loaded->workload->tensors[tensor].element_count;
}

static inline const struct einsum_statement *
statement_of(const struct loaded *loaded, const char *name)
{
    int statement = workload_find_statement(loaded->workload, name);
    assert_true(statement >= 0);
    return &loaded->workload->statements[statement];
}

static inline void run_all(const struct loaded *loaded,
                           struct einsum_data *data)
{
    assert_int_equal(einsum_run(loaded->workload, loaded->diags, data), OK);
}

#endif
