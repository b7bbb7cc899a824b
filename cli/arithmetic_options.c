/* Options that say in which formats to compute. */
#include <string.h>

#include "cli/command.h"
#include "einsum/einsum.h"
#include "explore/explore.h"

/* Column and length of a word of an option's text, in letters. */
static struct span place(const struct source *source, const char *word,
                         size_t bytes)
{
    return (struct span){
        source, 1, (int)g_utf8_strlen(source->text, word - source->text) + 1,
        MAX(1, (int)g_utf8_strlen(word, (gssize)bytes)), NULL};
}

typedef bool (*setter)(struct einsum_arithmetic *arithmetic, const char *name,
                       const char *text, struct einsum_complaint *complaint);

/* "bf16", or "QK=fp32". */
static bool set_dtype(struct einsum_arithmetic *arithmetic, const char *name,
                      const char *text, struct einsum_complaint *complaint)
{
    return name == NULL ? einsum_arithmetic_set(arithmetic, text, complaint)
                        : einsum_arithmetic_set_tensor(arithmetic, name, text,
                                                       complaint);
}

static bool set_op(struct einsum_arithmetic *arithmetic, const char *name,
                   const char *text, struct einsum_complaint *complaint)
{
    if (name == NULL) {
        complaint->problem =
            g_strdup_printf("'%s' is not of the form OP=FORMAT", text);
        return false;
    }
    return einsum_arithmetic_set_operation(arithmetic, name, text, complaint);
}

static enum status set_word(struct diags *diags, const struct source *source,
                            const char *word, size_t bytes, setter set,
                            struct einsum_arithmetic *arithmetic)
{
    g_autofree char *copy = g_strndup(word, bytes);
    char *equals = strchr(copy, '=');
    struct einsum_complaint complaint = {NULL, NULL};
    if (equals != NULL) {
        *equals = '\0';
    }
    if (set(arithmetic, equals == NULL ? NULL : copy,
            equals == NULL ? copy : equals + 1, &complaint)) {
        return OK;
    }
    diag_error(diags, place(source, word, bytes), "arithmetic",
               complaint.suggestion, "%s", complaint.problem);
    einsum_complaint_clear(&complaint);
    return ERR_INPUT;
}

static enum status set_list(struct diags *diags, const char *option,
                            GPtrArray *list, setter set,
                            struct einsum_arithmetic *arithmetic)
{
    for (guint i = 0; i < list->len; i++) {
        const struct source *source =
            diags_add_text(diags, option, g_ptr_array_index(list, i));
        const char *word = source->text;
        for (;;) {
            size_t bytes = strcspn(word, ",");
            TRY(set_word(diags, source, word, bytes, set, arithmetic));
            if (word[bytes] == '\0') {
                break;
            }
            word += bytes + 1;
        }
    }
    return OK;
}

static enum status parse_policy(struct cli *cli, struct format_policy *policy)
{
    const struct settings *settings = &cli->settings;
    policy->saturates = policy->saturates || settings->must_saturate;
    policy->flushes_subnormals =
        policy->flushes_subnormals || settings->must_flush;
    if (settings->rounding == NULL) {
        return OK;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < format_rounding_count(); i++) {
        const char *name = format_rounding_name((enum format_rounding)i);
        g_ptr_array_add(names, (gpointer)(uintptr_t)name);
        if (strcmp(settings->rounding, name) == 0) {
            policy->rounding = (enum format_rounding)i;
            return OK;
        }
    }
    g_autofree char *suggestion = suggest_text(
        settings->rounding, (const char *const *)names->pdata, names->len);
    return cli_fail_usage(cli, suggestion, "unknown rounding '%s'",
                          settings->rounding);
}

enum status cli_parse_arithmetic(struct cli *cli, const struct problem *problem,
                                 struct einsum_arithmetic **arithmetic)
{
    AUTO(einsum_arithmetic) made = NULL;
    struct format_policy policy = FORMAT_POLICY_DEFAULT;
    if (problem->arch != NULL) {
        policy = problem->arch->formats.policy;
    }
    TRY(parse_policy(cli, &policy));
    TRY(explore_make_arithmetic(cli->diags, problem, &made));
    TRY(set_list(cli->diags, "--dtype", cli->settings.dtype, set_dtype, made));
    TRY(set_list(cli->diags, "--op", cli->settings.op, set_op, made));
    explore_approximate(problem, made);
    einsum_arithmetic_set_policy(made, policy);
    if (!einsum_arithmetic_is_double(made)) {
        *arithmetic = g_steal_pointer(&made);
    }
    return OK;
}

static void print_list(const char *option, GPtrArray *list, GString *command)
{
    for (guint i = 0; i < list->len; i++) {
        g_autofree char *quoted = g_shell_quote(g_ptr_array_index(list, i));
        g_string_append_printf(command, " --%s %s", option, quoted);
    }
}

void cli_print_arithmetic(const struct settings *settings, GString *command)
{
    print_list("dtype", settings->dtype, command);
    print_list("op", settings->op, command);
    if (settings->rounding != NULL) {
        g_string_append_printf(command, " --rounding %s", settings->rounding);
    }
    g_string_append(command, settings->must_saturate ? " --saturate" : "");
    g_string_append(command, settings->must_flush ? " --flush-subnormals" : "");
}
