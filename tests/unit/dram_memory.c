/* What a memory does with single requests, cycle by cycle from the standard's
 * formulas; the simple model; files, mappings, statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/assert_close.h"
#include "tests/dram_stream.h"
#include "tests/unit/dram_checker.h"

static const char *const presets[] = {"ddr4-2400", "ddr4-3200", "hbm2",
                                      "hbm2e",     "hbm3",      "lpddr5"};

static void submit(struct dram *dram, int64_t address_bytes, bool is_write,
                   int64_t tag)
{
    struct dram_request request = {address_bytes, is_write, tag};
    assert_int_equal(dram_submit(dram, &request), DRAM_ACCEPTED);
}

/* Runs until something completes and returns it. */
static struct dram_completion wait_for_one(struct dram *dram)
{
    struct dram_completion completion = {.tag = -1};
    while (!dram_take(dram, &completion)) {
        int64_t next_cycle = dram_next_activity(dram);
        assert_true(next_cycle > dram_now(dram));
        dram_advance(dram, next_cycle);
    }
    return completion;
}

static int64_t read_latency_cycles(struct dram *dram, int64_t address_bytes)
{
    submit(dram, address_bytes, false, 0);
    struct dram_completion completion = wait_for_one(dram);
    return completion.cycle - completion.arrival_cycle;
}

/* A lone read waits one cycle in the queue; then, by the state of its bank:
 * tRCD + tCL + tBL, tCL + tBL, tRP + tRCD + tCL + tBL. An activate of HBM is
 * complete in its second cycle: one cycle later to the column, earlier after a
 * precharge. */
static void test_latency_of_lone_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        struct dram_spec spec = dram_preset(presets[i]);
        const int64_t *t = spec.timing_cycles;
        bool is_hbm = spec.standard == DRAM_HBM2 || spec.standard == DRAM_HBM3;
        assert_true(dram_mapping_parse("RoBaRaCoCh", &spec.mapping));
        int64_t row_bytes = dram_capacity_bytes(&spec) / spec.rows;
        int64_t data = t[DRAM_T_CL] + t[DRAM_T_BURST];
        AUTO(dram) dram = dram_new(&spec);
        assert_int_equal(read_latency_cycles(dram, 0),
                         1 + is_hbm + t[DRAM_T_RCD] + data);
        dram_advance(dram, dram_now(dram) + 200);
        assert_int_equal(
            read_latency_cycles(dram, spec.burst_bytes * spec.channels),
            1 + data);
        dram_advance(dram, dram_now(dram) + 200);
        assert_int_equal(read_latency_cycles(dram, row_bytes),
                         1 + t[DRAM_T_RP] + t[DRAM_T_RCD] + data);
        struct dram_stats stats;
        dram_get_stats(dram, &stats);
        assert_int_equal(stats.row_misses, 1);
        assert_int_equal(stats.row_hits, 1);
        assert_int_equal(stats.row_conflicts, 1);
        assert_int_equal(stats.commands[DRAM_ACT], 2);
        assert_int_equal(stats.commands[DRAM_PRE], 1);
    }
}

static void test_write_is_done_when_its_data_are_in(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("ddr4-2400");
    AUTO(dram) dram = dram_new(&spec);
    submit(dram, 0, true, 7);
    struct dram_completion completion = wait_for_one(dram);
    assert_int_equal(completion.tag, 7);
    assert_true(completion.is_write);
    assert_int_equal(completion.cycle, 1 + 16 + 12 + 4);
}

static void test_reads_are_answered_by_queued_writes(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("ddr4-2400");
    AUTO(dram) dram = dram_new(&spec);
    submit(dram, 4096, true, 1);
    submit(dram, 4100, false, 2); /* the same burst */
    submit(dram, 4097, true, 3);
    struct dram_completion completion = wait_for_one(dram);
    assert_int_equal(completion.tag, 2);
    assert_int_equal(completion.cycle, 1);
    completion = wait_for_one(dram);
    assert_int_equal(completion.tag, 3);
    assert_int_equal(completion.cycle, 1);
    assert_int_equal(wait_for_one(dram).tag, 1);
    struct dram_stats stats;
    dram_get_stats(dram, &stats);
    assert_int_equal(stats.forwarded_reads, 1);
    assert_int_equal(stats.merged_writes, 1);
    assert_int_equal(stats.written_bytes, 64);
    assert_int_equal(stats.read_bytes, 0);
}

