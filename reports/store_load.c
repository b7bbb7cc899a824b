/* Reading runs back, and exporting whole tables. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "reports/run.h"
#include "reports/schema.h"
#include "reports/sql.h"

static const char *keep_column(struct run *run, sqlite3_stmt *row, int column)
{
    return run_keep(run, (const char *)sqlite3_column_text(row, column));
}

static double get_real(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL
               ? (double)NAN
               : sqlite3_column_double(row, column);
}

static void load_shapes(struct run *run, const char *text)
{
    json_t *shapes = json_loads(text == NULL ? "{}" : text, 0, NULL);
    run->shape_name = g_new0(const char *, json_object_size(shapes) + 1);
    run->shape_value = g_new0(int64_t, json_object_size(shapes) + 1);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(shapes, name, value)
    {
        run->shape_name[run->shape_count] = run_keep(run, name);
        run->shape_value[run->shape_count++] = json_integer_value(value);
    }
    json_decref(shapes);
}

static void load_assumptions(struct run *run, const char *text)
{
    json_t *list = json_loads(text == NULL ? "[]" : text, 0, NULL);
    run->assumptions = g_new0(const char *, json_array_size(list) + 1);
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(list, i, value)
    {
        run->assumptions[run->assumption_count++] =
            run_keep(run, json_string_value(value));
    }
    json_decref(list);
}

static void load_ops(struct evaluation_einsum *einsum, const char *text)
{
    json_t *ops = json_loads(text == NULL ? "{}" : text, 0, NULL);
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        einsum->ops[op] = json_integer_value(
            json_object_get(ops, einsum_op_name((enum einsum_op)op)));
    }
    json_decref(ops);
}

static void load_head(struct run *run, sqlite3_stmt *row)
{
    struct evaluation *evaluation = &run->evaluation;
    run->id = sqlite3_column_int64(row, 0);
    run->origin = (struct run_origin){
        .time_s = sqlite3_column_int64(row, 1),
        .version = keep_column(run, row, 2),
        .git_id = keep_column(run, row, 3),
        .command = keep_column(run, row, 5),
        .experiment = keep_column(run, row, 6),
        .label = keep_column(run, row, 7),
        .seed = sqlite3_column_int64(row, 8),
    };
    run->key = keep_column(run, row, 4);
    const char *fidelity = (const char *)sqlite3_column_text(row, 9);
    (void)fidelity_find(fidelity, &evaluation->fidelity);
    run->cascade = keep_column(run, row, 10);
    run->arch = keep_column(run, row, 11);
    run->mapping = keep_column(run, row, 12);
    run->cascade_hash = keep_column(run, row, 13);
    run->arch_hash = keep_column(run, row, 14);
    run->mapping_hash = keep_column(run, row, 15);
    load_shapes(run, (const char *)sqlite3_column_text(row, 16));
    evaluation->cycles = sqlite3_column_int64(row, 17);
    evaluation->clock_hz = sqlite3_column_int64(row, 18);
    evaluation->energy_pj = get_real(row, 19);
    evaluation->bound_cycles = sqlite3_column_int64(row, 20);
    evaluation->bound_traffic_bytes = sqlite3_column_int64(row, 21);
    evaluation->model_cycles = sqlite3_column_int64(row, 22);
    const char *bottleneck = (const char *)sqlite3_column_text(row, 23);
    if (bottleneck != NULL) {
        evaluation->bottleneck =
            g_string_chunk_insert(run->strings, bottleneck);
    }
    load_assumptions(run, (const char *)sqlite3_column_text(row, 24));
    run->area_um2 = get_real(row, 25);
    evaluation->bound_compute_cycles = sqlite3_column_int64(row, 26);
    evaluation->bound_transfer_cycles = sqlite3_column_int64(row, 27);
    evaluation->fill_cycles = sqlite3_column_int64(row, 28);
    evaluation->drain_cycles = sqlite3_column_int64(row, 29);
    evaluation->bound_unsized_bytes = sqlite3_column_int64(row, 30);
}

/* ---- rows of a run ------------------------------------------------------ */

static void load_memory(struct run *run, sqlite3_stmt *row, GArray *rows)
{
    struct evaluation_memory memory = {
        .name = keep_column(run, row, 0),
        .read_bytes = sqlite3_column_int64(row, 1),
        .write_bytes = sqlite3_column_int64(row, 2),
        .transfer_cycles = sqlite3_column_int64(row, 3),
        .energy_pj = get_real(row, 4),
    };
    g_array_append_val(rows, memory);
}

static void load_tensor(struct run *run, sqlite3_stmt *row, GArray *rows)
{
    struct run_tensor tensor = {
        .name = keep_column(run, row, 0),
        .compulsory_bytes = sqlite3_column_int64(row, 1),
    };
    g_array_append_val(rows, tensor);
}

