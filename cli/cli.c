/* From the words of the command line to an exit code. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "version.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_USAGE = 2,
    EXIT_BAD_INPUT = 3,
    EXIT_ENVIRONMENT = 4,
    EXIT_LIMIT = 5,
};

const char command_exit_codes[] =
    "Exit codes:\n"
    "  0  done\n"
    "  1  ran, and the answer is no\n"
    "  2  the command line is wrong\n"
    "  3  an input is wrong\n"
    "  4  a file or the environment is in the way\n"
    "  5  a limit or the memory is exceeded\n"
    "  130  interrupted\n";

#define COMMAND(name, operands, help)                                          \
    extern const struct command command_##name;
#include "cli/commands.def"
#undef COMMAND

const struct command_row command_rows[] = {
#define COMMAND(name, operands, help) {#name, operands, help, &command_##name},
#include "cli/commands.def"
#undef COMMAND
    {NULL, NULL, NULL, NULL},
};

#define ROW_COUNT (G_N_ELEMENTS(command_rows) - 1)

/* ---- help ------------------------------------------------------------------ */

static void print_usage(GString *out)
{
    g_string_append(out, "usage: weir COMMAND [OPTION...] [FILE...]\n\n"
                         "Simulates attention accelerators.\n\nCommands:\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        g_string_append_printf(out, "  %-10s %s\n", command_rows[i].name,
                               command_rows[i].help);
    }
    g_string_append(out, "\n  weir COMMAND -h      options of a command\n"
                         "  weir COMMAND --help  its manual\n"
                         "  weir --version       version and git id\n");
}

static void print_command(const struct command_row *row, bool is_full,
                          GString *out)
{
    g_string_append_printf(out, "usage: weir %s [OPTION...]%s%s\n\n%s\n",
                           row->name, row->operands[0] == '\0' ? "" : " ",
                           row->operands,
                           is_full ? row->command->about : row->help);
    g_string_append(out, "\nOptions:\n");
    options_print(row->command->options, out);
    if (is_full) {
        g_string_append_printf(out, "\nExamples:\n%s\n%s",
                               row->command->examples, command_exit_codes);
    }
}

/* ---- what subcommands call ------------------------------------------------- */

/* The status of a mistake in the command line, which no library function
 * returns: it is told from a wrong input by the exit code. */
enum status cli_fail_usage(struct cli *cli, const char *suggestion,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    diag_error(cli->diags, SPAN_NONE, "usage", suggestion, "%s", message);
    cli->exit_code = EXIT_USAGE;
    return ERR_INPUT;
}

enum status cli_need(struct cli *cli, const char *value, const char *option)
{
    return value != NULL
               ? OK
               : cli_fail_usage(cli, NULL, "'--%s' is missing", option);
}

enum status cli_need_file(struct cli *cli, const char *path)
{
    return strcmp(path, "-") != 0
               ? OK
               : cli_fail_usage(cli, NULL,
                                "'-' will not do here: the file is read more "
                                "than once");
}

static void print_remark(const char *format, va_list args) PRINTF_LIKE(1, 0);
static void print_remark(const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    (void)fprintf(stderr, "%s\n", text);
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (cli->settings.quiet == 0) {
        print_remark(format, args);
    }
    va_end(args);
}

void cli_detail(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (cli->settings.verbose > cli->settings.quiet) {
        print_remark(format, args);
    }
    va_end(args);
}

/* ---- the ends -------------------------------------------------------------- */

static int exit_code_of(enum status status)
{
    switch (status) {
    case OK:
        return EXIT_DONE;
    case ERR_INPUT:
        return EXIT_BAD_INPUT;
    case ERR_IO:
        return EXIT_ENVIRONMENT;
    case ERR_MEM:
    case ERR_LIMIT:
        return EXIT_LIMIT;
    }
    BUG("status %d", (int)status);
}

static bool wants_color(const struct cli *cli)
{
    if (strcmp(cli->settings.color, "auto") != 0) {
        return strcmp(cli->settings.color, "always") == 0;
    }
    const char *no_color = getenv("NO_COLOR");
    return cli->has_terminal && (no_color == NULL || no_color[0] == '\0');
}

