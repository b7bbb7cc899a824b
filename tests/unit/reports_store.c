/* The store: what goes in comes out, once, whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib/gstdio.h>
#include <math.h>

#include "reports/schema.h"
#include "tests/unit/reports_fixture.h"

struct scratch {
    char *folder;
    char *path;
};

static int make_scratch(void **state)
{
    struct scratch *scratch = g_new0(struct scratch, 1);
    scratch->folder = g_dir_make_tmp("weir-store-XXXXXX", NULL);
    scratch->path = g_build_filename(scratch->folder, "runs.db", NULL);
    *state = scratch;
    return 0;
}

static int remove_scratch(void **state)
{
    struct scratch *scratch = *state;
    GDir *dir = g_dir_open(scratch->folder, 0, NULL);
    const char *name = NULL;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(scratch->folder, name, NULL);
        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(scratch->folder);
    g_free(scratch->folder);
    g_free(scratch->path);
    g_free(scratch);
    return 0;
}

static struct store *open_store(const char *path)
{
    AUTO(diags) diags = diags_new();
    struct store *store = NULL;
    if (store_open(diags, path, STORE_WRITE, &store) != OK) {
        fixture_print(diags);
        fail();
    }
    return store;
}

/* Opening must fail with this code, and leave the file as it was. */
static void expect_refusal(const char *path, enum store_mode mode,
                           const char *code)
{
    AUTO(diags) diags = diags_new();
    struct store *store = NULL;
    assert_int_equal(store_open(diags, path, mode, &store), ERR_IO);
    assert_null(store);
    assert_int_equal(diags_count(diags), 1);
    assert_string_equal(diags_get(diags, 0)->code, code);
    assert_non_null(strstr(diags_get(diags, 0)->message, path));
}

static int64_t count_rows(const struct store *store, const char *table)
{
    AUTO(diags) diags = diags_new();
    g_autofree char *query = g_strdup_printf("SELECT count(*) FROM %s", table);
    int64_t count = -1;
    assert_int_equal(sql_get_count(store, diags, query, &count), OK);
    return count;
}

static void test_stored_run_comes_back_as_it_was(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_SIM);
    AUTO(run) loaded = NULL;
    AUTO(run) found = NULL;
    struct run *runs[] = {run};
    run->evaluation.actions[0].energy_pj = 0.1 + 0.2;
    assert_int_equal(store_save_runs(store, diags, runs, 1), OK);
    assert_int_equal(run->id, 1);
    assert_int_equal(store_load_run(store, diags, 1, &loaded), OK);
    g_autofree char *before = run_print_json(run, 2);
    g_autofree char *after = run_print_json(loaded, 2);
    assert_string_equal(after, before);
    assert_int_equal(store_find_run(store, diags, run->key, &found), OK);
    assert_non_null(found);
    assert_int_equal(found->id, 1);
}

static void test_absent_run_is_null(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    struct run *run = NULL;
    assert_int_equal(store_load_run(store, diags, 1, &run), OK);
    assert_null(run);
    assert_int_equal(store_find_run(store, diags, "no key", &run), OK);
    assert_null(run);
}

static void test_same_run_is_stored_once(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_MODEL);
    AUTO(run) again = fixture_run("P=64 M=64", FIDELITY_MODEL);
    struct run *runs[] = {run, again};
    assert_int_equal(store_save_runs(store, diags, runs, 2), OK);
    assert_int_equal(again->id, run->id);
    assert_int_equal(count_rows(store, "runs"), 1);
    assert_int_equal(count_rows(store, "units"), run->evaluation.unit_count);
    /* Another version of the program makes another run. */
    again->origin.version = "9";
    assert_int_equal(store_save_runs(store, diags, &runs[1], 1), OK);
    assert_int_equal(count_rows(store, "runs"), 2);
}

static void test_reserved_ids_hold_whatever_comes_first(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    AUTO(run) one = fixture_run("P=64 M=64", FIDELITY_MODEL);
    AUTO(run) two = fixture_run("P=64 M=128", FIDELITY_MODEL);
    const char *keys[] = {one->key, two->key};
    bool has_run = true;
    assert_int_equal(store_reserve(store, diags, &one->origin, keys, 2), OK);
    assert_int_equal(store_save_runs(store, diags, &two, 1), OK);
    assert_int_equal(store_reserve(store, diags, &one->origin, keys, 2), OK);
    assert_int_equal(
        store_has_run(store, diags, &one->origin, one->key, &has_run), OK);
    assert_false(has_run);
    assert_int_equal(store_save_runs(store, diags, &one, 1), OK);
    assert_int_equal(one->id, 1);
    assert_int_equal(two->id, 2);
    assert_int_equal(
        store_has_run(store, diags, &one->origin, one->key, &has_run), OK);
    assert_true(has_run);
}

