/* Names: what was made under which, and ports that are bound by name.
 *
 * Ports are ours and not the kernel's: those are typed by C++ classes. A port
 * has a type as text and, once bound, a target: an object, an export or another
 * port. */
#include "sim/systemc/sysc_private.hpp"

void register_object(sysc_context *context, enum sysc_kind kind,
                     const char *name, const char *type, void *object)
{
    auto known = context->objects_by_name.find(name);
    if (known != context->objects_by_name.end()) {
        registered *entry = known->second;
        entry->type = type;
        entry->object = {kind, entry->name.c_str(), entry->type.c_str(),
                         object};
        return;
    }
    std::unique_ptr<registered> entry(new registered{name, type, {}});
    entry->object = {kind, entry->name.c_str(), entry->type.c_str(), object};
    context->objects_by_name[entry->name] = entry.get();
    context->objects.push_back(std::move(entry));
}

extern "C" const struct sysc_object *
sysc_find(const struct sysc_context *context, const char *name)
{
    if (context == nullptr || name == nullptr) {
        return nullptr;
    }
    auto known = context->objects_by_name.find(name);
    return known == context->objects_by_name.end() ? nullptr
                                                   : &known->second->object;
}

extern "C" void sysc_walk(const struct sysc_context *context,
                          void (*visit)(const struct sysc_object *object,
                                        void *user),
                          void *user)
{
    if (context == nullptr || visit == nullptr) {
        return;
    }
    for (const std::unique_ptr<registered> &entry : context->objects) {
        visit(&entry->object, user);
    }
}

/* ---- ports and exports ---------------------------------------------------- */

struct sysc_port : channel {
    std::string type;
    std::unique_ptr<name_holder> holder;
    const sysc_object *target; /* NULL: not bound */
};

struct offer : channel { /* an export */
    std::unique_ptr<name_holder> holder;
    void *object;
};

namespace
{

const sysc_port *port_of(const sysc_object *object)
{
    return object != nullptr && object->kind == SYSC_KIND_PORT
               ? static_cast<const sysc_port *>(object->object)
               : nullptr;
}

/* What is at the end of a chain of ports; NULL if that is not bound. */
const sysc_object *end_of_chain(const sysc_port *port)
{
    const sysc_object *target = port->target;
    while (port_of(target) != nullptr) {
        target = port_of(target)->target;
    }
    return target;
}

/* Would a port that is bound to `target` come back to itself? */
bool is_circle(const sysc_port *port, const sysc_object *target)
{
    for (const sysc_port *next = port_of(target); next != nullptr;
         next = port_of(next->target)) {
        if (next == port) {
            return true;
        }
    }
    return false;
}

enum sysc_status check_binding(sysc_context *context, const sysc_object *from,
                               const char *port_name, const sysc_object *target,
                               const char *target_name)
{
    const sysc_port *port = port_of(from);
    enum sysc_status status = check_elaborating(context, "binding");
    if (status != SYSC_OK) {
        return status;
    }
    if (port == nullptr) {
        return set_error(context, SYSC_ERR_NAME, "there is no port '%s'",
                         port_name);
    }
    if (target == nullptr) {
        return set_error(context, SYSC_ERR_NAME,
                         "port '%s': there is no '%s' to bind to", port_name,
                         target_name);
    }
    if (port->target != nullptr) {
        return set_error(context, SYSC_ERR_PHASE,
                         "port '%s' is bound to '%s' already", port_name,
                         port->target->name);
    }
    if (port->type != target->type) {
        return set_error(context, SYSC_ERR_KIND,
                         "port '%s' is of type '%s', '%s' of type '%s'",
                         port_name, port->type.c_str(), target_name,
                         target->type);
    }
    if (is_circle(port, target)) {
        return set_error(context, SYSC_ERR_ARGUMENT,
                         "port '%s' would be bound to itself by way of '%s'",
                         port_name, target_name);
    }
    return SYSC_OK;
}

enum sysc_status check_typed(sysc_context *context, sysc_module *module,
                             const char *name, const char *type,
                             const char *what)
{
    enum sysc_status status = check_place(context, module, name, what);
    if (status == SYSC_OK && (type == nullptr || type[0] == '\0')) {
        status = set_error(context, SYSC_ERR_ARGUMENT, "%s '%s' has no type",
                           what, name);
    }
    return status;
}

} // namespace

enum sysc_status check_ports(sysc_context *context)
{
    for (const sysc_port *port : context->ports) {
        if (end_of_chain(port) == nullptr) {
            return set_error(context, SYSC_ERR_PHASE, "port '%s' is not bound",
                             port->holder->name());
        }
    }
    return SYSC_OK;
}

extern "C" enum sysc_status sysc_port_new(struct sysc_context *context,
                                          struct sysc_module *module,
                                          const char *name, const char *type,
                                          struct sysc_port **port)
{
    if (context == nullptr || port == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return guarded(context, [&] {
        enum sysc_status status =
            check_typed(context, module, name, type, "port");
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_port> made(new sysc_port{});
        made->type = type;
        hierarchy_scope scope(context, module);
        made->holder.reset(new name_holder(name));
        sysc_port *raw = made.get();
        context->channels.push_back(std::move(made));
        context->ports.push_back(raw);
        register_object(context, SYSC_KIND_PORT, raw->holder->name(), type,
                        raw);
        *port = raw;
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_export_new(struct sysc_context *context,
                                            struct sysc_module *module,
                                            const char *name, const char *type,
                                            void *object)
{
    if (context == nullptr || object == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return guarded(context, [&] {
        enum sysc_status status =
            check_typed(context, module, name, type, "export");
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<offer> made(new offer{});
        made->object = object;
        hierarchy_scope scope(context, module);
        made->holder.reset(new name_holder(name));
        offer *raw = made.get();
        context->channels.push_back(std::move(made));
        register_object(context, SYSC_KIND_EXPORT, raw->holder->name(), type,
                        raw);
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_bind(struct sysc_context *context,
                                      const char *port_name,
                                      const char *target_name)
{
    if (context == nullptr || port_name == nullptr || target_name == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    const sysc_object *from = sysc_find(context, port_name);
    const sysc_object *target = sysc_find(context, target_name);
    enum sysc_status status =
        check_binding(context, from, port_name, target, target_name);
    if (status == SYSC_OK) {
        static_cast<sysc_port *>(from->object)->target = target;
    }
    return status;
}

extern "C" void *sysc_port_object(const struct sysc_port *port)
{
    const sysc_object *target = port == nullptr ? nullptr : end_of_chain(port);
    if (target == nullptr) {
        return nullptr;
    }
    return target->kind == SYSC_KIND_EXPORT
               ? static_cast<offer *>(target->object)->object
               : target->object;
}
