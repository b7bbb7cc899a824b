/* In which formats the chip computes:
 *
 *   formats:
 *     values: bf16:stored:fp32   # storage, multiplicand, accumulator
 *     operations: {exp: bf16, product: fp32}
 *     rounding: toward-zero
 *     saturate: true
 *     flush_subnormals: true
 *
 * Names of formats are checked here; operations are the language's, which is read
 * by others (einsum_arithmetic_set_operation). */
#include "arch/arch.h"
#include "arch/builder.h"

#include <string.h>

static const char *const keys[] = {"values",   "operations",       "rounding",
                                   "saturate", "flush_subnormals", NULL};

static bool check_format(struct arch_builder *builder,
                         const struct yaml_node *node, const char *text)
{
    struct format_storage storage;
    g_autofree char *problem = NULL;
    g_autofree char *suggestion = NULL;
    if (!format_storage_parse(text, &storage, &problem, &suggestion)) {
        diag_error(builder->diags, yaml_span(node), "arch-format", suggestion,
                   "%s", problem);
        return false;
    }
    return true;
}

/* STORAGE[/RANK][:MULTIPLICAND[:ACCUMULATOR]] */
static void parse_values(struct arch_builder *builder,
                         const struct yaml_node *node,
                         struct arch_formats *formats)
{
    const char *text = yaml_text(node);
    g_auto(GStrv) parts = g_strsplit(text, ":", 3);
    for (guint i = 0; i < g_strv_length(parts); i++) {
        g_auto(GStrv) words = g_strsplit(parts[i], "/", 2);
        bool is_stored = i == 1 && strcmp(parts[i], "stored") == 0;
        if (!is_stored &&
            !check_format(builder, node, words[0] == NULL ? "" : words[0])) {
            return;
        }
    }
    formats->values = g_string_chunk_insert_const(builder->strings, text);
    formats->values_span = yaml_span(node);
}

static void parse_operations(struct arch_builder *builder,
                             const struct yaml_node *node,
                             struct arch_formats *formats)
{
    size_t count = yaml_count(node);
    formats->op = g_new0(const char *, count);
    formats->op_text = g_new0(const char *, count);
    formats->op_span = g_new0(struct span, count);
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *value = yaml_pair_value(node, i);
        int id = formats->op_count;
        if (yaml_expect(builder->diags, value, YAML_SCALAR,
                        "the name of a format") != OK) {
            continue;
        }
        formats->op[id] = g_string_chunk_insert_const(builder->strings,
                                                      yaml_pair_key(node, i));
        formats->op_text[id] =
            g_string_chunk_insert_const(builder->strings, yaml_text(value));
        formats->op_span[id] = yaml_span(value);
        formats->op_count++;
    }
}

static enum format_rounding parse_rounding(struct arch_builder *builder,
                                           const struct yaml_node *node)
{
    g_autofree const char **names =
        g_new0(const char *, format_rounding_count() + 1);
    for (size_t i = 0; i < format_rounding_count(); i++) {
        names[i] = format_rounding_name((enum format_rounding)i);
    }
    return (enum format_rounding)arch_find_word(
        builder, node, "rounding", names, "arch-rounding", "rounding");
}

void arch_parse_formats(struct arch_builder *builder,
                        const struct yaml_node *root,
                        struct arch_formats *formats)
{
    const struct yaml_node *node = NULL;
    const struct yaml_node *operations = NULL;
    arch_reported(
        yaml_find_node(builder->diags, root, "formats", YAML_MAPPING, &node));
    if (node == NULL) {
        return;
    }
    arch_reported(yaml_check_keys(builder->diags, node, keys));
    const struct yaml_node *values = yaml_find(node, "values");
    if (values != NULL && yaml_expect(builder->diags, values, YAML_SCALAR,
                                      "the name of a format") == OK) {
        parse_values(builder, values, formats);
    }
    arch_reported(yaml_find_node(builder->diags, node, "operations",
                                 YAML_MAPPING, &operations));
    if (operations != NULL) {
        parse_operations(builder, operations, formats);
    }
    formats->policy.rounding = parse_rounding(builder, node);
    arch_find_flag(builder, node, "saturate", &formats->policy.saturates);
    arch_find_flag(builder, node, "flush_subnormals",
                   &formats->policy.flushes_subnormals);
}
