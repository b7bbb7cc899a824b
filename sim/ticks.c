/* The clock of the simulation. A tick is a fraction of a cycle such that every
 * transfer of the plan lasts a whole number of ticks:
 *
 *     cycles of b bytes of one instance = b * clock / bandwidth = b * n / d
 *
 * (N times as many of a bank, of N) with n / d reduced; if g divides all requests of the port, d / gcd(d, g) ticks
 * a cycle are enough for it, and the least common multiple of these serves all
 * ports. So time is exact, and what repeats repeats to the tick: with completions
 * rounded to cycles, a saturated memory would jitter with a period of d.
 *
 * Where more than TICKS_MAX a cycle would be needed, it is TICKS_MAX, and each
 * transfer is rounded up, by less than a millionth of a cycle. */
#include <math.h>

#include "sim/machine.h"

#define TICKS_MAX ((int64_t)1 << 20)

typedef enum status (*transfer_visit_fn)(struct transfer *transfer, void *user);

static enum status visit_transfers(struct phase *phase, transfer_visit_fn visit,
                                   void *user)
{
    for (guint i = 0; i < phase->streams->len; i++) {
        TRY(visit(&phase_stream(phase, (int)i)->transfer, user));
    }
    for (guint i = 0; i < phase->sinks->len; i++) {
        TRY(visit(&phase_sink(phase, (int)i)->transfer, user));
    }
    for (int l = 0; l < phase->plan->leaf_count; l++) {
        TRY(visit(&phase->leaves[l].on_chip, user));
    }
    return OK;
}

/* Cycles per byte as a reduced fraction; false on overflow. What a memory states in
 * bytes per second takes fewer cycles of a plan's slower clock. */
static bool find_rate(const struct plan *plan, int port, int64_t *numerator,
                      int64_t *denominator)
{
    const struct arch *arch = plan->arch;
    struct port_owner owner = port_find_owner(arch, port);
    bool follows =
        owner.memory < 0 || arch->memories[owner.memory].follows_licence;
    int64_t clock_hz = follows ? arch->clock_hz : plan->clock_hz;
    int64_t bytes_per_s = port_bandwidth(arch, port);
    int64_t divisor = num_gcd(clock_hz, bytes_per_s);
    *denominator = bytes_per_s / divisor;
    int64_t shares = port_shares(arch, port);
    int64_t common = num_gcd(shares, *denominator);
    *denominator /= common;
    return num_mul(clock_hz / divisor, shares / common, numerator);
}

static enum status collect_divisors(struct transfer *transfer, void *user)
{
    int64_t *divisor = user; /* by port */
    for (int i = 0; i < transfer->leg_count; i++) {
        struct leg *leg = &transfer->leg[i];
        divisor[leg->port] = num_gcd(divisor[leg->port], leg->bytes);
    }
    return OK;
}

static enum status find_ticks(const struct plan *plan, const int64_t *divisor,
                              int64_t *ticks_per_cycle)
{
    const struct arch *arch = plan->arch;
    *ticks_per_cycle = 1;
    for (int p = 0; p < port_count(arch); p++) {
        int64_t numerator = 0;
        int64_t denominator = 1;
        if (divisor[p] == 0 || port_bandwidth(arch, p) == NUM_UNLIMITED) {
            continue; /* nothing moves, or its time is none of a port */
        }
        if (!find_rate(plan, p, &numerator, &denominator)) {
            return ERR_LIMIT;
        }
        denominator /= num_gcd(denominator, divisor[p]);
        int64_t more = denominator / num_gcd(denominator, *ticks_per_cycle);
        if (more > TICKS_MAX / *ticks_per_cycle) {
            *ticks_per_cycle = TICKS_MAX;
            return OK;
        }
        *ticks_per_cycle *= more;
    }
    return OK;
}

struct conversion {
    const struct plan *plan;
    int64_t ticks_per_cycle;
};

