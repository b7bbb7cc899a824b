#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A row without a name has a letter only. */
const struct option common_options[] = {
    {"quiet", 'q', OPTION_COUNT, NULL, offsetof(struct settings, quiet),
     "errors only on stderr"},
    {"verbose", 'v', OPTION_COUNT, NULL, offsetof(struct settings, verbose),
     "say more on stderr"},
    {"color", 0, OPTION_TEXT, "WHEN", offsetof(struct settings, color),
     "never, always or auto: on a terminal, without NO_COLOR"},
    {"", 'h', OPTION_FLAG, NULL, offsetof(struct settings, wants_short_help),
     "this list"},
    {"help", 0, OPTION_FLAG, NULL, offsetof(struct settings, wants_full_help),
     "all: description, examples, exit codes"},
    OPTION_END,
};

void settings_init(struct settings *settings)
{
    *settings = (struct settings){
        .set = g_ptr_array_new(),
        .fidelity = g_ptr_array_new(),
        .format = g_ptr_array_new(),
        .rewrite = g_ptr_array_new(),
        .trace_only = g_ptr_array_new(),
        .dtype = g_ptr_array_new(),
        .op = g_ptr_array_new(),
        .inputs = g_ptr_array_new(),
        .input = g_ptr_array_new(),
        .outputs = g_ptr_array_new(),
        .operands = g_ptr_array_new(),
        .color = "auto",
        .directory = ".",
        .word_bytes = 2,
    };
}

void settings_clear(struct settings *settings)
{
    g_ptr_array_free(settings->set, TRUE);
    g_ptr_array_free(settings->fidelity, TRUE);
    g_ptr_array_free(settings->format, TRUE);
    g_ptr_array_free(settings->rewrite, TRUE);
    g_ptr_array_free(settings->trace_only, TRUE);
    g_ptr_array_free(settings->dtype, TRUE);
    g_ptr_array_free(settings->op, TRUE);
    g_ptr_array_free(settings->inputs, TRUE);
    g_ptr_array_free(settings->input, TRUE);
    g_ptr_array_free(settings->outputs, TRUE);
    g_ptr_array_free(settings->operands, TRUE);
}

/* ---- parsing --------------------------------------------------------------- */

struct parse {
    struct cli *cli;
    const struct command *command;
    int argc;
    char **argv;
    int next; /* word to be read */
};

static const struct option *find_in(const struct option *table,
                                    const char *name, char letter)
{
    for (; table->name != NULL; table++) {
        bool is_name =
            name != NULL && name[0] != '\0' && strcmp(table->name, name) == 0;
        if (is_name || (letter != 0 && table->letter == letter)) {
            return table;
        }
    }
    return NULL;
}

static const struct option *find_option(const struct command *command,
                                        const char *name, char letter)
{
    const struct option *option = find_in(command->options, name, letter);
    return option != NULL ? option : find_in(common_options, name, letter);
}

static enum status fail_unknown(const struct parse *parse, const char *name)
{
    g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(char *));
    const struct option *const tables[] = {parse->command->options,
                                           common_options};
    for (size_t t = 0; t < G_N_ELEMENTS(tables); t++) {
        for (const struct option *o = tables[t]; o->name != NULL; o++) {
            g_array_append_val(names, o->name);
        }
    }
    const char *nearest = suggest_nearest(
        name, (const char *const *)(void *)names->data, names->len);
    g_autofree char *suggestion =
        nearest == NULL ? NULL
                        : g_strdup_printf("did you mean '--%s'?", nearest);
    return cli_fail_usage(parse->cli, suggestion, "unknown option '--%s'",
                          name);
}

static enum status store_number(struct cli *cli, const struct option *option,
                                const char *value, int64_t *number)
{
    char *end = NULL;
    errno = 0;
    long long parsed = strtoll(value, &end, 10);
    if (errno != 0 || *end != '\0' || end == value || parsed < 0) {
        return cli_fail_usage(cli, NULL, "'--%s' takes a number, not '%s'",
                              option->name, value);
    }
    *number = parsed;
    return OK;
}

static enum status store_value(struct cli *cli, const struct option *option,
                               char *value)
{
    char *field = (char *)&cli->settings + option->offset;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)(void *)field = true;
        return OK;
    case OPTION_COUNT:
        (*(int *)(void *)field)++;
        return OK;
    case OPTION_TEXT:
        *(const char **)(void *)field = value;
        return OK;
    case OPTION_NUMBER:
        return store_number(cli, option, value, (int64_t *)(void *)field);
    case OPTION_LIST:
        g_ptr_array_add(*(GPtrArray **)(void *)field, value);
        return OK;
    }
    BUG("option kind %d", (int)option->kind);
}

