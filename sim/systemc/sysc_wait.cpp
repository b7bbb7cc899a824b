/* Waiting in threads, and what it shares with the next trigger of methods.
 *
 * Timed waits use the process's own timer event in place of the kernel's
 * timeout: the cost is the same, and it can be cancelled when a context with
 * sleeping threads is freed. */
#include "sim/systemc/sysc_private.hpp"

enum sysc_status refuse_self(sysc_process *self, bool is_thread_call)
{
    if (self == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (self->unwinding) {
        self->ignored_kill_count++;
        return self->is_resetting ? SYSC_RESET : SYSC_KILLED;
    }
    sysc_context *context = self->context;
    if (self->is_finished || !context->is_running ||
        current_process(context) != self->kernel) {
        return set_error(context, SYSC_ERR_PHASE,
                         "process '%s' is not the one that runs",
                         self->name.c_str());
    }
    return set_error(context, SYSC_ERR_KIND, "'%s' is a %s: it cannot %s",
                     self->name.c_str(), is_thread_call ? "method" : "thread",
                     is_thread_call ? "wait" : "set a next trigger");
}

enum sysc_status check_self_and_events(sysc_process *self, bool is_thread_call,
                                       struct sysc_event *const *events,
                                       size_t count)
{
    enum sysc_status status = check_self(self, is_thread_call);
    if (status == SYSC_OK) {
        status = check_events(self->context, events, count);
    }
    if (status == SYSC_OK && count == 0) {
        status = set_error(self->context, SYSC_ERR_ARGUMENT,
                           "process '%s' waits for an empty list",
                           self->name.c_str());
    }
    return status;
}

sc_core::sc_event &timer_of(sysc_process *self)
{
    if (!self->timer) {
        self->timer.reset(new sc_core::sc_event);
    }
    return *self->timer;
}

sc_core::sc_event_or_expr any_of(struct sysc_event *const *events, size_t count,
                                 const sc_core::sc_event &last)
{
    sc_core::sc_event_or_expr list = *events[0]->kernel | last;
    for (size_t i = 1; i < count; i++) {
        list.push_back(*events[i]->kernel);
    }
    return list;
}

sc_core::sc_event_and_expr all_of(struct sysc_event *const *events,
                                  size_t count)
{
    sc_core::sc_event_and_expr list = *events[0]->kernel & *events[0]->kernel;
    for (size_t i = 1; i < count; i++) {
        list.push_back(*events[i]->kernel);
    }
    return list;
}

namespace
{

const int IGNORED_KILLS_MAX = 1000;

/* The last resort against a thread that loops on SYSC_KILLED. */
enum sysc_status refuse(sysc_process *self, enum sysc_status status)
{
    if ((status == SYSC_KILLED || status == SYSC_RESET) &&
        self->ignored_kill_count > IGNORED_KILLS_MAX) {
        std::exception_ptr unwinding = std::move(self->unwinding);
        self->unwinding = nullptr;
        std::rethrow_exception(std::move(unwinding));
    }
    return status;
}

/* The lowest index that happened; `count` if none did. */
size_t find_triggered(struct sysc_event *const *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (events[i]->kernel->triggered()) {
            return i;
        }
    }
    return count;
}

/* Waits for the list that `make_list` makes; SYSC_TIMEOUT if none of the events
 * ended the wait. */
template <typename MakeList>
enum sysc_status wait_any_in(sysc_process *self,
                             struct sysc_event *const *events, size_t count,
                             size_t *which, MakeList &&make_list)
{
    enum sysc_status status = wait_in(self, [&] {
        const sc_core::sc_event_or_list &list = make_list();
        sc_core::wait(list, self->context->kernel);
    });
    if (self->timer) {
        self->timer->cancel();
    }
    if (status != SYSC_OK) {
        return status;
    }
    size_t first = find_triggered(events, count);
    if (first == count) {
        return SYSC_TIMEOUT;
    }
    if (which != nullptr) {
        *which = first;
    }
    return SYSC_OK;
}

/* Kept from wait to wait: most threads use a timeout on one event only. */
const sc_core::sc_event_or_list &event_or_timer_of(sysc_process *self,
                                                   const sysc_event *event)
{
    if (!self->event_or_timer || self->listed_event != event->kernel) {
        self->event_or_timer.reset(
            new sc_core::sc_event_or_list(*event->kernel));
        *self->event_or_timer |= timer_of(self);
        self->listed_event = event->kernel;
    }
    return *self->event_or_timer;
}

} // namespace

