/* Times of a benchmark on a real machine. Unlike runs they are not repeatable, so
 * nothing is ever taken for the same: each call adds a session. */
#include "reports/sql.h"

static enum status save(struct store *store, struct diags *diags,
                        const struct run_origin *origin, const char *benchmark,
                        int64_t session, const struct measurement *row)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(
        store, diags,
        "INSERT INTO measurements (session, time, version, git_id, benchmark,"
        " machine, subject, dtype, output, threads, shapes, sparsity_ratio,"
        " p10_seconds, median_seconds, samples)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &statement));
    return sql_run(store, diags, statement, "iitttttttitdddi", session,
                   origin->time_s, origin->version,
                   origin->git_id != NULL ? origin->git_id : "", benchmark,
                   row->machine, row->subject, row->dtype, row->output,
                   row->thread_count, row->shapes, row->sparsity_ratio,
                   row->p10_s, row->median_s, row->sample_count);
}

static enum status save_session(struct store *store, struct diags *diags,
                                const struct run_origin *origin,
                                const char *benchmark,
                                const struct measurement *rows, size_t count)
{
    int64_t session = 0;
    TRY(sql_get_count(store, diags,
                      "SELECT ifnull(max(session), 0) + 1 FROM measurements",
                      &session));
    for (size_t i = 0; i < count; i++) {
        TRY(save(store, diags, origin, benchmark, session, &rows[i]));
    }
    return sql_commit(store, diags);
}

enum status store_save_measurements(struct store *store, struct diags *diags,
                                    const struct run_origin *origin,
                                    const char *benchmark,
                                    const struct measurement *measurements,
                                    size_t count)
{
    TRY(sql_begin(store, diags));
    enum status status =
        save_session(store, diags, origin, benchmark, measurements, count);
    sql_rollback(store);
    return status;
}