static void test_full_disk_stores_nothing(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    AUTO(run) one = fixture_run("P=64 M=64", FIDELITY_MODEL);
    AUTO(run) two = fixture_run("P=64 M=128", FIDELITY_MODEL);
    struct run *runs[] = {one, two};
    int64_t pages = 0;
    /* The first fits into pages that are there, the second does not. */
    g_autofree char *command = g_strnfill(100000, 'x');
    two->origin.command = command;
    assert_int_equal(sql_get_count(store, diags, "PRAGMA page_count", &pages),
                     OK);
    g_autofree char *limit =
        g_strdup_printf("PRAGMA max_page_count = %d", (int)pages);
    assert_int_equal(sql_exec(store, diags, limit), OK);
    assert_int_equal(store_save_runs(store, diags, runs, 2), ERR_IO);
    assert_string_equal(diags_get(diags, 0)->code, "store-full");
    assert_int_equal(count_rows(store, "runs"), 0);
    assert_int_equal(count_rows(store, "points"), 0);
    assert_int_equal(count_rows(store, "actions"), 0);
    /* And the store goes on working once there is room. */
    assert_int_equal(sql_exec(store, diags, "PRAGMA max_page_count = 10000"),
                     OK);
    assert_int_equal(store_save_runs(store, diags, runs, 2), OK);
    assert_int_equal(count_rows(store, "runs"), 2);
}

static void test_locked_store_is_an_error(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    AUTO(store) other = open_store(scratch->path);
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_MODEL);
    assert_int_equal(sql_begin(other, diags), OK);
    sqlite3_busy_timeout(store->db, 10);
    assert_int_equal(store_save_runs(store, diags, &run, 1), ERR_IO);
    assert_string_equal(diags_get(diags, 0)->code, "store-locked");
    sql_rollback(other);
    assert_int_equal(store_save_runs(store, diags, &run, 1), OK);
}

static void test_a_folder_is_refused(void **state)
{
    const struct scratch *scratch = *state;
    expect_refusal(scratch->folder, STORE_WRITE, "store-failed");
}

static void test_a_missing_store_is_not_made_by_reading(void **state)
{
    const struct scratch *scratch = *state;
    expect_refusal(scratch->path, STORE_READ, "store-missing");
    assert_false(g_file_test(scratch->path, G_FILE_TEST_EXISTS));
}

static void test_a_file_that_is_no_database_is_left_alone(void **state)
{
    const struct scratch *scratch = *state;
    g_autofree char *text = g_strnfill(5000, 'x');
    g_autofree char *after = NULL;
    assert_true(g_file_set_contents(scratch->path, text, -1, NULL));
    expect_refusal(scratch->path, STORE_WRITE, "store-not-a-database");
    assert_true(g_file_get_contents(scratch->path, &after, NULL, NULL));
    assert_string_equal(after, text);
}

static void run_sql(const char *path, const char *statements)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, statements, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_a_database_of_another_program_is_refused(void **state)
{
    const struct scratch *scratch = *state;
    run_sql(scratch->path, "CREATE TABLE recipes (id INTEGER)");
    expect_refusal(scratch->path, STORE_WRITE, "store-foreign");
    expect_refusal(scratch->path, STORE_READ, "store-foreign");
}

static void test_a_newer_schema_is_refused(void **state)
{
    const struct scratch *scratch = *state;
    store_free(open_store(scratch->path));
    run_sql(scratch->path, "PRAGMA user_version = 99");
    expect_refusal(scratch->path, STORE_WRITE, "store-newer");
}

static void test_a_read_only_store_can_be_read_and_not_written(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = NULL;
    store_free(open_store(scratch->path));
    g_autofree char *uri =
        g_strdup_printf("file:%s?immutable=1", scratch->path);
    expect_refusal(uri, STORE_WRITE, "store-read-only");
    assert_int_equal(store_open(diags, uri, STORE_READ, &store), OK);
}

static void test_each_call_adds_a_session_of_measurements(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = NULL;
    struct run_origin origin = {.version = "1", .time_s = 7};
    struct measurement row = {.machine = "a processor",
                              .subject = "4x1",
                              .dtype = "s8",
                              .output = "u8",
                              .thread_count = 2,
                              .shapes = "{\"M\":256}",
                              .sparsity_ratio = 0.5,
                              .p10_s = 1e-6,
                              .median_s = 2e-6,
                              .sample_count = 25};
    assert_int_equal(store_open(diags, scratch->path, STORE_WRITE, &store), OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            store_save_measurements(store, diags, &origin, "spmm", &row, 1),
            OK);
    }
    assert_int_equal(
        count_rows(store, "measurements WHERE session = 2 AND "
                          "sparsity_ratio = 0.5 AND p10_seconds = 1e-6 AND "
                          "median_seconds = 2e-6 AND samples = 25 AND "
                          "threads = 2 AND time = 7"),
        1);
    g_autoptr(GString) text = g_string_new(NULL);
    assert_int_equal(store_export_csv(store, diags, "measurements", text), OK);
    assert_non_null(
        strstr(text->str, "\n2,2,7,1,,spmm,a processor,4x1,s8,u8,"));
}

