/* Notifications from other operating system threads: the one part of the kernel
 * that may be called from there is async_request_update, which it guards by a
 * lock; the update then happens in the thread of the run. */
#include "sim/systemc/sysc_private.hpp"

namespace
{

class async_door : public sc_core::sc_prim_channel
{
  public:
    explicit async_door(const char *name)
        : sc_core::sc_prim_channel(name),
          happened((std::string(name) + "_happened").c_str())
    {
    }
    void knock()
    {
        async_request_update();
    }
    bool await(bool is_awaited)
    {
        return is_awaited ? async_attach_suspending()
                          : async_detach_suspending();
    }

    sc_core::sc_event happened;

  protected:
    void update() override
    {
        happened.notify(sc_core::SC_ZERO_TIME);
    }
};

} // namespace

struct sysc_async : channel {
    sysc_context *context;
    std::unique_ptr<async_door> door;
    sysc_event *happened;
    bool is_awaited;

    ~sysc_async() override
    {
        if (is_awaited) {
            (void)door->await(false);
        }
    }
};

extern "C" enum sysc_status sysc_async_new(struct sysc_context *context,
                                           struct sysc_module *module,
                                           const char *name,
                                           struct sysc_async **async)
{
    if (context == nullptr || async == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return guarded(context, [&] {
        enum sysc_status status = check_place(context, module, name, "async");
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_async> made(new sysc_async{});
        made->context = context;
        hierarchy_scope scope(context, module);
        made->door.reset(new async_door(name));
        made->happened = adopt_event(context, made->door->happened);
        sysc_async *raw = made.get();
        context->channels.push_back(std::move(made));
        register_object(context, SYSC_KIND_ASYNC, raw->door->name(), "async",
                        raw);
        *async = raw;
        return SYSC_OK;
    });
}

/* No message on failure: the context's belongs to the other thread. */
extern "C" enum sysc_status sysc_async_notify(struct sysc_async *async)
{
    if (async == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    try {
        async->door->knock();
        return SYSC_OK;
    } catch (...) {
        return SYSC_ERR_MEMORY;
    }
}

extern "C" struct sysc_event *sysc_async_event(const struct sysc_async *async)
{
    return async == nullptr ? nullptr : async->happened;
}

extern "C" enum sysc_status sysc_async_await(struct sysc_async *async,
                                             bool is_awaited)
{
    if (async == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (async->is_awaited == is_awaited) {
        return SYSC_OK;
    }
    return guarded(async->context, [&] {
        (void)async->door->await(is_awaited);
        async->is_awaited = is_awaited;
        return SYSC_OK;
    });
}
