/* Man pages from the tables of options: roff with the macros of man(7). */
#include <string.h>

#include "cli/commands.h"
#include "version.h"

/* ---- roff ------------------------------------------------------------------ */

/* Hyphens are typed, not set; a line may not begin with a control character. */
static void append_text(GString *out, const char *text)
{
    bool begins_line = out->len == 0 || out->str[out->len - 1] == '\n';
    for (const char *c = text; *c != '\0'; c++) {
        if (begins_line && (*c == '.' || *c == '\'')) {
            g_string_append(out, "\\&");
        }
        switch (*c) {
        case '-':
            g_string_append(out, "\\-");
            break;
        case '\\':
            g_string_append(out, "\\e");
            break;
        default:
            g_string_append_c(out, *c);
        }
        begins_line = *c == '\n';
    }
}

static void append_section(GString *out, const char *name)
{
    g_string_append_printf(out, ".SH %s\n", name);
}

/* As it is, indented. */
static void append_example(GString *out, const char *text)
{
    g_string_append(out, ".nf\n");
    append_text(out, text);
    g_string_append(out, ".fi\n");
}

/* Empty lines of the text begin paragraphs. */
static void append_paragraphs(GString *out, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "\n\n", -1);
    for (char **part = parts; *part != NULL; part++) {
        if (part != parts) {
            g_string_append(out, ".PP\n");
        }
        append_text(out, g_strchomp(*part));
        g_string_append_c(out, '\n');
    }
}

static void begin_page(GString *out, const char *title, const char *about)
{
    g_autofree char *upper = g_ascii_strup(title, -1);
    g_string_append(out, ".TH ");
    append_text(out, upper);
    g_string_append_printf(out, " 1 \"\" \"weir %s\" \"Weir\"\n", WEIR_VERSION);
    append_section(out, "NAME");
    append_text(out, title);
    g_string_append(out, " \\- ");
    append_text(out, about);
    g_string_append_c(out, '\n');
}

/* ---- parts ----------------------------------------------------------------- */

static void append_options(GString *out, const struct option *options)
{
    for (; options->name != NULL; options++) {
        g_autoptr(GString) names = g_string_new(NULL);
        if (options->letter != 0) {
            g_string_append_printf(names, "-%c", options->letter);
        }
        if (options->name[0] != '\0') {
            g_string_append_printf(names, "%s--%s", names->len > 0 ? ", " : "",
                                   options->name);
        }
        g_string_append(out, ".TP\n\\fB");
        append_text(out, names->str);
        g_string_append(out, "\\fR");
        if (options->value != NULL) {
            g_string_append(out, " \\fI");
            append_text(out, options->value);
            g_string_append(out, "\\fR");
        }
        g_string_append_c(out, '\n');
        append_text(out, options->help);
        g_string_append_c(out, '\n');
    }
}

/* "  0  done", the lines below the heading of the help. */
static void append_exit_codes(GString *out)
{
    append_section(out, "EXIT STATUS");
    g_auto(GStrv) lines = g_strsplit(command_exit_codes, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        char *code = g_strchug(*line);
        char *space = strchr(code, ' ');
        if (g_ascii_isdigit(code[0]) && space != NULL) {
            *space = '\0';
            g_string_append_printf(out, ".TP\n\\fB%s\\fR\n", code);
            append_text(out, g_strchug(space + 1));
            g_string_append_c(out, '\n');
        }
    }
}

static void append_others(GString *out, const char *but)
{
    const char *comma = "";
    append_section(out, "SEE ALSO");
    if (but != NULL) {
        g_string_append(out, ".BR weir (1)");
        comma = ",\n";
    }
    for (const struct command_row *row = command_rows; row->name != NULL;
         row++) {
        if (but == NULL || strcmp(row->name, but) != 0) {
            g_string_append_printf(out, "%s.BR weir\\-%s (1)", comma,
                                   row->name);
            comma = ",\n";
        }
    }
    g_string_append_c(out, '\n');
}

/* ---- pages ----------------------------------------------------------------- */

static void print_command(const struct command_row *row, GString *out)
{
    g_autofree char *title = g_strdup_printf("weir-%s", row->name);
    begin_page(out, title, row->help);
    append_section(out, "SYNOPSIS");
    g_string_append_printf(out, "\\fBweir %s\\fR [\\fIOPTION\\fR...] ",
                           row->name);
    append_text(out, row->operands);
    g_string_append_c(out, '\n');
    append_section(out, "DESCRIPTION");
    append_paragraphs(out, row->command->about);
    append_section(out, "OPTIONS");
    append_options(out, row->command->options);
    append_options(out, common_options);
    append_section(out, "EXAMPLES");
    append_example(out, row->command->examples);
    append_exit_codes(out);
    append_others(out, row->name);
}

static void print_whole(GString *out)
{
    begin_page(out, "weir", "simulate attention accelerators");
    append_section(out, "SYNOPSIS");
    g_string_append(out, "\\fBweir\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] "
                         "[\\fIFILE\\fR...]\n");
    append_section(out, "DESCRIPTION");
    append_paragraphs(
        out, "Weir takes an attention algorithm written as a cascade of "
             "extended Einsums, maps it onto a parametric accelerator, counts "
             "and simulates what that costs, and checks that the mapped "
             "program still computes the right numbers.");
    append_section(out, "COMMANDS");
    for (const struct command_row *row = command_rows; row->name != NULL;
         row++) {
        g_string_append_printf(out, ".TP\n\\fB%s\\fR ", row->name);
        append_text(out, row->operands);
        g_string_append_c(out, '\n');
        append_text(out, row->help);
        g_string_append_c(out, '\n');
    }
    append_exit_codes(out);
    append_others(out, NULL);
}

/* ---- the command ----------------------------------------------------------- */

static enum status print_named(struct cli *cli, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const struct command_row *row = command_rows; row->name != NULL;
         row++) {
        union {
            const char *constant;
            void *pointer;
        } known = {.constant = row->name};
        g_ptr_array_add(names, known.pointer);
        if (strcmp(row->name, name) == 0) {
            print_command(row, cli->out);
            return OK;
        }
    }
    g_autofree char *suggestion =
        suggest_text(name, (const char *const *)names->pdata, names->len);
    return cli_fail_usage(cli, suggestion, "unknown command '%s'", name);
}

static enum status run(struct cli *cli)
{
    if (cli->settings.operands->len == 0) {
        print_whole(cli->out);
        return OK;
    }
    return print_named(cli, g_ptr_array_index(cli->settings.operands, 0));
}

static const struct option options[] = {OPTION_END};

const struct command command_manual = {
    .options = options,
    .max_operands = 1,
    .about = "Prints the man page of a command, or of weir as a whole, for "
             "man(1).\n"
             "'make install' puts all of them where man looks for them.\n",
    .examples = "  weir manual sim | man -l -\n",
    .run = run,
};
