/* SQLite with Weir's diagnostics: every failing call becomes a message that
 * names the file, and nothing else in the folder looks at SQLite's codes. */
#ifndef WEIR_REPORTS_SQL_H
#define WEIR_REPORTS_SQL_H

#include <sqlite3.h>

#include "reports/reports.h"

struct store {
    sqlite3 *db;
    char *path;
};

/* Reports what SQLite last complained of: ERR_MEM or ERR_IO. */
enum status sql_fail(const struct store *store, struct diags *diags,
                     const char *doing);

/* Statements without a result, ';' between them. */
MUST_USE enum status sql_exec(const struct store *store, struct diags *diags,
                              const char *statements);

MUST_USE enum status sql_prepare(const struct store *store, struct diags *diags,
                                 const char *statement,
                                 sqlite3_stmt **prepared);

/* Runs a prepared statement once. `kinds` has a letter a parameter: i int64_t,
 * d double (NaN is NULL), t const char * (may be NULL); texts must live until
 * the call returns. */
MUST_USE enum status sql_run(const struct store *store, struct diags *diags,
                             sqlite3_stmt *prepared, const char *kinds, ...);

/* Binds parameters as sql_run does, for statements that yield rows. */
MUST_USE enum status sql_bind(const struct store *store, struct diags *diags,
                              sqlite3_stmt *prepared, const char *kinds, ...);
/* *has_row false at the end. */
MUST_USE enum status sql_step(const struct store *store, struct diags *diags,
                              sqlite3_stmt *prepared, bool *has_row);

/* First column of the first row; `value` stays as it is when there is none. */
MUST_USE enum status sql_get_count(const struct store *store,
                                   struct diags *diags, const char *statement,
                                   int64_t *value);

/* A write transaction: rolled back by sql_rollback unless sql_commit was
 * reached; sql_rollback outside of one does nothing. */
MUST_USE enum status sql_begin(const struct store *store, struct diags *diags);
MUST_USE enum status sql_commit(const struct store *store, struct diags *diags);
void sql_rollback(const struct store *store);

static inline void sql_finalize(sqlite3_stmt **prepared)
{
    sqlite3_finalize(*prepared);
}
#define AUTO_STATEMENT __attribute__((cleanup(sql_finalize))) sqlite3_stmt *

#endif
