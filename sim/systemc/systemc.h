/* A plain C interface to the SystemC kernel (Accellera 2.3.4).
 *
 * A context is one simulation. It holds modules (names), processes (methods
 * that run to the end at every activation, threads that wait in the middle),
 * events, clocks, signals, fifos and traces. Time is an integer count of
 * cycles; nothing here is a floating point time.
 *
 * Ownership: every handle belongs to its context and lives until
 * sysc_context_free, also after the process ended or the event was freed; such
 * a dead handle is diagnosed (SYSC_ERR_DEAD), not undefined. Names are copied,
 * user pointers are borrowed.
 *
 * Errors: a function that can fail returns a status; the message of the last
 * failure is sysc_context_error. Results are written on success only. No C++
 * exception leaves this interface, and none needs to pass through C frames.
 *
 * Threads: the kernel keeps one global current context, so all contexts that
 * live at the same time must be used by one operating system thread
 * (SYSC_ERR_THREAD otherwise); only sysc_async_notify is for all. Several contexts may live, one runs at a time.
 *
 * When a call is allowed is written as E (elaboration: before the first run),
 * P (inside a process of this context) and B (between runs). doc/systemc.md has
 * the concepts, a table of all calls and the measured costs.
 */
#ifndef SIM_SYSTEMC_SYSTEMC_H
#define SIM_SYSTEMC_SYSTEMC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYSC_MUST_USE __attribute__((warn_unused_result))

/* ---- status ------------------------------------------------------------ */

enum sysc_status {
    SYSC_OK = 0,
    /* Outcomes that are no errors; they leave sysc_context_error alone. */
    SYSC_TIMEOUT, /* the time of a ..._for wait ended first */
    SYSC_EMPTY,   /* nothing to read from the fifo now */
    SYSC_FULL,    /* no room in the fifo now */
    SYSC_BUSY,    /* the mutex is locked, the semaphore at 0 */
    SYSC_PAUSED,  /* the run ended at sysc_pause */
    SYSC_STOPPED, /* the run ended at sysc_stop */
    SYSC_KILLED,  /* this process was killed: return from the callback */
    SYSC_RESET,   /* this process is reset: return, it then starts anew */
    /* Errors. */
    SYSC_ERR_ARGUMENT, /* NULL, negative, zero where it may not be */
    SYSC_ERR_NAME,     /* empty, with '.' or space, or taken */
    SYSC_ERR_PHASE,    /* not allowed now */
    SYSC_ERR_KIND,     /* a thread call in a method, a signal of another type */
    SYSC_ERR_OWNER,    /* the handle belongs to another context */
    SYSC_ERR_DEAD,     /* the event was freed, the process has ended */
    SYSC_ERR_LIMIT,    /* time beyond SYSC_CYCLES_MAX, too many threads */
    SYSC_ERR_MEMORY,
    SYSC_ERR_IO,
    SYSC_ERR_THREAD,   /* another operating system thread owns the kernel */
    SYSC_ERR_LOOP,     /* a process was activated without end in one cycle */
    SYSC_ERR_REPORTED, /* a process called sysc_fail */
    SYSC_ERR_KERNEL,   /* SystemC reported an error */
    SYSC_ERR_FOREIGN,  /* a callback let a C++ exception out */
};

/* "ok", "timeout", ... for messages; never NULL. */
const char *sysc_status_text(enum sysc_status status);

/* ---- context ----------------------------------------------------------- */

/* The last cycle that can be simulated. */
#define SYSC_CYCLES_MAX INT64_MAX

/* What a cycle is called in VCD files and in the kernel's own messages. It
 * changes no result. */
enum sysc_cycle_unit {
    SYSC_CYCLE_NS = 0,
    SYSC_CYCLE_FS,
    SYSC_CYCLE_PS,
    SYSC_CYCLE_US,
};

