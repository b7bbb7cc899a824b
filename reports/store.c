/* Opening and closing the store. WAL lets readers work beside a writer; with
 * synchronous NORMAL a power cut may cost the last transactions but never the
 * file. */
#include <glib/gstdio.h>
#include <string.h>

#include "reports/schema.h"

#define BUSY_TIMEOUT_MS 3000

static enum status check_exists(struct diags *diags, const char *path)
{
    if (!g_str_has_prefix(path, "file:") &&
        !g_file_test(path, G_FILE_TEST_EXISTS)) {
        return diag_fail(diags, ERR_IO, "store-missing",
                         "there is no database '%s'", path);
    }
    return OK;
}

static enum status configure(const struct store *store, struct diags *diags,
                             enum store_mode mode)
{
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    sqlite3_extended_result_codes(store->db, 1);
    TRY(sql_exec(store, diags,
                 "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL;"));
    if (mode == STORE_READ) {
        return OK;
    }
    if (sqlite3_db_readonly(store->db, "main") == 1) {
        return diag_fail(diags, ERR_IO, "store-read-only",
                         "cannot write to database '%s': it is read-only",
                         store->path);
    }
    /* A database of another program is left as it is: first look, then set. */
    TRY(schema_migrate(store, diags));
    return sql_exec(store, diags, "PRAGMA journal_mode = WAL;");
}

enum status store_open(struct diags *diags, const char *path,
                       enum store_mode mode, struct store **store)
{
    if (mode == STORE_READ) {
        TRY(check_exists(diags, path));
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI;
    if (mode == STORE_WRITE) {
        flags |= SQLITE_OPEN_CREATE;
    }
    struct store *opened = g_new0(struct store, 1);
    opened->path = g_strdup(path);
    enum status status = OK;
    if (sqlite3_open_v2(path, &opened->db, flags, NULL) != SQLITE_OK) {
        status = sql_fail(opened, diags, "open database");
    } else {
        status = configure(opened, diags, mode);
    }
    if (status == OK && mode == STORE_READ) {
        status = schema_migrate(opened, diags);
    }
    if (status != OK) {
        store_free(opened);
        return status;
    }
    *store = opened;
    return OK;
}

void store_free(struct store *store)
{
    if (store == NULL) {
        return;
    }
    sqlite3_close_v2(store->db);
    g_free(store->path);
    g_free(store);
}
