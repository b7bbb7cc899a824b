/* Mutexes and semaphores. The kernel's own wake all who wait and let the order
 * of processes decide; here they stand in a line, and what is given back goes
 * to its head. */
#include <algorithm>
#include <deque>

#include "sim/systemc/sysc_private.hpp"

namespace
{

/* Who waits, in the order of the calls, and the event that wakes them all to
 * look whether they were served. */
struct waiting_line {
    std::unique_ptr<name_holder> holder;
    std::unique_ptr<sc_core::sc_event> served_event;
    sysc_event *served;
    std::deque<sysc_process *> processes;

    void init(sysc_context *context, const char *name)
    {
        holder.reset(new name_holder(name));
        served_event.reset(
            new sc_core::sc_event((std::string(name) + "_served").c_str()));
        served = adopt_event(context, *served_event);
    }
    /* The first in line that lives, NULL: none. */
    sysc_process *pop()
    {
        while (!processes.empty()) {
            sysc_process *first = processes.front();
            processes.pop_front();
            if (!first->is_finished && !first->unwinding) {
                served_event->notify(sc_core::SC_ZERO_TIME);
                return first;
            }
        }
        return nullptr;
    }
    bool has(const sysc_process *process) const
    {
        return std::find(processes.begin(), processes.end(), process) !=
               processes.end();
    }
    void remove(const sysc_process *process)
    {
        processes.erase(
            std::remove(processes.begin(), processes.end(), process),
            processes.end());
    }
};

/* A process that may be served: not one of another context, nor killed. */
enum sysc_status check_user(sysc_process *self, const sysc_context *context,
                            const waiting_line &line)
{
    if (self->context != context) {
        return set_error(self->context, SYSC_ERR_OWNER,
                         "'%s' belongs to another context",
                         line.holder->name());
    }
    return SYSC_OK;
}

/* Waits at the end of the line. */
enum sysc_status stand_in_line(sysc_process *self, waiting_line &line)
{
    line.processes.push_back(self);
    enum sysc_status status = SYSC_OK;
    while (status == SYSC_OK && line.has(self)) {
        status = sysc_wait_event(self, line.served);
    }
    return status;
}

} // namespace

struct sysc_mutex : channel {
    sysc_context *context;
    sysc_process *owner;
    waiting_line line;
};

struct sysc_semaphore : channel {
    sysc_context *context;
    int64_t count;
    waiting_line line;
};

/* ---- mutexes -------------------------------------------------------------- */

static void pass_on(sysc_mutex *mutex)
{
    mutex->owner = mutex->line.pop();
}

