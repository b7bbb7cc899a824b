/* Statuses, messages and the checks that every entry point shares. */
#include <cctype>
#include <cstdio>
#include <cstring>

#include "sim/systemc/sysc_private.hpp"

extern "C" const char *sysc_status_text(enum sysc_status status)
{
    switch (status) {
    case SYSC_OK:
        return "ok";
    case SYSC_TIMEOUT:
        return "timeout";
    case SYSC_EMPTY:
        return "fifo is empty";
    case SYSC_FULL:
        return "fifo is full";
    case SYSC_BUSY:
        return "locked, or at zero";
    case SYSC_PAUSED:
        return "paused";
    case SYSC_STOPPED:
        return "stopped";
    case SYSC_KILLED:
        return "process is killed";
    case SYSC_RESET:
        return "process is reset";
    case SYSC_ERR_ARGUMENT:
        return "bad argument";
    case SYSC_ERR_NAME:
        return "bad or taken name";
    case SYSC_ERR_PHASE:
        return "not allowed now";
    case SYSC_ERR_KIND:
        return "wrong kind of object";
    case SYSC_ERR_OWNER:
        return "object of another context";
    case SYSC_ERR_DEAD:
        return "object is dead";
    case SYSC_ERR_LIMIT:
        return "beyond a limit";
    case SYSC_ERR_MEMORY:
        return "out of memory";
    case SYSC_ERR_IO:
        return "file error";
    case SYSC_ERR_THREAD:
        return "kernel belongs to another operating system thread";
    case SYSC_ERR_LOOP:
        return "loop without time";
    case SYSC_ERR_REPORTED:
        return "failure reported by a process";
    case SYSC_ERR_KERNEL:
        return "error of the SystemC kernel";
    case SYSC_ERR_FOREIGN:
        return "C++ exception out of a callback";
    }
    return "unknown status";
}

extern "C" const char *sysc_version(void)
{
    return sc_core::sc_version();
}

extern "C" const char *sysc_context_error(const struct sysc_context *context)
{
    return context == nullptr ? "no context" : context->message;
}

enum sysc_status set_error(sysc_context *context, enum sysc_status status,
                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(context->message, sizeof context->message, format,
                    arguments);
    va_end(arguments);
    return status;
}

enum sysc_status set_error_from_exception(sysc_context *context) noexcept
{
    try {
        throw;
    } catch (const sc_core::sc_report &report) {
        const char *detail = report.get_msg();
        bool has_detail = detail != nullptr && detail[0] != '\0';
        return set_error(context, SYSC_ERR_KERNEL, "%s%s%s",
                         report.get_msg_type(), has_detail ? ": " : "",
                         has_detail ? detail : "");
    } catch (const std::bad_alloc &) {
        return set_error(context, SYSC_ERR_MEMORY, "out of memory");
    } catch (const std::exception &exception) {
        return set_error(context, SYSC_ERR_FOREIGN, "C++ exception: %s",
                         exception.what());
    } catch (...) {
        return set_error(context, SYSC_ERR_FOREIGN, "unknown C++ exception");
    }
}

void fail_run(sysc_context *context, enum sysc_status status)
{
    if (context->failure == SYSC_OK) {
        context->failure = status;
    }
    sc_core::sc_pause();
}

enum sysc_status check_name(sysc_context *context, const sysc_module *module,
                            const char *name)
{
    if (name == nullptr || name[0] == '\0') {
        return set_error(context, SYSC_ERR_NAME, "empty name");
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '.' || std::isspace(static_cast<unsigned char>(*c)) != 0) {
            return set_error(context, SYSC_ERR_NAME,
                             "name '%s' has a '.' or a space", name);
        }
    }
    if (module != nullptr && module->context != context) {
        return set_error(context, SYSC_ERR_OWNER,
                         "module '%s' belongs to another context",
                         module->kernel->name());
    }
    const sc_core::sc_object *parent =
        module != nullptr ? module->kernel.get() : nullptr;
    if (parent == nullptr && context->is_running) {
        parent = current_process(context);
    }
    if (context->kernel->hierarchical_name_exists(parent, name)) {
        return set_error(context, SYSC_ERR_NAME, "name '%s%s%s' is taken",
                         parent != nullptr ? parent->name() : "",
                         parent != nullptr ? "." : "", name);
    }
    return SYSC_OK;
}

enum sysc_status check_elaborating(sysc_context *context, const char *what)
{
    if (context->has_run || context->is_running) {
        return set_error(context, SYSC_ERR_PHASE,
                         "a %s can be made before the first run only", what);
    }
    return SYSC_OK;
}

enum sysc_status check_place(sysc_context *context, const sysc_module *module,
                             const char *name, const char *what)
{
    enum sysc_status status = check_elaborating(context, what);
    return status == SYSC_OK ? check_name(context, module, name) : status;
}

enum sysc_status check_events(sysc_context *context,
                              struct sysc_event *const *events, size_t count)
{
    if (count > 0 && events == nullptr) {
        return set_error(context, SYSC_ERR_ARGUMENT, "no list of events");
    }
    for (size_t i = 0; i < count; i++) {
        if (events[i] == nullptr) {
            return set_error(context, SYSC_ERR_ARGUMENT, "event %zu is NULL",
                             i);
        }
        if (events[i]->context != context) {
            return set_error(context, SYSC_ERR_OWNER,
                             "event '%s' belongs to another context",
                             events[i]->kernel->name());
        }
        if (events[i]->is_dead) {
            return set_error(context, SYSC_ERR_DEAD, "event '%s' was freed",
                             events[i]->kernel->name());
        }
    }
    return SYSC_OK;
}

enum sysc_status check_delay(sysc_context *context, int64_t cycles)
{
    if (cycles < 0) {
        return set_error(context, SYSC_ERR_ARGUMENT,
                         "%lld cycles is in the past",
                         static_cast<long long>(cycles));
    }
    if (static_cast<uint64_t>(cycles) >
        static_cast<uint64_t>(SYSC_CYCLES_MAX) - now_of(context)) {
        return set_error(context, SYSC_ERR_LIMIT,
                         "%lld cycles from cycle %llu is beyond the last one",
                         static_cast<long long>(cycles),
                         static_cast<unsigned long long>(now_of(context)));
    }
    return SYSC_OK;
}