static void test_queues_are_bounded(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("ddr4-2400");
    spec.read_queue_requests = 3;
    AUTO(dram) dram = dram_new(&spec);
    struct dram_request request = {.address_bytes = 1 << 20};
    for (int i = 0; i < 3; i++) {
        submit(dram, i * 64, false, i);
    }
    assert_int_equal(dram_submit(dram, &request), DRAM_FULL);
    assert_int_equal(dram_count_pending(dram), 3);
    request.is_write = true; /* has a queue of its own */
    assert_int_equal(dram_submit(dram, &request), DRAM_ACCEPTED);
    dram_advance(dram, 1); /* a row is opened, its request waits at the bank */
    request.is_write = false;
    request.address_bytes += 64;
    assert_int_equal(dram_submit(dram, &request), DRAM_ACCEPTED);
    dram_finish(dram);
    assert_int_equal(dram_next_activity(dram), -1);
}

/* Refresh goes on without requests and is nobody's activity. */
static void test_idle_memory_is_refreshed(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("ddr4-2400");
    AUTO(dram) dram = dram_new(&spec);
    assert_int_equal(dram_next_activity(dram), -1);
    dram_advance(dram, 100 * spec.timing_cycles[DRAM_T_REFI]);
    struct dram_stats stats;
    dram_get_stats(dram, &stats);
    assert_int_equal(stats.commands[DRAM_REF], 100);
    assert_int_equal(stats.buses[0].stall_cycles[DRAM_STALL_IDLE],
                     stats.cycles);
    assert_int_equal(stats.banks[3].commands[DRAM_REF], 100);
    /* The last one is under way: the next read waits for it. */
    assert_int_equal(read_latency_cycles(dram, 0),
                     spec.timing_cycles[DRAM_T_RFC] + 16 + 16 + 4);
}

/* Same bank group, to and fro: the stalls are the standard's differences. */
static void test_stalls_have_their_causes(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("ddr4-2400");
    struct dram_stats stats;
    assert_true(dram_mapping_parse("RoBaRaCoCh", &spec.mapping));
    AUTO(dram) dram = dram_new(&spec);
    for (int i = 0; i < 10; i++) {
        submit(dram, i * 64, false, i);
    }
    dram_finish(dram);
    dram_get_stats(dram, &stats);
    const int64_t *stalls = stats.buses[0].stall_cycles;
    assert_int_equal(stats.buses[0].read_cycles, 40);
    assert_int_equal(stalls[DRAM_STALL_ROW_OPEN], 16);
    assert_int_equal(stalls[DRAM_STALL_BANK_GROUP], 9 * (6 - 4));
    /* Nothing before the first request, nothing after the last command. */
    assert_int_equal(stalls[DRAM_STALL_IDLE], 1 + 16);
    submit(dram, 0, true, 0);
    dram_finish(dram);
    dram_get_stats(dram, &stats);
    assert_int_equal(stats.buses[0].write_cycles, 4);
    assert_int_equal(stats.buses[0].stall_cycles[DRAM_STALL_TURNAROUND], 0);
}

static void test_closed_page_precharges_by_itself(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("ddr4-2400");
    spec.page = DRAM_PAGE_CLOSED;
    assert_true(dram_mapping_parse("RoBaRaCoCh", &spec.mapping));
    AUTO(dram) dram = dram_new(&spec);
    for (int i = 0; i < 4; i++) {
        submit(dram, i * 64, i == 3, i);
    }
    dram_finish(dram);
    struct dram_stats stats;
    dram_get_stats(dram, &stats);
    assert_int_equal(stats.commands[DRAM_ACT], 1);
    assert_int_equal(stats.commands[DRAM_RD], 3);
    assert_int_equal(stats.commands[DRAM_WRA], 1);
    assert_int_equal(stats.commands[DRAM_PRE], 0);
}

/* Every burst has coordinates of its own, within their bounds. */
static void check_bijection(const struct dram_spec *spec)
{
    int64_t bursts = dram_capacity_bytes(spec) / spec->burst_bytes;
    g_autofree bool *is_seen = g_new0(bool, (gsize)bursts);
    const int64_t sizes[DRAM_FIELD_COUNT] = {
        spec->channels,    spec->pseudo_channels, spec->ranks,
        spec->bank_groups, spec->banks,           spec->rows,
        spec->columns};
    for (int64_t i = 0; i < bursts; i++) {
        int64_t coordinates[DRAM_FIELD_COUNT];
        int64_t flat = 0;
        dram_decode(spec, i * spec->burst_bytes + 1, coordinates);
        for (int field = 0; field < DRAM_FIELD_COUNT; field++) {
            assert_in_range(coordinates[field], 0, sizes[field] - 1);
            flat = flat * sizes[field] + coordinates[field];
        }
        assert_false(is_seen[flat]);
        is_seen[flat] = true;
    }
}

