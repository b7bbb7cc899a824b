/* Numeric checks in the store. */
#include "reports/sql.h"

#include <string.h>

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* A check that was made before stays: its numbers are the same. */
static enum status save_check(struct store *store, struct diags *diags,
                              const struct run_origin *origin,
                              const struct check *check)
{
    AUTO_STATEMENT statement = NULL;
    TRY(sql_prepare(
        store, diags,
        "INSERT INTO checks (version, git_id, command, subject, kernel,"
        " cascade, cascade_hash, arch, arch_hash, mapping, mapping_hash,"
        " shapes, dtype, inputs, seed, status, max_abs_error, max_rel_error,"
        " error_bound, points, mean_abs_error, mean_rel_error, max_ulp_error,"
        " mean_ulp_error, details)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        &statement));
    return sql_run(
        store, diags, statement, "ttttttttttttttitdddiddddt", origin->version,
        or_empty(origin->git_id), origin->command, check->subject,
        check->kernel, check->cascade, check->cascade_hash,
        or_empty(check->arch), or_empty(check->arch_hash),
        or_empty(check->mapping), or_empty(check->mapping_hash), check->shapes,
        check->dtype, check->inputs == NULL ? "declared" : check->inputs,
        check->seed, check->is_ok ? "ok" : "failed", check->max_abs_error,
        check->max_rel_error, check->error_bound, check->point_count,
        check->mean_abs_error, check->mean_rel_error, check->max_ulp_error,
        check->mean_ulp_error, check->details);
}

enum status store_save_checks(struct store *store, struct diags *diags,
                              const struct run_origin *origin,
                              const struct check *checks, size_t count)
{
    TRY(sql_begin(store, diags));
    enum status status = OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        status = save_check(store, diags, origin, &checks[i]);
    }
    if (status == OK) {
        status = sql_commit(store, diags);
    }
    sql_rollback(store);
    return status;
}

static void clear_verified(gpointer data)
{
    struct verified *verified = data;
    g_free(verified->shapes);
    g_free(verified->dtype);
    g_free(verified->inputs);
}

static char *copy_column(sqlite3_stmt *row, int column)
{
    return g_strdup((const char *)sqlite3_column_text(row, column));
}

enum status store_find_verified(struct store *store, struct diags *diags,
                                const char *cascade_hash, const char *arch_hash,
                                const char *mapping_hash, GArray **found)
{
    AUTO_STATEMENT statement = NULL;
    bool has_row = false;
    TRY(sql_prepare(store, diags,
                    "SELECT shapes, dtype, inputs, status FROM checks"
                    " WHERE subject = 'mapped' AND cascade_hash = ?"
                    " AND arch_hash = ? AND mapping_hash = ? ORDER BY id DESC",
                    &statement));
    TRY(sql_bind(store, diags, statement, "ttt", cascade_hash, arch_hash,
                 mapping_hash));
    g_autoptr(GArray) rows = g_array_new(FALSE, TRUE, sizeof(struct verified));
    g_array_set_clear_func(rows, clear_verified);
    TRY(sql_step(store, diags, statement, &has_row));
    while (has_row) {
        struct verified verified = {
            copy_column(statement, 0), copy_column(statement, 1),
            copy_column(statement, 2),
            strcmp((const char *)sqlite3_column_text(statement, 3), "ok") == 0};
        g_array_append_val(rows, verified);
        TRY(sql_step(store, diags, statement, &has_row));
    }
    *found = g_steal_pointer(&rows);
    return OK;
}
