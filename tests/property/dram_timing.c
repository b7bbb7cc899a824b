/* Random request streams on every preset, under random policies: no command
 * breaks a constraint (dram_checker.h, written apart from the model), every
 * request is answered once, every cycle has one cause, and nothing depends on
 * how time is divided. WEIR_RANDOM_DRAM_COUNT sets the number of streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/dram_stream.h"
#include "tests/unit/dram_checker.h"

static const char *const presets[] = {"ddr4-2400", "ddr4-3200", "hbm2",
                                      "hbm2e",     "hbm3",      "lpddr5"};
#define STREAMS  72
#define REQUESTS 1200

static int64_t stream_count(void)
{
    const char *text = getenv("WEIR_RANDOM_DRAM_COUNT");
    return text != NULL ? g_ascii_strtoll(text, NULL, 10) : STREAMS;
}

static struct dram_spec random_spec(uint64_t *seed, int64_t number)
{
    struct dram_spec spec = dram_preset(presets[number % 6]);
    const char *const *mappings = dram_mapping_names();
    guint mapping_count = g_strv_length((char **)(uintptr_t)mappings);
    int64_t mapping = dram_random_below(seed, (int64_t)mapping_count);
    assert_true(dram_mapping_parse(mappings[mapping], &spec.mapping));
    spec.channels = 1 + dram_random_below(seed, 2);
    spec.ranks = INT64_C(1) << dram_random_below(seed, 2);
    spec.page =
        dram_random_below(seed, 3) == 0 ? DRAM_PAGE_CLOSED : DRAM_PAGE_OPEN;
    spec.scheduler =
        dram_random_below(seed, 2) == 0 ? DRAM_FR_FCFS : DRAM_FR_FCFS_ROW_HIT;
    bool has_bank_refresh = spec.timing_cycles[DRAM_T_RFC_BANK] > 0;
    spec.refresh =
        (enum dram_refresh)dram_random_below(seed, has_bank_refresh ? 3 : 2);
    if (spec.refresh == DRAM_REFRESH_PER_BANK &&
        spec.standard == DRAM_LPDDR5) { /* now and then two in a row */
        spec.timing_cycles[DRAM_T_REFI_BANK] =
            spec.timing_cycles[DRAM_T_REF_REF] * 3 / 2;
    }
    spec.read_queue_requests = 1 + dram_random_below(seed, 48);
    spec.write_queue_requests = 1 + dram_random_below(seed, 48);
    spec.write_high_requests =
        1 + dram_random_below(seed, spec.write_queue_requests);
    spec.write_low_requests = dram_random_below(seed, spec.write_high_requests);
    dram_assert_valid(&spec);
    return spec;
}

/* Bursts of sequential accesses from random places, in random pauses. */
struct traffic {
    uint64_t seed;
    int64_t address_bytes, left, span_bytes;
    int64_t pause_limit_cycles;
    int locality, reads_percent;
};

static struct traffic random_source(const struct dram_spec *spec,
                                    uint64_t *seed)
{
    return (struct traffic){
        .seed = dram_random(seed),
        .span_bytes =
            MIN(dram_capacity_bytes(spec),
                spec->burst_bytes << (4 + dram_random_below(seed, 20))),
        .pause_limit_cycles = dram_random_below(seed, 4) == 0 ? 400 : 3,
        .locality = 1 << dram_random_below(seed, 8),
        .reads_percent = (int)dram_random_below(seed, 101),
    };
}

static struct dram_request next_request(struct traffic *source,
                                        int64_t burst_bytes, int64_t tag)
{
    if (source->left == 0) {
        source->left = 1 + dram_random_below(&source->seed, source->locality);
        source->address_bytes =
            dram_random_below(&source->seed, source->span_bytes);
    }
    source->left--;
    source->address_bytes += burst_bytes;
    return (struct dram_request){
        .address_bytes = source->address_bytes,
        .is_write =
            dram_random_below(&source->seed, 100) >= source->reads_percent,
        .tag = tag,
    };
}

/* Each tag is completed once, not before a command could have gone for it. */
static void take_all(struct dram *dram, int *completed)
{
    struct dram_completion completion;
    int64_t last_cycle = -1;
    while (dram_take(dram, &completion)) {
        assert_in_range(completion.tag, 0, REQUESTS - 1);
        assert_int_equal(completed[completion.tag]++, 0);
        assert_true(completion.cycle > completion.arrival_cycle);
        assert_true(completion.cycle <= dram_now(dram));
        assert_true(completion.cycle >= last_cycle);
        last_cycle = completion.cycle;
    }
}

