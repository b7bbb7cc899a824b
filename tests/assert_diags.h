/* What tests of diagnostics say about them. */
#ifndef WEIR_TESTS_ASSERT_DIAGS_H
#define WEIR_TESTS_ASSERT_DIAGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

/* The rendering must be `expected`, letter by letter. */
static inline void assert_rendered(const struct diags *diags,
                                   const char *expected)
{
    GString *out = g_string_new(NULL);
    diags_print(diags, false, out);
    assert_string_equal(out->str, expected);
    g_string_free(out, TRUE);
}

/* Exactly one diagnostic, with this code, at line:column. */
static inline void assert_one_diag(const struct diags *diags, const char *code,
                                   int line, int column)
{
    if (diags_count(diags) != 1) {
        GString *out = g_string_new(NULL);
        diags_print(diags, false, out);
        print_message("expected one '%s', got:\n%s", code, out->str);
        g_string_free(out, TRUE);
    }
    assert_int_equal(diags_count(diags), 1);
    const struct diag *diag = diags_get(diags, 0);
    assert_string_equal(diag->code, code);
    assert_int_equal(diag->span.line, line);
    assert_int_equal(diag->span.column, column);
}

static inline void assert_span(struct span span, int line, int column,
                               int length)
{
    assert_int_equal(span.line, line);
    assert_int_equal(span.column, column);
    assert_int_equal(span.length, length);
}

#endif
