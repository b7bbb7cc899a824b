#include <inttypes.h>

#include "reports/schema.h"

/* Rows have primary keys that follow from the run alone and the tables are kept
 * in that order, so the order in which results arrive leaves no trace. A run's
 * id is given out with its key (points) before it is evaluated. */
static const char version_1[] =
    "CREATE TABLE points ("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT NOT NULL,"
    "  version TEXT NOT NULL,"
    "  git_id TEXT NOT NULL,"
    "  UNIQUE (key, version, git_id));"
    "CREATE TABLE runs ("
    "  id INTEGER PRIMARY KEY REFERENCES points (id),"
    "  time INTEGER NOT NULL,"
    "  version TEXT NOT NULL,"
    "  git_id TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  command TEXT,"
    "  experiment TEXT,"
    "  label TEXT,"
    "  seed INTEGER NOT NULL,"
    "  fidelity TEXT NOT NULL,"
    "  cascade TEXT NOT NULL,"
    "  arch TEXT NOT NULL,"
    "  mapping TEXT NOT NULL,"
    "  cascade_hash TEXT NOT NULL,"
    "  arch_hash TEXT NOT NULL,"
    "  mapping_hash TEXT NOT NULL,"
    "  shapes TEXT NOT NULL,"
    "  cycles INTEGER NOT NULL,"
    "  clock_hz INTEGER NOT NULL,"
    "  seconds REAL NOT NULL,"
    "  energy_pj REAL,"
    "  bound_cycles INTEGER NOT NULL,"
    "  bound_traffic_bytes INTEGER NOT NULL,"
    "  model_cycles INTEGER NOT NULL,"
    "  bottleneck TEXT,"
    "  assumptions TEXT NOT NULL,"
    "  UNIQUE (key, version, git_id));"
    "CREATE TABLE actions ("
    "  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  component TEXT NOT NULL,"
    "  tensor TEXT,"
    "  einsum TEXT,"
    "  action TEXT NOT NULL,"
    "  count INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  energy_pj REAL,"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;"
    "CREATE TABLE memories ("
    "  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  memory TEXT NOT NULL,"
    "  read_bytes INTEGER NOT NULL,"
    "  write_bytes INTEGER NOT NULL,"
    "  transfer_cycles INTEGER NOT NULL,"
    "  energy_pj REAL,"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;"
    "CREATE TABLE units ("
    "  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  unit TEXT NOT NULL,"
    "  busy_cycles INTEGER NOT NULL,"
    "  stall_dependency_cycles INTEGER NOT NULL,"
    "  stall_reduction_cycles INTEGER NOT NULL,"
    "  stall_bandwidth_cycles INTEGER NOT NULL,"
    "  stall_fill_cycles INTEGER NOT NULL,"
    "  stall_drain_cycles INTEGER NOT NULL,"
    "  utilization_ratio REAL,"
    "  energy_pj REAL,"
    /* The names that tools were promised for these two. */
    "  busy INTEGER AS (busy_cycles),"
    "  utilization REAL AS (utilization_ratio),"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;"
    "CREATE TABLE einsums ("
    "  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  einsum TEXT NOT NULL,"
    "  unit TEXT,"
    "  busy_cycles INTEGER NOT NULL,"
    "  ops TEXT NOT NULL,"
    "  energy_pj REAL,"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;"
    "CREATE TABLE checks ("
    "  id INTEGER PRIMARY KEY,"
    "  version TEXT NOT NULL,"
    "  git_id TEXT NOT NULL,"
    "  command TEXT,"
    "  subject TEXT NOT NULL,"
    "  kernel TEXT NOT NULL,"
    "  cascade TEXT NOT NULL,"
    "  cascade_hash TEXT NOT NULL,"
    "  arch TEXT NOT NULL,"
    "  arch_hash TEXT NOT NULL,"
    "  mapping TEXT NOT NULL,"
    "  mapping_hash TEXT NOT NULL,"
    "  shapes TEXT NOT NULL,"
    "  dtype TEXT NOT NULL,"
    "  seed INTEGER NOT NULL,"
    "  status TEXT NOT NULL,"
    "  max_abs_error REAL,"
    "  max_rel_error REAL,"
    "  error_bound REAL,"
    "  points INTEGER NOT NULL,"
    "  UNIQUE (version, git_id, subject, cascade_hash, arch_hash, mapping_hash,"
    "          shapes, dtype, seed));";

