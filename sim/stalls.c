/* Why a unit was idle. Every idle interval is split where its cause changes, so
 * that for each unit busy + stalls = cycles of the run, and every cycle has one
 * cause.
 *
 * An interval that a tile step ends: until the tile step's turn came (its slot
 * was open and its child's program had come to it) the unit waited for the Einsum
 * that ended last: DEPENDENCY; then until the reductions it needs had arrived:
 * REDUCTION; the rest for the last of its operands, or of the results that its
 * own need the room of. Of that transfer's history, what falls into the rest:
 *
 *   until it was asked for     what its channel was held up by: BUFFER_FULL, or
 *                              the OPERAND it is taken from
 *   its latencies after that   OPERAND, of the memory; NETWORK, of hops
 *   the rest                   the port that served it last: BANDWIDTH, NETWORK,
 *                              or what the buses of DRAM did: BANDWIDTH, DRAM;
 *                              where transfers take turns, whose turn it was;
 *                              of a bank, beyond what it would have taken with
 *                              the bank to itself: BANK_CONFLICT
 *
 * So latency is to blame for what would be left if ports took no time. (Results
 * hold their room until they are served, whatever the latency.)
 *
 * Two refinements: before the unit's first tile step of the phase everything is
 * FILL; and what would be DEPENDENCY is FILL in steps in which some children have
 * not begun yet, DRAIN in those in which some have finished. After a unit's last
 * tile step of a phase everything is DRAIN. A unit without work in a phase is
 * OUT_OF_WORK. */
#include "sim/trace/recorder.h"

static int dependency_cause(const struct machine *machine, int leaf)
{
    if (machine->step < machine->phase->max_delay) {
        return CAUSE_FILL;
    }
    return machine->step >= machine->phase->iteration_count
               ? CAUSE_DRAIN
               : cause_of_leaf(machine->plan, STALL_DEPENDENCY, leaf);
}

/* Gives what lies between *from and `to` to the cause. */
static void account_until(struct unit *unit, int cause, int64_t *from,
                          int64_t to)
{
    if (to > *from) {
        *counter_idle(unit->component.machine, unit->id, cause) += to - *from;
        recorder_stall(unit, cause, *from, to);
        *from = to;
    }
}

/* To what DRAM's buses did meanwhile, in proportion. */
static void account_dram(struct unit *unit, const struct pending *last,
                         int64_t *from, int64_t to)
{
    const struct plan *plan = unit->component.machine->plan;
    int64_t begin = *from;
    int64_t all = 0;
    int64_t sum = 0;
    for (int p = 0; p < DRAM_PART_COUNT; p++) {
        all += last->dram_cycles[p];
    }
    for (int p = 0; p < DRAM_PART_COUNT && all > 0 && begin < to; p++) {
        int64_t share = 0;
        sum += last->dram_cycles[p];
        if (num_mul_div_floor(to - begin, sum, all, &share)) {
            account_until(unit, cause_of_dram(plan, (enum dram_part)p), from,
                          begin + share);
        }
    }
    account_until(unit, cause_of_dram(plan, DRAM_PART_QUEUE), from, to);
}

/* To whose turn it was at the serial server; what is left if it was nobody's goes
 * to who calls. */
static void account_turns(struct unit *unit, int64_t *from, int64_t to)
{
    struct machine *machine = unit->component.machine;
    const GArray *turns = machine->ports[machine->serial_server].turns;
    int64_t skipped_ticks = *counter_skipped_ticks(machine);
    for (guint i = 0; i < turns->len; i++) {
        const struct turn *turn = &g_array_index(turns, struct turn, i);
        if (turn->from_ticks + skipped_ticks <= *from) {
            account_until(unit, turn->cause, from,
                          MIN(turn->to_ticks + skipped_ticks, to));
        }
    }
}