static gint compare_commands(gconstpointer a, gconstpointer b)
{
    const struct dram_command *first = a;
    const struct dram_command *second = b;
    if (first->channel != second->channel) {
        return first->channel - second->channel;
    }
    if (first->cycle != second->cycle) {
        return first->cycle < second->cycle ? -1 : 1;
    }
    return is_column(second) - is_column(first);
}

/* `is_stepped`: time goes on cycle by cycle, and not from event to event. */
static GArray *play(const struct dram_spec *spec, struct traffic source,
                    bool is_stepped, struct dram_stats *stats,
                    struct dram_bus_stats *buses)
{
    GArray *commands = g_array_new(FALSE, FALSE, sizeof(struct dram_command));
    int completed[REQUESTS] = {0};
    AUTO(dram) dram = dram_new(spec);
    dram_set_trace(dram, checker_record, commands);
    int64_t due_cycle = 0;
    for (int64_t tag = 0; tag < REQUESTS; tag++) {
        struct dram_request request =
            next_request(&source, spec->burst_bytes, tag);
        due_cycle = MAX(due_cycle, dram_now(dram)) +
                    dram_random_below(&source.seed, source.pause_limit_cycles);
        while (is_stepped && dram_now(dram) < due_cycle) {
            dram_advance(dram, dram_now(dram) + 1);
        }
        dram_advance(dram, due_cycle);
        while (dram_submit(dram, &request) == DRAM_FULL) {
            dram_advance(dram, is_stepped ? dram_now(dram) + 1
                                          : MAX(dram_next_activity(dram),
                                                dram_now(dram) + 1));
            take_all(dram, completed);
        }
    }
    while (dram_count_pending(dram) > 0) {
        dram_advance(dram, is_stepped ? dram_now(dram) + 1
                                      : dram_next_activity(dram));
        take_all(dram, completed);
    }
    for (int i = 0; i < REQUESTS; i++) {
        assert_int_equal(completed[i], 1);
    }
    g_array_sort(commands, compare_commands);
    dram_get_stats(dram, stats);
    memcpy(buses, stats->buses, stats->bus_count * sizeof *buses);
    stats->banks = NULL;
    return commands;
}

#define BUSES_LIMIT 64

static void check_stats(const struct dram_spec *spec,
                        const struct dram_stats *stats,
                        const struct dram_bus_stats *buses,
                        const GArray *commands)
{
    int64_t counts[DRAM_COMMAND_COUNT] = {0};
    int64_t busy_cycles = 0;
    for (guint i = 0; i < commands->len; i++) {
        counts[g_array_index(commands, struct dram_command, i).kind]++;
    }
    assert_memory_equal(counts, stats->commands, sizeof counts);
    assert_int_equal(stats->reads + stats->writes, REQUESTS);
    int64_t served = stats->row_hits + stats->row_misses + stats->row_conflicts;
    assert_int_equal(served + stats->forwarded_reads + stats->merged_writes,
                     REQUESTS);
    assert_int_equal(served * spec->burst_bytes,
                     stats->read_bytes + stats->written_bytes);
    for (size_t i = 0; i < stats->bus_count; i++) {
        int64_t sum = buses[i].read_cycles + buses[i].write_cycles;
        busy_cycles += sum;
        for (int j = 0; j < DRAM_STALL_COUNT; j++) {
            assert_true(buses[i].stall_cycles[j] >= 0);
            sum += buses[i].stall_cycles[j];
        }
        assert_int_equal(sum, stats->cycles);
    }
    assert_int_equal(busy_cycles, served * spec->timing_cycles[DRAM_T_BURST]);
}

/* A die is refreshed once an interval; one that is due may still be going, or a
 * few when they come in a hurry. */
static void check_refreshes(const struct dram_spec *spec,
                            const struct dram_stats *stats)
{
    const int64_t *t = spec->timing_cycles;
    bool is_hbm = spec->standard == DRAM_HBM2 || spec->standard == DRAM_HBM3;
    int64_t dies =
        spec->channels * spec->pseudo_channels * (is_hbm ? 1 : spec->ranks);
    int64_t due = 0;
    int64_t done = stats->commands[DRAM_REF] + stats->commands[DRAM_REFB];
    if (spec->refresh == DRAM_REFRESH_ALL_BANK) {
        due = stats->cycles / t[DRAM_T_REFI] * dies;
        assert_int_equal(stats->commands[DRAM_REFB], 0);
    } else if (spec->refresh == DRAM_REFRESH_PER_BANK) {
        due = stats->cycles / t[DRAM_T_REFI_BANK] * dies;
        assert_int_equal(stats->commands[DRAM_REF], 0);
    }
    bool is_hurried = t[DRAM_T_REFI_BANK] < 2 * t[DRAM_T_REF_REF];
    assert_in_range(due - done, 0, is_hurried ? 8 * dies : dies);
}