static void load_unit(struct run *run, sqlite3_stmt *row, GArray *rows)
{
    struct evaluation_unit unit = {
        .name = keep_column(run, row, 0),
        .busy_cycles = sqlite3_column_int64(row, 1),
        .utilization_ratio = get_real(row, 2),
        .energy_pj = get_real(row, 3),
    };
    for (int s = 0; s < STALL_COUNT; s++) {
        unit.stall_cycles[s] = sqlite3_column_int64(row, 4 + s);
    }
    g_array_append_val(rows, unit);
}

static void load_einsum(struct run *run, sqlite3_stmt *row, GArray *rows)
{
    struct evaluation_einsum einsum = {
        .name = keep_column(run, row, 0),
        .unit = keep_column(run, row, 1),
        .busy_cycles = sqlite3_column_int64(row, 2),
        .energy_pj = get_real(row, 4),
        .utilization_ratio = get_real(row, 5),
    };
    load_ops(&einsum, (const char *)sqlite3_column_text(row, 3));
    g_array_append_val(rows, einsum);
}

static void load_action(struct run *run, sqlite3_stmt *row, GArray *rows)
{
    struct evaluation_action action = {
        .component = keep_column(run, row, 0),
        .tensor = keep_column(run, row, 1),
        .einsum = keep_column(run, row, 2),
        .action = keep_column(run, row, 3),
        .count = sqlite3_column_int64(row, 4),
        .bytes = sqlite3_column_int64(row, 5),
        .energy_pj = get_real(row, 6),
    };
    g_array_append_val(rows, action);
}

static void load_transfer(struct run *run, sqlite3_stmt *row, GArray *rows)
{
    struct evaluation_transfer transfer = {
        .memory = keep_column(run, row, 0),
        .tensor = keep_column(run, row, 1),
        .reads = sqlite3_column_int64(row, 2),
        .fills = sqlite3_column_int64(row, 3),
        .updates = sqlite3_column_int64(row, 4),
        .drains = sqlite3_column_int64(row, 5),
    };
    g_array_append_val(rows, transfer);
}

static void load_cause(struct run *run, sqlite3_stmt *row, GArray *rows)
{
    struct evaluation_cause cause = {
        .unit = keep_column(run, row, 0),
        .stall = run_find_stall((const char *)sqlite3_column_text(row, 1)),
        .einsum = keep_column(run, row, 2),
        .tensor = keep_column(run, row, 3),
        .component = keep_column(run, row, 4),
        .part = keep_column(run, row, 5),
        .cycles = sqlite3_column_int64(row, 6),
        .without_cycles = sqlite3_column_int64(row, 7),
    };
    g_array_append_val(rows, cause);
}

/* Collects what `load` makes of each row of a query over the run's id. */
static enum status
load_rows(struct store *store, struct diags *diags, struct run *run,
          const char *query,
          void (*load)(struct run *, sqlite3_stmt *, GArray *), GArray *rows)
{
    AUTO_STATEMENT statement = NULL;
    bool has_row = false;
    TRY(sql_prepare(store, diags, query, &statement));
    TRY(sql_bind(store, diags, statement, "i", run->id));
    TRY(sql_step(store, diags, statement, &has_row));
    while (has_row) {
        load(run, statement, rows);
        TRY(sql_step(store, diags, statement, &has_row));
    }
    return OK;
}

