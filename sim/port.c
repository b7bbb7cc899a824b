/* Port: one of a memory's finite bandwidths, a server that takes requests one
 * after another; one that finds the port idle starts at once. As each takes a
 * time that is known, so is its completion as soon as it has a place in the
 * queue. */
#include "sim/main_memory.h"
#include "sim/trace/recorder.h"

static void note_arrival(struct machine *machine, struct pending *pending)
{
    pending->at_ticks = pending->served_ticks + pending->latency.memory_ticks +
                        pending->latency.hop_ticks;
    machine->last_arrival_ticks =
        MAX(machine->last_arrival_ticks, pending->at_ticks);
}

void port_note_served(struct machine *machine, int port, int64_t served_ticks,
                      struct pending *pending)
{
    if (served_ticks > pending->served_ticks ||
        (served_ticks == pending->served_ticks && port < pending->port)) {
        pending->served_ticks = served_ticks;
        pending->port = port;
        note_arrival(machine, pending);
    }
}

static void request_dram(struct machine *machine, int order,
                         const struct occasion *occasion, int64_t bytes,
                         int tag, struct pending *pending)
{
    enum flow_kind kind = machine->plan->flows[occasion->flow].kind;
    main_memory_request(
        machine->main_memory, order, occasion->flow, occasion->index,
        kind == FLOW_WRITE || kind == FLOW_DRAIN, bytes, tag, pending);
}

void port_request(struct machine *machine, int order,
                  const struct transfer *transfer,
                  const struct occasion *occasion, int late_cause,
                  struct pending *pending)
{
    *pending = (struct pending){
        .legs = transfer->leg_count,
        .port = -1,
        .served_ticks = machine->now_ticks,
        .issued_ticks = machine->now_ticks,
        .late_cause = late_cause,
        .latency = transfer->latency,
    };
    note_arrival(machine, pending);
    int tag = recorder_tag(machine, order, transfer->leg_count);
    for (int i = 0; i < transfer->leg_count; i++) {
        if (machine->main_memory != NULL &&
            transfer->leg[i].port == port_of(0, PORT_DRAM)) {
            request_dram(machine, order, occasion, transfer->leg[i].bytes, tag,
                         pending);
            continue;
        }
        struct port *port = &machine->ports[transfer->leg[i].port];
        struct request request = {.order = order,
                                  .ticks = transfer->leg[i].ticks,
                                  .pending = pending,
                                  .bytes = transfer->leg[i].bytes,
                                  .tag = tag};
        g_array_append_val(port->queue, request);
        if (!port->component.is_woken) {
            machine->ports_woken++;
            component_wake_now(&port->component);
        }
    }
}

static void serve(struct machine *machine, int id,
                  const struct request *request)
{
    struct port *port = &machine->ports[id];
    int64_t from_ticks = MAX(port->busy_until_ticks, machine->now_ticks);
    port->busy_until_ticks = from_ticks + request->ticks;
    recorder_serve(machine, id, request->tag, request->bytes, from_ticks,
                   port->busy_until_ticks);
    struct pending *pending = request->pending;
    port_note_served(machine, id, port->busy_until_ticks, pending);
    pending->legs--;
}

/* Stable: requests of one channel keep their order. The queue is short. */
static void sort_queue(GArray *queue)
{
    struct request *request = (struct request *)(void *)queue->data;
    for (guint i = 1; i < queue->len; i++) {
        struct request moved = request[i];
        guint at = i;
        for (; at > 0 && request[at - 1].order > moved.order; at--) {
            request[at] = request[at - 1];
        }
        request[at] = moved;
    }
}

void port_activate(struct sysc_process *self, void *user)
{
    (void)self;
    struct port *port = user;
    struct machine *machine = port->component.machine;
    machine->now_ticks = sysc_now(machine->context);
    port->component.is_woken = false;
    if (machine->settling > 0) {
        component_wake_now(&port->component);
        return;
    }
    machine->ports_woken--;
    sort_queue(port->queue);
    for (guint i = 0; i < port->queue->len; i++) {
        serve(machine, (int)(port - machine->ports),
              &g_array_index(port->queue, struct request, i));
    }
    g_array_set_size(port->queue, 0);
    units_wake_waiting(machine);
    channels_wake_waiting(machine);
}
