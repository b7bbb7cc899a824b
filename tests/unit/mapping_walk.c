/* The walker on the mappings of the study, at shapes with several tiles at every
 * level, and on small mappings whose schedule is written out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/problem_fixture.h"
#include "tests/walk_checks.h"

static void check(const char *cascade, const char *arch, const char *mapping,
                  const char *settings)
{
    AUTO(diags) diags = diags_new();
    AUTO(problem)
    problem = fixture_load(diags, cascade, arch, mapping, settings);
    walk_check_all(problem->plan);
}

static void test_walk_of_unfused(void **state)
{
    (void)state;
    check("attention/three-pass", "flat-cloud", "unfused",
          "B=2 H=2 P=16 M=24 E=6 F=6 PE=4");
    check("attention/three-pass", "flat-cloud", "unfused",
          "B=1 H=3 P=12 M=8 E=4 F=4 PE=4 GBUF=320");
}

static void test_walk_of_flat(void **state)
{
    (void)state;
    check("attention/three-pass", "flat-cloud", "flat",
          "B=2 H=2 P=16 M=16 E=6 F=4 PE=4");
    check("attention/three-pass", "flat-cloud", "flat",
          "B=1 H=2 P=16 M=16 E=4 F=3 PE=4 P1=4 KON=1 VON=1 QON=1 AVON=1");
}

static void test_walk_of_cascade(void **state)
{
    (void)state;
    check("attention/one-pass", "flat-cloud", "fusemax-cascade",
          "B=2 H=2 P=16 M=16 E=3 F=5 PE=4");
    check("attention/one-pass", "flat-cloud", "fusemax-cascade",
          "B=1 H=2 P=8 M=12 E=4 F=4 PE=4 P1=1");
}

static void test_walk_of_architecture(void **state)
{
    (void)state;
    check("attention/one-pass", "fusemax-cloud", "fusemax-architecture",
          "B=2 H=2 P=16 M=16 E=3 F=5 PE=4");
    check("attention/one-pass", "fusemax-cloud", "fusemax-architecture",
          "B=1 H=2 P=8 M=12 E=4 F=4 PE=4 P1=1");
}

static void test_walk_of_binding(void **state)
{
    (void)state;
    check("attention/one-pass", "fusemax-cloud", "fusemax-binding",
          "B=2 H=2 P=16 M=16 E=3 F=5 PE=4");
    check("attention/one-pass", "fusemax-cloud", "fusemax-binding",
          "B=1 H=2 P=8 M=12 E=4 F=4 PE=4 P1=1");
    check("attention/one-pass", "fusemax-cloud", "fusemax-binding",
          "B=1 H=1 P=32 M=12 E=4 F=4 PE=4 P1=2 GBUF=1024");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_of_unfused),
        cmocka_unit_test(test_walk_of_flat),
        cmocka_unit_test(test_walk_of_cascade),
        cmocka_unit_test(test_walk_of_architecture),
        cmocka_unit_test(test_walk_of_binding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