struct sysc_options {
    enum sysc_cycle_unit cycle_unit;
    /* A process that is activated more often than this without time going on
     * fails the run with SYSC_ERR_LOOP. 0: no limit. */
    int64_t activation_limit;
};
#define SYSC_OPTIONS_DEFAULT                                                   \
    {                                                                          \
        SYSC_CYCLE_NS, 10000000                                                \
    }

struct sysc_context;
struct sysc_module;
struct sysc_process;
struct sysc_event;

/* "SystemC 2.3.4-Accellera --- ..." of the kernel that is linked. */
const char *sysc_version(void);

/* A new, empty simulation at cycle 0. `options` NULL: the defaults. */
SYSC_MUST_USE enum sysc_status
sysc_context_new(const struct sysc_options *options,
                 struct sysc_context **context);
/* Kills what still runs (each thread's wait returns SYSC_KILLED, so that it can
 * release what it holds), closes traces, calls the modules' destroy functions
 * in reverse order, frees everything. SYSC_ERR_PHASE inside a run. NULL is
 * legal. */
enum sysc_status sysc_context_free(struct sysc_context *context);
/* Message of the last failing call, "" if none; valid until the next call. */
const char *sysc_context_error(const struct sysc_context *context);

/* ---- modules ----------------------------------------------------------- */

/* A named place in the hierarchy, E. `parent` NULL: top level. `destroy` (may
 * be NULL) gets `user` when the context is freed. Names of siblings differ;
 * they have no '.' and no space. */
SYSC_MUST_USE enum sysc_status sysc_module_new(struct sysc_context *context,
                                               struct sysc_module *parent,
                                               const char *name, void *user,
                                               void (*destroy)(void *user),
                                               struct sysc_module **module);
void *sysc_module_user(const struct sysc_module *module);
/* Full name, "chip.dma"; so for all ..._name functions. */
const char *sysc_module_name(const struct sysc_module *module);

/* ---- events ------------------------------------------------------------ */

/* E, P, B. `module` NULL: top level. */
SYSC_MUST_USE enum sysc_status sysc_event_new(struct sysc_context *context,
                                              struct sysc_module *module,
                                              const char *name,
                                              struct sysc_event **event);
/* Retires an event: cancels it, later use is SYSC_ERR_DEAD; who waits for it
 * alone sleeps on. Its name stays taken. NULL is legal. */
enum sysc_status sysc_event_free(struct sysc_event *event);
/* Wakes the waiting processes in this very delta cycle. P, B. The one call
 * whose effect depends on the order of processes; prefer the delta form. */
enum sysc_status sysc_event_notify(struct sysc_event *event);
/* Wakes them in the next delta cycle, so does `cycles` 0. E, P, B. An event
 * carries one pending notification: the earlier one wins. */
enum sysc_status sysc_event_notify_delta(struct sysc_event *event);
enum sysc_status sysc_event_notify_after(struct sysc_event *event,
                                         int64_t cycles);
/* Takes back a pending delta or timed notification, if there is one. */
enum sysc_status sysc_event_cancel(struct sysc_event *event);
/* Has it happened in the current delta cycle? */
bool sysc_event_is_triggered(const struct sysc_event *event);
const char *sysc_event_name(const struct sysc_event *event);

/* ---- processes --------------------------------------------------------- */

typedef void (*sysc_process_fn)(struct sysc_process *self, void *user);

struct sysc_process_options {
    struct sysc_event *const *sensitive; /* static sensitivity */
    size_t sensitive_count;
    bool dont_initialize;    /* sleep until the first event in `sensitive` */
    size_t stack_size_bytes; /* threads; 0: 256 KiB; 16 KiB to 1 GiB */
};
#define SYSC_PROCESS_OPTIONS_DEFAULT                                           \
    {                                                                          \
        NULL, 0, false, 0                                                      \
    }

#define SYSC_THREADS_MAX 30000

