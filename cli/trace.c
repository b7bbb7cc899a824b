#include "cli/trace.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define EXIT_INTERRUPTED 130

/* ---- places in an option's text -------------------------------------------- */

static struct span place(const struct source *source, const char *word,
                         size_t bytes)
{
    return (struct span){
        source, 1, (int)g_utf8_strlen(source->text, word - source->text) + 1,
        MAX(1, (int)g_utf8_strlen(word, (gssize)bytes)), NULL};
}

/* ---- the window ------------------------------------------------------------ */

/* An expression; empty: `otherwise`. */
static enum status parse_cycle(struct diags *diags, const struct source *source,
                               const char *word, size_t bytes,
                               int64_t otherwise, int64_t *cycle)
{
    AUTO(scope) scope = scope_new(NULL);
    AUTO(expr) expr = NULL;
    g_autofree char *text = g_strndup(word, bytes);
    struct span at = place(source, word, bytes);
    if (bytes == 0) {
        *cycle = otherwise;
        return OK;
    }
    TRY(expr_parse(diags, at, text, &expr));
    TRY(expr_eval(expr, scope, diags, cycle));
    if (*cycle < 0) {
        diag_error(diags, at, "trace-window", NULL,
                   "cycle %" G_GINT64_FORMAT " is before the beginning",
                   *cycle);
        return ERR_INPUT;
    }
    return OK;
}

static enum status parse_window(struct cli *cli, struct trace_options *options)
{
    const char *text = cli->settings.trace_window;
    if (text == NULL) {
        return OK;
    }
    const struct source *source =
        diags_add_text(cli->diags, "--trace-window", text);
    const char *colon = strchr(source->text, ':');
    if (colon == NULL) {
        diag_error(cli->diags,
                   place(source, source->text, strlen(source->text)),
                   "trace-window", NULL,
                   "'%s' is not of the form FROM:TO, in cycles", text);
        return ERR_INPUT;
    }
    TRY(parse_cycle(cli->diags, source, source->text,
                    (size_t)(colon - source->text), 0, &options->from_cycle));
    TRY(parse_cycle(cli->diags, source, colon + 1, strlen(colon + 1), INT64_MAX,
                    &options->to_cycle));
    if (options->from_cycle >= options->to_cycle) {
        diag_error(cli->diags, place(source, colon + 1, strlen(colon + 1)),
                   "trace-window", NULL,
                   "the window ends at cycle %" G_GINT64_FORMAT
                   ", not after its beginning %" G_GINT64_FORMAT,
                   options->to_cycle, options->from_cycle);
        return ERR_INPUT;
    }
    return OK;
}

/* ---- components ------------------------------------------------------------ */

static void add_component(struct trace_request *request,
                          const struct source *source, const char *word,
                          size_t bytes)
{
    struct trace_component component = {
        .name = g_strndup(word, bytes),
        .span = place(source, word, bytes),
    };
    union {
        const char *constant;
        char *pointer;
    } name = {.constant = component.name};
    g_ptr_array_add(request->names, name.pointer);
    g_array_append_val(request->only, component);
}

/* 'array2d,gbuf' */
static void parse_components(struct cli *cli, struct trace_request *request)
{
    GPtrArray *list = cli->settings.trace_only;
    for (guint i = 0; i < list->len; i++) {
        const struct source *source = diags_add_text(
            cli->diags, "--trace-only", g_ptr_array_index(list, i));
        const char *word = source->text;
        while (word != NULL) {
            const char *comma = strchr(word, ',');
            add_component(request, source, word,
                          comma == NULL ? strlen(word)
                                        : (size_t)(comma - word));
            word = comma == NULL ? NULL : comma + 1;
        }
    }
    if (list->len > 0) {
        request->options.only =
            (const struct trace_component *)(void *)request->only->data;
        request->options.only_count = request->only->len;
    }
}

enum status trace_request_parse_selection(struct cli *cli,
                                          struct trace_request *request)
{
    *request = (struct trace_request){
        .options = TRACE_OPTIONS_DEFAULT,
        .names = g_ptr_array_new_with_free_func(g_free),
        .only = g_array_new(false, false, sizeof(struct trace_component)),
    };
    TRY(parse_window(cli, &request->options));
    parse_components(cli, request);
    request->trace = trace_new(&request->options);
    return OK;
}

/* ---- the file -------------------------------------------------------------- */

