/* The parent of the workers. Ids are given out in the order of the points
 * before anything runs, so results may be stored as they come. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "explore/worker.h"

#define TICK_MS     100    /* between calls of progress, at most */
#define COMMIT_US   250000 /* between transactions, at most */
#define COMMIT_RUNS 32     /* in one transaction, at most */
#define JOBS_MAX    1024

struct sweep {
    const struct experiment *experiment;
    struct store *store;
    const struct sweep_options *options;
    struct diags *diags;
    struct sweep_outcome *outcome;
    GArray *pending; /* uint32_t: points to be evaluated, in order */
    guint next;      /* first of them that no worker has */
    struct worker *workers;
    size_t worker_count;
    GPtrArray *finished; /* struct run *, not stored yet */
    gint64 committed_us;
};

static void free_run(gpointer run)
{
    run_free(run);
}

static int count_interrupts(const struct sweep *sweep)
{
    return sweep->options->interrupts == NULL ? 0 : *sweep->options->interrupts;
}

static void report_progress(const struct sweep *sweep)
{
    const struct sweep_outcome *outcome = sweep->outcome;
    if (sweep->options->progress != NULL) {
        sweep->options->progress(sweep->options->progress_data,
                                 outcome->found + outcome->evaluated +
                                     outcome->failed + sweep->finished->len,
                                 outcome->total);
    }
}

/* ---- what is to be done ---------------------------------------------------- */

/* Two points may be one run: equal shapes under two names. */
static void list_points(struct sweep *sweep, GArray *points)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t count = experiment_point_count(sweep->experiment);
    for (size_t i = 0; i < count; i++) {
        const char *key = experiment_point(sweep->experiment, i)->key;
        if (g_hash_table_add(seen, g_strdup(key))) {
            uint32_t index = (uint32_t)i;
            g_array_append_val(points, index);
        }
    }
    sweep->outcome->total = points->len;
}

static enum status find_pending(struct sweep *sweep)
{
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    list_points(sweep, points);
    g_autofree const char **keys = g_new0(const char *, points->len + 1);
    for (guint i = 0; i < points->len; i++) {
        uint32_t index = g_array_index(points, uint32_t, i);
        bool has_run = false;
        keys[i] = experiment_point(sweep->experiment, index)->key;
        TRY(store_has_run(sweep->store, sweep->diags, sweep->options->origin,
                          keys[i], &has_run));
        if (has_run) {
            sweep->outcome->found++;
        } else {
            g_array_append_val(sweep->pending, index);
        }
    }
    return store_reserve(sweep->store, sweep->diags, sweep->options->origin,
                         keys, points->len);
}

/* ---- results --------------------------------------------------------------- */

static enum status commit(struct sweep *sweep)
{
    GPtrArray *finished = sweep->finished;
    sweep->committed_us = g_get_monotonic_time();
    if (finished->len == 0) {
        return OK;
    }
    TRY(store_save_runs(sweep->store, sweep->diags,
                        (struct run *const *)finished->pdata, finished->len));
    sweep->outcome->evaluated += finished->len;
    g_ptr_array_set_size(finished, 0);
    return OK;
}

static enum status commit_when_due(struct sweep *sweep)
{
    gint64 since_us = g_get_monotonic_time() - sweep->committed_us;
    if (sweep->finished->len < COMMIT_RUNS && since_us < COMMIT_US) {
        return OK;
    }
    return commit(sweep);
}

/* Says which point failed and why; the others go on. */
static void report_failure(struct sweep *sweep, uint32_t point,
                           enum status status, const char *why)
{
    sweep->outcome->failed++;
    (void)diag_fail(
        sweep->diags, status, "explore-point-failed",
        "point '%s' (%s) failed: %s",
        experiment_point(sweep->experiment, point)->label,
        fidelity_name(experiment_point(sweep->experiment, point)->fidelity),
        why);
}

static void take_frames(struct sweep *sweep, struct worker *worker)
{
    struct frame_header header;
    char *text = NULL;
    while (worker_take_frame(worker, &header, &text)) {
        struct run *run = NULL;
        enum status status = (enum status)header.status;
        if (status != OK) {
            report_failure(sweep, header.point, status, text);
        } else if (run_parse_json(sweep->diags, text, &run) != OK) {
            sweep->outcome->failed++;
        } else {
            g_ptr_array_add(sweep->finished, run);
        }
        g_free(text);
    }
}

/* ---- workers --------------------------------------------------------------- */

static void remove_worker(struct sweep *sweep, size_t index)
{
    sweep->worker_count--;
    memmove(&sweep->workers[index], &sweep->workers[index + 1],
            (sweep->worker_count - index) * sizeof(struct worker));
}