static enum sysc_status check_lock(sysc_process *self, const sysc_mutex *mutex)
{
    if (self == nullptr || mutex == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    enum sysc_status status = check_user(self, mutex->context, mutex->line);
    if (status == SYSC_OK) {
        status = check_self(self, self->is_thread);
    }
    if (status != SYSC_OK) {
        return status;
    }
    if (mutex->owner == self) {
        return set_error(self->context, SYSC_ERR_PHASE,
                         "process '%s' holds mutex '%s' already",
                         self->name.c_str(), mutex->line.holder->name());
    }
    if (mutex->owner != nullptr && mutex->owner->is_finished) {
        return set_error(self->context, SYSC_ERR_DEAD,
                         "mutex '%s' is held by process '%s', which has ended",
                         mutex->line.holder->name(),
                         mutex->owner->name.c_str());
    }
    return SYSC_OK;
}

extern "C" enum sysc_status sysc_mutex_new(struct sysc_context *context,
                                           struct sysc_module *module,
                                           const char *name,
                                           struct sysc_mutex **mutex)
{
    if (context == nullptr || mutex == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return guarded(context, [&] {
        enum sysc_status status = check_name(context, module, name);
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_mutex> made(new sysc_mutex{});
        made->context = context;
        hierarchy_scope scope(context, module);
        made->line.init(context, name);
        sysc_mutex *raw = made.get();
        context->channels.push_back(std::move(made));
        register_object(context, SYSC_KIND_MUTEX, raw->line.holder->name(),
                        "mutex", raw);
        *mutex = raw;
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_mutex_lock(struct sysc_process *self,
                                            struct sysc_mutex *mutex)
{
    enum sysc_status status = check_lock(self, mutex);
    if (status == SYSC_OK) {
        status = check_self(self, true);
    }
    if (status != SYSC_OK) {
        return status;
    }
    if (mutex->owner == nullptr) {
        mutex->owner = self;
        return SYSC_OK;
    }
    status = stand_in_line(self, mutex->line);
    if (status != SYSC_OK) {
        mutex->line.remove(self);
        if (mutex->owner == self) { /* served, and killed before it knew */
            (void)sysc_mutex_unlock(self, mutex);
        }
    }
    return status;
}

extern "C" enum sysc_status sysc_mutex_try_lock(struct sysc_process *self,
                                                struct sysc_mutex *mutex)
{
    enum sysc_status status = check_lock(self, mutex);
    if (status != SYSC_OK) {
        return status;
    }
    if (mutex->owner != nullptr) {
        return SYSC_BUSY;
    }
    mutex->owner = self;
    return SYSC_OK;
}

extern "C" enum sysc_status sysc_mutex_unlock(struct sysc_process *self,
                                              struct sysc_mutex *mutex)
{
    if (self == nullptr || mutex == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (mutex->owner != self) {
        return set_error(self->context, SYSC_ERR_PHASE,
                         "process '%s' does not hold mutex '%s'",
                         self->name.c_str(), mutex->line.holder->name());
    }
    return guarded(mutex->context, [&] {
        pass_on(mutex);
        return SYSC_OK;
    });
}

extern "C" struct sysc_process *
sysc_mutex_holder(const struct sysc_mutex *mutex)
{
    return mutex == nullptr ? nullptr : mutex->owner;
}

/* ---- semaphores ----------------------------------------------------------- */

extern "C" enum sysc_status
sysc_semaphore_new(struct sysc_context *context, struct sysc_module *module,
                   const char *name, int64_t count,
                   struct sysc_semaphore **semaphore)
{
    if (context == nullptr || semaphore == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (count < 0) {
        return set_error(context, SYSC_ERR_ARGUMENT,
                         "a semaphore cannot begin at %lld",
                         static_cast<long long>(count));
    }
    return guarded(context, [&] {
        enum sysc_status status = check_name(context, module, name);
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_semaphore> made(new sysc_semaphore{});
        made->context = context;
        made->count = count;
        hierarchy_scope scope(context, module);
        made->line.init(context, name);
        sysc_semaphore *raw = made.get();
        context->channels.push_back(std::move(made));
        register_object(context, SYSC_KIND_SEMAPHORE, raw->line.holder->name(),
                        "semaphore", raw);
        *semaphore = raw;
        return SYSC_OK;
    });
}

extern "C" enum sysc_status
sysc_semaphore_try_take(struct sysc_semaphore *semaphore)
{
    if (semaphore == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (semaphore->count == 0) {
        return SYSC_BUSY;
    }
    semaphore->count--;
    return SYSC_OK;
}

extern "C" enum sysc_status
sysc_semaphore_take(struct sysc_process *self, struct sysc_semaphore *semaphore)
{
    if (self == nullptr || semaphore == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    enum sysc_status status =
        check_user(self, semaphore->context, semaphore->line);
    if (status == SYSC_OK) {
        status = check_self(self, true);
    }
    if (status != SYSC_OK) {
        return status;
    }
    if (semaphore->count > 0) {
        semaphore->count--;
        return SYSC_OK;
    }
    status = stand_in_line(self, semaphore->line);
    if (status != SYSC_OK) {
        bool was_waiting = semaphore->line.has(self);
        semaphore->line.remove(self);
        if (!was_waiting) { /* served, and killed before it knew */
            (void)sysc_semaphore_give(semaphore);
        }
    }
    return status;
}

extern "C" enum sysc_status
sysc_semaphore_give(struct sysc_semaphore *semaphore)
{
    if (semaphore == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (semaphore->count == INT64_MAX) {
        return set_error(semaphore->context, SYSC_ERR_LIMIT,
                         "semaphore '%s' is full",
                         semaphore->line.holder->name());
    }
    return guarded(semaphore->context, [&] {
        if (semaphore->line.pop() == nullptr) {
            semaphore->count++;
        }
        return SYSC_OK;
    });
}

extern "C" int64_t sysc_semaphore_count(const struct sysc_semaphore *semaphore)
{
    return semaphore == nullptr ? 0 : semaphore->count;
}