static enum status fail_format(struct cli *cli, const char *word)
{
    const char *const *names = trace_format_names();
    g_autoptr(GString) list = g_string_new(NULL);
    for (const char *const *name = names; *name != NULL; name++) {
        g_string_append_printf(list, "%s%s", name == names ? "" : ", ", *name);
    }
    g_autofree char *suggestion =
        word == NULL ? NULL : suggest_text(word, names, TRACE_FORMAT_COUNT);
    return word == NULL
               ? cli_fail_usage(cli, NULL,
                                "the ending of '%s' says no format of a trace: "
                                "say '--trace-format' (%s)",
                                cli->settings.trace, list->str)
               : cli_fail_usage(cli, suggestion,
                                "unknown format of a trace '%s' (%s)", word,
                                list->str);
}

static bool is_same_file(const char *path, const char *other)
{
    struct stat a;
    struct stat b;
    return other != NULL && stat(path, &a) == 0 && stat(other, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static enum status check_path(struct cli *cli)
{
    const struct settings *s = &cli->settings;
    if (strcmp(s->trace, "-") == 0) {
        return cli_fail_usage(cli, NULL,
                              "a trace cannot go to standard output, where the "
                              "results go");
    }
    if (is_same_file(s->trace, s->cascade) || is_same_file(s->trace, s->arch) ||
        is_same_file(s->trace, s->mapping)) {
        return cli_fail_usage(cli, NULL, "'%s' is an input", s->trace);
    }
    return OK;
}

static enum status parse_level(struct cli *cli, enum trace_format format,
                               struct trace_options *options)
{
    const char *word = cli->settings.trace_level;
    enum trace_level level =
        word == NULL ? TRACE_TASKS : trace_level_find(word);
    if (level == TRACE_LEVEL_COUNT) {
        const char *names[TRACE_LEVEL_COUNT];
        for (int i = 0; i < TRACE_LEVEL_COUNT; i++) {
            names[i] = trace_level_name((enum trace_level)i);
        }
        g_autofree char *suggestion =
            suggest_text(word, names, TRACE_LEVEL_COUNT);
        return cli_fail_usage(cli, suggestion, "unknown level of a trace '%s'",
                              word);
    }
    if (level < trace_format_level(format)) {
        return cli_fail_usage(cli, NULL,
                              "'%s' cannot show the level '%s', csv can",
                              trace_format_name(format), word);
    }
    if (level == TRACE_SUMMARY && cli->settings.trace_window != NULL) {
        return cli_fail_usage(cli, NULL,
                              "a summary is of the whole run, not of a window");
    }
    options->level = level;
    return OK;
}

enum status trace_request_parse(struct cli *cli, struct trace_request *request)
{
    const struct settings *s = &cli->settings;
    *request = (struct trace_request){0};
    if (s->trace == NULL) {
        return s->trace_format != NULL || s->trace_window != NULL ||
                       s->trace_level != NULL ||

                       s->trace_only->len > 0
                   ? cli_need(cli, NULL, "trace")
                   : OK;
    }
    TRY(check_path(cli));
    enum trace_format format = s->trace_format != NULL
                                   ? trace_format_find(s->trace_format)
                                   : trace_format_of_path(s->trace);
    if (format == TRACE_FORMAT_COUNT) {
        return fail_format(cli, s->trace_format);
    }
    TRY(trace_request_parse_selection(cli, request));
    TRY(parse_level(cli, format, &request->trace->options));
    request->format = format;
    return OK;
}

void trace_request_clear(struct trace_request *request)
{
    trace_free(request->trace);
    if (request->names != NULL) {
        g_ptr_array_unref(request->names);
        g_array_unref(request->only);
    }
}

static volatile sig_atomic_t interrupts;

static void count_interrupt(int signal_number)
{
    (void)signal_number;
    interrupts = interrupts + 1;
}

enum status trace_request_save(struct cli *cli,
                               const struct trace_request *request)
{
    struct sigaction action = {.sa_handler = count_interrupt};
    struct sigaction before;
    bool is_interrupted = false;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, &before);
    enum status status =
        trace_save(request->trace, request->format, cli->settings.trace,
                   &interrupts, cli->diags, &is_interrupted);
    (void)sigaction(SIGINT, &before, NULL);
    if (is_interrupted) {
        cli->exit_code = EXIT_INTERRUPTED;
        cli_note(cli, "interrupted: no trace was written");
    } else if (status == OK) {
        cli_note(cli, "wrote %s: %u slices, %u samples", cli->settings.trace,
                 request->trace->slices->len, request->trace->samples->len);
    }
    return status;
}