static enum status check_color(struct cli *cli)
{
    static const char *const words[] = {"auto", "always", "never", NULL};
    if (g_strv_contains(words, cli->settings.color)) {
        return OK;
    }
    g_autofree char *word = g_strdup(cli->settings.color);
    cli->settings.color = "auto";
    return cli_fail_usage(
        cli, NULL, "'--color' takes auto, always or never, not '%s'", word);
}

/* Data may be gone with the program at its other end: that is an error, but the
 * others' messages come first. */
static enum status write_out(const struct cli *cli)
{
    size_t length = cli->out->len;
    errno = 0;
    if (fwrite(cli->out->str, 1, length, stdout) != length ||
        fflush(stdout) != 0) {
        return diag_fail(cli->diags, ERR_IO, "stdout-write",
                         "cannot write to standard output: %s",
                         g_strerror(errno));
    }
    return OK;
}

static void write_diags(const struct cli *cli)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (cli->settings.quiet == 0 || diags_error_count(cli->diags) > 0) {
        diags_print(cli->diags, wants_color(cli), text);
        (void)fwrite(text->str, 1, text->len, stderr);
    }
}

static int finish(struct cli *cli, enum status status)
{
    enum status written = write_out(cli);
    write_diags(cli);
    if (status == OK && written != OK) {
        status = written;
        cli->exit_code = EXIT_DONE;
    }
    return cli->exit_code != EXIT_DONE ? cli->exit_code : exit_code_of(status);
}

/* SOURCE_DATE_EPOCH makes results reproducible to the byte. */
static int64_t find_time(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    if (epoch != NULL && epoch[0] != '\0') {
        long long seconds = strtoll(epoch, &end, 10);
        if (*end == '\0' && seconds >= 0) {
            return seconds;
        }
    }
    return (int64_t)time(NULL);
}

/* ---- dispatch -------------------------------------------------------------- */

static const struct command_row *find_row(struct cli *cli, const char *name)
{
    const char *names[ROW_COUNT];
    for (size_t i = 0; i < ROW_COUNT; i++) {
        names[i] = command_rows[i].name;
        if (strcmp(name, names[i]) == 0) {
            return &command_rows[i];
        }
    }
    g_autofree char *suggestion =
        suggest_text(name, names, G_N_ELEMENTS(names));
    (void)cli_fail_usage(cli, suggestion, "unknown command '%s'", name);
    return NULL;
}

static enum status run_command(struct cli *cli, const struct command_row *row,
                               int argc, char **argv)
{
    TRY(options_parse(cli, row->command, argc, argv));
    TRY(check_color(cli));
    if (cli->settings.wants_short_help || cli->settings.wants_full_help) {
        print_command(row, cli->settings.wants_full_help, cli->out);
        return OK;
    }
    return row->command->run(cli);
}

static enum status run_words(struct cli *cli, int argc, char **argv)
{
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        g_string_append_printf(cli->out, "weir %s (%s)\n", WEIR_VERSION,
                               WEIR_GIT_ID);
        return OK;
    }
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
        print_usage(cli->out);
        if (word[1] == '-') {
            g_string_append_printf(cli->out, "\n%s", command_exit_codes);
        }
        return OK;
    }
    if (word[0] == '-') {
        return cli_fail_usage(cli, NULL, "unknown option '%s'", word);
    }
    const struct command_row *row = find_row(cli, word);
    return row == NULL ? ERR_INPUT : run_command(cli, row, argc - 2, argv + 2);
}

int cli_run(int argc, char **argv)
{
    /* A closed pipe is a failing write like any other. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        g_autoptr(GString) usage = g_string_new(NULL);
        print_usage(usage);
        (void)fputs(usage->str, stderr);
        return EXIT_USAGE;
    }
    struct cli cli = {
        .diags = diags_new(),
        .out = g_string_new(NULL),
        .has_terminal = isatty(STDERR_FILENO) == 1,
        .origin = {.version = WEIR_VERSION,
                   .git_id = WEIR_GIT_ID,
                   .time_s = find_time()},
    };
    settings_init(&cli.settings);
    enum status status = run_words(&cli, argc, argv);
    int exit_code = finish(&cli, status);
    settings_clear(&cli.settings);
    g_string_free(cli.out, TRUE);
    diags_free(cli.diags);
    return exit_code;
}
