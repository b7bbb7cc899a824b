/* Writing. Everything a call writes is in one transaction. */
#include <jansson.h>
#include <stdlib.h>

#include "reports/run.h"
#include "reports/schema.h"
#include "reports/sql.h"

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* ---- ids ---------------------------------------------------------------- */

static enum status reserve_one(struct store *store, struct diags *diags,
                               const struct run_origin *origin, const char *key)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags,
                    "INSERT INTO points (key, version, git_id)"
                    " VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    &statement));
    return sql_run(store, diags, statement, "ttt", key, origin->version,
                   or_empty(origin->git_id));
}

static enum status reserve_all(struct store *store, struct diags *diags,
                               const struct run_origin *origin,
                               const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(reserve_one(store, diags, origin, keys[i]));
    }
    return OK;
}

enum status store_reserve(struct store *store, struct diags *diags,
                          const struct run_origin *origin,
                          const char *const *keys, size_t count)
{
    TRY(sql_begin(store, diags));
    enum status status = reserve_all(store, diags, origin, keys, count);
    if (status == OK) {
        status = sql_commit(store, diags);
    }
    sql_rollback(store);
    return status;
}

static enum status find_id(struct store *store, struct diags *diags,
                           const struct run *run, int64_t *id)
{
    AUTO_STATEMENT statement = NULL;
    bool has_row = false;
    TRY(sql_prepare(store, diags,
                    "SELECT id FROM points"
                    " WHERE key = ? AND version = ? AND git_id = ?",
                    &statement));
    TRY(sql_bind(store, diags, statement, "ttt", run->key, run->origin.version,
                 or_empty(run->origin.git_id)));
    TRY(sql_step(store, diags, statement, &has_row));
    *id = sqlite3_column_int64(statement, 0);
    return OK;
}

/* ---- a run -------------------------------------------------------------- */

static char *print_object(json_t *object)
{
    char *printed = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    char *copy = g_strdup(printed);
    free(printed);
    return copy;
}

static char *print_shapes(const struct run *run)
{
    json_t *shapes = json_object();
    for (int i = 0; i < run->shape_count; i++) {
        json_object_set_new(shapes, run->shape_name[i],
                            json_integer(run->shape_value[i]));
    }
    return print_object(shapes);
}

static char *print_assumptions(const struct run *run)
{
    json_t *list = json_array();
    for (int i = 0; i < run->assumption_count; i++) {
        json_array_append_new(list, json_string(run->assumptions[i]));
    }
    return print_object(list);
}

static char *print_ops(const struct evaluation_einsum *einsum)
{
    json_t *ops = json_object();
    for (int op = 0; op < EINSUM_OP_COUNT; op++) {
        if (einsum->ops[op] != 0) {
            json_object_set_new(ops, einsum_op_name((enum einsum_op)op),
                                json_integer(einsum->ops[op]));
        }
    }
    return print_object(ops);
}

/* *is_new false when the run was there already. */
static enum status save_head(struct store *store, struct diags *diags,
                             const struct run *run, int64_t id, bool *is_new)
{
    const struct run_origin *origin = &run->origin;
    const struct evaluation *evaluation = &run->evaluation;
    g_autofree char *shapes = print_shapes(run);
    g_autofree char *assumptions = print_assumptions(run);
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(
        store, diags,
        "INSERT INTO runs (id, time, version, git_id, key, command,"
        " experiment, label, seed, fidelity, cascade, arch, mapping,"
        " cascade_hash, arch_hash, mapping_hash, shapes, cycles, clock_hz,"
        " seconds, energy_pj, bound_cycles, bound_traffic_bytes, model_cycles,"
        " bottleneck, assumptions, area_um2, bound_compute_cycles,"
        " bound_transfer_cycles, fill_cycles, drain_cycles,"
        " bound_unsized_bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        &statement));
    TRY(sql_run(store, diags, statement, "iittttttittttttttiiddiiittdiiiii", id,
                origin->time_s, origin->version, or_empty(origin->git_id),
                run->key, origin->command, origin->experiment, origin->label,
                origin->seed, fidelity_name(evaluation->fidelity), run->cascade,
                run->arch, run->mapping, run->cascade_hash, run->arch_hash,
                run->mapping_hash, shapes, evaluation->cycles,
                evaluation->clock_hz, run_seconds(run), evaluation->energy_pj,
                evaluation->bound_cycles, evaluation->bound_traffic_bytes,
                evaluation->model_cycles, evaluation->bottleneck, assumptions,
                run->area_um2, evaluation->bound_compute_cycles,
                evaluation->bound_transfer_cycles, evaluation->fill_cycles,
                evaluation->drain_cycles, evaluation->bound_unsized_bytes));
    *is_new = sqlite3_changes(store->db) > 0;
    return OK;
}

static enum status save_memories(struct store *store, struct diags *diags,
                                 const struct evaluation *evaluation,
                                 int64_t id)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags,
                    "INSERT INTO memories VALUES (?, ?, ?, ?, ?, ?, ?)",
                    &statement));
    for (int i = 0; i < evaluation->memory_count; i++) {
        const struct evaluation_memory *memory = &evaluation->memories[i];
        TRY(sql_run(store, diags, statement, "iitiiid", id, (int64_t)i,
                    memory->name, memory->read_bytes, memory->write_bytes,
                    memory->transfer_cycles, memory->energy_pj));
    }
    return OK;
}

