/* Traces of random shapes under the delivered mappings:
 *   - recording changes no field of the result, with and without fast-forward,
 *   - tile steps and stalls of a unit tile the run without gap or overlap and add
 *     up to its busy cycles and stalls, cause by cause,
 *   - transfers of a port do not overlap and add up to the bytes of its memory,
 *   - totals of a fast-forwarded run are the sums over all slices of the walked
 *     one, and intervals of a unit or port add up to its totals,
 *   - the trace of a window of a fast-forwarded run is what the trace of the
 *     whole run, walked step by step, has in that window.
 * WEIR_SEED chooses other cases than the usual ones. */
#include "tests/sim_support.h"

static const struct {
    const char *cascade;
    const char *mapping;
} families[] = {
    {"attention/one-pass", "mappings/fusemax-binding.yaml"},
    {"attention/one-pass", "mappings/fusemax-architecture.yaml"},
    {"attention/one-pass", "mappings/fusemax-cascade.yaml"},
    {"attention/three-pass", "mappings/flat.yaml"},
    {"attention/three-pass", "mappings/unfused.yaml"},
};

static char *random_settings(GRand *random)
{
    static const int sizes[] = {16, 32, 48, 64, 128, 192, 256};
    static const int gbufs[] = {4096, 8192, 65536};
    return g_strdup_printf(
        "RF2=64 RF1=64 X1=8 X2=8 Y2=8 E=8 F=8 P=%d M=%d B=%d H=%d DRAM_BW=%d "
        "GBUF_BW=%d GBUF=%d EXP=%d",
        sizes[g_rand_int_range(random, 0, 7)],
        sizes[g_rand_int_range(random, 0, 7)], g_rand_int_range(random, 1, 5),
        g_rand_int_range(random, 1, 7), g_rand_int_range(random, 1, 60),
        g_rand_int_range(random, 5, 300), gbufs[g_rand_int_range(random, 0, 3)],
        g_rand_int_range(random, 1, 8));
}

static struct trace *trace_run(const struct fixture *fixture,
                               bool use_fast_forward,
                               const struct trace_options *window,
                               struct evaluation **evaluation, int64_t *steps)
{
    struct sim_options options = SIM_OPTIONS_DEFAULT;
    struct trace *trace = trace_new(window);
    options.use_fast_forward = use_fast_forward;
    options.trace = trace;
    assert_ok(sim_run(fixture->problem->plan, &options, fixture->diags,
                      evaluation, steps),
              fixture->diags);
    return trace;
}

/* ---- the whole run --------------------------------------------------------- */

/* Slices of one or two tracks, merged, follow one another; returns the end. */
static int64_t check_chain(const struct trace *trace, int first, int second,
                           bool has_gaps)
{
    int64_t end_ticks = 0;
    for (guint i = 0; i < trace->slices->len; i++) {
        const struct trace_slice *s = trace_slice(trace, i);
        if (s->track == first || s->track == second) {
            assert_true(has_gaps ? s->begin_ticks >= end_ticks
                                 : s->begin_ticks == end_ticks);
            assert_true(s->end_ticks >= s->begin_ticks);
            end_ticks = s->end_ticks;
        }
    }
    return end_ticks;
}

static int64_t sum_track(const struct trace *trace, int track, int name,
                         int64_t *bytes)
{
    int64_t sum_ticks = 0;
    *bytes = 0;
    for (guint i = 0; i < trace->slices->len; i++) {
        const struct trace_slice *s = trace_slice(trace, i);
        if (s->track == track && (name < 0 || s->name == name)) {
            sum_ticks += s->end_ticks - s->begin_ticks;
            *bytes += s->bytes;
        }
    }
    return sum_ticks;
}

/* Causes of one name, each rounded to cycles. */
static void check_cause(const struct trace *trace, int track,
                        const struct evaluation *evaluation,
                        const struct evaluation_cause *cause)
{
    g_autofree char *text = evaluation_say_cause(cause);
    int64_t ticks = 0;
    int64_t bytes = 0;
    int64_t cycles = 0;
    int64_t names = 0;
    for (guint n = 0; n < trace->names->len; n++) {
        if (strcmp(trace_name(trace, (int)n)->text, text) == 0) {
            ticks += sum_track(trace, track, (int)n, &bytes);
            names++;
        }
    }
    for (int c = 0; c < evaluation->cause_count; c++) {
        g_autofree char *other = evaluation_say_cause(&evaluation->causes[c]);
        if (strcmp(evaluation->causes[c].unit, cause->unit) == 0 &&
            strcmp(other, text) == 0) {
            cycles += evaluation->causes[c].cycles;
        }
    }
    assert_true(names > 0);
    assert_true(ABS(cycles * trace->ticks_per_cycle - ticks) <
                names * trace->ticks_per_cycle);
}