/* Registers a process, E, P, B; one made after the first run is runnable at
 * once. A method is called at every activation and must not wait. A thread is
 * called once, may wait, and ends when it returns. Without `module`, one made
 * in a process is the child of that process. */
SYSC_MUST_USE enum sysc_status
sysc_method_new(struct sysc_context *context, struct sysc_module *module,
                const char *name, sysc_process_fn callback, void *user,
                const struct sysc_process_options *options,
                struct sysc_process **process);
SYSC_MUST_USE enum sysc_status
sysc_thread_new(struct sysc_context *context, struct sysc_module *module,
                const char *name, sysc_process_fn callback, void *user,
                const struct sysc_process_options *options,
                struct sysc_process **process);
/* Ends a process, P. A thread's wait returns SYSC_KILLED at once. Killing
 * oneself returns SYSC_KILLED: return from the callback. */
enum sysc_status sysc_process_kill(struct sysc_process *process);
/* Begins a thread anew, P: its wait returns SYSC_RESET, and when the callback
 * has returned it is called again, all before this call returns. Of oneself:
 * returns SYSC_RESET, return from the callback. A thread that never ran starts
 * with its first run. SYSC_ERR_KIND for a method, which begins anew anyway. */
enum sysc_status sysc_process_reset(struct sysc_process *process);
/* Suspends a process, P, B: what it waits for may happen, but it goes on only
 * after sysc_process_resume, and then at once if something did. Of oneself, a
 * thread stops in this call, a method after its return. Twice: SYSC_ERR_PHASE;
 * so is resuming what is not suspended. */
enum sysc_status sysc_process_suspend(struct sysc_process *process);
enum sysc_status sysc_process_resume(struct sysc_process *process);
bool sysc_process_is_suspended(const struct sysc_process *process);
bool sysc_process_is_finished(const struct sysc_process *process);
const char *sysc_process_name(const struct sysc_process *process);
struct sysc_context *sysc_process_context(const struct sysc_process *process);

/* Waiting, in the thread `self` itself only. Each returns SYSC_KILLED when the
 * thread is being killed, SYSC_RESET when it is reset; it must then return from
 * its callback. (One that
 * ignores this 1,000 times is unwound by force, through its C frames.) */
SYSC_MUST_USE enum sysc_status sysc_wait_cycles(struct sysc_process *self,
                                                int64_t cycles); /* 0: delta */
SYSC_MUST_USE enum sysc_status sysc_wait_static(struct sysc_process *self);
SYSC_MUST_USE enum sysc_status sysc_wait_event(struct sysc_process *self,
                                               struct sysc_event *event);
/* SYSC_TIMEOUT if `cycles` pass first; if both fall together, SYSC_OK. */
SYSC_MUST_USE enum sysc_status sysc_wait_event_for(struct sysc_process *self,
                                                   struct sysc_event *event,
                                                   int64_t cycles);
/* `which` (may be NULL): the lowest index of those that happened. */
SYSC_MUST_USE enum sysc_status sysc_wait_any(struct sysc_process *self,
                                             struct sysc_event *const *events,
                                             size_t event_count, size_t *which);
SYSC_MUST_USE enum sysc_status
sysc_wait_any_for(struct sysc_process *self, struct sysc_event *const *events,
                  size_t event_count, int64_t cycles, size_t *which);
SYSC_MUST_USE enum sysc_status sysc_wait_all(struct sysc_process *self,
                                             struct sysc_event *const *events,
                                             size_t event_count);

/* What activates the method `self` next, in place of its static sensitivity;
 * the last call of an activation counts. The method's own activation only. */
enum sysc_status sysc_next_trigger_cycles(struct sysc_process *self,
                                          int64_t cycles);
enum sysc_status sysc_next_trigger_static(struct sysc_process *self);
enum sysc_status sysc_next_trigger_event(struct sysc_process *self,
                                         struct sysc_event *event);
enum sysc_status sysc_next_trigger_event_for(struct sysc_process *self,
                                             struct sysc_event *event,
                                             int64_t cycles);
