/* Contexts and modules. */
#include "sim/systemc/sysc_private.hpp"

namespace
{

/* A module without behaviour: its processes are spawned under its name. */
class plain_module : public sc_core::sc_module
{
  public:
    explicit plain_module(const sc_core::sc_module_name &)
    {
    }
};

enum sysc_status check_new(const sysc_options *options)
{
    if (options->activation_limit < 0) {
        return SYSC_ERR_ARGUMENT;
    }
    switch (options->cycle_unit) {
    case SYSC_CYCLE_NS:
    case SYSC_CYCLE_FS:
    case SYSC_CYCLE_PS:
    case SYSC_CYCLE_US:
        return SYSC_OK;
    }
    return SYSC_ERR_ARGUMENT;
}

/* Everything the context owns, in an order the kernel can bear: processes
 * lose their stacks first, then what they refer to; the kernel comes last. */
void clear(sysc_context *context)
{
    context->is_closing = true;
    context->traces.clear();
    if (context->has_run && !context->is_kernel_broken) {
        context->is_running = true;
        context->is_pause_asked = false;
        context->main_stack = stack_of_caller();
        reap_processes(context);
        stack_note(context->main_stack);
        context->is_running = false;
    }
    while (!context->modules.empty()) {
        sysc_module *module = context->modules.back().get();
        if (module->destroy != nullptr) {
            module->destroy(module->user);
        }
        context->modules.pop_back();
    }
    context->channels.clear();
    context->processes.clear();
    context->events.clear();
    context->never.reset();
}

} // namespace

extern "C" enum sysc_status sysc_context_new(const struct sysc_options *options,
                                             struct sysc_context **context)
{
    const sysc_options defaults = SYSC_OPTIONS_DEFAULT;
    const sysc_options *chosen = options != nullptr ? options : &defaults;
    if (context == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    enum sysc_status status = check_new(chosen);
    if (status != SYSC_OK) {
        return status;
    }
    if (!kernel_acquire()) {
        return SYSC_ERR_THREAD;
    }
    try {
        std::unique_ptr<sysc_context> made(new sysc_context{});
        made->options = *chosen;
        made->kernel = kernel_new(chosen->cycle_unit);
        kernel_scope scope(made.get());
        made->never.reset(new sc_core::sc_event("sysc_never"));
        *context = made.release();
        return SYSC_OK;
    } catch (const std::bad_alloc &) {
        kernel_release();
        return SYSC_ERR_MEMORY;
    } catch (...) {
        kernel_release();
        return SYSC_ERR_KERNEL;
    }
}

extern "C" enum sysc_status sysc_context_free(struct sysc_context *context)
{
    if (context == nullptr) {
        return SYSC_OK;
    }
    if (!kernel_is_mine()) {
        return SYSC_ERR_THREAD;
    }
    if (context->is_running || !kernel_start_run()) {
        return set_error(context, SYSC_ERR_PHASE,
                         "a context cannot be freed inside a run");
    }
    enum sysc_status status = guarded(context, [&] {
        clear(context);
        return SYSC_OK;
    });
    kernel_free(context->kernel);
    kernel_end_run();
    kernel_release();
    delete context;
    return status;
}

extern "C" enum sysc_status sysc_module_new(struct sysc_context *context,
                                            struct sysc_module *parent,
                                            const char *name, void *user,
                                            void (*destroy)(void *user),
                                            struct sysc_module **module)
{
    if (context == nullptr || module == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return guarded(context, [&] {
        enum sysc_status status = check_place(context, parent, name, "module");
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_module> made(new sysc_module{});
        made->context = context;
        hierarchy_scope scope(context, parent);
        made->kernel.reset(new plain_module(sc_core::sc_module_name(name)));
        context->modules.push_back(std::move(made));
        /* Only now: a module that was not made is not destroyed. */
        *module = context->modules.back().get();
        (*module)->user = user;
        (*module)->destroy = destroy;
        register_object(context, SYSC_KIND_MODULE, (*module)->kernel->name(),
                        "module", *module);
        return SYSC_OK;
    });
}

extern "C" void *sysc_module_user(const struct sysc_module *module)
{
    return module == nullptr ? nullptr : module->user;
}

extern "C" const char *sysc_module_name(const struct sysc_module *module)
{
    return module == nullptr ? "" : module->kernel->name();
}
