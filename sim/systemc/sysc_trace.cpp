/* Traces: the kernel's VCD files.
 *
 * The kernel opens the file late and ends the program if it cannot, writes the
 * date into it, and loses the changes of the last cycle. So the file is tried
 * at once, the date is blanked, and closing records a last time. */
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sim/systemc/sysc_private.hpp"

struct sysc_trace : channel {
    sysc_context *context = nullptr;
    std::string path;
    sc_core::sc_trace_file *file = nullptr; /* NULL: closed */
    ~sysc_trace() override;
};

namespace
{

/* Recording is for the kernel only; a derived class may name it. */
struct recordable : sc_core::sc_trace_file {
    using sc_core::sc_trace_file::cycle;
};

struct stream_closer {
    void operator()(std::FILE *stream) const
    {
        (void)std::fclose(stream);
    }
};
typedef std::unique_ptr<std::FILE, stream_closer> stream_owner;

bool has_vcd_suffix(const std::string &path)
{
    return path.size() > 4 && path.compare(path.size() - 4, 4, ".vcd") == 0;
}

/* The date stands between "$date" and "$end" at the top; it becomes spaces. */
bool blank_date(std::FILE *stream)
{
    char head[256];
    size_t length = std::fread(head, 1, sizeof head - 1, stream);
    head[length] = '\0';
    char *begin = strstr(head, "$date\n");
    char *end = strstr(head, "\n$end");
    if (begin == nullptr || end == nullptr || end < begin + 6) {
        return false;
    }
    begin += 6;
    memset(begin, ' ', static_cast<size_t>(end - begin));
    return std::fseek(stream, 0, SEEK_SET) == 0 &&
           std::fwrite(head, 1, length, stream) == length;
}

/* The kernel does not look at what its writes return: a file that was cut off
 * (disk full) is known by its end, every record ends with a newline. */
bool is_complete(std::FILE *stream)
{
    return std::fseek(stream, -1, SEEK_END) == 0 &&
           std::fgetc(stream) == '\n' && std::ferror(stream) == 0;
}

enum sysc_status finish_file(sysc_trace *trace)
{
    stream_owner stream(std::fopen(trace->path.c_str(), "r+"));
    if (!stream || !blank_date(stream.get()) || !is_complete(stream.get()) ||
        std::fflush(stream.get()) != 0) {
        return set_error(trace->context, SYSC_ERR_IO,
                         "trace '%s' is not complete", trace->path.c_str());
    }
    return SYSC_OK;
}

enum sysc_status close_trace(sysc_trace *trace)
{
    if (trace->file == nullptr) {
        return SYSC_OK;
    }
    sc_core::sc_trace_file *file = trace->file;
    trace->file = nullptr;
    (file->*(&recordable::cycle))(false);
    sc_core::sc_close_vcd_trace_file(file);
    return finish_file(trace);
}

enum sysc_status check_traceable(sysc_trace *trace, const void *what,
                                 const sysc_context *owner)
{
    if (trace == nullptr || what == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (trace->file == nullptr) {
        return set_error(trace->context, SYSC_ERR_DEAD, "trace '%s' is closed",
                         trace->path.c_str());
    }
    if (owner != trace->context) {
        return set_error(trace->context, SYSC_ERR_OWNER,
                         "trace '%s' belongs to another context",
                         trace->path.c_str());
    }
    return SYSC_OK;
}

template <typename Record>
enum sysc_status record(sysc_trace *trace, const void *what,
                        const sysc_context *owner, Record &&do_record)
{
    enum sysc_status status = check_traceable(trace, what, owner);
    if (status != SYSC_OK) {
        return status;
    }
    return guarded(trace->context, [&] {
        do_record();
        return SYSC_OK;
    });
}

template <typename Variable>
enum sysc_status record_variable(sysc_trace *trace, const Variable *variable,
                                 const char *name)
{
    if (trace == nullptr || name == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return record(trace, variable, trace->context, [&] {
        sc_core::sc_trace(trace->file, *variable, name);
    });
}

} // namespace

sysc_trace::~sysc_trace()
{
    try {
        (void)close_trace(this);
    } catch (...) {
        (void)set_error_from_exception(context);
    }
}

extern "C" enum sysc_status sysc_trace_open(struct sysc_context *context,
                                            const char *path,
                                            struct sysc_trace **trace)
{
    if (context == nullptr || path == nullptr || trace == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (context->is_running) {
        return set_error(context, SYSC_ERR_PHASE,
                         "a trace can be opened between runs only");
    }
    if (!has_vcd_suffix(path)) {
        return set_error(context, SYSC_ERR_NAME,
                         "path of trace '%s' does not end in '.vcd'", path);
    }
    stream_owner stream(std::fopen(path, "w"));
    if (!stream) {
        return set_error(context, SYSC_ERR_IO, "cannot write trace '%s': %s",
                         path, strerror(errno));
    }
    return guarded(context, [&] {
        std::unique_ptr<sysc_trace> made(new sysc_trace);
        made->context = context;
        made->path = path;
        std::string stem(made->path, 0, made->path.size() - 4);
        made->file = sc_core::sc_create_vcd_trace_file(stem.c_str());
        sysc_trace *raw = made.get();
        context->traces.push_back(std::move(made));
        *trace = raw;
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_trace_signal(struct sysc_trace *trace,
                                              const struct sysc_signal *signal,
                                              const char *name)
{
    return record(trace, signal,
                  signal == nullptr ? nullptr : signal_context(signal), [&] {
                      signal_trace(signal, trace->file, name);
                  });
}

extern "C" enum sysc_status sysc_trace_clock(struct sysc_trace *trace,
                                             const struct sysc_clock *clock,
                                             const char *name)
{
    return record(
        trace, clock, clock == nullptr ? nullptr : clock_context(clock), [&] {
            sc_core::sc_trace(trace->file, clock_level_variable(clock),
                              name != nullptr ? name : clock_name(clock));
        });
}

extern "C" enum sysc_status sysc_trace_fifo(struct sysc_trace *trace,
                                            const struct sysc_fifo *fifo,
                                            const char *name)
{
    return record(trace, fifo, fifo == nullptr ? nullptr : fifo_context(fifo),
                  [&] {
                      fifo_trace(fifo, trace->file, name);
                  });
}

extern "C" enum sysc_status sysc_trace_event(struct sysc_trace *trace,
                                             const struct sysc_event *event,
                                             const char *name)
{
    return record(
        trace, event, event == nullptr ? nullptr : event->context, [&] {
            sc_core::sc_trace(trace->file, *event->kernel,
                              name != nullptr ? name : event->kernel->name());
        });
}

extern "C" enum sysc_status sysc_trace_u64(struct sysc_trace *trace,
                                           const uint64_t *variable,
                                           const char *name)
{
    return record_variable(trace, variable, name);
}

extern "C" enum sysc_status sysc_trace_bool(struct sysc_trace *trace,
                                            const bool *variable,
                                            const char *name)
{
    return record_variable(trace, variable, name);
}

extern "C" enum sysc_status sysc_trace_i64(struct sysc_trace *trace,
                                           const int64_t *variable,
                                           const char *name)
{
    return record_variable(trace, variable, name);
}

extern "C" enum sysc_status sysc_trace_f64(struct sysc_trace *trace,
                                           const double *variable,
                                           const char *name)
{
    return record_variable(trace, variable, name);
}

extern "C" enum sysc_status sysc_trace_close(struct sysc_trace *trace)
{
    if (trace == nullptr) {
        return SYSC_OK;
    }
    if (trace->context->is_running) {
        return set_error(trace->context, SYSC_ERR_PHASE,
                         "a trace can be closed between runs only");
    }
    return guarded(trace->context, [&] {
        return close_trace(trace);
    });
}
