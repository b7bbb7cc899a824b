/* What attributes of an architecture do to legality, counts, cycles and energy:
 * one small product, evaluated on variants of one chip, by hand. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "tests/assert_close.h"
#include "tests/assert_diags.h"
#include "tests/problem_fixture.h"

/* Z[m,n] = A[m,k] * B[k,n], all 8: operands come once to `buf`, which serves one
 * unit that computes a product a cycle and reads its operands from there. */
static const char mapping_text[] = "schema: 1\n"
                                   "mapping: small\n"
                                   "cascade: gemm\n"
                                   "tree:\n"
                                   "- hold: [A, B]\n"
                                   "  in: buf\n"
                                   "- hold: [Z]\n"
                                   "  in: sums\n"
                                   "- {compute: Z, on: alu}\n";

/* `%s`: attributes of buf, of sums, of the unit. */
static const char chip_text[] =
    "schema: 1\n"
    "arch: small\n"
    "clock: 1 GHz\n"
    "word: 16 bits\n"
    "tree:\n"
    "  memory: DRAM\n"
    "  size: unlimited\n"
    "  bandwidth: unlimited\n"
    "  access: 16 bits\n"
    "  read: 100 pJ\n"
    "  write: 100 pJ\n"
    "  children:\n"
    "  - memory: buf\n"
    "    size: 256 B\n"
    "    access: 16 bits\n"
    "    read: 2 pJ\n"
    "    write: 3 pJ\n"
    "    %s\n"
    "    children:\n"
    "    - memory: sums\n"
    "      size: 256 B\n"
    "      access: 16 bits\n"
    "      bandwidth: unlimited\n"
    "      read: 1 pJ\n"
    "      write: 1 pJ\n"
    "      %s\n"
    "      children:\n"
    "      - unit: alu\n"
    "        %s\n"
    "        ops: {mac: {cycles: 1, energy: 5 pJ}}\n";

struct chip {
    const char *buf;
    const char *sums;
    const char *unit;
};

static const struct chip plain = {"bandwidth: unlimited", "bypass: true",
                                  "masking: none"};

static enum status load(struct diags *diags, struct chip chip,
                        struct problem **result)
{
    struct problem *problem = g_new0(struct problem, 1);
    *result = problem;
    g_autofree char *text =
        g_strdup_printf(chip_text, chip.buf, chip.sums, chip.unit);
    AUTO(scope) chosen = fixture_scope("M=8 N=8 K=8");
    TRY(cascade_load_file(diags, "workloads/gemm.yaml", &problem->cascade));
    TRY(arch_load_source(diags, diags_add_text(diags, "small", text), chosen,
                         &problem->arch));
    TRY(mapping_load_source(diags, diags_add_text(diags, "map", mapping_text),
                            &problem->mapping));
    TRY(workload_bind(problem->cascade, chosen, NULL, diags,
                      &problem->workload));
    return plan_bind(problem->mapping, problem->workload, problem->arch, chosen,
                     diags, &problem->plan);
}

static struct evaluation *evaluate(struct diags *diags, struct chip chip,
                                   struct problem **problem)
{
    struct evaluation *evaluation = NULL;
    enum status status = load(diags, chip, problem);
    fixture_print(diags);
    assert_int_equal(status, OK);
    assert_int_equal(model_evaluate((*problem)->plan, diags, &evaluation), OK);
    return evaluation;
}

static const struct evaluation_memory *memory_of(const struct evaluation *e,
                                                 const char *name)
{
    for (int i = 0; i < e->memory_count; i++) {
        if (strcmp(e->memories[i].name, name) == 0) {
            return &e->memories[i];
        }
    }
    fail_msg("no memory '%s'", name);
    return NULL;
}

/* 512 steps read A and B: 1024 words of 2 B; 128 words come from DRAM. So 2048 B
 * are read and 256 B written in 512 cycles of computing. */
static void test_reads_and_writes_have_bandwidths_of_their_own(void **state)
{
    (void)state;
    const struct {
        const char *bandwidth;
        int64_t cycles;
    } cases[] = {
        {"bandwidth: unlimited", 512},
        {"bandwidth: 2 GB/s", 1152},          /* 2304 B */
        {"ports: {read: 1, write: 1}", 1024}, /* 2 B each */
        {"ports: {read: 2, write: 1}", 512},  /* 4 B and 2 B */
        {"read_bandwidth: 1 GB/s\n    write_bandwidth: 1 GB/s", 2048},
        {"read_bandwidth: unlimited\n    write_bandwidth: 250 MB/s", 1024},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(problem) problem = NULL;
        struct chip chip = plain;
        chip.buf = cases[i].bandwidth;
        AUTO(evaluation) e = evaluate(diags, chip, &problem);
        const struct evaluation_memory *buf = memory_of(e, "buf");
        assert_int_equal(buf->read_bytes, 2048);
        assert_int_equal(buf->write_bytes, 256);
        if (e->cycles != MAX(cases[i].cycles, 512)) {
            print_error("%s: %" PRId64 " cycles\n", cases[i].bandwidth,
                        e->cycles);
        }
        assert_int_equal(e->cycles, MAX(cases[i].cycles, 512));
    }
}