static void test_mappings_are_one_to_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        for (const char *const *name = dram_mapping_names(); *name != NULL;
             name++) {
            struct dram_spec spec = dram_preset(presets[i]);
            spec.rows = 4;
            spec.ranks = 2;
            assert_true(dram_mapping_parse(*name, &spec.mapping));
            check_bijection(&spec);
        }
    }
    struct dram_spec odd = dram_preset("hbm2");
    odd.channels = 5; /* stacks and channels need not be powers of two */
    odd.rows = 3;
    assert_true(dram_mapping_parse("RoCo1BaBgRaPcCo2ChCo", &odd.mapping) ==
                false); /* the rest of a field lies above its parts */
    assert_true(dram_mapping_parse("RoCoBaBgRaPcCo1ChCo1", &odd.mapping));
    dram_assert_valid(&odd);
    check_bijection(&odd);
}

static void test_orders_of_mappings(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "RoBaBgRaPcCo",
        "RoBaBgRaPcCoChCh",
        "RoBaBgRaPcCoXx",
        "RoBaBgRaPcCoCh+or",
        "RoBaBgRaPcCo0Ch",
        "roBaBgRaPcCoCh",
        "RoCoBaBgRaPcCo12Ch",
    };
    struct dram_mapping mapping;
    struct dram_mapping spelt;
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        assert_false(dram_mapping_parse(wrong[i], &mapping));
    }
    assert_true(dram_mapping_parse("MOP4CLXOR", &mapping));
    assert_true(dram_mapping_parse("RoCoBaBgRaPcCo2Ch+xor", &spelt));
    assert_memory_equal(mapping.parts, spelt.parts, sizeof mapping.parts);
    assert_true(spelt.is_hashed);
}

/* Bandwidth alone: the n-th burst is there after ceil(n * burst / B) + latency,
 * to the fraction of a cycle. */
static void test_simple_model_is_bandwidth_and_latency(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("simple-400");
    AUTO(dram) dram = dram_new(&spec);
    struct dram_completion completion;
    int64_t bytes_per_second = INT64_C(400) << 30;
    for (int64_t i = 0; i < 5000; i++) {
        struct dram_request request = {.address_bytes = i * 32, .tag = i};
        while (dram_submit(dram, &request) == DRAM_FULL) {
            dram_advance(dram,
                         MAX(dram_next_activity(dram), dram_now(dram) + 1));
            while (dram_take(dram, &completion)) {
                /* 32 B * 10^9 cycles/s */
                int64_t numerator =
                    (completion.tag + 1) * 32 * INT64_C(1000000000);
                assert_int_equal(completion.cycle,
                                 num_ceil_div(numerator, bytes_per_second) +
                                     42);
            }
        }
    }
    dram_finish(dram);
    struct dram_stats stats;
    dram_get_stats(dram, &stats);
    assert_int_equal(stats.read_bytes, 5000 * 32);
    assert_int_equal(
        stats.buses[0].read_cycles,
        num_ceil_div(5000 * 32 * INT64_C(1000000000), bytes_per_second));
    assert_int_equal(stats.buses[0].read_cycles +
                         stats.buses[0].stall_cycles[DRAM_STALL_IDLE],
                     stats.cycles);
    assert_close(dram_peak_bytes_per_cycle(&spec), 429.4967296, 1e-12);
}

/* Peak bandwidth is what the names say. */
static void test_presets_have_their_peak_bandwidth(void **state)
{
    (void)state;
    static const double gb_per_second[] = {19.2, 25.6, 256, 409.6, 819.2, 51.2};
    static const int64_t gib[] = {8, 8, 4, 16, 16, 8};
    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        struct dram_spec spec = dram_preset(presets[i]);
        assert_string_equal(spec.name, presets[i]);
        assert_close(dram_peak_bytes_per_cycle(&spec) * 1e3 /
                         (double)spec.period_ps,
                     gb_per_second[i], 0.001);
        assert_int_equal(dram_capacity_bytes(&spec), gib[i] << 30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latency_of_lone_reads),
        cmocka_unit_test(test_write_is_done_when_its_data_are_in),
        cmocka_unit_test(test_reads_are_answered_by_queued_writes),
        cmocka_unit_test(test_queues_are_bounded),
        cmocka_unit_test(test_idle_memory_is_refreshed),
        cmocka_unit_test(test_stalls_have_their_causes),
        cmocka_unit_test(test_closed_page_precharges_by_itself),
        cmocka_unit_test(test_mappings_are_one_to_one),
        cmocka_unit_test(test_orders_of_mappings),
        cmocka_unit_test(test_simple_model_is_bandwidth_and_latency),
        cmocka_unit_test(test_presets_have_their_peak_bandwidth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