static enum status save_units(struct store *store, struct diags *diags,
                              const struct evaluation *evaluation, int64_t id)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags,
                    "INSERT INTO units (run, position, unit, busy_cycles,"
                    " utilization_ratio, energy_pj," STALL_COLUMNS ") VALUES"
                    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    &statement));
    for (int i = 0; i < evaluation->unit_count; i++) {
        const struct evaluation_unit *unit = &evaluation->units[i];
        const int64_t *stall = unit->stall_cycles;
        TRY(sql_run(
            store, diags, statement, "iitiddiiiiiiiiiii", id, (int64_t)i,
            unit->name, unit->busy_cycles, unit->utilization_ratio,
            unit->energy_pj, stall[STALL_DEPENDENCY], stall[STALL_REDUCTION],
            stall[STALL_OPERAND], stall[STALL_BANDWIDTH],
            stall[STALL_BANK_CONFLICT], stall[STALL_DRAM], stall[STALL_NETWORK],
            stall[STALL_BUFFER_FULL], stall[STALL_FILL], stall[STALL_DRAIN],
            stall[STALL_OUT_OF_WORK]));
    }
    return OK;
}

static enum status save_causes(struct store *store, struct diags *diags,
                               const struct evaluation *evaluation, int64_t id)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(
        store, diags,
        "INSERT INTO stalls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, -1))",
        &statement));
    for (int i = 0; i < evaluation->cause_count; i++) {
        const struct evaluation_cause *cause = &evaluation->causes[i];
        TRY(sql_run(store, diags, statement, "iittttttii", id, (int64_t)i,
                    cause->unit, stall_name(cause->stall), cause->einsum,
                    cause->tensor, cause->component, cause->part, cause->cycles,
                    cause->without_cycles));
    }
    return OK;
}

static enum status save_einsums(struct store *store, struct diags *diags,
                                const struct evaluation *evaluation, int64_t id)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags,
                    "INSERT INTO einsums VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    &statement));
    for (int i = 0; i < evaluation->einsum_count; i++) {
        const struct evaluation_einsum *einsum = &evaluation->einsums[i];
        g_autofree char *ops = print_ops(einsum);
        TRY(sql_run(store, diags, statement, "iittitdd", id, (int64_t)i,
                    einsum->name, einsum->unit, einsum->busy_cycles, ops,
                    einsum->energy_pj, einsum->utilization_ratio));
    }
    return OK;
}

static enum status save_actions(struct store *store, struct diags *diags,
                                const struct evaluation *evaluation, int64_t id)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags,
                    "INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    &statement));
    for (int i = 0; i < evaluation->action_count; i++) {
        const struct evaluation_action *action = &evaluation->actions[i];
        TRY(sql_run(store, diags, statement, "iittttiid", id, (int64_t)i,
                    action->component, action->tensor, action->einsum,
                    action->action, action->count, action->bytes,
                    action->energy_pj));
    }
    return OK;
}

static enum status save_transfers(struct store *store, struct diags *diags,
                                  const struct evaluation *evaluation,
                                  int64_t id)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags,
                    "INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    &statement));
    for (int i = 0; i < evaluation->transfer_count; i++) {
        const struct evaluation_transfer *t = &evaluation->transfers[i];
        TRY(sql_run(store, diags, statement, "iittiiii", id, (int64_t)i,
                    t->memory, t->tensor, t->reads, t->fills, t->updates,
                    t->drains));
    }
    return OK;
}

static enum status save_tensors(struct store *store, struct diags *diags,
                                const struct run *run, int64_t id)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(store, diags, "INSERT INTO tensors VALUES (?, ?, ?, ?)",
                    &statement));
    for (int i = 0; i < run->tensor_count; i++) {
        TRY(sql_run(store, diags, statement, "iiti", id, (int64_t)i,
                    run->tensors[i].name, run->tensors[i].compulsory_bytes));
    }
    return OK;
}

static enum status save_run(struct store *store, struct diags *diags,
                            struct run *run)
{
    int64_t id = 0;
    bool is_new = false;
    TRY(reserve_one(store, diags, &run->origin, run->key));
    TRY(find_id(store, diags, run, &id));
    TRY(save_head(store, diags, run, id, &is_new));
    if (is_new) {
        TRY(save_memories(store, diags, &run->evaluation, id));
        TRY(save_units(store, diags, &run->evaluation, id));
        TRY(save_causes(store, diags, &run->evaluation, id));
        TRY(save_tensors(store, diags, run, id));
        TRY(save_einsums(store, diags, &run->evaluation, id));
        TRY(save_actions(store, diags, &run->evaluation, id));
        TRY(save_transfers(store, diags, &run->evaluation, id));
    }
    run->id = id;
    return OK;
}

enum status store_save_runs(struct store *store, struct diags *diags,
                            struct run *const *runs, size_t count)
{
    TRY(sql_begin(store, diags));
    enum status status = OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        status = save_run(store, diags, runs[i]);
    }
    if (status == OK) {
        status = sql_commit(store, diags);
    }
    sql_rollback(store);
    return status;
}