static void check_unit(const struct trace *trace, int track,
                       const struct evaluation *evaluation)
{
    const struct evaluation_unit *unit =
        &evaluation->units[trace_track(trace, track)->component];
    int64_t bytes = 0;
    assert_int_equal(check_chain(trace, track, track + 1, false),
                     trace->end_ticks);
    assert_int_equal(sum_track(trace, track, -1, &bytes),
                     unit->busy_cycles * trace->ticks_per_cycle);
    for (int c = 0; c < evaluation->cause_count; c++) {
        if (strcmp(evaluation->causes[c].unit, unit->name) == 0) {
            check_cause(trace, track + 1, evaluation, &evaluation->causes[c]);
        }
    }
}

/* Bytes of the outermost memory, of which there is one instance and which sees
 * all that it reads and writes. */
static void check_traffic(const struct trace *trace, int track,
                          const struct evaluation *evaluation)
{
    const struct evaluation_memory *memory = &evaluation->memories[0];
    int64_t bytes = 0;
    (void)sum_track(trace, track, -1, &bytes);
    assert_int_equal(bytes, memory->read_bytes + memory->write_bytes);
}

static void check_whole(const struct trace *trace,
                        const struct evaluation *evaluation, bool is_exact)
{
    assert_int_equal(trace->end_ticks,
                     evaluation->cycles * trace->ticks_per_cycle);
    for (int t = 0; t < (int)trace->tracks->len; t++) {
        const struct trace_track *track = trace_track(trace, t);
        if (track->kind == TRACK_UNIT) {
            check_unit(trace, t, evaluation);
        } else if (track->kind == TRACK_PORT) {
            (void)check_chain(trace, t, t, true);
        } else if (track->kind == TRACK_PHASES) {
            assert_int_equal(check_chain(trace, t, t, false), trace->end_ticks);
        }
        if (track->kind == TRACK_PORT && track->component == 0 && is_exact) {
            check_traffic(trace, t, evaluation);
        }
    }
    for (guint i = 0; i < trace->samples->len; i++) {
        assert_true(
            g_array_index(trace->samples, struct trace_sample, i).value >= 0);
    }
}

/* ---- windows --------------------------------------------------------------- */

static void assert_same_slice(const struct trace *a,
                              const struct trace_slice *x,
                              const struct trace *b,
                              const struct trace_slice *y)
{
    g_autoptr(GString) left = g_string_new(NULL);
    g_autoptr(GString) right = g_string_new(NULL);
    trace_print_tile(a, x, left);
    trace_print_tile(b, y, right);
    assert_string_equal(left->str, right->str);
    assert_int_equal(x->begin_ticks, y->begin_ticks);
    assert_int_equal(x->end_ticks, y->end_ticks);
    assert_int_equal(x->bytes, y->bytes);
    assert_int_equal(x->iteration, y->iteration);
    assert_int_equal(x->ordinal, y->ordinal);
    assert_int_equal(x->track, y->track);
    assert_int_equal(x->name, y->name);
    assert_int_equal(x->phase, y->phase);
    assert_int_equal(x->child, y->child);
}

static void check_window(const struct trace *whole, const struct trace *part)
{
    int64_t from_ticks = part->options.from_cycle * part->ticks_per_cycle;
    int64_t to_ticks = part->options.to_cycle * part->ticks_per_cycle;
    guint p = 0;
    for (guint i = 0; i < whole->slices->len; i++) {
        const struct trace_slice *s = trace_slice(whole, i);
        if (s->end_ticks > from_ticks && s->begin_ticks < to_ticks) {
            assert_true(p < part->slices->len);
            assert_same_slice(whole, s, part, trace_slice(part, p++));
        }
    }
    assert_int_equal(p, part->slices->len);
    for (guint i = 0, s = 0; i < whole->samples->len; i++) {
        const struct trace_sample *x =
            &g_array_index(whole->samples, struct trace_sample, i);
        if (x->at_ticks < from_ticks || x->at_ticks >= to_ticks) {
            continue;
        }
        const struct trace_sample *y = NULL;
        do { /* the first ones say what was held before */
            assert_true(s < part->samples->len);
            y = &g_array_index(part->samples, struct trace_sample, s++);
        } while (y->at_ticks == from_ticks &&
                 (x->at_ticks != from_ticks || y->track != x->track ||
                  y->value != x->value));
        assert_int_equal(x->at_ticks, y->at_ticks);
        assert_int_equal(x->track, y->track);
        assert_int_equal(x->value, y->value);
    }
}

/* ---- totals and intervals -------------------------------------------------- */

/* Every total, and nothing besides: both sums agree. */
static void check_totals(const struct trace *whole, const struct trace *summary)
{
    int64_t count = 0;
    for (guint i = 0; i < summary->totals->len; i++) {
        const struct trace_total *t =
            &g_array_index(summary->totals, struct trace_total, i);
        int64_t bytes = 0;
        assert_int_equal(sum_track(whole, t->track, t->name, &bytes), t->ticks);
        assert_int_equal(bytes, t->bytes);
        count += MAX(t->count, 0);
    }
    for (guint i = 0; i < whole->slices->len; i++) {
        enum track_kind kind =
            trace_track(whole, trace_slice(whole, i)->track)->kind;
        count -= kind == TRACK_UNIT || kind == TRACK_PORT;
    }
    assert_int_equal(count, 0);
    assert_int_equal(summary->slices->len, 0);
    assert_int_equal(summary->samples->len, 0);
}

