#include "sim/trace/trace_out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

typedef void (*trace_write_fn)(const struct trace *trace,
                               struct trace_out *out);

static const struct {
    const char *endings;
    trace_write_fn write;
    enum trace_level level;
} formats[] = {
#define TRACE_FORMAT(id, name, endings, level, help)                           \
    {endings, trace_write_##name, level},
#include "sim/trace/formats.def"
#undef TRACE_FORMAT
};

static const char *const format_names[] = {
#define TRACE_FORMAT(id, name, endings, level, help) #name,
#include "sim/trace/formats.def"
#undef TRACE_FORMAT
    NULL};

/* ---- formats --------------------------------------------------------------- */

const char *const *trace_format_names(void)
{
    return format_names;
}

const char *trace_format_name(enum trace_format format)
{
    return format_names[format];
}

enum trace_format trace_format_find(const char *name)
{
    int format = 0;
    while (format < TRACE_FORMAT_COUNT &&
           strcmp(format_names[format], name) != 0) {
        format++;
    }
    return (enum trace_format)format;
}

enum trace_level trace_format_level(enum trace_format format)
{
    return formats[format].level;
}

static bool ends_in_one_of(const char *path, const char *endings)
{
    g_auto(GStrv) words = g_strsplit(endings, " ", -1);
    for (char **word = words; *word != NULL; word++) {
        if (g_str_has_suffix(path, *word)) {
            return true;
        }
    }
    return false;
}

enum trace_format trace_format_of_path(const char *path)
{
    int format = 0;
    while (format < TRACE_FORMAT_COUNT &&
           !ends_in_one_of(path, formats[format].endings)) {
        format++;
    }
    return (enum trace_format)format;
}

/* ---- writing --------------------------------------------------------------- */

static bool is_interrupted(const struct trace_out *out)
{
    return out->interrupts != NULL && *out->interrupts != 0;
}

bool trace_out_goes_on(const struct trace_out *out)
{
    return !is_interrupted(out) && ferror(out->file) == 0;
}

void trace_out_print(struct trace_out *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vfprintf(out->file, format, args);
    va_end(args);
}

void trace_out_bytes(struct trace_out *out, const void *bytes, size_t count)
{
    (void)fwrite(bytes, 1, count, out->file);
}

void trace_out_decimal(struct trace_out *out, int64_t millicycles)
{
    int64_t fraction = millicycles % 1000;
    trace_out_print(out, "%" PRId64, millicycles / 1000);
    if (fraction > 0) {
        int digits = fraction % 100 == 0 ? 1 : fraction % 10 == 0 ? 2 : 3;
        int64_t shown = fraction / (digits == 1 ? 100 : digits == 2 ? 10 : 1);
        trace_out_print(out, ".%0*" PRId64, digits, shown);
    }
}

/* ---- files ----------------------------------------------------------------- */

static enum status fail_write(struct diags *diags, const char *path, int error)
{
    return diag_fail(diags, ERR_IO, "trace-write", "cannot write '%s': %s",
                     path, g_strerror(error));
}

/* errno of what went wrong, 0 if nothing. */
static int write_file(const struct trace *trace, enum trace_format format,
                      const char *path, const volatile sig_atomic_t *interrupts,
                      bool *was_interrupted)
{
    struct trace_out out = {.file = fopen(path, "w"), .interrupts = interrupts};
    if (out.file == NULL) {
        return errno;
    }
    errno = 0;
    formats[format].write(trace, &out);
    *was_interrupted = is_interrupted(&out);
    int error = fflush(out.file) != 0 || ferror(out.file) != 0
                    ? (errno != 0 ? errno : EIO)
                    : 0;
    if (fclose(out.file) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

/* A link is written through: it may be /dev/stdout, which must stay one. */
static bool is_special(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

enum status trace_save(const struct trace *trace, enum trace_format format,
                       const char *path,
                       const volatile sig_atomic_t *interrupts,
                       struct diags *diags, bool *was_interrupted)
{
    *was_interrupted = false;
    if (is_special(path)) {
        int error =
            write_file(trace, format, path, interrupts, was_interrupted);
        return error != 0 ? fail_write(diags, path, error) : OK;
    }
    g_autofree char *unfinished =
        g_strdup_printf("%s.%ld.tmp", path, (long)getpid());
    int error =
        write_file(trace, format, unfinished, interrupts, was_interrupted);
    if (error == 0 && !*was_interrupted && g_rename(unfinished, path) != 0) {
        error = errno;
    }
    if (error != 0 || *was_interrupted) {
        g_unlink(unfinished);
    }
    return error != 0 && !*was_interrupted ? fail_write(diags, path, error)
                                           : OK;
}
