#include <math.h>
#include <stdarg.h>

#include "reports/sql.h"

enum status sql_fail(const struct store *store, struct diags *diags,
                     const char *doing)
{
    int code = sqlite3_extended_errcode(store->db) & 0xff;
    const char *why = sqlite3_errmsg(store->db);
    if (code == SQLITE_NOMEM) {
        return diag_fail(diags, ERR_MEM, "store-memory", "no memory to %s '%s'",
                         doing, store->path);
    }
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
        return diag_fail(diags, ERR_IO, "store-not-a-database",
                         "'%s' is not a database, or damaged: %s", store->path,
                         why);
    }
    if (code == SQLITE_READONLY) {
        return diag_fail(diags, ERR_IO, "store-read-only",
                         "cannot %s '%s': it is read-only", doing, store->path);
    }
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        return diag_fail(diags, ERR_IO, "store-locked",
                         "cannot %s '%s': another process holds it", doing,
                         store->path);
    }
    if (code == SQLITE_FULL) {
        return diag_fail(diags, ERR_IO, "store-full",
                         "cannot %s '%s': the disk is full", doing,
                         store->path);
    }
    return diag_fail(diags, ERR_IO, "store-failed", "cannot %s '%s': %s", doing,
                     store->path, why);
}

enum status sql_exec(const struct store *store, struct diags *diags,
                     const char *statements)
{
    if (sqlite3_exec(store->db, statements, NULL, NULL, NULL) != SQLITE_OK) {
        return sql_fail(store, diags, "use database");
    }
    return OK;
}

enum status sql_prepare(const struct store *store, struct diags *diags,
                        const char *statement, sqlite3_stmt **prepared)
{
    if (sqlite3_prepare_v2(store->db, statement, -1, prepared, NULL) !=
        SQLITE_OK) {
        return sql_fail(store, diags, "read database");
    }
    return OK;
}

static int bind_all(sqlite3_stmt *prepared, const char *kinds, va_list args)
{
    int code = sqlite3_reset(prepared);
    for (int i = 1; kinds[i - 1] != '\0' && code == SQLITE_OK; i++) {
        if (kinds[i - 1] == 'i') {
            code = sqlite3_bind_int64(prepared, i, va_arg(args, int64_t));
        } else if (kinds[i - 1] == 'd') {
            double value = va_arg(args, double);
            code = isnan(value) ? sqlite3_bind_null(prepared, i)
                                : sqlite3_bind_double(prepared, i, value);
        } else if (kinds[i - 1] == 't') {
            code = sqlite3_bind_text(prepared, i, va_arg(args, const char *),
                                     -1, SQLITE_STATIC);
        } else {
            BUG("no kind of SQL parameter '%c'", kinds[i - 1]);
        }
    }
    return code;
}

enum status sql_bind(const struct store *store, struct diags *diags,
                     sqlite3_stmt *prepared, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    int code = bind_all(prepared, kinds, args);
    va_end(args);
    return code == SQLITE_OK ? OK : sql_fail(store, diags, "read database");
}

enum status sql_step(const struct store *store, struct diags *diags,
                     sqlite3_stmt *prepared, bool *has_row)
{
    int code = sqlite3_step(prepared);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return sql_fail(store, diags, "read database");
    }
    *has_row = code == SQLITE_ROW;
    return OK;
}

enum status sql_run(const struct store *store, struct diags *diags,
                    sqlite3_stmt *prepared, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    int code = bind_all(prepared, kinds, args);
    va_end(args);
    if (code != SQLITE_OK || sqlite3_step(prepared) != SQLITE_DONE) {
        return sql_fail(store, diags, "write to database");
    }
    /* Lets go of the caller's texts and of the row. */
    sqlite3_reset(prepared);
    sqlite3_clear_bindings(prepared);
    return OK;
}

enum status sql_get_count(const struct store *store, struct diags *diags,
                          const char *statement, int64_t *value)
{
    AUTO_STATEMENT prepared = NULL;
    bool has_row = false;
    TRY(sql_prepare(store, diags, statement, &prepared));
    TRY(sql_step(store, diags, prepared, &has_row));
    if (has_row) {
        *value = sqlite3_column_int64(prepared, 0);
    }
    return OK;
}

enum status sql_begin(const struct store *store, struct diags *diags)
{
    if (sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) !=
        SQLITE_OK) {
        return sql_fail(store, diags, "write to database");
    }
    return OK;
}

enum status sql_commit(const struct store *store, struct diags *diags)
{
    if (sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        return sql_fail(store, diags, "write to database");
    }
    return OK;
}

void sql_rollback(const struct store *store)
{
    if (sqlite3_get_autocommit(store->db) == 0) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
}