enum sysc_status sysc_next_trigger_any(struct sysc_process *self,
                                       struct sysc_event *const *events,
                                       size_t event_count);
enum sysc_status sysc_next_trigger_all(struct sysc_process *self,
                                       struct sysc_event *const *events,
                                       size_t event_count);

/* ---- running ----------------------------------------------------------- */

enum sysc_state {
    SYSC_STATE_ELABORATING, /* before the first run */
    SYSC_STATE_RUNNING,
    SYSC_STATE_PAUSED, /* between runs */
    SYSC_STATE_STOPPED,
    SYSC_STATE_FAILED,
};

/* Runs up to `cycles` from now, E, B. Time then stands there even if nothing
 * happened; what is due at that very cycle belongs to the next run. 0: what is
 * due now, one delta cycle. SYSC_PAUSED and SYSC_STOPPED as asked for by a
 * process; an error of a process ends the run and is returned. */
SYSC_MUST_USE enum sysc_status sysc_run(struct sysc_context *context,
                                        int64_t cycles);
/* Runs until nothing is pending; time stands at the last activity. Does not
 * return by itself while a clock ticks. */
SYSC_MUST_USE enum sysc_status
sysc_run_until_idle(struct sysc_context *context);
/* Ends the run after the current delta cycle, P. After a pause one can run
 * again, after a stop not. */
enum sysc_status sysc_pause(struct sysc_context *context);
enum sysc_status sysc_stop(struct sysc_context *context);
/* Ends the run with SYSC_ERR_REPORTED and this message, P. */
enum sysc_status sysc_fail(struct sysc_context *context, const char *message);
enum sysc_state sysc_get_state(const struct sysc_context *context);
int64_t sysc_now(const struct sysc_context *context);
/* Delta cycles since the beginning. */
uint64_t sysc_count_deltas(const struct sysc_context *context);
/* Cycles to the next activity, 0 for the current cycle, -1 if none. Before the
 * first run: 0. */
int64_t sysc_cycles_to_next(const struct sysc_context *context);

/* ---- clocks ------------------------------------------------------------ */

struct sysc_clock;

/* E. Rises at `start_cycle` and every `period_cycles` from there, falls
 * `high_cycles` later (0: never falls, and costs half). 0 <= high < period.
 * Edges wake processes one delta cycle into their cycle. */
SYSC_MUST_USE enum sysc_status
sysc_clock_new(struct sysc_context *context, struct sysc_module *module,
               const char *name, int64_t period_cycles, int64_t high_cycles,
               int64_t start_cycle, struct sysc_clock **clock);
struct sysc_event *sysc_clock_rise(const struct sysc_clock *clock);
struct sysc_event *sysc_clock_fall(const struct sysc_clock *clock);
/* Its level in this cycle; it does not depend on the order of processes. */
bool sysc_clock_level(const struct sysc_clock *clock);
/* No further edges, P. */
enum sysc_status sysc_clock_stop(struct sysc_clock *clock);

/* ---- signals ----------------------------------------------------------- */

enum sysc_type {
    SYSC_TYPE_BOOL,
    SYSC_TYPE_I64,
    SYSC_TYPE_F64,
    SYSC_TYPE_U64,
    SYSC_TYPE_BYTES, /* by sysc_signal_new_bytes only */
};

struct sysc_signal;

/* E. Holds 0. What is written in a delta cycle is read from the next one on,
 * so readers and writers may run in any order. One process writes a signal; a
 * second writer is SYSC_ERR_KERNEL. */
SYSC_MUST_USE enum sysc_status sysc_signal_new(struct sysc_context *context,
                                               struct sysc_module *module,
                                               const char *name,
                                               enum sysc_type type,
                                               struct sysc_signal **signal);
