/* Port of a memory with finite bandwidth: a server that takes requests one
 * after another.
 *
 * bytes * clock / (bandwidth * instances) cycles each, exactly: the time at
 * which the port falls free is kept as whole cycles and a numerator over the
 * reduced denominator. Requests that queue up accumulate the fraction, one that
 * finds the port idle starts at its own cycle. A completion is visible at the
 * next whole cycle. Requests of one cycle are served in the order of their
 * flows. */
#include "sim/machine.h"
#include "sim/timing_build.h"

/* cycles per byte as a reduced fraction; false if beyond 64 bits. */
static bool find_rate(const struct arch *arch, int memory, int64_t *numerator,
                      int64_t *denominator)
{
    const struct arch_memory *m = &arch->memories[memory];
    int64_t bytes_per_s = 0;
    if (!num_mul(m->bandwidth_bytes_per_s, m->instances, &bytes_per_s)) {
        return false;
    }
    int64_t divisor = num_gcd(arch->clock_hz, bytes_per_s);
    *numerator = arch->clock_hz / divisor;
    *denominator = bytes_per_s / divisor;
    return *denominator < INT64_MAX / 2; /* two parts are added */
}

enum status port_count_leg(const struct arch *arch, int memory, int64_t bytes,
                           struct leg *leg)
{
    int64_t numerator = 0;
    int64_t denominator = 1;
    leg->port = memory;
    if (!find_rate(arch, memory, &numerator, &denominator) ||
        !num_mul_div_floor(bytes, numerator, denominator, &leg->whole_cycles)) {
        return ERR_LIMIT;
    }
    /* The remainder fits 64 bits, so that arithmetic modulo 2^64 gives it. */
    leg->part = (int64_t)((uint64_t)bytes * (uint64_t)numerator -
                          (uint64_t)leg->whole_cycles * (uint64_t)denominator);
    return OK;
}

void port_init(struct port *port, const struct arch *arch, int memory)
{
    port->memory = memory;
    port->queue = g_array_new(false, false, sizeof(struct request));
    if (arch->memories[memory].bandwidth_bytes_per_s != NUM_UNLIMITED &&
        !find_rate(arch, memory, &port->numerator, &port->denominator)) {
        port->denominator = 1; /* legs of this port fail first */
    }
}

void port_clear(struct port *port)
{
    if (port->queue != NULL) {
        g_array_unref(port->queue);
    }
}

void port_request(struct machine *machine, int flow,
                  const struct transfer *transfer, struct pending *pending)
{
    pending->at_cycles = machine->now_cycles;
    pending->legs = transfer->leg_count;
    for (int i = 0; i < transfer->leg_count; i++) {
        struct port *port = &machine->ports[transfer->leg[i].port];
        struct request request = {flow, transfer->leg[i], pending};
        g_array_append_val(port->queue, request);
        if (!port->component.is_woken) {
            machine->ports_woken++;
            component_wake_now(&port->component);
        }
    }
}

int64_t port_idle_cycles(const struct port *port)
{
    return port->busy_until_cycles + (port->busy_part > 0 ? 1 : 0);
}

static void serve(struct port *port, int64_t now_cycles,
                  const struct request *request)
{
    if (port->busy_until_cycles < now_cycles) {
        port->busy_until_cycles = now_cycles;
        port->busy_part = 0;
    }
    port->busy_until_cycles += request->leg.whole_cycles;
    port->busy_part += request->leg.part;
    if (port->busy_part >= port->denominator) {
        port->busy_part -= port->denominator;
        port->busy_until_cycles++;
    }
    struct pending *pending = request->pending;
    pending->at_cycles = MAX(pending->at_cycles, port_idle_cycles(port));
    pending->legs--;
}

/* Stable: requests of one flow keep their order. The queue is short. */
static void sort_queue(GArray *queue)
{
    for (guint i = 1; i < queue->len; i++) {
        struct request moved = g_array_index(queue, struct request, i);
        guint at = i;
        for (; at > 0 &&
               g_array_index(queue, struct request, at - 1).flow > moved.flow;
             at--) {
            g_array_index(queue, struct request, at) =
                g_array_index(queue, struct request, at - 1);
        }
        g_array_index(queue, struct request, at) = moved;
    }
}

void port_activate(struct sysc_process *self, void *user)
{
    (void)self;
    struct port *port = user;
    struct machine *machine = port->component.machine;
    machine->now_cycles = sysc_now(machine->context);
    port->component.is_woken = false;
    if (machine->settling > 0) {
        component_wake_now(&port->component);
        return;
    }
    machine->ports_woken--;
    sort_queue(port->queue);
    for (guint i = 0; i < port->queue->len; i++) {
        serve(port, machine->now_cycles,
              &g_array_index(port->queue, struct request, i));
    }
    g_array_set_size(port->queue, 0);
    units_wake_waiting(machine);
}