extern "C" enum sysc_status sysc_wait_cycles(struct sysc_process *self,
                                             int64_t cycles)
{
    enum sysc_status status = check_self(self, true);
    if (status == SYSC_OK) {
        status = check_delay(self->context, cycles);
    }
    if (status != SYSC_OK) {
        return refuse(self, status);
    }
    return wait_in(self, [&] {
        sc_core::sc_event &timer = timer_of(self);
        timer.notify(time_of(cycles));
        sc_core::wait(timer, self->context->kernel);
    });
}

extern "C" enum sysc_status sysc_wait_static(struct sysc_process *self)
{
    enum sysc_status status = check_self(self, true);
    if (status != SYSC_OK) {
        return refuse(self, status);
    }
    return wait_in(self, [&] {
        sc_core::wait(self->context->kernel);
    });
}

extern "C" enum sysc_status sysc_wait_event(struct sysc_process *self,
                                            struct sysc_event *event)
{
    enum sysc_status status = check_self_and_events(self, true, &event, 1);
    if (status != SYSC_OK) {
        return refuse(self, status);
    }
    return wait_in(self, [&] {
        sc_core::wait(*event->kernel, self->context->kernel);
    });
}

extern "C" enum sysc_status sysc_wait_event_for(struct sysc_process *self,
                                                struct sysc_event *event,
                                                int64_t cycles)
{
    enum sysc_status status = check_self_and_events(self, true, &event, 1);
    if (status == SYSC_OK) {
        status = check_delay(self->context, cycles);
    }
    if (status != SYSC_OK) {
        return refuse(self, status);
    }
    return wait_any_in(self, &event, 1, nullptr,
                       [&]() -> const sc_core::sc_event_or_list & {
                           timer_of(self).notify(time_of(cycles));
                           return event_or_timer_of(self, event);
                       });
}

extern "C" enum sysc_status sysc_wait_any(struct sysc_process *self,
                                          struct sysc_event *const *events,
                                          size_t event_count, size_t *which)
{
    enum sysc_status status =
        check_self_and_events(self, true, events, event_count);
    if (status != SYSC_OK) {
        return refuse(self, status);
    }
    return wait_any_in(
        self, events, event_count, which,
        [&]() -> const sc_core::sc_event_or_list & {
            return any_of(events, event_count, *events[0]->kernel).release();
        });
}

extern "C" enum sysc_status sysc_wait_any_for(struct sysc_process *self,
                                              struct sysc_event *const *events,
                                              size_t event_count,
                                              int64_t cycles, size_t *which)
{
    enum sysc_status status =
        check_self_and_events(self, true, events, event_count);
    if (status == SYSC_OK) {
        status = check_delay(self->context, cycles);
    }
    if (status != SYSC_OK) {
        return refuse(self, status);
    }
    return wait_any_in(
        self, events, event_count, which,
        [&]() -> const sc_core::sc_event_or_list & {
            timer_of(self).notify(time_of(cycles));
            return any_of(events, event_count, timer_of(self)).release();
        });
}

extern "C" enum sysc_status sysc_wait_all(struct sysc_process *self,
                                          struct sysc_event *const *events,
                                          size_t event_count)
{
    enum sysc_status status =
        check_self_and_events(self, true, events, event_count);
    if (status != SYSC_OK) {
        return refuse(self, status);
    }
    return wait_in(self, [&] {
        sc_core::wait(all_of(events, event_count), self->context->kernel);
    });
}
