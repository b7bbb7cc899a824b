/* Frames of the workers: taken when whole, never before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>

#include "explore/worker.h"

static void test_frame_is_taken_when_it_is_whole(void **state)
{
    (void)state;
    const char text[] = "a result";
    struct frame_header sent = {
        .point = 7, .status = ERR_IO, .length_bytes = strlen(text)};
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const guint8 *)&sent, sizeof(sent));
    g_byte_array_append(bytes, (const guint8 *)text, strlen(text));
    struct worker worker = {.is_busy = true, .buffer = g_byte_array_new()};
    struct frame_header got = {0};
    char *taken = NULL;
    for (guint i = 0; i < bytes->len; i++) {
        assert_false(worker_take_frame(&worker, &got, &taken));
        g_byte_array_append(worker.buffer, &bytes->data[i], 1);
    }
    assert_true(worker_take_frame(&worker, &got, &taken));
    assert_string_equal(taken, text);
    assert_int_equal(got.point, 7);
    assert_int_equal(got.status, ERR_IO);
    assert_false(worker.is_busy);
    assert_false(worker_take_frame(&worker, &got, &taken));
    g_free(taken);
    g_byte_array_free(worker.buffer, TRUE);
}

static void test_two_frames_in_one_read_are_two(void **state)
{
    (void)state;
    struct worker worker = {.buffer = g_byte_array_new()};
    for (uint32_t i = 0; i < 2; i++) {
        struct frame_header sent = {.point = i, .length_bytes = 1};
        g_byte_array_append(worker.buffer, (const guint8 *)&sent, sizeof(sent));
        g_byte_array_append(worker.buffer, (const guint8 *)"x", 1);
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct frame_header got = {0};
        char *taken = NULL;
        assert_true(worker_take_frame(&worker, &got, &taken));
        assert_int_equal(got.point, i);
        assert_string_equal(taken, "x");
        g_free(taken);
    }
    g_byte_array_free(worker.buffer, TRUE);
}

/* A real worker answers what it is asked, in order, and ends when its
 * pipe is closed. */
static void test_worker_answers_and_ends(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(scope) chosen = scope_new(NULL);
    AUTO(experiment) experiment = NULL;
    struct experiment_options load = {.chosen = chosen, .wants_model = true};
    assert_int_equal(experiment_load_file(diags, "experiments/fusemax.yaml",
                                          &load, &experiment),
                     OK);
    struct run_origin origin = {.version = "1"};
    struct sweep_options options = {.origin = &origin, .jobs = 1};
    struct worker worker;
    assert_int_equal(
        worker_start(diags, experiment, &options, NULL, 0, &worker), OK);
    for (uint32_t i = 0; i < 3; i++) {
        struct frame_header header = {0};
        char *text = NULL;
        assert_true(worker_ask(&worker, i));
        while (!worker_take_frame(&worker, &header, &text)) {
            assert_true(worker_read(&worker));
        }
        AUTO(run) run = NULL;
        assert_int_equal(header.status, OK);
        assert_int_equal(run_parse_json(diags, text, &run), OK);
        assert_string_equal(run->origin.label,
                            experiment_point(experiment, i)->label);
        g_free(text);
    }
    int status = worker_stop(&worker, false);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_is_taken_when_it_is_whole),
        cmocka_unit_test(test_two_frames_in_one_read_are_two),
        cmocka_unit_test(test_worker_answers_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
