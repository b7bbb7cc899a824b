/* Processes: registration, the trampolines into C, the end of a process.
 *
 * A killed thread unwinds by a C++ exception that the kernel throws inside the
 * thread's wait. It must reach the kernel again, but it need not pass through
 * the C frames between: the wait keeps it and returns SYSC_KILLED, the C code
 * returns in the ordinary way, and the trampoline throws the same exception
 * on. */
#include "sim/systemc/sysc_private.hpp"

namespace
{

const size_t STACK_DEFAULT_BYTES = size_t{256} << 10; /* the kernel's */
const size_t STACK_MIN_BYTES = size_t{16} << 10;
const size_t STACK_MAX_BYTES = size_t{1} << 30;

/* Throws on what keep_unwinding kept; the kernel waits for it. */
void resume_unwinding(sysc_process *process)
{
    if (process->unwinding) {
        std::exception_ptr unwinding = std::move(process->unwinding);
        process->unwinding = nullptr;
        process->is_resetting = false;
        process->ignored_kill_count = 0;
        std::rethrow_exception(std::move(unwinding));
    }
}

void call_back(sysc_process *process)
{
    try {
        process->callback(process, process->user);
    } catch (const sc_core::sc_unwind_exception &exception) {
        if (!exception.is_reset()) {
            finish_process(process);
        }
        throw;
    } catch (...) {
        (void)set_error_from_exception(process->context);
        fail_run(process->context, SYSC_ERR_FOREIGN);
    }
}

void run_thread(sysc_process *process)
{
    process->stack = stack_of_coroutine(process->stack_size_bytes);
    if (!process->context->is_closing && enter_activation(process)) {
        call_back(process);
    }
    if (!process->is_resetting) {
        finish_process(process);
    }
    resume_unwinding(process);
}

void run_method(sysc_process *process)
{
    if (process->context->is_closing || !enter_activation(process)) {
        return;
    }
    call_back(process);
    if (process->unwinding) {
        if (!process->is_resetting) {
            finish_process(process);
        }
        resume_unwinding(process);
    }
}

enum sysc_status check_options(sysc_context *context, const char *name,
                               bool is_thread,
                               const sysc_process_options *options)
{
    enum sysc_status status =
        check_events(context, options->sensitive, options->sensitive_count);
    if (status != SYSC_OK) {
        return status;
    }
    if (options->dont_initialize && options->sensitive_count == 0) {
        return set_error(context, SYSC_ERR_ARGUMENT,
                         "process '%s' would never run: not initialized and "
                         "sensitive to nothing",
                         name);
    }
    if (options->stack_size_bytes != 0 &&
        (!is_thread || options->stack_size_bytes < STACK_MIN_BYTES ||
         options->stack_size_bytes > STACK_MAX_BYTES)) {
        return set_error(context, SYSC_ERR_ARGUMENT,
                         "stack of process '%s': %zu bytes; threads have "
                         "%zu to %zu, methods none",
                         name, options->stack_size_bytes, STACK_MIN_BYTES,
                         STACK_MAX_BYTES);
    }
    if (is_thread && context->thread_count >= SYSC_THREADS_MAX) {
        return set_error(context, SYSC_ERR_LIMIT,
                         "thread '%s' is beyond the limit of %d threads", name,
                         SYSC_THREADS_MAX);
    }
    return SYSC_OK;
}

void spawn(sysc_process *process, const char *name,
           const sysc_process_options *options)
{
    sc_core::sc_spawn_options spawn_options;
    if (options->dont_initialize) {
        spawn_options.dont_initialize();
    }
    for (size_t i = 0; i < options->sensitive_count; i++) {
        spawn_options.set_sensitivity(options->sensitive[i]->kernel);
    }
    if (process->is_thread) {
        if (options->stack_size_bytes != 0) {
            process->stack_size_bytes = options->stack_size_bytes;
            spawn_options.set_stack_size(
                static_cast<int>(options->stack_size_bytes));
        }
        process->handle = sc_core::sc_spawn(
            [process] {
                run_thread(process);
            },
            name, &spawn_options);
        process->context->thread_count++;
    } else {
        spawn_options.spawn_method();
        process->handle = sc_core::sc_spawn(
            [process] {
                run_method(process);
            },
            name, &spawn_options);
    }
    process->kernel = process->handle;
    process->name = process->handle.name();
}

enum sysc_status process_new(sysc_context *context, sysc_module *module,
                             const char *name, sysc_process_fn callback,
                             void *user, bool is_thread,
                             const sysc_process_options *options,
                             sysc_process **result)
{
    if (context == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (callback == nullptr) {
        return set_error(context, SYSC_ERR_ARGUMENT,
                         "process without callback");
    }
    return guarded(context, [&] {
        const sysc_process_options defaults = SYSC_PROCESS_OPTIONS_DEFAULT;
        const sysc_process_options *chosen =
            options != nullptr ? options : &defaults;
        enum sysc_status status = check_name(context, module, name);
        if (status == SYSC_OK) {
            status = check_options(context, name, is_thread, chosen);
        }
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_process> process(new sysc_process{});
        process->context = context;
        process->callback = callback;
        process->user = user;
        process->is_thread = is_thread;
        process->is_dynamic = context->has_run;
        process->stack_size_bytes = STACK_DEFAULT_BYTES;
        process->activation_cycle = UINT64_MAX;
        /* Before the kernel knows the process: no failure in between. */
        context->processes.push_back(std::move(process));
        hierarchy_scope scope(context, module);
        try {
            spawn(context->processes.back().get(), name, chosen);
        } catch (...) {
            context->processes.pop_back();
            throw;
        }
        sysc_process *made = context->processes.back().get();
        register_object(context, SYSC_KIND_PROCESS, made->name.c_str(),
                        "process", made);
        if (result != nullptr) {
            *result = made;
        }
        return SYSC_OK;
    });
}

} // namespace

bool repeat_activation(sysc_process *process)
{
    sysc_context *context = process->context;
    if (context->failure != SYSC_OK) {
        return false;
    }
    process->activation_count++;
    if (context->options.activation_limit == 0 ||
        process->activation_count <= context->options.activation_limit) {
        return true;
    }
    (void)set_error(context, SYSC_ERR_LOOP,
                    "process '%s' was activated %lld times in cycle %llu",
                    process->name.c_str(),
                    static_cast<long long>(process->activation_count),
                    static_cast<unsigned long long>(now_of(context)));
    fail_run(context, SYSC_ERR_LOOP);
    return false;
}

void finish_process(sysc_process *process)
{
    if (process->is_finished) {
        return;
    }
    process->is_finished = true;
    if (process->is_thread) {
        process->context->thread_count--;
    }
    if (process->timer) {
        process->timer->cancel(); /* time shall not go on for it */
    }
    /* A held handle would keep the kernel's process and its stack alive. */
    process->handle = sc_core::sc_process_handle();
}

extern "C" enum sysc_status
sysc_method_new(struct sysc_context *context, struct sysc_module *module,
                const char *name, sysc_process_fn callback, void *user,
                const struct sysc_process_options *options,
                struct sysc_process **process)
{
    return process_new(context, module, name, callback, user, false, options,
                       process);
}

extern "C" enum sysc_status
sysc_thread_new(struct sysc_context *context, struct sysc_module *module,
                const char *name, sysc_process_fn callback, void *user,
                const struct sysc_process_options *options,
                struct sysc_process **process)
{
    return process_new(context, module, name, callback, user, true, options,
                       process);
}

extern "C" bool sysc_process_is_finished(const struct sysc_process *process)
{
    return process == nullptr || process->is_finished;
}

extern "C" const char *sysc_process_name(const struct sysc_process *process)
{
    return process == nullptr ? "" : process->name.c_str();
}

extern "C" struct sysc_context *
sysc_process_context(const struct sysc_process *process)
{
    return process == nullptr ? nullptr : process->context;
}