/* A signal of any value of a fixed size, at most 64 KiB; it holds zero bytes. */
SYSC_MUST_USE enum sysc_status
sysc_signal_new_bytes(struct sysc_context *context, struct sysc_module *module,
                      const char *name, size_t size_bytes,
                      struct sysc_signal **signal);
/* E, P, B. SYSC_ERR_KIND if the signal has another type. */
enum sysc_status sysc_signal_write_bool(struct sysc_signal *signal, bool value);
enum sysc_status sysc_signal_write_i64(struct sysc_signal *signal,
                                       int64_t value);
enum sysc_status sysc_signal_write_f64(struct sysc_signal *signal,
                                       double value);
enum sysc_status sysc_signal_write_u64(struct sysc_signal *signal,
                                       uint64_t value);
/* Copies the signal's size from, or to, `bytes`. */
enum sysc_status sysc_signal_write_bytes(struct sysc_signal *signal,
                                         const void *bytes);
SYSC_MUST_USE enum sysc_status
sysc_signal_read_u64(const struct sysc_signal *signal, uint64_t *value);
SYSC_MUST_USE enum sysc_status
sysc_signal_read_bytes(const struct sysc_signal *signal, void *bytes);
SYSC_MUST_USE enum sysc_status
sysc_signal_read_bool(const struct sysc_signal *signal, bool *value);
SYSC_MUST_USE enum sysc_status
sysc_signal_read_i64(const struct sysc_signal *signal, int64_t *value);
SYSC_MUST_USE enum sysc_status
sysc_signal_read_f64(const struct sysc_signal *signal, double *value);
/* Happens when the value has changed. */
struct sysc_event *sysc_signal_changed(const struct sysc_signal *signal);

/* ---- fifos ------------------------------------------------------------- */

struct sysc_fifo;

/* E. Elements of a fixed size, copied in and out. An element is readable, and
 * a freed place writable, from the next delta cycle on. */
SYSC_MUST_USE enum sysc_status
sysc_fifo_new(struct sysc_context *context, struct sysc_module *module,
              const char *name, size_t element_size_bytes, size_t capacity,
              struct sysc_fifo **fifo);
/* In threads: wait until there is room, or an element. */
SYSC_MUST_USE enum sysc_status sysc_fifo_write(struct sysc_process *self,
                                               struct sysc_fifo *fifo,
                                               const void *element);
SYSC_MUST_USE enum sysc_status sysc_fifo_read(struct sysc_process *self,
                                              struct sysc_fifo *fifo,
                                              void *element);
/* Anywhere: SYSC_FULL or SYSC_EMPTY instead of waiting. */
SYSC_MUST_USE enum sysc_status sysc_fifo_try_write(struct sysc_fifo *fifo,
                                                   const void *element);
SYSC_MUST_USE enum sysc_status sysc_fifo_try_read(struct sysc_fifo *fifo,
                                                  void *element);
size_t sysc_fifo_count_elements(const struct sysc_fifo *fifo); /* readable */
size_t sysc_fifo_count_free(const struct sysc_fifo *fifo);     /* writable */
struct sysc_event *sysc_fifo_written(const struct sysc_fifo *fifo);
struct sysc_event *sysc_fifo_taken(const struct sysc_fifo *fifo);

/* ---- mutexes and semaphores --------------------------------------------- */

struct sysc_mutex;
struct sysc_semaphore;

/* E, P, B. Who waits is served in the order of the calls; a process that is
 * served goes on one delta cycle later. */
SYSC_MUST_USE enum sysc_status sysc_mutex_new(struct sysc_context *context,
                                              struct sysc_module *module,
                                              const char *name,
                                              struct sysc_mutex **mutex);
/* Waits until `self`, a thread, holds it. SYSC_ERR_PHASE if it does already,
 * SYSC_ERR_DEAD if its holder has ended without unlocking. */
SYSC_MUST_USE enum sysc_status sysc_mutex_lock(struct sysc_process *self,
                                               struct sysc_mutex *mutex);