static bool takes_value(const struct option *option)
{
    return option->kind != OPTION_FLAG && option->kind != OPTION_COUNT;
}

/* The value behind '=' or in the same word, or the next word. */
static enum status parse_value(struct parse *parse, const struct option *option,
                               const char *shown, char *inline_value)
{
    char *value = inline_value;
    if (!takes_value(option)) {
        if (value != NULL) {
            return cli_fail_usage(parse->cli, NULL,
                                  "option '%s' takes no value", shown);
        }
        return store_value(parse->cli, option, NULL);
    }
    if (value == NULL) {
        if (parse->next >= parse->argc) {
            return cli_fail_usage(parse->cli, NULL,
                                  "option '%s' needs a value: %s", shown,
                                  option->value);
        }
        value = parse->argv[parse->next++];
    }
    return store_value(parse->cli, option, value);
}

static enum status parse_long(struct parse *parse, char *word)
{
    char *equals = strchr(word, '=');
    g_autofree char *name = equals == NULL
                                ? g_strdup(word)
                                : g_strndup(word, (size_t)(equals - word));
    const struct option *option = find_option(parse->command, name, 0);
    if (option == NULL) {
        return fail_unknown(parse, name);
    }
    g_autofree char *shown = g_strdup_printf("--%s", name);
    return parse_value(parse, option, shown,
                       equals == NULL ? NULL : equals + 1);
}

/* '-qj', '-sP=4' and '-s P=4'. */
static enum status parse_letters(struct parse *parse, char *letters)
{
    for (; *letters != '\0'; letters++) {
        const struct option *option =
            find_option(parse->command, NULL, *letters);
        if (option == NULL) {
            return cli_fail_usage(parse->cli, NULL, "unknown option '-%c'",
                                  *letters);
        }
        g_autofree char *shown = g_strdup_printf("-%c", *letters);
        if (takes_value(option)) {
            return parse_value(parse, option, shown,
                               letters[1] == '\0' ? NULL : letters + 1);
        }
        TRY(store_value(parse->cli, option, NULL));
    }
    return OK;
}

static enum status parse_word(struct parse *parse, bool *is_over)
{
    char *word = parse->argv[parse->next++];
    if (*is_over || word[0] != '-' || word[1] == '\0') {
        g_ptr_array_add(parse->cli->settings.operands, word);
        return OK;
    }
    if (strcmp(word, "--") == 0) {
        *is_over = true;
        return OK;
    }
    return word[1] == '-' ? parse_long(parse, word + 2)
                          : parse_letters(parse, word + 1);
}

static enum status check_operands(struct cli *cli,
                                  const struct command *command)
{
    guint count = cli->settings.operands->len;
    if (count < (guint)command->min_operands) {
        return cli_fail_usage(cli, NULL, "too few arguments");
    }
    if (command->max_operands >= 0 && count > (guint)command->max_operands) {
        const char *first =
            g_ptr_array_index(cli->settings.operands, command->max_operands);
        return cli_fail_usage(cli, NULL, "unexpected argument '%s'", first);
    }
    return OK;
}

enum status options_parse(struct cli *cli, const struct command *command,
                          int argc, char **argv)
{
    struct parse parse = {
        .cli = cli, .command = command, .argc = argc, .argv = argv};
    bool is_over = false;
    while (parse.next < argc) {
        TRY(parse_word(&parse, &is_over));
    }
    if (cli->settings.wants_short_help || cli->settings.wants_full_help) {
        return OK;
    }
    return check_operands(cli, command);
}

/* ---- help ------------------------------------------------------------------ */

static void print_table(const struct option *options, GString *out)
{
    for (; options->name != NULL; options++) {
        g_autoptr(GString) names = g_string_new("  ");
        if (options->letter != 0) {
            g_string_append_printf(names, "-%c", options->letter);
        }
        if (options->name[0] != '\0') {
            g_string_append_printf(names, "%s--%s",
                                   options->letter != 0 ? ", " : "    ",
                                   options->name);
        }
        if (options->value != NULL) {
            g_string_append_printf(names, " %s", options->value);
        }
        g_string_append_printf(out, "%-28s  %s\n", names->str, options->help);
    }
}

void options_print(const struct option *options, GString *out)
{
    print_table(options, out);
    print_table(common_options, out);
}