static enum status load_parts(struct store *store, struct diags *diags,
                              struct run *run)
{
    struct evaluation *evaluation = &run->evaluation;
    g_autoptr(GArray) memories =
        g_array_new(FALSE, FALSE, sizeof(struct evaluation_memory));
    g_autoptr(GArray) units =
        g_array_new(FALSE, FALSE, sizeof(struct evaluation_unit));
    g_autoptr(GArray) einsums =
        g_array_new(FALSE, FALSE, sizeof(struct evaluation_einsum));
    g_autoptr(GArray) actions =
        g_array_new(FALSE, FALSE, sizeof(struct evaluation_action));
    TRY(load_rows(store, diags, run,
                  "SELECT memory, read_bytes, write_bytes, transfer_cycles,"
                  " energy_pj FROM memories WHERE run = ? ORDER BY position",
                  load_memory, memories));
    TRY(load_rows(
        store, diags, run,
        "SELECT unit, busy_cycles, utilization_ratio, energy_pj," STALL_COLUMNS
        " FROM units WHERE run = ? ORDER BY position",
        load_unit, units));
    TRY(load_rows(store, diags, run,
                  "SELECT einsum, unit, busy_cycles, ops, energy_pj,"
                  " utilization_ratio"
                  " FROM einsums WHERE run = ? ORDER BY position",
                  load_einsum, einsums));
    TRY(load_rows(store, diags, run,
                  "SELECT component, tensor, einsum, action, count, bytes,"
                  " energy_pj FROM actions WHERE run = ? ORDER BY position",
                  load_action, actions));
    g_autoptr(GArray) transfers =
        g_array_new(FALSE, FALSE, sizeof(struct evaluation_transfer));
    TRY(load_rows(store, diags, run,
                  "SELECT memory, tensor, reads, fills, updates, drains"
                  " FROM transfers WHERE run = ? ORDER BY position",
                  load_transfer, transfers));
    g_autoptr(GArray) tensors =
        g_array_new(FALSE, FALSE, sizeof(struct run_tensor));
    TRY(load_rows(store, diags, run,
                  "SELECT tensor, compulsory_bytes FROM tensors"
                  " WHERE run = ? ORDER BY position",
                  load_tensor, tensors));
    g_autoptr(GArray) causes =
        g_array_new(FALSE, FALSE, sizeof(struct evaluation_cause));
    TRY(load_rows(store, diags, run,
                  "SELECT unit, cause, einsum, tensor, component, part, cycles,"
                  " ifnull(without_cycles, -1) FROM stalls"
                  " WHERE run = ? ORDER BY position",
                  load_cause, causes));
    evaluation->cause_count = (int)causes->len;
    evaluation->causes = g_array_steal(causes, NULL);
    run->tensor_count = (int)tensors->len;
    run->tensors = g_array_steal(tensors, NULL);
    evaluation->memory_count = (int)memories->len;
    evaluation->memories = g_array_steal(memories, NULL);
    evaluation->unit_count = (int)units->len;
    evaluation->units = g_array_steal(units, NULL);
    evaluation->einsum_count = (int)einsums->len;
    evaluation->einsums = g_array_steal(einsums, NULL);
    evaluation->action_count = (int)actions->len;
    evaluation->actions = g_array_steal(actions, NULL);
    evaluation->transfer_count = (int)transfers->len;
    evaluation->transfers = g_array_steal(transfers, NULL);
    return OK;
}

#define HEAD                                                                   \
    "SELECT id, time, version, git_id, key, command, experiment, label, seed," \
    " fidelity, cascade, arch, mapping, cascade_hash, arch_hash,"              \
    " mapping_hash, shapes, cycles, clock_hz, energy_pj, bound_cycles,"        \
    " bound_traffic_bytes, model_cycles, bottleneck, assumptions, area_um2,"   \
    " bound_compute_cycles, bound_transfer_cycles, fill_cycles,"               \
    " drain_cycles, bound_unsized_bytes FROM runs "

/* The run in the first row of a query that starts with HEAD. */
static enum status load_first(struct store *store, struct diags *diags,
                              sqlite3_stmt *statement, struct run **run)
{
    bool has_row = false;
    TRY(sql_step(store, diags, statement, &has_row));
    if (!has_row) {
        *run = NULL;
        return OK;
    }
    struct run *loaded = run_alloc();
    load_head(loaded, statement);
    enum status status = load_parts(store, diags, loaded);
    if (status != OK) {
        run_free(loaded);
        return status;
    }
    *run = loaded;
    return OK;
}

enum status store_load_run(struct store *store, struct diags *diags, int64_t id,
                           struct run **run)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags, HEAD "WHERE id = ?", &statement));
    TRY(sql_bind(store, diags, statement, "i", id));
    return load_first(store, diags, statement, run);
}

enum status store_find_run(struct store *store, struct diags *diags,
                           const char *key, struct run **run)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags,
                    HEAD "WHERE key = ? ORDER BY time DESC, id DESC LIMIT 1",
                    &statement));
    TRY(sql_bind(store, diags, statement, "t", key));
    return load_first(store, diags, statement, run);
}

enum status store_has_run(struct store *store, struct diags *diags,
                          const struct run_origin *origin, const char *key,
                          bool *has_run)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags,
                    "SELECT 1 FROM runs"
                    " WHERE key = ? AND version = ? AND git_id = ?",
                    &statement));
    TRY(sql_bind(store, diags, statement, "ttt", key, origin->version,
                 origin->git_id == NULL ? "" : origin->git_id));
    return sql_step(store, diags, statement, has_run);
}

enum status store_list_runs(struct store *store, struct diags *diags,
                            GArray **ids)
{
    AUTO_STATEMENT statement = NULL;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(int64_t));
    bool has_row = false;
    TRY(sql_prepare(store, diags, "SELECT id FROM runs ORDER BY id",
                    &statement));
    TRY(sql_step(store, diags, statement, &has_row));
    while (has_row) {
        int64_t id = sqlite3_column_int64(statement, 0);
        g_array_append_val(found, id);
        TRY(sql_step(store, diags, statement, &has_row));
    }
    *ids = g_steal_pointer(&found);
    return OK;
}
