/* weir sweep: progress, Ctrl-C, and the table at the end. */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "cli/command.h"
#include "cli/evaluation.h"
#include "explore/explore.h"

#define JOBS_MAX         1024
#define BAR_CELLS        30
#define PROGRESS_STEP_US 100000 /* at most ten a second */
#define EXIT_INTERRUPTED 130

/* A signal handler has nothing but a global to write to. */
static volatile sig_atomic_t interrupts;

static void count_interrupt(int signal_number)
{
    (void)signal_number;
    interrupts = interrupts + 1;
}

struct progress {
    gint64 shown_us;
    bool is_shown;
};

static void show_progress(void *data, size_t done, size_t total)
{
    struct progress *progress = data;
    gint64 now_us = g_get_monotonic_time();
    if (now_us - progress->shown_us < PROGRESS_STEP_US || total == 0) {
        return;
    }
    char bar[BAR_CELLS + 1] = {0};
    for (size_t i = 0; i < BAR_CELLS; i++) {
        bar[i] = i < done * BAR_CELLS / total ? '#' : '.';
    }
    (void)fprintf(stderr, "\r[%s] %zu of %zu points", bar, done, total);
    (void)fflush(stderr);
    progress->shown_us = now_us;
    progress->is_shown = true;
}

static void erase_progress(const struct progress *progress)
{
    if (progress->is_shown) {
        (void)fputs("\r\033[K", stderr);
    }
}

static int choose_jobs(const struct settings *settings)
{
    if (settings->jobs > 0) {
        return (int)MIN(settings->jobs, JOBS_MAX);
    }
    return (int)CLAMP(g_get_num_processors(), 1, JOBS_MAX);
}

/* The file's own database may lie in a folder that is not there yet; one that
 * the user names must. */
static enum status open_store(struct cli *cli,
                              const struct experiment *experiment,
                              struct store **store)
{
    const char *path = cli->settings.db;
    if (path == NULL) {
        path = experiment_database(experiment);
        if (path == NULL) {
            return cli_fail_usage(cli, NULL,
                                  "'--db' is missing, and experiment '%s' "
                                  "names no database",
                                  experiment_name(experiment));
        }
        if (!cli->settings.must_resume) {
            g_autofree char *folder = g_path_get_dirname(path);
            if (g_mkdir_with_parents(folder, 0777) != 0) {
                return diag_fail(cli->diags, ERR_IO, "store-folder",
                                 "cannot make the folder '%s': %s", folder,
                                 g_strerror(errno));
            }
        }
    }
    if (cli->settings.must_resume && !g_file_test(path, G_FILE_TEST_EXISTS)) {
        return diag_fail(cli->diags, ERR_IO, "store-missing",
                         "there is no database '%s' to resume", path);
    }
    cli_detail(cli, "database '%s'", path);
    return store_open(cli->diags, path, STORE_WRITE, store);
}

static void print_json(struct cli *cli, const struct experiment *experiment,
                       const struct sweep_outcome *outcome, const char *tables)
{
    json_t *object = json_pack(
        "{ss sI sI sI sI sb}", "experiment", experiment_name(experiment),
        "points", (json_int_t)outcome->total, "found",
        (json_int_t)outcome->found, "evaluated", (json_int_t)outcome->evaluated,
        "failed", (json_int_t)outcome->failed, "interrupted",
        outcome->is_interrupted ? 1 : 0);
    json_object_set_new(object, "tables", json_loads(tables, 0, NULL));
    char *printed =
        json_dumps(object, JSON_REAL_PRECISION(17) | JSON_INDENT(2));
    g_string_append_printf(cli->out, "%s\n", printed);
    free(printed);
    json_decref(object);
}

static enum status print_outcome(struct cli *cli,
                                 const struct experiment *experiment,
                                 struct store *store,
                                 const struct sweep_outcome *outcome)
{
    g_autoptr(GString) tables = g_string_new(NULL);
    cli_note(cli,
             "%zu points: %zu in the database before, %zu evaluated, %zu "
             "failed%s",
             outcome->total, outcome->found, outcome->evaluated,
             outcome->failed, outcome->is_interrupted ? ", interrupted" : "");
    if (outcome->found + outcome->evaluated > 0) {
        TRY(explore_print_tables(experiment, store, cli->diags,
                                 cli->settings.as_json, tables));
    }
    if (cli->settings.as_json) {
        print_json(cli, experiment, outcome, tables->str);
    } else {
        g_string_append(cli->out, tables->str);
    }
    return OK;
}

