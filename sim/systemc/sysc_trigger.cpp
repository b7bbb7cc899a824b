/* The next trigger of methods. A method that asked for a time in an earlier
 * call of the same activation must not be woken by it, so each call cancels the
 * timer. */
#include "sim/systemc/sysc_private.hpp"

namespace
{

/* `set` names the trigger; the rest is the same for all. */
template <typename Set> enum sysc_status trigger(sysc_process *self, Set &&set)
{
    return guarded(self->context, [&] {
        if (self->timer) {
            self->timer->cancel();
        }
        set(self->context->kernel);
        return SYSC_OK;
    });
}

enum sysc_status check_timed(sysc_process *self, enum sysc_status status,
                             int64_t cycles)
{
    return status == SYSC_OK ? check_delay(self->context, cycles) : status;
}

} // namespace

extern "C" enum sysc_status sysc_next_trigger_cycles(struct sysc_process *self,
                                                     int64_t cycles)
{
    enum sysc_status status =
        check_timed(self, check_self(self, false), cycles);
    if (status != SYSC_OK) {
        return status;
    }
    return trigger(self, [&](sc_core::sc_simcontext *kernel) {
        timer_of(self).notify(time_of(cycles));
        sc_core::next_trigger(timer_of(self), kernel);
    });
}

extern "C" enum sysc_status sysc_next_trigger_static(struct sysc_process *self)
{
    enum sysc_status status = check_self(self, false);
    if (status != SYSC_OK) {
        return status;
    }
    return trigger(self, [&](sc_core::sc_simcontext *kernel) {
        sc_core::next_trigger(kernel);
    });
}

extern "C" enum sysc_status sysc_next_trigger_event(struct sysc_process *self,
                                                    struct sysc_event *event)
{
    enum sysc_status status = check_self_and_events(self, false, &event, 1);
    if (status != SYSC_OK) {
        return status;
    }
    return trigger(self, [&](sc_core::sc_simcontext *kernel) {
        sc_core::next_trigger(*event->kernel, kernel);
    });
}

extern "C" enum sysc_status
sysc_next_trigger_event_for(struct sysc_process *self, struct sysc_event *event,
                            int64_t cycles)
{
    enum sysc_status status = check_timed(
        self, check_self_and_events(self, false, &event, 1), cycles);
    if (status != SYSC_OK) {
        return status;
    }
    return trigger(self, [&](sc_core::sc_simcontext *kernel) {
        self->has_used_list = true;
        timer_of(self).notify(time_of(cycles));
        sc_core::next_trigger(any_of(&event, 1, timer_of(self)), kernel);
    });
}

extern "C" enum sysc_status
sysc_next_trigger_any(struct sysc_process *self,
                      struct sysc_event *const *events, size_t event_count)
{
    enum sysc_status status =
        check_self_and_events(self, false, events, event_count);
    if (status != SYSC_OK) {
        return status;
    }
    return trigger(self, [&](sc_core::sc_simcontext *kernel) {
        self->has_used_list = true;
        sc_core::next_trigger(any_of(events, event_count, *events[0]->kernel),
                              kernel);
    });
}

extern "C" enum sysc_status
sysc_next_trigger_all(struct sysc_process *self,
                      struct sysc_event *const *events, size_t event_count)
{
    enum sysc_status status =
        check_self_and_events(self, false, events, event_count);
    if (status != SYSC_OK) {
        return status;
    }
    return trigger(self, [&](sc_core::sc_simcontext *kernel) {
        self->has_used_list = true;
        sc_core::next_trigger(all_of(events, event_count), kernel);
    });
}