/* The 64 results leave `sums` without being read there; nothing else changes. */
static void test_results_that_are_forwarded_are_not_read(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    AUTO(problem) other = NULL;
    struct chip forwarding = plain;
    forwarding.sums = "forwards: true";
    AUTO(evaluation) e = evaluate(diags, plain, &problem);
    AUTO(evaluation) f = evaluate(diags, forwarding, &other);
    assert_int_equal(memory_of(f, "sums")->read_bytes,
                     memory_of(e, "sums")->read_bytes - 64 * 2);
    assert_int_equal(memory_of(f, "sums")->write_bytes,
                     memory_of(e, "sums")->write_bytes);
    assert_int_equal(memory_of(f, "DRAM")->write_bytes, 64 * 2);
    assert_close(f->energy_pj, e->energy_pj - 64, 1e-12);
}

/* Partial sums of 32 bits: twice the bytes and accesses of sums, and all of its
 * 256 B; at 64 bits they do not fit. The other memories are as before. */
static void test_memories_may_keep_longer_words(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    AUTO(problem) wide_problem = NULL;
    struct chip wide = plain;
    wide.sums = "word: 32 bits";
    AUTO(evaluation) e = evaluate(diags, plain, &problem);
    AUTO(evaluation) w = evaluate(diags, wide, &wide_problem);
    assert_int_equal(memory_of(w, "sums")->read_bytes,
                     2 * memory_of(e, "sums")->read_bytes);
    assert_int_equal(memory_of(w, "sums")->write_bytes,
                     2 * memory_of(e, "sums")->write_bytes);
    assert_close(memory_of(w, "sums")->energy_pj,
                 2 * memory_of(e, "sums")->energy_pj, 1e-12);
    assert_int_equal(memory_of(w, "buf")->read_bytes,
                     memory_of(e, "buf")->read_bytes);
    assert_int_equal(memory_of(w, "DRAM")->write_bytes,
                     memory_of(e, "DRAM")->write_bytes);
    assert_int_equal(w->bound_traffic_bytes, e->bound_traffic_bytes);
    int sums = arch_find_memory(wide_problem->arch, "sums");
    assert_int_equal(wide_problem->plan->memories[sums].footprint_bytes, 256);

    AUTO(problem) refused = NULL;
    wide.sums = "word: 64 bits";
    assert_int_equal(load(diags, wide, &refused), ERR_INPUT);
    assert_one_diag(diags, "mapping-capacity", 7, 3);
}

static void assert_refused(struct chip chip, const char *code, int line,
                           int column, const char *says)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    assert_int_equal(load(diags, chip, &problem), ERR_INPUT);
    assert_one_diag(diags, code, line, column);
    assert_non_null(strstr(diags_get(diags, 0)->message, says));
}

static void test_memories_keep_what_their_list_says(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    struct chip chip = plain;
    chip.sums = "keeps: [Z]";
    chip.buf = "bandwidth: unlimited\n    keeps: [B, A]";
    assert_int_equal(load(diags, chip, &problem), OK);
    chip.buf = "bandwidth: unlimited\n    keeps: [A]";
    assert_refused(chip, "mapping-not-kept", 5, 3, "keep 'B'");
    chip.buf = plain.buf;
    chip.sums = "keeps: [A, B]";
    assert_refused(chip, "mapping-not-kept", 7, 3, "keep 'Z'");
}

/* Z goes from sums to DRAM, past buf; A and B from buf to the unit, past sums. */
static void test_nothing_bypasses_what_forbids_it(void **state)
{
    (void)state;
    struct chip chip = plain;
    chip.buf = "bandwidth: unlimited\n    bypass: false";
    assert_refused(chip, "mapping-no-bypass", 7, 3, "'Z' passes 'buf'");
    chip.buf = plain.buf;
    chip.sums = "bypass: false";
    assert_refused(chip, "mapping-no-bypass", 9, 13, "'A' passes 'sums'");
}

