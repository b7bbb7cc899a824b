#include "explore/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* False at the end of the file and on errors. */
static bool read_exactly(int file, void *data, size_t size)
{
    char *next = data;
    while (size > 0) {
        ssize_t got = read(file, next, size);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        if (got > 0) {
            next += got;
            size -= (size_t)got;
        }
    }
    return true;
}

static bool write_exactly(int file, const void *data, size_t size)
{
    const char *next = data;
    while (size > 0) {
        ssize_t put = write(file, next, size);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        if (put > 0) {
            next += put;
            size -= (size_t)put;
        }
    }
    return true;
}

/* ---- in the child ---------------------------------------------------------- */

/* The first error in one line; its caret is seen when the point is repeated
 * alone. */
static char *print_failure(const struct diags *diags)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < diags_count(diags); i++) {
        const struct diag *diag = diags_get(diags, i);
        if (diag->severity != DIAG_ERROR) {
            continue;
        }
        if (diag->span.source != NULL) {
            g_string_append_printf(text, "%s:%d:%d: ", diag->span.source->path,
                                   diag->span.line, diag->span.column);
        }
        g_string_append_printf(text, "%s [%s]", diag->message, diag->code);
        break;
    }
    if (diags_error_count(diags) > 1) {
        g_string_append_printf(text, " and %zu more",
                               diags_error_count(diags) - 1);
    }
    return g_string_free(text, FALSE);
}

static bool answer_point(const struct experiment *experiment,
                         struct file_cache *cache,
                         const struct sweep_options *options, uint32_t index,
                         int answer)
{
    AUTO(diags) diags = diags_new();
    AUTO(run) run = NULL;
    struct sim_options sim = SIM_OPTIONS_DEFAULT;
    sim.use_fast_forward = options->use_fast_forward;
    enum status status =
        explore_evaluate(diags, cache, experiment_point(experiment, index),
                         options->origin, &sim, &run);
    g_autofree char *text =
        status == OK ? run_print_json(run, 0) : print_failure(diags);
    struct frame_header header = {
        .point = index,
        .status = (uint32_t)status,
        .length_bytes = strlen(text),
    };
    return write_exactly(answer, &header, sizeof(header)) &&
           write_exactly(answer, text, strlen(text));
}

/* The parent handles Ctrl-C for all; a parent that is gone closes the pipe. */
static _Noreturn void work(const struct experiment *experiment,
                           const struct sweep_options *options, int request,
                           int answer)
{
    uint32_t index = 0;
    struct file_cache *cache = file_cache_new();
    (void)signal(SIGINT, SIG_IGN);
    while (read_exactly(request, &index, sizeof(index)) &&
           answer_point(experiment, cache, options, index, answer)) {
    }
    _exit(0);
}

/* ---- in the parent --------------------------------------------------------- */

static void close_pipe(const int *ends)
{
    close(ends[0]);
    close(ends[1]);
}

static enum status fail_start(struct diags *diags)
{
    return diag_fail(diags, ERR_IO, "explore-worker",
                     "cannot start a worker process: %s", g_strerror(errno));
}

enum status worker_start(struct diags *diags,
                         const struct experiment *experiment,
                         const struct sweep_options *options,
                         const struct worker *others, size_t count,
                         struct worker *worker)
{
    int request[2];
    int answer[2];
    if (pipe(request) != 0) {
        return fail_start(diags);
    }
    if (pipe(answer) != 0) {
        close_pipe(request);
        return fail_start(diags);
    }
    pid_t pid = fork();
    if (pid < 0) {
        close_pipe(request);
        close_pipe(answer);
        return fail_start(diags);
    }
    if (pid == 0) {
        close(request[1]);
        close(answer[0]);
        for (size_t i = 0; i < count; i++) {
            close(others[i].request);
            close(others[i].answer);
        }
        work(experiment, options, request[0], answer[1]);
    }
    close(request[0]);
    close(answer[1]);
    *worker = (struct worker){
        .pid = pid,
        .request = request[1],
        .answer = answer[0],
        .buffer = g_byte_array_new(),
    };
    return OK;
}

bool worker_ask(struct worker *worker, uint32_t point)
{
    worker->is_busy = true;
    worker->point = point;
    return write_exactly(worker->request, &point, sizeof(point));
}

bool worker_read(struct worker *worker)
{
    guint8 bytes[65536];
    ssize_t got = read(worker->answer, bytes, sizeof(bytes));
    if (got > 0) {
        g_byte_array_append(worker->buffer, bytes, (guint)got);
    }
    return got > 0 || (got < 0 && errno == EINTR);
}

bool worker_take_frame(struct worker *worker, struct frame_header *header,
                       char **text)
{
    GByteArray *buffer = worker->buffer;
    if (buffer->len < sizeof(*header)) {
        return false;
    }
    memcpy(header, buffer->data, sizeof(*header));
    if (buffer->len < sizeof(*header) + header->length_bytes) {
        return false;
    }
    *text = g_strndup((const char *)buffer->data + sizeof(*header),
                      header->length_bytes);
    g_byte_array_remove_range(buffer, 0,
                              (guint)(sizeof(*header) + header->length_bytes));
    worker->is_busy = false;
    return true;
}

int worker_stop(struct worker *worker, bool kill_it)
{
    int status = 0;
    if (kill_it) {
        kill(worker->pid, SIGKILL);
    }
    close(worker->request);
    close(worker->answer);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR) {
    }
    g_byte_array_free(worker->buffer, TRUE);
    worker->buffer = NULL;
    return status;
}