/* A worker ended that was not told to: names its point. */
static void bury_worker(struct sweep *sweep, size_t index)
{
    struct worker *worker = &sweep->workers[index];
    bool was_busy = worker->is_busy;
    uint32_t point = worker->point;
    int status = worker_stop(worker, false);
    remove_worker(sweep, index);
    if (!was_busy) {
        return;
    }
    g_autofree char *why =
        WIFSIGNALED(status)
            ? g_strdup_printf("its worker was ended by signal %d (%s)",
                              WTERMSIG(status), g_strsignal(WTERMSIG(status)))
            : g_strdup_printf("its worker ended with exit code %d",
                              WEXITSTATUS(status));
    report_failure(sweep, point, ERR_IO, why);
}

/* Gives idle workers points, starts workers while there are points for them. */
static enum status hand_out(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->worker_count; i++) {
        struct worker *worker = &sweep->workers[i];
        if (!worker->is_busy && sweep->next < sweep->pending->len) {
            /* A dead worker is noticed when its answer is read. */
            (void)worker_ask(
                worker, g_array_index(sweep->pending, uint32_t, sweep->next++));
        }
    }
    while (sweep->worker_count < (size_t)sweep->options->jobs &&
           sweep->next < sweep->pending->len) {
        struct worker *worker = &sweep->workers[sweep->worker_count];
        TRY(worker_start(sweep->diags, sweep->experiment, sweep->options,
                         sweep->workers, sweep->worker_count, worker));
        sweep->worker_count++;
        (void)worker_ask(
            worker, g_array_index(sweep->pending, uint32_t, sweep->next++));
    }
    return OK;
}

static size_t count_busy(const struct sweep *sweep)
{
    size_t busy = 0;
    for (size_t i = 0; i < sweep->worker_count; i++) {
        busy += sweep->workers[i].is_busy;
    }
    return busy;
}

/* Waits for answers, at most a tick, and takes them. */
static void collect(struct sweep *sweep)
{
    g_autofree struct pollfd *polls =
        g_new0(struct pollfd, sweep->worker_count + 1);
    for (size_t i = 0; i < sweep->worker_count; i++) {
        polls[i].fd = sweep->workers[i].answer;
        polls[i].events = POLLIN;
    }
    if (poll(polls, (nfds_t)sweep->worker_count, TICK_MS) <= 0) {
        return;
    }
    /* Backwards, as removing a worker moves those after it. */
    for (size_t i = sweep->worker_count; i-- > 0;) {
        if (polls[i].revents == 0) {
            continue;
        }
        bool is_alive = worker_read(&sweep->workers[i]);
        take_frames(sweep, &sweep->workers[i]);
        if (!is_alive) {
            bury_worker(sweep, i);
        }
    }
}

/* *is_working false when nothing is left to wait for. */
static enum status go_on(struct sweep *sweep, bool *is_working)
{
    if (count_interrupts(sweep) == 0) {
        TRY(hand_out(sweep));
    }
    *is_working = count_busy(sweep) > 0 && count_interrupts(sweep) < 2;
    if (*is_working) {
        collect(sweep);
    }
    return commit_when_due(sweep);
}

static enum status evaluate_pending(struct sweep *sweep)
{
    enum status status = OK;
    bool is_working = true;
    while (is_working && status == OK) {
        status = go_on(sweep, &is_working);
        report_progress(sweep);
    }
    return status;
}

static void stop_workers(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->worker_count; i++) {
        worker_stop(&sweep->workers[i], sweep->workers[i].is_busy);
    }
    sweep->worker_count = 0;
}

enum status sweep_run(const struct experiment *experiment, struct store *store,
                      const struct sweep_options *options, struct diags *diags,
                      struct sweep_outcome *outcome)
{
    *outcome = (struct sweep_outcome){0};
    g_autoptr(GArray) pending = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    g_autoptr(GPtrArray) finished = g_ptr_array_new_with_free_func(free_run);
    g_assert(options->jobs >= 1 && options->jobs <= JOBS_MAX);
    g_autofree struct worker *workers =
        g_new0(struct worker, (size_t)options->jobs);
    struct sweep sweep = {
        .experiment = experiment,
        .store = store,
        .options = options,
        .diags = diags,
        .outcome = outcome,
        .pending = pending,
        .workers = workers,
        .finished = finished,
        .committed_us = g_get_monotonic_time(),
    };
    TRY(find_pending(&sweep));
    enum status status = evaluate_pending(&sweep);
    stop_workers(&sweep);
    /* What is finished is kept, also when something else went wrong. */
    enum status stored = commit(&sweep);
    report_progress(&sweep);
    outcome->is_interrupted = count_interrupts(&sweep) > 0;
    TRY(status);
    TRY(stored);
    return diags_status(diags);
}
