/* weir runs: list, show, export. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/command.h"

/* ---- list ------------------------------------------------------------------ */

static void add_row(struct table *table, const struct run *run)
{
    g_autofree char *id = g_strdup_printf("%" PRId64, run->id);
    table_add_text(table, id);
    table_add_text(table, fidelity_name(run->evaluation.fidelity));
    table_add_text(table, run->cascade);
    table_add_text(table, run->arch);
    table_add_text(table, run->mapping);
    table_add_count(table, run->evaluation.cycles);
    table_add_energy(table, run->evaluation.energy_pj);
    table_add_text(table, run->origin.label);
}

static enum status list_table(struct cli *cli, struct store *store,
                              const GArray *ids)
{
    static const char *const before[] = {"run", "fidelity", "cascade", "arch",
                                         "mapping"};
    AUTO(table) table = table_new();
    for (size_t i = 0; i < G_N_ELEMENTS(before); i++) {
        table_add_text_column(table, before[i]);
    }
    table_add_metric_column(table, METRIC_CYCLES);
    table_add_metric_column(table, METRIC_ENERGY);
    table_add_text_column(table, "point");
    for (guint i = 0; i < ids->len; i++) {
        AUTO(run) run = NULL;
        TRY(store_load_run(store, cli->diags, g_array_index(ids, int64_t, i),
                           &run));
        if (run != NULL) {
            add_row(table, run);
        }
    }
    table_print(table, cli->out);
    return OK;
}

/* An array of what `weir model --json` prints. */
static enum status list_json(struct cli *cli, struct store *store,
                             const GArray *ids)
{
    g_string_append_c(cli->out, '[');
    for (guint i = 0; i < ids->len; i++) {
        AUTO(run) run = NULL;
        TRY(store_load_run(store, cli->diags, g_array_index(ids, int64_t, i),
                           &run));
        if (run != NULL) {
            g_autofree char *json = run_print_json(run, 0);
            g_string_append_printf(cli->out, "%s%s", i == 0 ? "\n" : ",\n",
                                   json);
        }
    }
    g_string_append(cli->out, "\n]\n");
    return OK;
}

static enum status list(struct cli *cli, struct store *store)
{
    g_autoptr(GArray) ids = NULL;
    TRY(store_list_runs(store, cli->diags, &ids));
    return cli->settings.as_json ? list_json(cli, store, ids)
                                 : list_table(cli, store, ids);
}

/* ---- show ------------------------------------------------------------------ */

static void print_origin(const struct run *run, GString *out)
{
    const struct run_origin *origin = &run->origin;
    g_string_append_printf(out, "\nrun %" PRId64 " by weir %s (%s)\n", run->id,
                           origin->version, origin->git_id);
    if (origin->command != NULL) {
        g_string_append_printf(out, "repeat: %s\n", origin->command);
    }
    g_string_append_printf(out, "cascade %s\narch    %s\nmapping %s\n",
                           run->cascade_hash, run->arch_hash,
                           run->mapping_hash);
}

static enum status show(struct cli *cli, struct store *store, const char *word)
{
    char *end = NULL;
    AUTO(run) run = NULL;
    errno = 0;
    long long id = strtoll(word, &end, 10);
    if (errno != 0 || *end != '\0' || end == word) {
        return cli_fail_usage(cli, NULL, "'%s' is not the number of a run",
                              word);
    }
    TRY(store_load_run(store, cli->diags, id, &run));
    if (run == NULL) {
        diag_error(cli->diags, SPAN_NONE, "runs-unknown-run", NULL,
                   "there is no run %s in '%s'", word, cli->settings.db);
        return ERR_INPUT;
    }
    if (cli->settings.as_json) {
        g_autofree char *json = run_print_json(run, 2);
        g_string_append_printf(cli->out, "%s\n", json);
    } else {
        run_print_table(run, cli->out);
        print_origin(run, cli->out);
    }
    return OK;
}

/* ---- dispatch -------------------------------------------------------------- */

static enum status export_table(struct cli *cli, struct store *store,
                                const char *table)
{
    if (!cli->settings.as_json) {
        return store_export_csv(store, cli->diags, table, cli->out);
    }
    if (strcmp(table, "runs") != 0) {
        return cli_fail_usage(cli, NULL,
                              "JSON is of whole runs: leave out '%s'", table);
    }
    return list(cli, store);
}

static enum status run(struct cli *cli)
{
    static const char *const actions[] = {"list", "show", "export"};
    AUTO(store) store = NULL;
    GPtrArray *operands = cli->settings.operands;
    const char *action = g_ptr_array_index(operands, 0);
    const char *word =
        operands->len > 1 ? g_ptr_array_index(operands, 1) : NULL;
    bool is_list = strcmp(action, "list") == 0;
    bool is_show = strcmp(action, "show") == 0;
    if (!is_list && !is_show && strcmp(action, "export") != 0) {
        g_autofree char *suggestion =
            suggest_text(action, actions, G_N_ELEMENTS(actions));
        return cli_fail_usage(cli, suggestion,
                              "unknown action '%s' (list, show, export)",
                              action);
    }
    if (is_show != (word != NULL) && (is_show || is_list)) {
        return cli_fail_usage(cli, NULL,
                              is_show ? "show which run?"
                                      : "'list' takes no argument");
    }
    TRY(cli_need(cli, cli->settings.db, "db"));
    TRY(store_open(cli->diags, cli->settings.db, STORE_READ, &store));
    if (is_list) {
        return list(cli, store);
    }
    return is_show ? show(cli, store, word)
                   : export_table(cli, store, word == NULL ? "runs" : word);
}

static const struct option options[] = {
    OPTION_DB("the store"),
    OPTION_JSON("runs as JSON objects, those of 'weir model --json'"),
    {"csv", 0, OPTION_FLAG, NULL, offsetof(struct settings, as_csv),
     "export as comma-separated values, the default"},
    OPTION_END,
};

const struct command command_runs = {
    .options = options,
    .min_operands = 1,
    .max_operands = 2,
    .about =
        "Reads a store of results. 'list' has one line a run, 'show' prints a\n"
        "run as 'weir model' and 'weir sim' do, with the command that repeats\n"
        "it, 'export' writes a table (runs, actions, units, memories, "
        "einsums,\n"
        "checks, transfers, tensors, stalls, measurements) as CSV, or all runs "
        "as "
        "JSON. The store is an SQLite file "
        "with\n"
        "tables of these names, open to any other program.\n",
    .examples = "  weir runs list --db out/fusemax/fusemax.db\n"
                "  weir runs show 5 --db out/fusemax/fusemax.db --json\n"
                "  weir runs export einsums --db runs.db > einsums.csv\n"
                "  sqlite3 runs.db 'SELECT mapping, cycles FROM runs'\n",
    .run = run,
};