static const char version_2[] =
    "ALTER TABLE einsums ADD COLUMN utilization_ratio REAL;";

static const char version_3[] =
    "CREATE TABLE transfers ("
    "  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  memory TEXT NOT NULL,"
    "  tensor TEXT NOT NULL,"
    "  reads INTEGER NOT NULL,"
    "  fills INTEGER NOT NULL,"
    "  updates INTEGER NOT NULL,"
    "  drains INTEGER NOT NULL,"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;";

static const char version_4[] =
    "ALTER TABLE runs ADD COLUMN area_um2 REAL;"
    "ALTER TABLE runs ADD COLUMN bound_compute_cycles INTEGER;"
    "ALTER TABLE runs ADD COLUMN bound_transfer_cycles INTEGER;"
    "CREATE TABLE tensors ("
    "  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  tensor TEXT NOT NULL,"
    "  compulsory_bytes INTEGER NOT NULL,"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;";

/* More causes of stalls, and what each was for. */
static const char version_5[] =
    "ALTER TABLE units ADD COLUMN stall_operand_cycles INTEGER;"
    "ALTER TABLE units ADD COLUMN stall_bank_conflict_cycles INTEGER;"
    "ALTER TABLE units ADD COLUMN stall_dram_cycles INTEGER;"
    "ALTER TABLE units ADD COLUMN stall_network_cycles INTEGER;"
    "ALTER TABLE units ADD COLUMN stall_buffer_full_cycles INTEGER;"
    "ALTER TABLE units ADD COLUMN stall_out_of_work_cycles INTEGER;"
    "CREATE TABLE stalls ("
    "  run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
    "  position INTEGER NOT NULL,"
    "  unit TEXT NOT NULL,"
    "  cause TEXT NOT NULL,"
    "  einsum TEXT,"
    "  tensor TEXT,"
    "  component TEXT,"
    "  part TEXT,"
    "  cycles INTEGER NOT NULL,"
    "  without_cycles INTEGER,"
    "  PRIMARY KEY (run, position)) WITHOUT ROWID;";

/* What was timed on a real machine. Ratios mean something within a session only. */
static const char version_6[] = "CREATE TABLE measurements ("
                                "  id INTEGER PRIMARY KEY,"
                                "  session INTEGER NOT NULL,"
                                "  time INTEGER NOT NULL,"
                                "  version TEXT NOT NULL,"
                                "  git_id TEXT NOT NULL,"
                                "  benchmark TEXT NOT NULL,"
                                "  machine TEXT NOT NULL,"
                                "  subject TEXT NOT NULL,"
                                "  dtype TEXT NOT NULL,"
                                "  output TEXT NOT NULL,"
                                "  threads INTEGER NOT NULL,"
                                "  shapes TEXT NOT NULL,"
                                "  sparsity_ratio REAL NOT NULL,"
                                "  p10_seconds REAL NOT NULL,"
                                "  median_seconds REAL NOT NULL,"
                                "  samples INTEGER NOT NULL);";

static const char version_7[] =
    "ALTER TABLE runs ADD COLUMN fill_cycles INTEGER;"
    "ALTER TABLE runs ADD COLUMN drain_cycles INTEGER;";

static const char version_8[] =
    "ALTER TABLE runs ADD COLUMN bound_unsized_bytes INTEGER;";

/* Which inputs, statistics, and the run that a check justifies: a check has no run
 * of its own, it holds for all runs of the same three files. */
