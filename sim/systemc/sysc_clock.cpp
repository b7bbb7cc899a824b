/* Clocks. Not sc_clock, which computes its edges in floating point: a method
 * that sleeps from edge to edge, in whole cycles. The level is a function of
 * time alone, so that nobody can read it before it changes. */
#include "sim/systemc/sysc_private.hpp"

struct sysc_clock : channel {
    sysc_context *context;
    std::string name;
    int64_t period_cycles;
    int64_t high_cycles;
    int64_t start_cycle;
    std::unique_ptr<sc_core::sc_event> rise_event;
    std::unique_ptr<sc_core::sc_event> fall_event;
    sysc_event *rise;
    sysc_event *fall;
    sysc_process *process;
    bool traced_level; /* level at the last edge, for the trace files */
};

namespace
{

int64_t offset_in_period(const sysc_clock *clock)
{
    return (sysc_now(clock->context) - clock->start_cycle) %
           clock->period_cycles;
}

/* One edge. Beyond the last cycle there is none: the trigger is refused and
 * the method, sensitive to nothing, sleeps. */
void tick(struct sysc_process *self, void *user)
{
    sysc_clock *clock = static_cast<sysc_clock *>(user);
    int64_t now = sysc_now(clock->context);
    if (now < clock->start_cycle) {
        (void)sysc_next_trigger_cycles(self, clock->start_cycle - now);
        return;
    }
    bool is_rise = offset_in_period(clock) == 0;
    clock->traced_level = is_rise;
    (is_rise ? clock->rise_event : clock->fall_event)
        ->notify(sc_core::SC_ZERO_TIME);
    int64_t next_cycles = clock->period_cycles;
    if (clock->high_cycles != 0) {
        next_cycles = is_rise ? clock->high_cycles
                              : clock->period_cycles - clock->high_cycles;
    }
    if (next_cycles <= SYSC_CYCLES_MAX - now) {
        (void)sysc_next_trigger_cycles(self, next_cycles);
    }
}

enum sysc_status check_clock(sysc_context *context, int64_t period_cycles,
                             int64_t high_cycles, int64_t start_cycle)
{
    if (period_cycles < 1 || high_cycles < 0 || high_cycles >= period_cycles ||
        start_cycle < 0) {
        return set_error(
            context, SYSC_ERR_ARGUMENT,
            "clock of period %lld, high %lld, start %lld: period >= 1, "
            "0 <= high < period, start >= 0",
            static_cast<long long>(period_cycles),
            static_cast<long long>(high_cycles),
            static_cast<long long>(start_cycle));
    }
    return SYSC_OK;
}

/* The edge events and the process stand under the clock's name. */
void build(sysc_clock *clock, sysc_module *module, const char *name)
{
    hierarchy_scope scope(clock->context, module);
    std::string prefix(name);
    clock->rise_event.reset(new sc_core::sc_event((prefix + "_rise").c_str()));
    clock->rise = adopt_event(clock->context, *clock->rise_event);
    if (clock->high_cycles != 0) {
        clock->fall_event.reset(
            new sc_core::sc_event((prefix + "_fall").c_str()));
        clock->fall = adopt_event(clock->context, *clock->fall_event);
    }
}

} // namespace

extern "C" enum sysc_status
sysc_clock_new(struct sysc_context *context, struct sysc_module *module,
               const char *name, int64_t period_cycles, int64_t high_cycles,
               int64_t start_cycle, struct sysc_clock **clock)
{
    if (context == nullptr || clock == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return guarded(context, [&] {
        enum sysc_status status = check_place(context, module, name, "clock");
        if (status == SYSC_OK) {
            status =
                check_clock(context, period_cycles, high_cycles, start_cycle);
        }
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_clock> made(new sysc_clock{});
        made->context = context;
        made->period_cycles = period_cycles;
        made->high_cycles = high_cycles;
        made->start_cycle = start_cycle;
        status = sysc_method_new(context, module, name, tick, made.get(),
                                 nullptr, &made->process);
        if (status != SYSC_OK) {
            return status;
        }
        made->name = made->process->name;
        sysc_clock *raw = made.get();
        context->channels.push_back(std::move(made));
        build(raw, module, name);
        register_object(context, SYSC_KIND_CLOCK, raw->name.c_str(), "clock",
                        raw);
        *clock = raw;
        return SYSC_OK;
    });
}

extern "C" struct sysc_event *sysc_clock_rise(const struct sysc_clock *clock)
{
    return clock == nullptr ? nullptr : clock->rise;
}

extern "C" struct sysc_event *sysc_clock_fall(const struct sysc_clock *clock)
{
    return clock == nullptr ? nullptr : clock->fall;
}

extern "C" bool sysc_clock_level(const struct sysc_clock *clock)
{
    if (clock == nullptr || sysc_now(clock->context) < clock->start_cycle) {
        return false;
    }
    return clock->high_cycles == 0 ||
           offset_in_period(clock) < clock->high_cycles;
}

extern "C" enum sysc_status sysc_clock_stop(struct sysc_clock *clock)
{
    return clock == nullptr ? SYSC_ERR_ARGUMENT
                            : sysc_process_kill(clock->process);
}

const bool &clock_level_variable(const sysc_clock *clock)
{
    return clock->traced_level;
}

const char *clock_name(const sysc_clock *clock)
{
    return clock->name.c_str();
}

sysc_context *clock_context(const sysc_clock *clock)
{
    return clock->context;
}