static void account_rest(struct unit *unit, const struct pending *last,
                         bool is_result, int64_t from, int64_t to)
{
    struct machine *machine = unit->component.machine;
    const struct plan *plan = machine->plan;
    const struct latency *latency = &last->latency;
    int operand = cause_of_flow(plan, STALL_OPERAND, latency->flow);
    int64_t at = last->issued_ticks + *counter_skipped_ticks(machine);
    account_until(unit, last->late_cause >= 0 ? last->late_cause : operand,
                  &from, MIN(at, to));
    if (!is_result) {
        at += latency->memory_ticks;
        account_until(unit, operand, &from, MIN(at, to));
        at += latency->hop_ticks;
        account_until(unit,
                      latency->fanout >= 0
                          ? cause_of_hops(plan, latency->fanout)
                          : operand,
                      &from, MIN(at, to));
    }
    if (last->port >= 0 && machine->ports[last->port].is_bank) {
        at += last->alone_ticks - last->issued_ticks;
        account_until(unit, cause_of_port(plan, last->port), &from,
                      MIN(at, to));
        account_until(unit, cause_of_conflict(plan, last->port), &from, to);
    }
    if (last->port == port_of(0, PORT_DRAM)) {
        account_dram(unit, last, &from, to);
    }
    if (last->port >= 0 && port_is_serial(plan->arch, last->port)) {
        account_turns(unit, &from, to);
    }
    account_until(unit,
                  last->port >= 0 ? cause_of_port(plan, last->port) : operand,
                  &from, to);
}

void stalls_account_start(struct unit *unit, const struct child *child,
                          const struct readiness *ready)
{
    struct machine *machine = unit->component.machine;
    int64_t skipped_ticks = *counter_skipped_ticks(machine);
    int64_t from = unit->idle_since_ticks;
    int64_t to = machine_run_ticks(machine);
    if (!unit->has_started) {
        account_until(unit, CAUSE_FILL, &from, to);
        return;
    }
    account_until(unit, dependency_cause(machine, child->since_leaf), &from,
                  MIN(child->since_ticks + skipped_ticks, to));
    account_until(unit,
                  cause_of_leaf(machine->plan, STALL_REDUCTION, ready->reducer),
                  &from, MIN(ready->reduced_ticks + skipped_ticks, to));
    if (from < to) {
        account_rest(unit, ready->last, ready->is_result, from, to);
    }
}

void stalls_account_longer(struct unit *unit, int64_t from, int64_t to)
{
    int64_t skipped_ticks = *counter_skipped_ticks(unit->component.machine);
    account_rest(unit, &unit->on_chip, false, from + skipped_ticks,
                 to + skipped_ticks);
}

/* Part of the wait went by while the unit worked: the rest is divided in
 * proportion. */
void stalls_account_turn(struct unit *unit, int64_t from, int64_t to)
{
    int64_t skipped_ticks = *counter_skipped_ticks(unit->component.machine);
    const struct turn *turn = (const struct turn *)(void *)unit->waited->data;
    int64_t begin = from + skipped_ticks;
    int64_t at = begin;
    int64_t all = 0;
    int64_t sum = 0;
    for (guint i = 0; i < unit->waited->len; i++) {
        all += turn[i].to_ticks - turn[i].from_ticks;
    }
    for (guint i = 0; i < unit->waited->len; i++) {
        int64_t share = 0;
        sum += turn[i].to_ticks - turn[i].from_ticks;
        if (!num_mul_div_floor(to - from, sum, all, &share)) {
            share = to - from;
        }
        account_until(unit, turn[i].cause, &at, begin + share);
    }
    if (at < to + skipped_ticks) {
        BUG("a tile step waited for nobody's turn");
    }
}

void stalls_account_emptying(struct unit *unit, int64_t from,
                             int64_t skew_ticks)
{
    from += *counter_skipped_ticks(unit->component.machine);
    account_until(unit, CAUSE_DRAIN, &from, from + skew_ticks);
}

void stalls_account_end(struct unit *unit)
{
    int cause = unit->is_used ? CAUSE_DRAIN : CAUSE_OUT_OF_WORK;
    int64_t now_ticks = machine_run_ticks(unit->component.machine);
    account_until(unit, cause, &unit->idle_since_ticks, now_ticks);
}