static enum status sweep(struct cli *cli, const struct experiment *experiment,
                         struct store *store)
{
    struct progress progress = {0};
    struct sweep_options options = {
        .origin = &cli->origin,
        .jobs = choose_jobs(&cli->settings),
        .use_fast_forward = !cli->settings.is_unabridged,
        .interrupts = &interrupts,
        .progress = cli->has_terminal && cli->settings.quiet == 0
                        ? show_progress
                        : NULL,
        .progress_data = &progress,
    };
    struct sweep_outcome outcome;
    struct sigaction action = {.sa_handler = count_interrupt};
    (void)sigaction(SIGINT, &action, NULL);
    enum status status =
        sweep_run(experiment, store, &options, cli->diags, &outcome);
    erase_progress(&progress);
    enum status printed = print_outcome(cli, experiment, store, &outcome);
    TRY(status);
    TRY(printed);
    cli->exit_code = outcome.is_interrupted ? EXIT_INTERRUPTED : 0;
    return OK;
}

/* What does not load is left to the points, which fail one by one. */
static enum status warn_of_point(struct cli *cli, const struct point *point)
{
    AUTO(diags) unseen = diags_new();
    AUTO(arch) tried = NULL;
    AUTO(arch) arch = NULL;
    if (arch_load_file(unseen, point->arch, point->chosen, &tried) != OK) {
        return OK;
    }
    return evaluation_load_arch(cli, point, &arch);
}

/* Of each architecture and fidelity once, as its first point has it. */
static enum status warn_of_unused(struct cli *cli,
                                  const struct experiment *experiment)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    enum status status = OK;
    size_t count = experiment_point_count(experiment);
    for (size_t i = 0; i < count && status == OK; i++) {
        const struct point *point = experiment_point(experiment, i);
        char *key = g_strdup_printf("%s %s", fidelity_name(point->fidelity),
                                    point->arch);
        if (g_hash_table_add(seen, key)) {
            status = warn_of_point(cli, point);
        }
    }
    return status;
}

static enum status run(struct cli *cli)
{
    AUTO(scope) chosen = NULL;
    AUTO(experiment) experiment = NULL;
    AUTO(store) store = NULL;
    struct experiment_options options = {0};
    TRY(cli_parse_set(cli, &chosen));
    options.chosen = chosen;
    TRY(cli_parse_fidelity(cli, &options.wants_model, &options.wants_sim));
    TRY(experiment_load_file(cli->diags,
                             g_ptr_array_index(cli->settings.operands, 0),
                             &options, &experiment));
    TRY(warn_of_unused(cli, experiment));
    TRY(open_store(cli, experiment, &store));
    return sweep(cli, experiment, store);
}

static const struct option options[] = {
    {"jobs", 'J', OPTION_NUMBER, "N", offsetof(struct settings, jobs),
     "worker processes; as many as processors otherwise"},
    OPTION_FIDELITY,
    OPTION_SET,
    {"resume", 'r', OPTION_FLAG, NULL, offsetof(struct settings, must_resume),
     "go on with a database that must be there"},
    {"no-fast-forward", 0, OPTION_FLAG, NULL,
     offsetof(struct settings, is_unabridged),
     "simulate every step: same results, slow"},
    OPTION_DB("the store; the experiment's 'database' otherwise"),
    OPTION_JSON("outcome and tables as one JSON object"),
    OPTION_END,
};

const struct command command_sweep = {
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .about =
        "Evaluates the points of an experiment in worker processes and keeps\n"
        "them in a store, then prints the experiment's tables. Points that "
        "the\n"
        "store has already, made by this version from the same files and "
        "values,\n"
        "are not evaluated again: a sweep that was stopped, by Ctrl-C, kill "
        "or\n"
        "power cut, goes on where it was when it is started again. --resume\n"
        "refuses to start a new store. The first Ctrl-C finishes and stores "
        "the\n"
        "points that run; the second stops at once. The rows do not depend on\n"
        "--jobs.\n",
    .examples =
        "  weir sweep experiments/fusemax.yaml\n"
        "  weir sweep experiments/fusemax.yaml --fidelity model --db f.db\n"
        "  weir sweep experiments/fusemax.yaml --set B=1 --db one.db\n",
    .run = run,
};
