/* Completion of bash and zsh, from the tables of options. */
#include <string.h>

#include "cli/commands.h"

/* ---- what a word may be ---------------------------------------------------- */

enum completes { COMPLETES_NOTHING, COMPLETES_FILE, COMPLETES_FOLDER };

static enum completes value_of(const struct option *option)
{
    const char *value = option->value;
    if (value == NULL) {
        return COMPLETES_NOTHING;
    }
    if (strcmp(value, "DIR") == 0 || strcmp(value, "FOLDER") == 0) {
        return COMPLETES_FOLDER;
    }
    return strstr(value, "FILE") != NULL ? COMPLETES_FILE : COMPLETES_NOTHING;
}

static void append_word(GString *words, const char *word)
{
    g_string_append_printf(words, "%s%s", words->len > 0 ? " " : "", word);
}

/* "list | show ID": words are in lower case; what is in capitals is a file, but
 * for COMMAND. */
static char *list_words(const char *operands)
{
    GString *words = g_string_new(NULL);
    g_auto(GStrv) parts = g_strsplit_set(operands, "| []", -1);
    for (char **part = parts; *part != NULL; part++) {
        if (g_ascii_islower((*part)[0])) {
            append_word(words, *part);
        }
        for (const struct command_row *row = command_rows;
             strcmp(*part, "COMMAND") == 0 && row->name != NULL; row++) {
            append_word(words, row->name);
        }
    }
    return g_string_free(words, FALSE);
}

/* ---- bash ------------------------------------------------------------------ */

typedef bool (*chooses)(const struct option *option);

static bool is_any(const struct option *option)
{
    return option != NULL;
}

static bool is_file(const struct option *option)
{
    return value_of(option) == COMPLETES_FILE;
}

static bool is_folder(const struct option *option)
{
    return value_of(option) == COMPLETES_FOLDER;
}

static bool is_other(const struct option *option)
{
    return option->value != NULL && value_of(option) == COMPLETES_NOTHING;
}

/* "--set -s --db": the names of a table's options that are chosen. */
static void append_names(const struct option *options, chooses choose,
                         GString *out)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        if (choose(o) && o->name[0] != '\0') {
            g_string_append_printf(out, " --%s", o->name);
        }
        if (choose(o) && o->letter != 0) {
            g_string_append_printf(out, " -%c", o->letter);
        }
    }
}

static void append_list(const struct command_row *row, const char *variable,
                        chooses choose, GString *out)
{
    g_autoptr(GString) names = g_string_new(NULL);
    append_names(row->command->options, choose, names);
    append_names(common_options, choose, names);
    g_string_append_printf(out, "        %s=' %s '\n", variable,
                           g_strchug(names->str));
}