/* 512 cycles of 1 ns: 2 mW of buf lose 2e-3 * 512e-9 J = 1024 pJ, 0.5 mW of the
 * unit 256 pJ. */
static void test_leakage_is_power_times_time(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    AUTO(problem) leaking_problem = NULL;
    struct chip leaking = plain;
    leaking.buf = "bandwidth: unlimited\n    leakage: 2 mW";
    leaking.unit = "leakage: 500 uW";
    AUTO(evaluation) e = evaluate(diags, plain, &problem);
    AUTO(evaluation) l = evaluate(diags, leaking, &leaking_problem);
    assert_int_equal(l->cycles, 512);
    assert_close(memory_of(l, "buf")->energy_pj,
                 memory_of(e, "buf")->energy_pj + 1024, 1e-12);
    assert_close(l->units[0].energy_pj, e->units[0].energy_pj + 256, 1e-12);
    assert_close(l->energy_pj, e->energy_pj + 1280, 1e-12);
    assert_int_equal(l->action_count, e->action_count + 2);
    double sum_pj = 0;
    for (int i = 0; i < l->action_count; i++) {
        sum_pj += l->actions[i].energy_pj;
    }
    assert_close(sum_pj, l->energy_pj, 1e-12);
    assert_string_equal(l->actions[l->action_count - 1].component, "alu");
    assert_string_equal(l->actions[l->action_count - 1].action, "leak");
}

/* ---- fan-outs ------------------------------------------------------------ */

/* `%s`: how Y reduces, the network. */
static const char array_text[] =
    "schema: 1\n"
    "arch: array\n"
    "clock: 1 GHz\n"
    "word: 16 bits\n"
    "tree:\n"
    "  memory: DRAM\n"
    "  size: unlimited\n"
    "  bandwidth: unlimited\n"
    "  access: 16 bits\n"
    "  read: 0 pJ\n"
    "  write: 0 pJ\n"
    "  children:\n"
    "  - fanout: array\n"
    "    axes:\n"
    "      X: {size: 2, multicast: true}\n"
    "      Y: {size: 2, neighbours: true, reduce: %s}\n"
    "    %s\n"
    "    children:\n"
    "    - unit: alu\n"
    "      ops: {mac: {cycles: 1, energy: 0 pJ}}\n";

/* In tiles of 2 x 2 results, one a lane; or of 2 results with two products each,
 * which meet along Y. */
static const char own_results_text[] =
    "schema: 1\nmapping: own\ncascade: gemm\ntree:\n"
    "- for: {m: 2}\n- for: {n: 2}\n"
    "- {compute: Z, on: alu, spatial: {m: X, n: Y}}\n";
static const char met_results_text[] =
    "schema: 1\nmapping: met\ncascade: gemm\ntree:\n"
    "- for: {m: 2}\n- for: {n: 1}\n- for: {k: 2}\n"
    "- {compute: Z, on: alu, spatial: {m: X, k: Y}}\n";

static struct evaluation *
evaluate_array(struct diags *diags, const char *reduce, const char *network,
               const char *mapping, struct problem **result)
{
    struct problem *problem = g_new0(struct problem, 1);
    struct evaluation *e = NULL;
    *result = problem;
    g_autofree char *text = g_strdup_printf(array_text, reduce, network);
    AUTO(scope) chosen = fixture_scope("M=8 N=8 K=8");
    enum status status =
        cascade_load_file(diags, "workloads/gemm.yaml", &problem->cascade);
    status |= arch_load_source(diags, diags_add_text(diags, "array", text),
                               chosen, &problem->arch);
    status |= mapping_load_source(diags, diags_add_text(diags, "map", mapping),
                                  &problem->mapping);
    status |= workload_bind(problem->cascade, chosen, NULL, diags,
                            &problem->workload);
    fixture_print(diags);
    assert_int_equal(status, OK);
    assert_int_equal(plan_bind(problem->mapping, problem->workload,
                               problem->arch, chosen, diags, &problem->plan),
                     OK);
    assert_int_equal(model_evaluate(problem->plan, diags, &e), OK);
    return e;
}

static int64_t count_action(const struct evaluation *e, const char *tensor,
                            const char *action)
{
    int64_t count = 0;
    for (int i = 0; i < e->action_count; i++) {
        const struct evaluation_action *a = &e->actions[i];
        bool is_it = a->tensor != NULL && strcmp(a->tensor, tensor) == 0 &&
                     strcmp(a->action, action) == 0;
        count += is_it ? a->count : 0;
    }
    return count;
}

/* 16 tiles of 8 products. Of A two values, each to two lanes of Y; of B two, each
 * to two lanes of X; at the end four results. Routes in a mesh: A takes 1 link to
 * the second column and 2 down; B 1 link a value across, and 2 down (one in each
 * column); results 1 + 1 + 2. */
