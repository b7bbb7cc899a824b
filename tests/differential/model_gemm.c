/* The closed forms of doc/model.md, "GEMM by hand", against the model: every
 * transfer of every tensor at every memory of fifteen mappings, at shapes that
 * divide and shapes that do not. What a form does not list must be 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "tests/problem_fixture.h"

static const char *const shapes[] = {
    "M=64 N=64 K=64",    "M=160 N=256 K=256", "M=100 N=300 K=500",
    "M=37 N=129 K=260",  "M=12 N=14 K=12",    "M=13 N=15 K=13",
    "M=2 N=2 K=2",       "M=95 N=28 K=24",    "M=160 N=20 K=10",
    "M=49 N=200 K=128",  "M=80 N=90 K=200",   "M=85 N=100 K=201",
    "M=300 N=130 K=140", "M=5 N=400 K=7",
};

static int64_t evaluate(const char *text, const struct scope *scope)
{
    AUTO(diags) diags = diags_new();
    AUTO(expr) expr = NULL;
    int64_t value = 0;
    const struct source *source = diags_add_text(diags, "form", text);
    const struct span at = {.source = source, .line = 1, .column = 1};
    enum status status = expr_parse(diags, at, text, &expr);
    status = status == OK ? expr_eval(expr, scope, diags, &value) : status;
    if (status != OK) {
        fixture_print(diags);
        print_error("in '%s'\n", text);
    }
    assert_int_equal(status, OK);
    return value;
}

/* ---- one mapping at one shape -------------------------------------------- */

struct form {
    struct problem *problem;
    struct evaluation *evaluation;
    struct scope *scope;
    int64_t found; /* elements of the lines read so far */
};

static struct form form_new(struct diags *diags, const char *mapping,
                            const char *arch, const char *settings)
{
    struct form form = {.scope = scope_new(NULL)};
    form.problem = fixture_load(diags, "gemm", arch, mapping, settings);
    const struct plan *plan = form.problem->plan;
    assert_int_equal(model_evaluate(plan, diags, &form.evaluation), OK);
    for (int i = 0; i < plan->workload->shape_count; i++) {
        scope_set(form.scope, plan->workload->shape_name[i],
                  plan->workload->shape_value[i]);
    }
    for (int i = 0; i < plan->param_count; i++) {
        scope_set(form.scope, plan->param_name[i], plan->param_value[i]);
    }
    const struct arch_unit *unit = &plan->arch->units[plan->leaves[0].unit];
    for (int a = 0; a < unit->axis_count; a++) {
        scope_set(form.scope, unit->axis[a].name, unit->axis[a].size);
    }
    return form;
}

static int64_t transfer_of(const struct evaluation *e, const char *memory,
                           const char *tensor, const char *action)
{
    for (int i = 0; i < e->transfer_count; i++) {
        const struct evaluation_transfer *t = &e->transfers[i];
        if (strcmp(t->memory, memory) == 0 && strcmp(t->tensor, tensor) == 0) {
            return strcmp(action, "reads") == 0     ? t->reads
                   : strcmp(action, "fills") == 0   ? t->fills
                   : strcmp(action, "updates") == 0 ? t->updates
                   : strcmp(action, "drains") == 0  ? t->drains
                                                    : -1;
        }
    }
    return 0;
}

static void check_line(struct form *form, const char *line,
                       const char *settings)
{
    if (g_str_has_prefix(line, "let ")) {
        g_auto(GStrv) parts = g_strsplit(line + 4, " = ", 2);
        scope_set(form->scope, parts[0], evaluate(parts[1], form->scope));
        return;
    }
    g_auto(GStrv) parts = g_strsplit(line, " ", 4);
    assert_int_equal(g_strv_length(parts), 4);
    int64_t expected = evaluate(parts[3], form->scope);
    int64_t counted =
        transfer_of(form->evaluation, parts[0], parts[1], parts[2]);
    if (expected != counted) {
        print_error("%s, %s: by hand %" G_GINT64_FORMAT
                    ", model %" G_GINT64_FORMAT "\n",
                    line, settings, expected, counted);
    }
    assert_int_equal(counted, expected);
    form->found += expected;
}

static void form_check_and_clear(struct form *form)
{
    int64_t all = 0;
    for (int i = 0; i < form->evaluation->transfer_count; i++) {
        const struct evaluation_transfer *t = &form->evaluation->transfers[i];
        all += t->reads + t->fills + t->updates + t->drains;
    }
    assert_int_equal(all, form->found);
    scope_free(form->scope);
    evaluation_free(form->evaluation);
    problem_free(form->problem);
}

/* ---- the document -------------------------------------------------------- */

/* The lines of one mapping, from its heading on, at one shape. */
static void check_block(char *const *lines, const char *settings)
{
    AUTO(diags) diags = diags_new();
    g_auto(GStrv) heading = g_strsplit(lines[0], " on ", 2);
    struct form form = form_new(diags, heading[0], heading[1], settings);
    for (int i = 1; lines[i] != NULL && lines[i][0] == ' '; i++) {
        check_line(&form, lines[i] + 2, settings);
    }
    form_check_and_clear(&form);
}

static void test_the_forms_of_the_manual_are_the_models_counts(void **state)
{
    (void)state;
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents("doc/model.md", &text, NULL, NULL));
    char *from = strstr(text, "```counts\n");
    assert_non_null(from);
    from += strlen("```counts\n");
    *strstr(from, "```") = '\0';
    g_auto(GStrv) lines = g_strsplit(from, "\n", -1);
    int blocks = 0;
    for (int i = 0; lines[i] != NULL; i++) {
        if (strstr(lines[i], " on ") == NULL) {
            continue;
        }
        blocks++;
        for (size_t s = 0; s < G_N_ELEMENTS(shapes); s++) {
            check_block(&lines[i], shapes[s]);
        }
    }
    assert_in_range(blocks, 15, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_forms_of_the_manual_are_the_models_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
