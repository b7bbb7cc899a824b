/* Two modules that know nothing of each other, put together by name:
 *
 *   cc -I. -c doc/examples/systemc_ports.c
 *   c++ systemc_ports.o build/release/libweir.a -lsystemc
 *
 * A worker needs a memory, which is whatever its port is bound to. The memory
 * serves one at a time: a mutex stands before it. */
#include <inttypes.h>
#include <stdio.h>

#include "sim/systemc/systemc.h"

/* What "memory" means between the two. */
struct memory_interface {
    enum sysc_status (*read)(struct sysc_process *self, void *memory,
                             int64_t bytes);
    void *memory;
};

struct memory {
    struct sysc_mutex *bus;
    struct memory_interface offered;
};

static enum sysc_status memory_read(struct sysc_process *self, void *user,
                                    int64_t bytes)
{
    struct memory *memory = user;
    enum sysc_status status = sysc_mutex_lock(self, memory->bus);
    if (status != SYSC_OK) {
        return status;
    }
    status = sysc_wait_cycles(self, 10 + bytes / 16);
    (void)sysc_mutex_unlock(self, memory->bus);
    return status;
}

static enum sysc_status memory_build(struct sysc_context *context,
                                     struct memory *memory)
{
    struct sysc_module *module = NULL;
    memory->offered =
        (struct memory_interface){.read = memory_read, .memory = memory};
    enum sysc_status status =
        sysc_module_new(context, NULL, "memory", memory, NULL, &module);
    if (status == SYSC_OK) {
        status = sysc_mutex_new(context, module, "bus", &memory->bus);
    }
    return status == SYSC_OK ? sysc_export_new(context, module, "in", "memory",
                                               &memory->offered)
                             : status;
}

struct worker {
    struct sysc_port *memory;
    int64_t bytes;
};

static void work(struct sysc_process *self, void *user)
{
    struct worker *worker = user;
    const struct memory_interface *memory = sysc_port_object(worker->memory);
    for (int i = 0; i < 2; i++) {
        if (memory->read(self, memory->memory, worker->bytes) != SYSC_OK) {
            return;
        }
        printf("cycle %3" PRId64 ": %s has %" PRId64 " bytes\n",
               sysc_now(sysc_process_context(self)), sysc_process_name(self),
               worker->bytes);
    }
}

static enum sysc_status worker_build(struct sysc_context *context,
                                     const char *name, struct worker *worker)
{
    struct sysc_module *module = NULL;
    enum sysc_status status =
        sysc_module_new(context, NULL, name, worker, NULL, &module);
    if (status == SYSC_OK) {
        status =
            sysc_port_new(context, module, "memory", "memory", &worker->memory);
    }
    return status == SYSC_OK ? sysc_thread_new(context, module, "work", work,
                                               worker, NULL, NULL)
                             : status;
}

int main(void)
{
    struct sysc_context *context = NULL;
    struct memory memory = {.bus = NULL};
    struct worker fast = {.bytes = 64};
    struct worker slow = {.bytes = 1024};
    if (sysc_context_new(NULL, &context) != SYSC_OK) {
        return 1;
    }
    enum sysc_status status = memory_build(context, &memory);
    if (status == SYSC_OK) {
        status = worker_build(context, "fast", &fast);
    }
    if (status == SYSC_OK) {
        status = worker_build(context, "slow", &slow);
    }
    if (status == SYSC_OK) {
        status = sysc_bind(context, "fast.memory", "memory.in");
    }
    if (status == SYSC_OK) {
        status = sysc_bind(context, "slow.memory", "memory.in");
    }
    if (status == SYSC_OK) {
        status = sysc_run_until_idle(context);
    }
    if (status != SYSC_OK) {
        fprintf(stderr, "%s: %s\n", sysc_status_text(status),
                sysc_context_error(context));
    }
    (void)sysc_context_free(context);
    return status == SYSC_OK ? 0 : 1;
}
