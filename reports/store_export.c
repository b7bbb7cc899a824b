/* A table as comma-separated values (RFC 4180, but lines end in a newline
 * alone): null is an empty field, a text with a comma, quote or newline is
 * quoted, doubles have 17 significant digits. */
#include <inttypes.h>
#include <string.h>

#include "reports/sql.h"

static const char *const tables[] = {
    "runs",      "actions", "units",  "memories",     "einsums", "checks",
    "transfers", "tensors", "stalls", "measurements", NULL};

/* The others have rows of runs. */
static const char *const tables_by_id[] = {"runs", "checks", "measurements",
                                           NULL};

const char *const *store_table_names(void)
{
    return tables;
}

static void print_text(const char *text, GString *out)
{
    if (strpbrk(text, ",\"\n\r") == NULL) {
        g_string_append(out, text);
        return;
    }
    g_string_append_c(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        g_string_append(out, *c == '"' ? "\"\"" : (char[]){*c, '\0'});
    }
    g_string_append_c(out, '"');
}

static void print_field(sqlite3_stmt *row, int column, GString *out)
{
    int type = sqlite3_column_type(row, column);
    if (type == SQLITE_INTEGER) {
        g_string_append_printf(out, "%" PRId64,
                               (int64_t)sqlite3_column_int64(row, column));
    } else if (type == SQLITE_FLOAT) {
        char digits[G_ASCII_DTOSTR_BUF_SIZE];
        g_string_append(out,
                        g_ascii_formatd(digits, sizeof(digits), "%.17g",
                                        sqlite3_column_double(row, column)));
    } else if (type != SQLITE_NULL) {
        print_text((const char *)sqlite3_column_text(row, column), out);
    }
}

enum status store_export_csv(struct store *store, struct diags *diags,
                             const char *table, GString *out)
{
    if (!g_strv_contains(tables, table)) {
        g_autofree char *suggestion =
            suggest_text(table, tables, G_N_ELEMENTS(tables) - 1);
        diag_error(diags, SPAN_NONE, "store-unknown-table", suggestion,
                   "unknown table '%s'", table);
        return ERR_INPUT;
    }
    const char *order =
        g_strv_contains(tables_by_id, table) ? "id" : "run, position";
    g_autofree char *query =
        g_strdup_printf("SELECT * FROM %s ORDER BY %s", table, order);
    AUTO_STATEMENT statement = NULL;
    bool has_row = false;
    TRY(sql_prepare(store, diags, query, &statement));
    int count = sqlite3_column_count(statement);
    for (int i = 0; i < count; i++) {
        g_string_append_printf(out, "%s%c", sqlite3_column_name(statement, i),
                               i + 1 < count ? ',' : '\n');
    }
    TRY(sql_step(store, diags, statement, &has_row));
    while (has_row) {
        for (int i = 0; i < count; i++) {
            print_field(statement, i, out);
            g_string_append_c(out, i + 1 < count ? ',' : '\n');
        }
        TRY(sql_step(store, diags, statement, &has_row));
    }
    return OK;
}