static const char version_9[] =
    "CREATE TABLE new_checks ("
    "  id INTEGER PRIMARY KEY,"
    "  version TEXT NOT NULL,"
    "  git_id TEXT NOT NULL,"
    "  command TEXT,"
    "  subject TEXT NOT NULL,"
    "  kernel TEXT NOT NULL,"
    "  cascade TEXT NOT NULL,"
    "  cascade_hash TEXT NOT NULL,"
    "  arch TEXT NOT NULL,"
    "  arch_hash TEXT NOT NULL,"
    "  mapping TEXT NOT NULL,"
    "  mapping_hash TEXT NOT NULL,"
    "  shapes TEXT NOT NULL,"
    "  dtype TEXT NOT NULL,"
    "  inputs TEXT NOT NULL,"
    "  seed INTEGER NOT NULL,"
    "  status TEXT NOT NULL,"
    "  max_abs_error REAL,"
    "  max_rel_error REAL,"
    "  error_bound REAL,"
    "  points INTEGER NOT NULL,"
    "  mean_abs_error REAL,"
    "  mean_rel_error REAL,"
    "  max_ulp_error REAL,"
    "  mean_ulp_error REAL,"
    "  details TEXT,"
    "  UNIQUE (version, git_id, subject, cascade_hash, arch_hash, mapping_hash,"
    "          shapes, dtype, inputs, seed));"
    "INSERT INTO new_checks SELECT id, version, git_id, command, subject,"
    "  kernel, cascade, cascade_hash, arch, arch_hash, mapping, mapping_hash,"
    "  shapes, dtype, 'declared', seed, status, max_abs_error, max_rel_error,"
    "  error_bound, points, NULL, NULL, NULL, NULL, NULL FROM checks;"
    "DROP TABLE checks;"
    "ALTER TABLE new_checks RENAME TO checks;"
    "CREATE VIEW checked_runs AS SELECT runs.id AS run, checks.id AS \"check\","
    "  runs.fidelity, runs.cascade, runs.arch, runs.mapping,"
    "  runs.shapes AS run_shapes, checks.shapes AS check_shapes, checks.dtype,"
    "  checks.inputs, checks.status, checks.max_abs_error, checks.error_bound"
    "  FROM runs JOIN checks USING (cascade_hash, arch_hash, mapping_hash);";

static const char *const migrations[] = {version_1, version_2, version_3,
                                         version_4, version_5, version_6,
                                         version_7, version_8, version_9};

static enum status check_owner(const struct store *store, struct diags *diags,
                               int64_t *version, bool *is_new)
{
    int64_t application = 0;
    int64_t tables = 0;
    TRY(sql_get_count(store, diags, "PRAGMA user_version", version));
    TRY(sql_get_count(store, diags, "PRAGMA application_id", &application));
    TRY(sql_get_count(store, diags, "SELECT count(*) FROM sqlite_schema",
                      &tables));
    *is_new = tables == 0 && *version == 0 && application == 0;
    if (!*is_new && application != SCHEMA_APPLICATION_ID) {
        return diag_fail(diags, ERR_IO, "store-foreign",
                         "'%s' is a database of another program", store->path);
    }
    if (*version > (int64_t)G_N_ELEMENTS(migrations)) {
        return diag_fail(diags, ERR_IO, "store-newer",
                         "'%s' has schema version %" PRId64
                         ", made by a newer weir; this one knows %zu",
                         store->path, *version, G_N_ELEMENTS(migrations));
    }
    return OK;
}

static enum status apply(const struct store *store, struct diags *diags,
                         int64_t version)
{
    for (size_t i = (size_t)version; i < G_N_ELEMENTS(migrations); i++) {
        TRY(sql_exec(store, diags, migrations[i]));
    }
    g_autofree char *marks =
        g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %zu",
                        SCHEMA_APPLICATION_ID, G_N_ELEMENTS(migrations));
    return sql_exec(store, diags, marks);
}

enum status schema_migrate(const struct store *store, struct diags *diags)
{
    int64_t version = 0;
    bool is_new = false;
    TRY(check_owner(store, diags, &version, &is_new));
    if (version == (int64_t)G_N_ELEMENTS(migrations)) {
        return OK;
    }
    TRY(sql_begin(store, diags));
    /* Another process may have done it while this one waited for the lock. */
    enum status status = check_owner(store, diags, &version, &is_new);
    if (status == OK) {
        status = apply(store, diags, version);
    }
    if (status == OK) {
        status = sql_commit(store, diags);
    }
    sql_rollback(store);
    return status;
}
