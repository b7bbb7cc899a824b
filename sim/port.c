/* Port: one of a memory's finite bandwidths, a server that takes requests one
 * after another; one that finds the port idle starts at once. As each takes a
 * time that is known, so is its completion as soon as it has a place in the
 * queue.
 *
 * Memories whose transfers overlap nothing (`overlap: false`) share one server,
 * and tile steps ask it for the time that their serial ports work: a transfer and
 * such work, or two transfers, take turns. */
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
    if (!machine->ports[port].is_bank) {
        pending->alone_ticks = MAX(pending->alone_ticks, served_ticks);
    }
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

static void enqueue(struct machine *machine, struct port *server,
                    struct request request)
{
    g_array_append_val(server->queue, request);
    if (!server->component.is_woken) {
        machine->ports_woken++;
        component_wake_now(&server->component);
    }
}

static struct port *find_server(struct machine *machine, int port)
{
    return &machine->ports[port_is_serial(machine->plan->arch, port)
                               ? machine->serial_server
                               : port];
}

void port_request_serial(struct unit *unit, int64_t ticks)
{
    struct machine *machine = unit->component.machine;
    unit->serial = (struct pending){.legs = 1, .port = -1, .late_cause = -1};
    enqueue(machine, &machine->ports[machine->serial_server],
            (struct request){.order = order_of_leaf(machine, unit->leaf),
                             .ticks = ticks,
                             .pending = &unit->serial,
                             .port = -1,
                             .unit = unit});
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
        .alone_ticks = machine->now_ticks,
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
        const struct leg *leg = &transfer->leg[i];
        enqueue(machine, find_server(machine, leg->port),
                (struct request){.order = order,
                                 .ticks = leg->ticks,
                                 .pending = pending,
                                 .bytes = leg->bytes,
                                 .tag = tag,
                                 .port = leg->port});
    }
}

static void add_turn(struct port *port, int cause, int64_t from_ticks)
{
    struct turn turn = {cause, from_ticks, port->busy_until_ticks};
    if (port->turns != NULL) {
        g_array_append_val(port->turns, turn);
    }
}

/* No unit will have waited for its operands since before its child's program came
 * to the tile step. */
static void forget_turns(struct port *port)
{
    const struct machine *machine = port->component.machine;
    const struct phase *phase = machine->phase;
    int64_t since_ticks = machine->now_ticks;
    guint over = 0;
    for (int c = 0; c < phase->child_count; c++) {
        if (phase->children[c].is_running) {
            since_ticks = MIN(since_ticks, phase->children[c].since_ticks);
        }
    }
    while (over < port->turns->len &&
           g_array_index(port->turns, struct turn, over).to_ticks <=
               since_ticks) {
        over++;
    }
    g_array_remove_range(port->turns, 0, over);
}

static void serve_transfer(struct machine *machine, struct port *port,
                           const struct request *request, int64_t from_ticks)
{
    recorder_serve(machine, request->port, request->tag, request->bytes,
                   from_ticks, port->busy_until_ticks);
    port_note_served(machine, request->port, port->busy_until_ticks,
                     request->pending);
    if (port->is_bank) {
        request->pending->alone_ticks =
            MAX(request->pending->alone_ticks,
                request->pending->issued_ticks + request->ticks);
    }
    add_turn(port, cause_of_port(machine->plan, request->port), from_ticks);
}

/* It waits for all that the server has to do first. */
static void serve_work(struct machine *machine, struct port *port,
                       const struct request *request, int64_t from_ticks)
{
    struct unit *unit = request->unit;
    g_array_set_size(unit->waited, 0);
    for (guint i = 0; i < port->turns->len; i++) {
        struct turn turn = g_array_index(port->turns, struct turn, i);
        turn.from_ticks = MAX(turn.from_ticks, machine->now_ticks);
        if (turn.from_ticks < turn.to_ticks) {
            g_array_append_val(unit->waited, turn);
        }
    }
    unit->serial.served_ticks = port->busy_until_ticks;
    unit->serial.at_ticks = port->busy_until_ticks;
    add_turn(port, cause_of_leaf(machine->plan, STALL_DEPENDENCY, unit->leaf),
             from_ticks);
}

static void serve(struct machine *machine, struct port *port,
                  const struct request *request)
{
    int64_t from_ticks = MAX(port->busy_until_ticks, machine->now_ticks);
    port->busy_until_ticks = from_ticks + request->ticks;
    if (request->port >= 0) {
        serve_transfer(machine, port, request, from_ticks);
    } else {
        serve_work(machine, port, request, from_ticks);
    }
    request->pending->legs--;
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
    if (port->turns != NULL) {
        forget_turns(port);
    }
    for (guint i = 0; i < port->queue->len; i++) {
        serve(machine, port, &g_array_index(port->queue, struct request, i));
    }
    g_array_set_size(port->queue, 0);
    units_wake_waiting(machine);
    channels_wake_waiting(machine);
}
