/* Events. The kernel's event stays allocated until the context is freed, also
 * when the handle is freed: processes may still be registered with it. */
#include "sim/systemc/sysc_private.hpp"

namespace
{

/* SYSC_OK if `event` may be notified. */
enum sysc_status check_notifiable(const sysc_event *event)
{
    if (event == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (event->is_dead) {
        return set_error(event->context, SYSC_ERR_DEAD, "event '%s' was freed",
                         event->kernel->name());
    }
    if (!event->owned) {
        return set_error(event->context, SYSC_ERR_KIND,
                         "event '%s' is notified by its channel only",
                         event->kernel->name());
    }
    return SYSC_OK;
}

enum sysc_status check_notified(const sysc_event *event)
{
    enum sysc_status status = check_notifiable(event);
    return status == SYSC_OK
               ? check_not_over(event->context, event->kernel->name())
               : status;
}

} // namespace

sysc_event *adopt_event(sysc_context *context, const sc_core::sc_event &event)
{
    context->events.emplace_back(
        new sysc_event{context, nullptr, &event, false});
    return context->events.back().get();
}

extern "C" enum sysc_status sysc_event_new(struct sysc_context *context,
                                           struct sysc_module *module,
                                           const char *name,
                                           struct sysc_event **event)
{
    if (context == nullptr || event == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return guarded(context, [&] {
        enum sysc_status status = check_name(context, module, name);
        if (status != SYSC_OK) {
            return status;
        }
        hierarchy_scope scope(context, module);
        std::unique_ptr<sc_core::sc_event> owned(new sc_core::sc_event(name));
        const sc_core::sc_event *kernel = owned.get();
        context->events.emplace_back(
            new sysc_event{context, std::move(owned), kernel, false});
        *event = context->events.back().get();
        register_object(context, SYSC_KIND_EVENT, kernel->name(), "event",
                        *event);
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_event_free(struct sysc_event *event)
{
    if (event == nullptr) {
        return SYSC_OK;
    }
    enum sysc_status status = check_notifiable(event);
    if (status == SYSC_OK) {
        event->owned->cancel();
        event->is_dead = true;
    }
    return status;
}

extern "C" enum sysc_status sysc_event_notify(struct sysc_event *event)
{
    enum sysc_status status = check_notified(event);
    if (status != SYSC_OK) {
        return status;
    }
    if (!event->context->kernel->evaluation_phase()) {
        return set_error(event->context, SYSC_ERR_PHASE,
                         "event '%s' cannot be notified immediately before "
                         "the first run",
                         event->kernel->name());
    }
    return guarded(event->context, [&] {
        event->owned->notify();
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_event_notify_delta(struct sysc_event *event)
{
    enum sysc_status status = check_notified(event);
    if (status != SYSC_OK) {
        return status;
    }
    return guarded(event->context, [&] {
        event->owned->notify(sc_core::SC_ZERO_TIME);
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_event_notify_after(struct sysc_event *event,
                                                    int64_t cycles)
{
    enum sysc_status status = check_notified(event);
    if (status != SYSC_OK) {
        return status;
    }
    status = check_delay(event->context, cycles);
    if (status != SYSC_OK) {
        return status;
    }
    return guarded(event->context, [&] {
        event->owned->notify(time_of(cycles));
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_event_cancel(struct sysc_event *event)
{
    enum sysc_status status = check_notifiable(event);
    if (status == SYSC_OK) {
        event->owned->cancel();
    }
    return status;
}

extern "C" bool sysc_event_is_triggered(const struct sysc_event *event)
{
    return event != nullptr && !event->is_dead && event->kernel->triggered();
}

extern "C" const char *sysc_event_name(const struct sysc_event *event)
{
    return event == nullptr ? "" : event->kernel->name();
}
