/* Reasons to refuse formats, resident holds and instructions: one fault each, by
 * its code, place and what the message says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/problem_fixture.h"

static const char spmm[] =
    "schema: 1\n"
    "mapping: sparse\n"
    "cascade: spmm\n"
    "formats:\n"
    "- {tensor: W, in: [L2], kind: block, block: {m: BM, k: 1}, group: 4}\n"
    "- {tensor: D, value: 32 bits}\n"
    "tree:\n"
    "- {hold: [W, A, D], in: L2, resident: true}\n"
    "- for: {n: 64}\n"
    "- {hold: [A], in: L1}\n"
    "- for: {m: 4}\n"
    "- {hold: [D], in: regs}\n"
    "- for: {k: 4}\n"
    "- {hold: [W, A], in: regs}\n"
    "- {compute: D, on: core, spatial: {n: V, k: Q}, for: [{m: 1}, {n: 16}], "
    "issue: "
    "[{per: k, load: 4, chain: dot}, {per: m, tile: 4, every: 2, store: "
    "16}]}\n";

static const struct {
    const char *code;
    const char *from, *to;
    const char *at; /* the message points here, in the changed text */
    const char *says;
} faults[] = {
    {"mapping-unknown-format", "kind: block", "kind: blok", "blok", "'blok'"},
    {"mapping-format-bits", "32 bits", "65 bits", "65", "1 to 64 bits"},
    {"mapping-format-block", "{m: BM, k: 1}", "{n: 4}", "n: 4", "'n'"},
    {"mapping-format-block", "group: 4", "group: BM - 4", "BM - 4", "of 0"},
    {"mapping-format-dense", "D, value: 32 bits", "D, kind: csr", "{tensor: D",
     "'D' is not sparse"},
    {"mapping-unknown-tensor", "tensor: D", "tensor: DD", "DD", "'DD'"},
    {"mapping-unknown-memory", "[L2], kind", "[L9], kind", "L9", "'L9'"},
    {"mapping-resident", "- {hold: [A], in: L1}",
     "- {hold: [A], in: L1, resident: true}", "{hold: [A]", "2 times"},
    {"mapping-issue-loop", "per: k", "per: m, tile: 3", "m, tile: 3",
     "with that tile"},
    {"mapping-issue-count", "every: 2", "every: 0", "0, store",
     "once in 0 iterations"},
    {"mapping-issue-count", "load: 4", "load: -4", "-4", "'load' -4 times"},
    {"mapping-unknown-instruction", "load: 4", "laod: 4", "laod", "'laod'"},
    {"mapping-unknown-instruction", "chain: dot", "chain: dto", "dto", "'dto'"},
    {"mapping-unknown-rank", "per: k", "per: q", "q,", "'q'"},
};

static char *replace(const char *text, const char *from, const char *to)
{
    const char *found = strstr(text, from);
    assert_non_null(found);
    return g_strdup_printf("%.*s%s%s", (int)(found - text), text, to,
                           found + strlen(from));
}

static void check_place(const char *text, const char *needle,
                        const struct diag *diag)
{
    const char *found = strstr(text, needle);
    assert_non_null(found);
    int line = 1;
    int column = 1;
    for (const char *c = text; c < found; c++) {
        line += *c == '\n';
        column = *c == '\n' ? 1 : column + 1;
    }
    assert_int_equal(diag->span.line, line);
    assert_int_equal(diag->span.column, column);
}

static void test_the_original_is_legal(void **state)
{
    (void)state;
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load_text(diags, "sparse/spmm", "cascade-lake", spmm, "");
    assert_int_equal(diags_count(diags), 0);
    /* Printed and read again, it prints the same. */
    g_autofree char *printed = mapping_print(problem->mapping);
    AUTO(diags) again_diags = diags_new();
    AUTO(problem)
    again = fixture_load_text(again_diags, "sparse/spmm", "cascade-lake",
                              printed, "");
    g_autofree char *again_printed = mapping_print(again->mapping);
    assert_string_equal(printed, again_printed);
    assert_int_equal(problem->plan->leaves[0].busy_cycles,
                     again->plan->leaves[0].busy_cycles);
}

static void test_every_fault_is_named_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *text = replace(spmm, faults[i].from, faults[i].to);
        AUTO(diags) diags = diags_new();
        AUTO(problem) problem = NULL;
        enum status status = fixture_try_text(
            diags, "sparse/spmm", "cascade-lake", text, "", &problem);
        assert_int_equal(status, ERR_INPUT);
        const struct diag *diag = diags_get(diags, 0);
        if (strcmp(diag->code, faults[i].code) != 0 ||
            strstr(diag->message, faults[i].says) == NULL) {
            fixture_print(diags);
        }
        assert_string_equal(diag->code, faults[i].code);
        assert_non_null(strstr(diag->message, faults[i].says));
        check_place(text, faults[i].at, diag);
    }
}

static void test_instructions_need_ports(void **state)
{
    (void)state;
    static const char text[] =
        "schema: 1\n"
        "mapping: sparse\n"
        "cascade: spmm\n"
        "tree:\n"
        "- {compute: D, on: array2d, issue: [{load: 4}]}\n";
    AUTO(diags) diags = diags_new();
    AUTO(problem) problem = NULL;
    assert_int_equal(
        fixture_try_text(diags, "sparse/spmm", "teaching", text, "", &problem),
        ERR_INPUT);
    assert_string_equal(diags_get(diags, 0)->code, "mapping-issue-unit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_original_is_legal),
        cmocka_unit_test(test_every_fault_is_named_at_its_place),
        cmocka_unit_test(test_instructions_need_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
