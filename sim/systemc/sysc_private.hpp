/* What the files of this folder share. Nothing here leaves it. */
#ifndef SIM_SYSTEMC_SYSC_PRIVATE_HPP
#define SIM_SYSTEMC_SYSC_PRIVATE_HPP

#include <cstdarg>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

/* sc_spawn */
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include <systemc>

#include "sim/systemc/systemc.h"

/* ---- stacks (sysc_sanitizer.cpp) ---------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#endif

struct stack_bounds {
    const void *bottom;
    size_t size_bytes;
};

#ifdef HAS_ADDRESS_SANITIZER
void stack_note(const stack_bounds &bounds); /* the program runs on this one */
stack_bounds stack_of_caller();              /* the operating system thread's */
stack_bounds stack_of_coroutine(size_t stack_size_bytes);
#else
inline void stack_note(const stack_bounds &)
{
}
inline stack_bounds stack_of_caller()
{
    return {};
}
inline stack_bounds stack_of_coroutine(size_t)
{
    return {};
}
#endif

/* ---- the kernel's globals (sysc_kernel.cpp) ----------------------------- */

/* A context is current only while control is inside it: the scope points the
 * kernel's globals at it and puts back what was there before. Inside a run this
 * is one comparison. */
class kernel_scope
{
  public:
    explicit kernel_scope(sysc_context *context);
    ~kernel_scope()
    {
        if (is_entered) {
            leave();
        }
    }
    kernel_scope(const kernel_scope &) = delete;
    kernel_scope &operator=(const kernel_scope &) = delete;

  private:
    void enter(sysc_context *context);
    void leave();

    bool is_entered = false;
    sysc_context *previous_context = nullptr;
    sc_core::sc_simcontext *previous_kernel = nullptr;
    sc_core::sc_report_handler_proc previous_handler = nullptr;
};

/* The context of the innermost scope. */
sysc_context *&current_context();
/* All reports of the kernel while a context is current (sysc_report.cpp). An
 * error is always thrown, so that the entry point turns it into a status. */
void report_handle(const sc_core::sc_report &report,
                   const sc_core::sc_actions &actions);

sc_core::sc_simcontext *kernel_new(enum sysc_cycle_unit unit);
/* All objects but processes must be gone. */
void kernel_free(sc_core::sc_simcontext *kernel);
/* Registers a context with the calling thread; false if another owns it. */
bool kernel_acquire();
void kernel_release();
bool kernel_is_mine();
/* At most one context runs: coroutines of two cannot be nested. */
bool kernel_start_run();
void kernel_end_run();

/* ---- handles ----------------------------------------------------------- */

struct sysc_module {
    sysc_context *context;
    std::unique_ptr<sc_core::sc_module> kernel;
    void *user;
    void (*destroy)(void *user);
};

struct sysc_event {
    sysc_context *context;
    std::unique_ptr<sc_core::sc_event> owned; /* empty: a channel's event */
    const sc_core::sc_event *kernel;
    bool is_dead;
};

struct sysc_process {
    sysc_context *context;
    std::string name;
    sysc_process_fn callback;
    void *user;
    bool is_thread;
    bool is_dynamic;
    bool is_finished;
    /* The kernel cannot drop a pending event list of a method by itself. */
    bool has_used_list;
    sc_core::sc_process_handle handle; /* empty when finished */
    sc_core::sc_process_b *kernel;
    /* Own event for timed waits: unlike the kernel's it can be cancelled, so
     * that freeing a context leaves nothing in the queue. Made when needed. */
    std::unique_ptr<sc_core::sc_event> timer;
    /* For waits with a timeout on the same event: that event or the timer. */
    std::unique_ptr<sc_core::sc_event_or_list> event_or_timer;
    const sc_core::sc_event *listed_event;
    /* The kernel's unwinding exception, kept here while C code returns. */
    std::exception_ptr unwinding;
    bool is_resetting; /* it begins anew when `unwinding` has done its work */
    bool is_suspended;
    int ignored_kill_count;
    size_t stack_size_bytes; /* of a thread */
    stack_bounds stack;
    uint64_t activation_cycle;
    int64_t activation_count;
};

/* A clock, signal, fifo or trace: known to the context only as what it frees
 * before its kernel. */
struct channel {
    virtual ~channel() = default;
};

