/* One process controls another: kill, reset, suspend, resume. Kill and reset run
 * the target at once, on its own stack, until it has ended or waits again. */
#include "sim/systemc/sysc_private.hpp"

sysc_process *running_process(sysc_context *context)
{
    sc_core::sc_process_b *current = current_process(context);
    for (const std::unique_ptr<sysc_process> &process : context->processes) {
        if (!process->is_finished && process->kernel == current) {
            return process.get();
        }
    }
    return nullptr;
}

/* The kernel runs the killed thread to its end before kill returns. The caller
 * may be killed by that: itself, or by what the dying thread does. */
enum sysc_status kill_process(sysc_process *process,
                              const stack_bounds &caller_stack)
{
    try {
        sc_core::sc_process_handle handle = process->handle;
        handle.kill();
        stack_note(caller_stack);
    } catch (const sc_core::sc_unwind_exception &exception) {
        sysc_process *caller = running_process(process->context);
        if (caller == nullptr) {
            throw;
        }
        return keep_unwinding(caller, exception);
    }
    finish_process(process);
    return SYSC_OK;
}

namespace
{

/* Kills and resets come from processes: the kernel runs the target at once. */
enum sysc_status check_target(sysc_process *process, const char *what)
{
    if (process == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (process->is_finished || process->unwinding) {
        return set_error(process->context, SYSC_ERR_DEAD,
                         "process '%s' has ended", process->name.c_str());
    }
    if (!is_in_process(process->context)) {
        return set_error(process->context, SYSC_ERR_PHASE,
                         "process '%s' can be %s by a process only",
                         process->name.c_str(), what);
    }
    return SYSC_OK;
}

const stack_bounds &stack_of_running(sysc_context *context)
{
    const sysc_process *caller = running_process(context);
    return caller != nullptr && caller->is_thread ? caller->stack
                                                  : context->main_stack;
}

enum sysc_status reset_process(sysc_process *process)
{
    const stack_bounds caller_stack = stack_of_running(process->context);
    sysc_process *caller = running_process(process->context);
    try {
        sc_core::sc_process_handle handle = process->handle;
        if (process->timer) {
            process->timer->cancel(); /* of a wait that is no more */
        }
        handle.reset();
        stack_note(caller_stack);
    } catch (const sc_core::sc_unwind_exception &exception) {
        if (caller == nullptr) {
            throw;
        }
        return keep_unwinding(caller, exception);
    }
    return SYSC_OK;
}

enum sysc_status check_suspension(sysc_process *process, bool is_suspended)
{
    if (process == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (process->is_finished || process->unwinding) {
        return set_error(process->context, SYSC_ERR_DEAD,
                         "process '%s' has ended", process->name.c_str());
    }
    if (!process->context->has_run ||
        (process->context->is_running && !is_in_process(process->context))) {
        return set_error(process->context, SYSC_ERR_PHASE,
                         "process '%s' can be suspended and resumed from the "
                         "first run on only",
                         process->name.c_str());
    }
    if (process->is_suspended != is_suspended) {
        return set_error(process->context, SYSC_ERR_PHASE,
                         is_suspended ? "process '%s' is not suspended"
                                      : "process '%s' is suspended already",
                         process->name.c_str());
    }
    return SYSC_OK;
}

} // namespace

enum sysc_status keep_unwinding(sysc_process *process,
                                const sc_core::sc_unwind_exception &exception)
{
    /* A reset thread that is killed while it returns stays a killed one. */
    if (!process->unwinding || !exception.is_reset()) {
        process->unwinding = std::current_exception();
        process->is_resetting = exception.is_reset();
    }
    return process->is_resetting ? SYSC_RESET : SYSC_KILLED;
}

extern "C" enum sysc_status sysc_process_kill(struct sysc_process *process)
{
    enum sysc_status status = check_target(process, "killed");
    if (status != SYSC_OK) {
        return status;
    }
    const stack_bounds &caller_stack = stack_of_running(process->context);
    return guarded(process->context, [&] {
        return kill_process(process, caller_stack);
    });
}

extern "C" enum sysc_status sysc_process_reset(struct sysc_process *process)
{
    enum sysc_status status = check_target(process, "reset");
    if (status != SYSC_OK) {
        return status;
    }
    /* For methods the kernel makes a helper thread that it never frees. */
    if (!process->is_thread) {
        return set_error(process->context, SYSC_ERR_KIND,
                         "'%s' is a method: every call begins anew",
                         process->name.c_str());
    }
    return guarded(process->context, [&] {
        return reset_process(process);
    });
}

extern "C" enum sysc_status sysc_process_suspend(struct sysc_process *process)
{
    enum sysc_status status = check_suspension(process, false);
    if (status != SYSC_OK) {
        return status;
    }
    process->is_suspended = true;
    return guarded(process->context, [&] {
        sc_core::sc_process_handle handle = process->handle;
        if (process->is_thread &&
            process->kernel == current_process(process->context)) {
            return wait_in(process, [&] {
                handle.suspend();
            });
        }
        handle.suspend();
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_process_resume(struct sysc_process *process)
{
    enum sysc_status status = check_suspension(process, true);
    if (status != SYSC_OK) {
        return status;
    }
    process->is_suspended = false;
    return guarded(process->context, [&] {
        sc_core::sc_process_handle handle = process->handle;
        handle.resume();
        return SYSC_OK;
    });
}

extern "C" bool sysc_process_is_suspended(const struct sysc_process *process)
{
    return process != nullptr && process->is_suspended && !process->is_finished;
}

void reap_processes(sysc_context *context)
{
    /* The kernel can kill from inside a process only. */
    sc_core::sc_spawn_options options;
    options.spawn_method();
    sc_core::sc_spawn(
        [context] {
            for (size_t i = 0; i < context->processes.size(); i++) {
                sysc_process *process = context->processes[i].get();
                if (!process->is_finished &&
                    (process->is_thread || process->is_dynamic ||
                     process->has_used_list)) {
                    (void)kill_process(process, context->main_stack);
                }
            }
            sc_core::sc_get_current_process_handle().kill();
        },
        nullptr, &options);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
}