static bool convert_leg(const struct conversion *c, struct leg *leg)
{
    struct port_owner owner = port_find_owner(c->plan->arch, leg->port);
    if (owner.kind == PORT_DRAM) {
        leg->ticks = 0;
        return true;
    }
    if (owner.kind == PORT_LOADS) {
        return num_mul(c->plan->arch->memories[owner.memory].load_cycles,
                       c->ticks_per_cycle, &leg->ticks);
    }
    int64_t numerator = 0;
    int64_t denominator = 1;
    return find_rate(c->plan, leg->port, &numerator, &denominator) &&
           num_mul(numerator, c->ticks_per_cycle, &numerator) &&
           num_mul_div_ceil(leg->bytes, numerator, denominator, &leg->ticks);
}

static enum status convert_transfer(struct transfer *transfer, void *user)
{
    for (int i = 0; i < transfer->leg_count; i++) {
        if (!convert_leg(user, &transfer->leg[i])) {
            return ERR_LIMIT;
        }
    }
    const struct conversion *c = user;
    struct latency *latency = &transfer->latency;
    return num_mul(latency->memory_cycles, c->ticks_per_cycle,
                   &latency->memory_ticks) &&
                   num_mul(latency->hop_cycles, c->ticks_per_cycle,
                           &latency->hop_ticks)
               ? OK
               : ERR_LIMIT;
}

int64_t ticks_count_serial(const struct plan_leaf *leaf, int64_t busy_ticks)
{
    if (leaf->instructions == NULL || leaf->busy_cycles == 0) {
        return 0;
    }
    double ratio = leaf->serial_cycles / (double)leaf->busy_cycles;
    return MIN(busy_ticks, (int64_t)ceil((double)busy_ticks * ratio));
}

static enum status convert_leaves(struct phase *phase, int64_t ticks_per_cycle)
{
    for (int l = 0; l < phase->plan->leaf_count; l++) {
        const struct plan_leaf *planned = &phase->plan->leaves[l];
        struct leaf_timing *leaf = &phase->leaves[l];
        int64_t skew_cycles = 0;
        int64_t behind_cycles = 0;
        TRY(arch_count_skew_cycles(&phase->plan->arch->units[planned->unit],
                                   &skew_cycles));
        if (!num_mul(skew_cycles, ticks_per_cycle, &leaf->skew_ticks) ||
            !num_mul(planned->busy_cycles_per_step, ticks_per_cycle,
                     &leaf->busy_ticks) ||
            !num_add(planned->reduce_latency_cycles, planned->op_latency_cycles,
                     &behind_cycles) ||
            !num_mul(behind_cycles, ticks_per_cycle, &leaf->reduce_ticks)) {
            return ERR_LIMIT;
        }
        leaf->serial_ticks = ticks_count_serial(planned, leaf->busy_ticks);
    }
    return OK;
}

enum status ticks_convert(const struct plan *plan, int64_t ticks_per_cycle,
                          struct transfer *transfer)
{
    struct conversion conversion = {plan, ticks_per_cycle};
    return convert_transfer(transfer, &conversion);
}

enum status ticks_set(const struct plan *plan, struct phase **phases,
                      int64_t *ticks_per_cycle)
{
    const struct arch *arch = plan->arch;
    int phase_count = plan->phase_count;
    g_autofree int64_t *divisor = g_new0(int64_t, (gsize)port_count(arch) + 1);
    for (int p = 0; p < phase_count; p++) {
        TRY(visit_transfers(phases[p], collect_divisors, divisor));
    }
    /* Events of irregular plans may move any number of bytes. */
    for (int p = 0; !plan->is_regular && p < port_count(arch); p++) {
        divisor[p] = divisor[p] > 0 ? 1 : 0;
    }
    TRY(find_ticks(plan, divisor, ticks_per_cycle));
    struct conversion conversion = {plan, *ticks_per_cycle};
    for (int p = 0; p < phase_count; p++) {
        TRY(visit_transfers(phases[p], convert_transfer, &conversion));
        TRY(convert_leaves(phases[p], *ticks_per_cycle));
    }
    return OK;
}