/* A name that the kernel keeps from being taken twice, for what is no object of
 * its own (ports, mutexes). */
class name_holder : public sc_core::sc_object
{
  public:
    explicit name_holder(const char *name) : sc_core::sc_object(name)
    {
    }
};

/* A sysc_object with its strings. */
struct registered {
    std::string name;
    std::string type;
    sysc_object object;
};

struct sysc_context {
    sc_core::sc_simcontext *kernel;
    sysc_options options;
    char message[512];
    bool is_running;
    bool has_run;
    bool is_closing;
    bool is_pause_asked;
    bool is_stop_asked;
    enum sysc_status failure;
    bool is_kernel_broken; /* an exception came out of a run */
    size_t thread_count;
    stack_bounds main_stack;                  /* where methods run */
    std::unique_ptr<sc_core::sc_event> never; /* never notified */
    std::vector<std::unique_ptr<sysc_module>> modules;
    std::vector<std::unique_ptr<sysc_event>> events;
    std::vector<std::unique_ptr<sysc_process>> processes;
    std::vector<std::unique_ptr<channel>> channels;
    std::vector<std::unique_ptr<channel>> traces;
    std::vector<std::unique_ptr<registered>> objects; /* as they were made */
    std::unordered_map<std::string, registered *> objects_by_name;
    std::vector<const sysc_port *> ports;
    sysc_report_fn report_handler;
    void *report_user;
    int64_t report_counts[4];
};

inline kernel_scope::kernel_scope(sysc_context *context)
{
    if (sc_core::sc_curr_simcontext != context->kernel) {
        enter(context);
    }
}

/* ---- errors (sysc_error.cpp) -------------------------------------------- */