/* Threads and methods: SYSC_BUSY instead of waiting. */
SYSC_MUST_USE enum sysc_status sysc_mutex_try_lock(struct sysc_process *self,
                                                   struct sysc_mutex *mutex);
/* By its holder, also while it is being killed; SYSC_ERR_PHASE otherwise. */
enum sysc_status sysc_mutex_unlock(struct sysc_process *self,
                                   struct sysc_mutex *mutex);
/* NULL if it is free. */
struct sysc_process *sysc_mutex_holder(const struct sysc_mutex *mutex);

SYSC_MUST_USE enum sysc_status
sysc_semaphore_new(struct sysc_context *context, struct sysc_module *module,
                   const char *name, int64_t count,
                   struct sysc_semaphore **semaphore);
/* Takes one, in threads: waits while there is none. */
SYSC_MUST_USE enum sysc_status
sysc_semaphore_take(struct sysc_process *self,
                    struct sysc_semaphore *semaphore);
/* Anywhere: SYSC_BUSY instead of waiting. */
SYSC_MUST_USE enum sysc_status
sysc_semaphore_try_take(struct sysc_semaphore *semaphore);
/* Gives one, anywhere; SYSC_ERR_LIMIT beyond INT64_MAX. */
enum sysc_status sysc_semaphore_give(struct sysc_semaphore *semaphore);
int64_t sysc_semaphore_count(const struct sysc_semaphore *semaphore);

/* ---- other operating system threads -------------------------------------- */

struct sysc_async;

/* A door into the simulation for other threads, E. */
SYSC_MUST_USE enum sysc_status sysc_async_new(struct sysc_context *context,
                                              struct sysc_module *module,
                                              const char *name,
                                              struct sysc_async **async);
/* From any operating system thread, at any time until the context is freed, the
 * one call that may: its event happens in the next delta cycle that the run
 * begins. Several notifications before that are one; what they stand for is
 * handed over by the caller, under a lock of its own. */
enum sysc_status sysc_async_notify(struct sysc_async *async);
struct sysc_event *sysc_async_event(const struct sysc_async *async);
/* While it is awaited, E, P, B, a run that finds nothing else to do waits for a
 * notification, in place of ending or letting time pass to its end. */
enum sysc_status sysc_async_await(struct sysc_async *async, bool is_awaited);

/* ---- ports, exports, names ------------------------------------------------ */

enum sysc_kind {
    SYSC_KIND_MODULE,
    SYSC_KIND_PROCESS,
    SYSC_KIND_EVENT,
    SYSC_KIND_CLOCK,
    SYSC_KIND_SIGNAL,
    SYSC_KIND_FIFO,
    SYSC_KIND_MUTEX,
    SYSC_KIND_SEMAPHORE,
    SYSC_KIND_ASYNC,
    SYSC_KIND_PORT,
    SYSC_KIND_EXPORT,
};

/* What was made under a name. `type`: "module", "process", "event", "clock",
 * "mutex", "semaphore", "async", "signal i64", "signal bytes 16", "fifo 8" (the
 * size of an element), or that of the port or export. Valid until the context
 * is freed. */
struct sysc_object {
    enum sysc_kind kind;
    const char *name; /* full */
    const char *type;
    void *object; /* struct sysc_module *, ... by `kind` */
};
/* NULL if there is none. */
const struct sysc_object *sysc_find(const struct sysc_context *context,
                                    const char *name);
/* All of them in the order they were made; `visit` may not make more. */
void sysc_walk(const struct sysc_context *context,
               void (*visit)(const struct sysc_object *object, void *user),
               void *user);

struct sysc_port;

/* E. A module says what it needs (port) and what it offers (export), each of a
 * type: one of the types above for an object of that kind, or any other text
 * for an interface that the two sides agree on ("memory": a struct of
 * functions, say). */