static void
test_checks_are_stored_once_with_unknown_errors_as_null(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    struct run_origin origin = {.version = "1", .git_id = "a"};
    struct check check = {
        .subject = "interpreter",
        .kernel = "gemm",
        .cascade = "gemm",
        .cascade_hash = "00",
        .shapes = "{}",
        .dtype = "fp64",
        .max_abs_error = (double)NAN,
        .point_count = 4,
    };
    assert_int_equal(store_save_checks(store, diags, &origin, &check, 1), OK);
    assert_int_equal(store_save_checks(store, diags, &origin, &check, 1), OK);
    assert_int_equal(count_rows(store, "checks"), 1);
    assert_int_equal(
        count_rows(store, "checks WHERE status = 'failed' AND points = 4 AND "
                          "max_abs_error IS NULL AND error_bound = 0"),
        1);
}

static void test_export_quotes_what_needs_it(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    AUTO(run) run = fixture_run("P=64 M=64", FIDELITY_MODEL);
    g_autoptr(GString) out = g_string_new(NULL);
    run->origin.command = "say \"a, b\"";
    assert_int_equal(store_save_runs(store, diags, &run, 1), OK);
    assert_int_equal(store_export_csv(store, diags, "runs", out), OK);
    assert_true(g_str_has_prefix(out->str, "id,time,version,git_id,key,"));
    assert_non_null(strstr(out->str, ",\"say \"\"a, b\"\"\","));
    assert_non_null(strstr(out->str, "\n1,1700000000,1.2.3,abc,"));
    g_string_truncate(out, 0);
    assert_int_equal(store_export_csv(store, diags, "rums", out), ERR_INPUT);
    assert_non_null(strstr(diags_get(diags, 0)->suggestion, "'runs'"));
}

static void test_every_table_can_be_exported(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    AUTO_STATEMENT statement = NULL;
    bool has_row = false;
    size_t count = 0;
    /* points keeps ids only. */
    assert_int_equal(sql_prepare(store, diags,
                                 "SELECT name FROM sqlite_schema WHERE "
                                 "type = 'table' AND name <> 'points'",
                                 &statement),
                     OK);
    assert_int_equal(sql_step(store, diags, statement, &has_row), OK);
    for (; has_row; count++) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        g_autoptr(GString) out = g_string_new(NULL);
        assert_int_equal(store_export_csv(store, diags, name, out), OK);
        assert_int_equal(sql_step(store, diags, statement, &has_row), OK);
    }
    assert_int_equal(g_strv_length((char **)(uintptr_t)store_table_names()),
                     count);
}

/* A column of numbers that is no metric would be a number without a meaning. */
static void test_every_number_in_the_schema_is_a_metric(void **state)
{
    const struct scratch *scratch = *state;
    static const char *const links[] = {"id", "run", "session", "position",
                                        NULL};
    AUTO(diags) diags = diags_new();
    AUTO(store) store = open_store(scratch->path);
    AUTO_STATEMENT statement = NULL;
    bool has_row = false;
    int columns = 0;
    assert_int_equal(
        sql_prepare(store, diags,
                    "SELECT m.name, c.name FROM sqlite_schema m, "
                    "pragma_table_info(m.name) c WHERE m.type = 'table' AND "
                    "c.type IN ('INTEGER', 'REAL')",
                    &statement),
        OK);
    assert_int_equal(sql_step(store, diags, statement, &has_row), OK);
    for (; has_row; columns++) {
        const char *name = (const char *)sqlite3_column_text(statement, 1);
        bool is_known = g_strv_contains(links, name);
        for (int i = 0; i < METRIC_COUNT && !is_known; i++) {
            is_known = strcmp(metric_get((enum metric)i)->column, name) == 0;
        }
        if (!is_known) {
            fail_msg("column '%s' of '%s' is no metric", name,
                     (const char *)sqlite3_column_text(statement, 0));
        }
        assert_int_equal(sql_step(store, diags, statement, &has_row), OK);
    }
    assert_true(columns > 30);
}

#define STORE_TEST(test)                                                       \
    cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_stored_run_comes_back_as_it_was),
        STORE_TEST(test_absent_run_is_null),
        STORE_TEST(test_same_run_is_stored_once),
        STORE_TEST(test_reserved_ids_hold_whatever_comes_first),
        STORE_TEST(test_full_disk_stores_nothing),
        STORE_TEST(test_locked_store_is_an_error),
        STORE_TEST(test_a_folder_is_refused),
        STORE_TEST(test_a_missing_store_is_not_made_by_reading),
        STORE_TEST(test_a_file_that_is_no_database_is_left_alone),
        STORE_TEST(test_a_database_of_another_program_is_refused),
        STORE_TEST(test_a_newer_schema_is_refused),
        STORE_TEST(test_a_read_only_store_can_be_read_and_not_written),
        STORE_TEST(test_each_call_adds_a_session_of_measurements),
        STORE_TEST(test_checks_are_stored_once_with_unknown_errors_as_null),
        STORE_TEST(test_export_quotes_what_needs_it),
        STORE_TEST(test_every_table_can_be_exported),
        STORE_TEST(test_every_number_in_the_schema_is_a_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