static void check_intervals(const struct trace *whole,
                            const struct trace *windows)
{
    assert_true(windows->interval_count <= 1024);
    assert_true(trace_interval_ticks(windows, windows->interval_count) ==
                windows->end_ticks);
    for (guint i = 0; i < windows->series->len; i++) {
        const struct trace_series *s =
            &g_array_index(windows->series, struct trace_series, i);
        int64_t sum = 0;
        for (int64_t k = 0; k < windows->interval_count; k++) {
            assert_true(s->values[k] >= 0);
            /* Requests that a skip cuts may share an interval. */
            assert_true(s->is_bytes ||
                        s->values[k] <= 2 * windows->interval_ticks);
            sum += s->values[k];
        }
        for (guint t = 0; t < windows->totals->len; t++) {
            const struct trace_total *total =
                &g_array_index(windows->totals, struct trace_total, t);
            const char *stage = trace_name(whole, total->name)->stage;
            bool is_same_stall =
                trace_track(whole, total->track)->kind != TRACK_STALLS ||
                g_str_has_suffix(s->name, stage);
            if (total->track == s->track && is_same_stall) {
                sum -= s->is_bytes ? total->bytes : total->ticks;
            }
        }
        assert_int_equal(sum, 0);
    }
}

static void check_levels(const struct fixture *fixture,
                         const struct trace *whole,
                         const struct evaluation *plain)
{
    struct trace_options options = TRACE_OPTIONS_DEFAULT;
    AUTO(evaluation) summarised = NULL;
    AUTO(evaluation) windowed = NULL;
    int64_t steps = 0;
    options.level = TRACE_SUMMARY;
    AUTO(trace)
    summary = trace_run(fixture, true, &options, &summarised, &steps);
    options.level = TRACE_WINDOWS;
    AUTO(trace)
    windows = trace_run(fixture, true, &options, &windowed, &steps);
    assert_same_times(summarised, plain);
    assert_same_times(windowed, plain);
    check_totals(whole, summary);
    check_intervals(whole, windows);
}

/* ---- cases ----------------------------------------------------------------- */

/* Shares of what spills and sums that are read back are rounded up for each
 * event. */
static bool is_exact(const struct plan *plan)
{
    bool is_split = false;
    for (int f = 0; f < plan->flow_count; f++) {
        const struct plan_flow *flow = &plan->flows[f];
        is_split |= flow->kind == FLOW_PARTIAL || flow->kind == FLOW_REFILL ||
                    flow->spills || flow->outer_spills;
    }
    return !is_split;
}

/* Was part of the traced run fast-forwarded? */
static bool check_case(const struct fixture *fixture, GRand *random)
{
    struct trace_options all = TRACE_OPTIONS_DEFAULT;
    int64_t walked = 0;
    int64_t fast = 0;
    int64_t traced = 0;
    AUTO(evaluation) plain = run(fixture, true, &fast);
    AUTO(evaluation) slow = NULL;
    AUTO(trace) whole = trace_run(fixture, false, &all, &slow, &walked);
    assert_same_times(slow, plain);
    assert_same_counts(slow, plain);
    check_whole(whole, slow, is_exact(fixture->problem->plan));
    struct trace_options window = TRACE_OPTIONS_DEFAULT;
    int64_t cycles = plain->cycles;
    window.from_cycle =
        g_rand_int_range(random, 0, (gint32)MIN(cycles, G_MAXINT32));
    window.to_cycle =
        window.from_cycle +
        g_rand_int_range(random, 1, (gint32)MIN(cycles / 8 + 2, G_MAXINT32));
    AUTO(evaluation) part_of = NULL;
    AUTO(trace) part = trace_run(fixture, true, &window, &part_of, &traced);
    assert_same_times(part_of, plain);
    assert_same_counts(part_of, plain);
    check_window(whole, part);
    check_levels(fixture, whole, plain);
    assert_true(traced >= fast && traced <= walked);
    return traced < walked;
}

static void test_traces_of_random_runs(void **state)
{
    (void)state;
    const char *text = g_getenv("WEIR_SEED");
    guint32 seed = text == NULL ? 1 : (guint32)g_ascii_strtoull(text, NULL, 10);
    const char *count_text = g_getenv("WEIR_RANDOM_TRACE_COUNT");
    int count = count_text == NULL ? 30 : atoi(count_text);
    print_message("WEIR_SEED=%u\n", seed);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    int done = 0;
    int forwarded = 0;
    for (int i = 0; i < 20 * count && done < count; i++) {
        g_autofree char *settings = random_settings(random);
        int f = g_rand_int_range(random, 0, G_N_ELEMENTS(families));
        AUTO(fixture)
        fixture = fixture_try(families[f].cascade, "teaching",
                              families[f].mapping, settings);
        if (fixture->problem != NULL) {
            forwarded += check_case(fixture, random);
            done++;
        }
    }
    print_message("# %d of %d fast-forwarded\n", forwarded, done);
    assert_int_equal(done, count);
    assert_true(forwarded > count / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traces_of_random_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