static void test_networks_carry_values(void **state)
{
    (void)state;
    const struct {
        const char *network;
        int64_t hops[3]; /* of A, B and Z */
        int64_t cycles;
        const char *bottleneck;
    } cases[] = {
        {"network: {topology: mesh, bandwidth: 2 GB/s, hop: 1 cycle, "
         "energy: 0.5 pJ}",
         {16 * 8 * 3, 16 * 8 * 4, 16 * 4},
         512, /* 4 values of 2 B for each of 128 products, 1 cycle each */
         "array network"},
        {"network: {topology: bus, bandwidth: 2 GB/s, hop: 1 cycle, "
         "energy: 0.5 pJ}",
         {16 * 8 * 2, 16 * 8 * 2, 16 * 4},
         512 + 64, /* results on the same wire */
         "array network"},
        {"network: {topology: crossbar, bandwidth: 8 GB/s, hop: 1 cycle, "
         "energy: 0.5 pJ}",
         {16 * 8 * 2, 16 * 8 * 2, 16 * 4},
         128, /* 2 values a product to each lane, four a cycle: computing */
         "alu"},
        {"network: {topology: all_to_all, bandwidth: 1 GB/s, hop: 1 cycle, "
         "energy: 0.5 pJ}",
         {16 * 8 * 4, 16 * 8 * 4, 16 * 4},
         512, /* 2 values of 2 B a product to each lane, half a cycle a byte */
         "array network"},
        {"network: {topology: tree, bandwidth: unlimited, hop: 1 cycle, "
         "energy: 0.5 pJ}",
         /* an edge to each column, then one to each of its lanes: 2 + 4, and
          * for each of B's values all but the lane of the other */
         {16 * 8 * 6, 16 * 8 * 8, 16 * 8},
         128,
         "alu"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(problem) problem = NULL;
        AUTO(evaluation)
        e = evaluate_array(diags, "none", cases[i].network, own_results_text,
                           &problem);
        static const char *const tensors[] = {"A", "B", "Z"};
        double hops = 0;
        for (int t = 0; t < 3; t++) {
            assert_int_equal(count_action(e, tensors[t], "hop"),
                             cases[i].hops[t]);
            hops += (double)cases[i].hops[t];
        }
        assert_close(e->energy_pj, hops * 16 * 0.5, 1e-12);
        assert_int_equal(e->cycles, cases[i].cycles);
        assert_string_equal(e->bottleneck, cases[i].bottleneck);
        AUTO(evaluation) beside = NULL;
        assert_int_equal(
            model_evaluate_beside(problem->plan, FIDELITY_SIM, diags, &beside),
            OK);
        assert_int_equal(beside->cycles, e->cycles);
        assert_string_equal(beside->bottleneck, e->bottleneck);
    }
}

/* 128 steps, each with two results of two lanes: added up on the way, 256 reach
 * the memory, which reads back all but the 64 that are new; in place, 512. Nobody
 * passes partial sums to the lanes then. */
static void test_results_are_added_up_where_they_go(void **state)
{
    (void)state;
    static const char network[] =
        "network: {topology: bus, bandwidth: unlimited, hop: 0 cycles, "
        "energy: 1 pJ}";
    const struct {
        const char *reduce;
        int64_t written;
        int64_t read;
        int64_t hops;
    } cases[] = {
        {"chain, hop: 0 cycles", 256, 192, 256 + 192},
        {"in_place", 512, 448, 512},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AUTO(diags) diags = diags_new();
        AUTO(problem) problem = NULL;
        AUTO(evaluation)
        e = evaluate_array(diags, cases[i].reduce, network, met_results_text,
                           &problem);
        assert_int_equal(count_action(e, "Z", "write"), cases[i].written);
        assert_int_equal(count_action(e, "Z", "read"), cases[i].read);
        assert_int_equal(count_action(e, "Z", "hop"), cases[i].hops);
        assert_int_equal(e->cycles, 128);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_and_writes_have_bandwidths_of_their_own),
        cmocka_unit_test(test_results_that_are_forwarded_are_not_read),
        cmocka_unit_test(test_memories_may_keep_longer_words),
        cmocka_unit_test(test_memories_keep_what_their_list_says),
        cmocka_unit_test(test_nothing_bypasses_what_forbids_it),
        cmocka_unit_test(test_leakage_is_power_times_time),
        cmocka_unit_test(test_networks_carry_values),
        cmocka_unit_test(test_results_are_added_up_where_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
