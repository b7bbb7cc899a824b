#include "reports/gnuplot.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

char *gnuplot_quote(const char *text)
{
    GString *quoted = g_string_new("'");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            g_string_append(quoted, "''");
        } else {
            g_string_append_c(quoted, g_ascii_iscntrl(*c) ? ' ' : *c);
        }
    }
    g_string_append_c(quoted, '\'');
    return g_string_free(quoted, FALSE);
}

/* False when the reader is gone; its message then says more than ours. */
static bool write_all(int file, const char *text)
{
    size_t rest = strlen(text);
    while (rest > 0) {
        ssize_t written = write(file, text, rest);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            text += written;
            rest -= (size_t)written;
        }
    }
    return true;
}

static void read_all(int file, GString *text)
{
    char buffer[4096];
    ssize_t got = 0;
    do {
        got = read(file, buffer, sizeof(buffer));
        if (got > 0) {
            g_string_append_len(text, buffer, got);
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
}

static int wait_for(GPid pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return status;
}

enum status gnuplot_run(struct diags *diags, const char *script)
{
    char name[] = "gnuplot";
    char defaults[] = "--default-settings"; /* no ~/.gnuplot */
    char from_stdin[] = "-";
    char *argv[] = {name, defaults, from_stdin, NULL};
    GPid pid = 0;
    int input = -1;
    int complaints = -1;
    g_autoptr(GError) error = NULL;
    if (!g_spawn_async_with_pipes(
            NULL, argv, NULL,
            G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                G_SPAWN_STDOUT_TO_DEV_NULL,
            NULL, NULL, &pid, &input, NULL, &complaints, &error)) {
        return diag_fail(diags, ERR_IO, "figure-no-gnuplot",
                         "cannot start gnuplot, which draws the figures "
                         "(Debian package gnuplot-nox): %s",
                         error->message);
    }
    bool is_taken = write_all(input, script);
    close(input);
    g_autoptr(GString) text = g_string_new(NULL);
    read_all(complaints, text);
    close(complaints);
    int status = wait_for(pid);
    g_spawn_close_pid(pid);
    if (!is_taken || status != 0) {
        return diag_fail(diags, ERR_IO, "figure-gnuplot", "gnuplot failed: %s",
                         g_strstrip(text->str));
    }
    return OK;
}