static void print_bash(GString *out)
{
    g_string_append(out, "# bash completion of weir\n"
                         "_weir() {\n"
                         "    local word=$2 before=$3 options files folders "
                         "values words\n"
                         "    COMPREPLY=()\n"
                         "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                         "        COMPREPLY=($(compgen -W '");
    for (const struct command_row *row = command_rows; row->name != NULL;
         row++) {
        g_string_append_printf(out, "%s ", row->name);
    }
    g_string_append(out, "--help --version' -- \"$word\"))\n        return\n"
                         "    fi\n    case ${COMP_WORDS[1]} in\n");
    for (const struct command_row *row = command_rows; row->name != NULL;
         row++) {
        g_autofree char *words = list_words(row->operands);
        g_string_append_printf(out, "    %s)\n", row->name);
        append_list(row, "options", is_any, out);
        append_list(row, "files", is_file, out);
        append_list(row, "folders", is_folder, out);
        append_list(row, "values", is_other, out);
        g_string_append_printf(out, "        words='%s'\n        ;;\n", words);
    }
    g_string_append(
        out, "    *) return ;;\n    esac\n"
             "    if [[ $folders == *\" $before \"* ]]; then\n"
             "        compopt -o filenames 2>/dev/null\n"
             "        COMPREPLY=($(compgen -d -- \"$word\"))\n"
             "    elif [[ $values == *\" $before \"* ]]; then\n"
             "        COMPREPLY=()\n"
             "    elif [[ $word == -* ]]; then\n"
             "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
             "    elif [[ $files == *\" $before \"* || -z $words ]]; then\n"
             "        compopt -o filenames 2>/dev/null\n"
             "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
             "    else\n"
             "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
             "    fi\n"
             "}\n"
             "complete -F _weir weir\n");
}

/* ---- zsh ------------------------------------------------------------------- */

/* In single quotes, as a text within [] or after a colon. */
static char *escape(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            g_string_append(out, "'\\''");
        } else {
            if (strchr("[]:\\", *c) != NULL) {
                g_string_append_c(out, '\\');
            }
            g_string_append_c(out, *c);
        }
    }
    return g_string_free(out, FALSE);
}

static void print_zsh_spec(const struct option *option, const char *name,
                           GString *out)
{
    static const char *const actions[] = {[COMPLETES_NOTHING] = " ",
                                          [COMPLETES_FILE] = "_files",
                                          [COMPLETES_FOLDER] = "_files -/"};
    g_autofree char *help = escape(option->help);
    bool may_repeat =
        option->kind == OPTION_LIST || option->kind == OPTION_COUNT;
    g_string_append_printf(out, " \\\n            '%s%s[%s]",
                           may_repeat ? "*" : "", name, help);
    if (option->value != NULL) {
        g_autofree char *value = escape(option->value);
        g_string_append_printf(out, ":%s:%s", value, actions[value_of(option)]);
    }
    g_string_append_c(out, '\'');
}

static void print_zsh_table(const struct option *options, GString *out)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        if (o->name[0] != '\0') {
            g_autofree char *name = g_strdup_printf("--%s", o->name);
            print_zsh_spec(o, name, out);
        }
        if (o->letter != 0) {
            g_autofree char *name = g_strdup_printf("-%c", o->letter);
            print_zsh_spec(o, name, out);
        }
    }
}

static void print_zsh(GString *out)
{
    g_string_append(out, "#compdef weir\n"
                         "_weir() {\n"
                         "    local -a commands\n"
                         "    commands=(\n");
    for (const struct command_row *row = command_rows; row->name != NULL;
         row++) {
        g_autofree char *help = escape(row->help);
        g_string_append_printf(out, "        '%s:%s'\n", row->name, help);
    }
    g_string_append(out, "    )\n"
                         "    if (( CURRENT == 2 )); then\n"
                         "        _describe command commands\n"
                         "        return\n    fi\n"
                         "    local command=$words[2]\n"
                         "    shift words\n    (( CURRENT-- ))\n"
                         "    case $command in\n");
    for (const struct command_row *row = command_rows; row->name != NULL;
         row++) {
        g_autofree char *words = list_words(row->operands);
        g_string_append_printf(out, "    %s)\n        _arguments", row->name);
        print_zsh_table(row->command->options, out);
        print_zsh_table(common_options, out);
        g_string_append(out, " \\\n            '*::");
        if (words[0] != '\0') {
            g_string_append_printf(out, "word:(%s)'\n        ;;\n", words);
        } else {
            g_string_append(out, "file:_files'\n        ;;\n");
        }
    }
    g_string_append(out, "    esac\n}\n_weir \"$@\"\n");
}

/* ---- the command ----------------------------------------------------------- */

static enum status run(struct cli *cli)
{
    static const char *const shells[] = {"bash", "zsh"};
    const char *shell = g_ptr_array_index(cli->settings.operands, 0);
    if (strcmp(shell, shells[0]) == 0) {
        print_bash(cli->out);
    } else if (strcmp(shell, shells[1]) == 0) {
        print_zsh(cli->out);
    } else {
        g_autofree char *suggestion =
            suggest_text(shell, shells, G_N_ELEMENTS(shells));
        return cli_fail_usage(cli, suggestion, "unknown shell '%s' (bash, zsh)",
                              shell);
    }
    return OK;
}

static const struct option options[] = {OPTION_END};

const struct command command_completion = {
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .about = "Prints the completion of commands, options and files for a "
             "shell.\n"
             "'make install' puts both where the shells look for them.\n",
    .examples = "  source <(weir completion bash)\n"
                "  weir completion zsh > ~/.zfunc/_weir\n",
    .run = run,
};