static void check_stream(int64_t number, struct checker *totals)
{
    uint64_t seed = (uint64_t)number * 7919 + 5;
    struct dram_spec spec = random_spec(&seed, number);
    struct traffic source = random_source(&spec, &seed);
    struct dram_stats stats;
    struct dram_bus_stats buses[BUSES_LIMIT];
    g_autoptr(GArray) commands = play(&spec, source, false, &stats, buses);
    check_stats(&spec, &stats, buses, commands);
    check_refreshes(&spec, &stats);

    struct checker checker = {.spec = &spec, .commands = commands};
    checker_run(&checker);
    if (checker.violations > 0) {
        print_error("stream %" G_GINT64_FORMAT " (%s): %s\n", number, spec.name,
                    checker.first);
    }
    assert_int_equal(checker.violations, 0);
    for (int i = 0; i < CHECKER_RULE_COUNT; i++) {
        totals->tight[i] += checker.tight[i];
    }

    struct dram_stats stepped_stats;
    struct dram_bus_stats stepped_buses[BUSES_LIMIT];
    g_autoptr(GArray) stepped =
        play(&spec, source, true, &stepped_stats, stepped_buses);
    assert_int_equal(stepped->len, commands->len);
    assert_memory_equal(stepped->data, commands->data,
                        commands->len * sizeof(struct dram_command));
    stepped_stats.buses = stats.buses;
    assert_memory_equal(&stepped_stats, &stats, sizeof stats);
    assert_memory_equal(stepped_buses, buses,
                        stats.bus_count * sizeof buses[0]);
}

static void test_random_streams_keep_every_constraint(void **state)
{
    (void)state;
    struct checker totals = {.spec = NULL};
    for (int64_t i = 0; i < stream_count(); i++) {
        check_stream(i, &totals);
    }
    for (int i = 0; i < CHECKER_RULE_COUNT && stream_count() >= STREAMS; i++) {
        if (i == CHECKER_tRP_ALL) {
            continue; /* a refresh always follows, which takes longer */
        }
        if (totals.tight[i] == 0) {
            print_error("%s was never met exactly\n", checker_names[i]);
        }
        assert_true(totals.tight[i] > 0);
    }
}

/* The judge itself: a stream with one command a cycle too early is refused. */
static void test_the_checker_refuses_early_commands(void **state)
{
    (void)state;
    static const enum dram_command_kind kinds[] = {
        DRAM_ACT, DRAM_PRE, DRAM_PREA, DRAM_RD, DRAM_WR, DRAM_REF};
    struct dram_spec spec = dram_preset("ddr4-2400");
    g_autoptr(GArray) commands =
        g_array_new(FALSE, FALSE, sizeof(struct dram_command));
    AUTO(dram) dram = dram_new(&spec);
    dram_set_trace(dram, checker_record, commands);
    struct dram_stream stream = {.is_random = true,
                                 .span_bytes = 1 << 16,
                                 .reads_percent = 50,
                                 .count = 3000,
                                 .per_cycle = 1,
                                 .seed = 3};
    dram_play(dram, &stream);
    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        guint i = commands->len / 4;
        while (i < commands->len &&
               g_array_index(commands, struct dram_command, i).kind !=
                   kinds[k]) {
            i++;
        }
        assert_true(i < commands->len);
        struct dram_command *command =
            &g_array_index(commands, struct dram_command, i);
        struct dram_command before =
            g_array_index(commands, struct dram_command, i - 1);
        int64_t right_cycle = command->cycle;
        command->cycle = before.cycle; /* two on one bus at least */
        struct checker checker = {.spec = &spec, .commands = commands};
        checker_run(&checker);
        assert_true(checker.violations > 0);
        command->cycle = right_cycle;
    }
    struct checker checker = {.spec = &spec, .commands = commands};
    checker_run(&checker);
    assert_int_equal(checker.violations, 0);
    /* And each number of the standard counts: a cycle more of it is missed. */
    for (int i = DRAM_T_RCD; i <= DRAM_T_RTW; i++) {
        struct dram_spec longer = spec;
        longer.timing_cycles[i] += i == DRAM_T_RP_ALL ? 400 : 1;
        struct checker strict = {.spec = &longer, .commands = commands};
        checker_run(&strict);
        if (strict.violations == 0) {
            print_error("%s does not count\n",
                        dram_timing_name((enum dram_timing)i));
        }
        assert_true(strict.violations > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_streams_keep_every_constraint),
        cmocka_unit_test(test_the_checker_refuses_early_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
