/* Running, stopping, and asking for the state of a simulation.
 *
 * Neither sc_stop nor the kernel's error state is used: after them a context
 * cannot run again, not even to unwind its threads. A stop or a failure is a
 * pause here, and this file remembers why. */
#include "sim/systemc/sysc_private.hpp"

namespace
{

enum sysc_status check_run(sysc_context *context)
{
    if (!kernel_is_mine()) {
        return SYSC_ERR_THREAD;
    }
    if (context->is_running) {
        return set_error(context, SYSC_ERR_PHASE,
                         "the context is running already");
    }
    if (context->failure != SYSC_OK) {
        return set_error(context, SYSC_ERR_PHASE, "an earlier run failed: %s",
                         sysc_status_text(context->failure));
    }
    if (context->is_stop_asked) {
        return set_error(context, SYSC_ERR_PHASE, "the run was stopped");
    }
    return context->has_run ? SYSC_OK : check_ports(context);
}

enum sysc_status outcome(sysc_context *context, enum sysc_status status)
{
    if (status != SYSC_OK) {
        context->is_kernel_broken = true;
        context->failure = status;
        return status;
    }
    if (context->failure != SYSC_OK) {
        return context->failure;
    }
    if (context->is_stop_asked) {
        return SYSC_STOPPED;
    }
    return context->is_pause_asked ? SYSC_PAUSED : SYSC_OK;
}

enum sysc_status run(sysc_context *context, const sc_core::sc_time &duration,
                     sc_core::sc_starvation_policy policy)
{
    if (!kernel_start_run()) {
        return set_error(context, SYSC_ERR_PHASE, "another context is running");
    }
    context->is_running = true;
    context->has_run = true;
    context->is_pause_asked = false;
    context->main_stack = stack_of_caller();
    enum sysc_status status = guarded(context, [&] {
        sc_core::sc_start(duration, policy);
        return SYSC_OK;
    });
    stack_note(context->main_stack);
    context->is_running = false;
    kernel_end_run();
    return outcome(context, status);
}

enum sysc_status ask_to_end(sysc_context *context, bool *is_asked)
{
    if (context == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (!is_in_process(context)) {
        return set_error(context, SYSC_ERR_PHASE,
                         "only a process can end a run");
    }
    *is_asked = true;
    sc_core::sc_pause();
    return SYSC_OK;
}

} // namespace

enum sysc_status refuse_over(sysc_context *context, const char *name)
{
    return set_error(context, SYSC_ERR_PHASE, "'%s': the simulation is over",
                     name);
}

extern "C" enum sysc_status sysc_run(struct sysc_context *context,
                                     int64_t cycles)
{
    if (context == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    enum sysc_status status = check_run(context);
    if (status == SYSC_OK) {
        status = check_delay(context, cycles);
    }
    if (status != SYSC_OK) {
        return status;
    }
    return run(context, time_of(cycles), sc_core::SC_RUN_TO_TIME);
}

extern "C" enum sysc_status sysc_run_until_idle(struct sysc_context *context)
{
    if (context == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    enum sysc_status status = check_run(context);
    if (status != SYSC_OK) {
        return status;
    }
    /* To the end of the kernel's time, beyond our last cycle: what is due at
     * the very end of a run would be left to the next. */
    sc_core::sc_time to_end = context->kernel->max_time();
    to_end -= context->kernel->time_stamp();
    return run(context, to_end, sc_core::SC_EXIT_ON_STARVATION);
}

extern "C" enum sysc_status sysc_pause(struct sysc_context *context)
{
    bool is_asked = false;
    enum sysc_status status = ask_to_end(context, &is_asked);
    if (status == SYSC_OK) {
        context->is_pause_asked = true;
    }
    return status;
}

extern "C" enum sysc_status sysc_stop(struct sysc_context *context)
{
    bool is_asked = false;
    enum sysc_status status = ask_to_end(context, &is_asked);
    if (status == SYSC_OK) {
        context->is_stop_asked = true;
    }
    return status;
}

extern "C" enum sysc_status sysc_fail(struct sysc_context *context,
                                      const char *message)
{
    if (context == nullptr || message == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (!is_in_process(context)) {
        return set_error(context, SYSC_ERR_PHASE,
                         "only a process can fail a run");
    }
    if (context->failure == SYSC_OK) {
        (void)set_error(context, SYSC_ERR_REPORTED, "%s", message);
    }
    fail_run(context, SYSC_ERR_REPORTED);
    return SYSC_OK;
}

extern "C" enum sysc_state sysc_get_state(const struct sysc_context *context)
{
    if (context == nullptr || context->failure != SYSC_OK) {
        return SYSC_STATE_FAILED;
    }
    if (context->is_running) {
        return SYSC_STATE_RUNNING;
    }
    if (context->is_stop_asked) {
        return SYSC_STATE_STOPPED;
    }
    return context->has_run ? SYSC_STATE_PAUSED : SYSC_STATE_ELABORATING;
}

extern "C" int64_t sysc_now(const struct sysc_context *context)
{
    return context == nullptr ? 0 : static_cast<int64_t>(now_of(context));
}

extern "C" uint64_t sysc_count_deltas(const struct sysc_context *context)
{
    if (context == nullptr) {
        return 0;
    }
    sc_core::sc_simcontext *previous = sc_core::sc_curr_simcontext;
    sc_core::sc_curr_simcontext = context->kernel;
    uint64_t count = sc_core::sc_delta_count();
    sc_core::sc_curr_simcontext = previous;
    return count;
}

extern "C" int64_t sysc_cycles_to_next(const struct sysc_context *context)
{
    if (context == nullptr) {
        return -1;
    }
    if (!context->has_run ||
        context->kernel->pending_activity_at_current_time()) {
        return 0;
    }
    sc_core::sc_time next;
    if (!context->kernel->next_time(next)) {
        return -1;
    }
    return static_cast<int64_t>(next.value() - now_of(context));
}