/* Records the message; returns `status`. */
enum sysc_status set_error(sysc_context *context, enum sysc_status status,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Turns the exception being handled into a status and a message. The kernel's
 * unwinding exception must have been caught before. */
enum sysc_status set_error_from_exception(sysc_context *context) noexcept;
/* The run ends with `status` and the message that is set. */
void fail_run(sysc_context *context, enum sysc_status status);

/* Runs `body` with the context current; exceptions become a status. */
template <typename Body>
enum sysc_status guarded(sysc_context *context, Body &&body) noexcept
{
    try {
        kernel_scope scope(context);
        return body();
    } catch (...) {
        return set_error_from_exception(context);
    }
}

/* ---- shared checks ------------------------------------------------------ */

/* The rest of the checks on a name is done by the kernel's hierarchy. */
enum sysc_status check_name(sysc_context *context, const sysc_module *module,
                            const char *name);
/* Both of the above, for what is made in elaboration under a name. */
enum sysc_status check_place(sysc_context *context, const sysc_module *module,
                             const char *name, const char *what);
enum sysc_status check_elaborating(sysc_context *context, const char *what);
enum sysc_status check_events(sysc_context *context,
                              struct sysc_event *const *events, size_t count);
enum sysc_status check_delay(sysc_context *context, int64_t cycles);

inline uint64_t now_of(const sysc_context *context)
{
    return context->kernel->time_stamp().value();
}

inline sc_core::sc_time time_of(int64_t cycles)
{
    return sc_core::sc_time::from_value(static_cast<uint64_t>(cycles));
}

inline sc_core::sc_process_b *current_process(const sysc_context *context)
{
    return context->kernel->get_curr_proc_info()->process_handle;
}

inline bool is_in_process(const sysc_context *context)
{
    return context->is_running && current_process(context) != nullptr;
}

/* New objects become children of `module` (NULL: of the running process, or
 * top level) while the scope lives. */
class hierarchy_scope
{
  public:
    hierarchy_scope(sysc_context *context, const sysc_module *module)
        : kernel(module == nullptr ? nullptr : context->kernel)
    {
        if (kernel != nullptr) {
            kernel->hierarchy_push(module->kernel.get());
        }
    }
    ~hierarchy_scope()
    {
        if (kernel != nullptr) {
            kernel->hierarchy_pop();
        }
    }
    hierarchy_scope(const hierarchy_scope &) = delete;
    hierarchy_scope &operator=(const hierarchy_scope &) = delete;

  private:
    sc_core::sc_simcontext *kernel;
};

/* ---- names and ports (sysc_registry.cpp) --------------------------------- */

/* What is made later under the same name takes its place (a clock that of the
 * process that drives it). */
void register_object(sysc_context *context, enum sysc_kind kind,
                     const char *name, const char *type, void *object);
/* SYSC_OK if every port is bound. */
enum sysc_status check_ports(sysc_context *context);
enum sysc_status refuse_over(sysc_context *context, const char *name);
/* SYSC_OK unless the simulation was stopped or has failed. */
inline enum sysc_status check_not_over(sysc_context *context, const char *name)
{
    bool is_over = !context->is_running &&
                   (context->is_stop_asked || context->failure != SYSC_OK);
    return is_over ? refuse_over(context, name) : SYSC_OK;
}

/* An event of a channel (signal, fifo, clock) as a handle. */
sysc_event *adopt_event(sysc_context *context, const sc_core::sc_event &event);

/* What the traces record of a channel. */
const bool &clock_level_variable(const sysc_clock *clock);
const char *clock_name(const sysc_clock *clock);
sysc_context *clock_context(const sysc_clock *clock);
void fifo_trace(const sysc_fifo *fifo, sc_core::sc_trace_file *file,
                const char *name);
sysc_context *fifo_context(const sysc_fifo *fifo);
void signal_trace(const sysc_signal *signal, sc_core::sc_trace_file *file,
                  const char *name);
sysc_context *signal_context(const sysc_signal *signal);

/* ---- processes (sysc_process.cpp) --------------------------------------- */

/* Counts one more activation in the same cycle; false if it is one too many or
 * the run is failing. */
bool repeat_activation(sysc_process *process);

/* Called at every activation; false if the process may not go on. */
inline bool enter_activation(sysc_process *process)
{
    uint64_t now = now_of(process->context);
    stack_note(process->is_thread ? process->stack
                                  : process->context->main_stack);
    if (now == process->activation_cycle ||
        process->context->failure != SYSC_OK) {
        return repeat_activation(process);
    }
    process->activation_cycle = now;
    process->activation_count = 1;
    return true;
}

/* Keeps the exception being handled for the trampoline of `process`. */
enum sysc_status keep_unwinding(sysc_process *process,
                                const sc_core::sc_unwind_exception &exception);
/* The process that runs, NULL if it is none of ours. */
sysc_process *running_process(sysc_context *context);
void finish_process(sysc_process *process);
enum sysc_status kill_process(sysc_process *process,
                              const stack_bounds &caller_stack);
/* Kills all that needs a kernel alive to be released. */
void reap_processes(sysc_context *context);

/* ---- waiting (sysc_wait.cpp) -------------------------------------------- */

/* Why `self` may not wait, or set a next trigger. */
enum sysc_status refuse_self(sysc_process *self, bool is_thread_call);

/* Suspends the thread by `suspend`; what every wait has in common. A status
 * other than SYSC_OK means that the thread did not wait. */
template <typename Suspend>
enum sysc_status wait_in(sysc_process *self, Suspend &&suspend)
{
    sysc_context *context = self->context;
    try {
        suspend();
        if (!enter_activation(self)) {
            /* The run is failing. The thread may not go on, whatever its code
             * does with a status: it sleeps until the context is freed. */
            sc_core::wait(*context->never, context->kernel);
        }
        return SYSC_OK;
    } catch (const sc_core::sc_unwind_exception &exception) {
        return keep_unwinding(self, exception);
    } catch (...) {
        return set_error_from_exception(context);
    }
}

/* SYSC_OK if `self` is the running process and of the right kind. */
inline enum sysc_status check_self(sysc_process *self, bool is_thread_call)
{
    bool is_legal = self != nullptr && !self->unwinding && !self->is_finished &&
                    self->context->is_running &&
                    self->kernel == current_process(self->context) &&
                    self->is_thread == is_thread_call;
    return is_legal ? SYSC_OK : refuse_self(self, is_thread_call);
}

/* And the events, at least one, are alive and of its context. */
enum sysc_status check_self_and_events(sysc_process *self, bool is_thread_call,
                                       struct sysc_event *const *events,
                                       size_t count);
sc_core::sc_event &timer_of(sysc_process *self);
sc_core::sc_event_or_expr any_of(struct sysc_event *const *events, size_t count,
                                 const sc_core::sc_event &last);
sc_core::sc_event_and_expr all_of(struct sysc_event *const *events,
                                  size_t count);

#endif