SYSC_MUST_USE enum sysc_status sysc_port_new(struct sysc_context *context,
                                             struct sysc_module *module,
                                             const char *name, const char *type,
                                             struct sysc_port **port);
SYSC_MUST_USE enum sysc_status sysc_export_new(struct sysc_context *context,
                                               struct sysc_module *module,
                                               const char *name,
                                               const char *type, void *object);
/* Connects the port of this full name to an object, an export, or another port
 * (of the module around it, say), E. SYSC_ERR_NAME if there is no such name,
 * SYSC_ERR_KIND if the types differ, SYSC_ERR_PHASE if it is bound already,
 * SYSC_ERR_ARGUMENT if ports would be bound in a circle. The first run fails
 * with SYSC_ERR_PHASE while a port is not bound. */
SYSC_MUST_USE enum sysc_status sysc_bind(struct sysc_context *context,
                                         const char *port_name,
                                         const char *target_name);
/* What it is bound to in the end, a struct sysc_fifo * for type "fifo 8", say;
 * NULL if it is not. */
void *sysc_port_object(const struct sysc_port *port);

/* ---- traces ------------------------------------------------------------ */

struct sysc_trace;

/* A VCD file; `path` ends in ".vcd". E, B. The same simulation writes the same
 * bytes: the file carries no date. */
SYSC_MUST_USE enum sysc_status sysc_trace_open(struct sysc_context *context,
                                               const char *path,
                                               struct sysc_trace **trace);
/* What to record, before the run that follows. `name` with '.' makes scopes;
 * NULL: the full name of the signal or clock. Variables are borrowed and must
 * live until the trace is closed. */
enum sysc_status sysc_trace_signal(struct sysc_trace *trace,
                                   const struct sysc_signal *signal,
                                   const char *name);
enum sysc_status sysc_trace_clock(struct sysc_trace *trace,
                                  const struct sysc_clock *clock,
                                  const char *name);
/* Its readable elements. */
enum sysc_status sysc_trace_fifo(struct sysc_trace *trace,
                                 const struct sysc_fifo *fifo,
                                 const char *name);
/* A mark whenever it happens. */
enum sysc_status sysc_trace_event(struct sysc_trace *trace,
                                  const struct sysc_event *event,
                                  const char *name);
enum sysc_status sysc_trace_u64(struct sysc_trace *trace,
                                const uint64_t *variable, const char *name);
enum sysc_status sysc_trace_bool(struct sysc_trace *trace, const bool *variable,
                                 const char *name);
enum sysc_status sysc_trace_i64(struct sysc_trace *trace,
                                const int64_t *variable, const char *name);
enum sysc_status sysc_trace_f64(struct sysc_trace *trace,
                                const double *variable, const char *name);
/* Records the values of now and closes the file; sysc_context_free does so for
 * open ones. E, B. SYSC_ERR_IO if the file is not complete. */
enum sysc_status sysc_trace_close(struct sysc_trace *trace);

/* ---- reports of the kernel ---------------------------------------------- */

enum sysc_severity {
    SYSC_SEVERITY_INFO,
    SYSC_SEVERITY_WARNING,
    SYSC_SEVERITY_ERROR, /* becomes SYSC_ERR_KERNEL of the call, too */
    SYSC_SEVERITY_FATAL,
};

struct sysc_report { /* valid during the call only */
    enum sysc_severity severity;
    const char *id;
    const char *text;
    const char *file; /* of the kernel's source */
    int line;
    const char *process; /* "" outside of processes */
    int64_t cycle;
};

typedef void (*sysc_report_fn)(const struct sysc_report *report, void *user);

/* E, P, B. NULL: reports are counted only. The handler may run on the stack of
 * a thread and must not wait. */
enum sysc_status sysc_set_report_handler(struct sysc_context *context,
                                         sysc_report_fn handler, void *user);
int64_t sysc_count_reports(const struct sysc_context *context,
                           enum sysc_severity severity);

#ifdef __cplusplus
}
#endif

#endif
