/* Any bytes as an expression and as a quantity: each ends with a value or with
 * a message inside the text, and what is printed reads as the same value. */
#include <stdint.h>
#include <string.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static struct span whole(const struct source *source)
{
    return (struct span){
        .source = source,
        .line = 1,
        .column = 1,
        .length = (int)g_utf8_strlen(source->text, -1),
    };
}

static void check_places(const struct diags *diags, const struct source *source)
{
    glong columns = g_utf8_strlen(source->text, -1) + 1;
    for (size_t i = 0; i < diags_count(diags); i++) {
        struct span span = diags_get(diags, i)->span;
        if (span.column < 1 || span.column > columns || span.length < 1) {
            BUG("column %d of %ld", span.column, columns);
        }
    }
    GString *out = g_string_new(NULL);
    diags_print(diags, false, out);
    g_string_free(out, TRUE);
}

static void check_print(const struct expr *expr, enum status status,
                        int64_t value, const struct scope *scope)
{
    AUTO(diags) diags = diags_new();
    g_autofree char *printed = expr_print(expr);
    const struct source *source = diags_add_text(diags, "print", printed);
    AUTO(expr) again = NULL;
    if (expr_parse(diags, whole(source), printed, &again) != OK) {
        BUG("'%s' is refused", printed);
    }
    g_autofree char *printed_again = expr_print(again);
    int64_t value_again = 0;
    enum status status_again = expr_eval(again, scope, diags, &value_again);
    if (strcmp(printed, printed_again) != 0 || status != status_again ||
        (status == OK && value != value_again)) {
        BUG("'%s' became '%s'", printed, printed_again);
    }
}

static void check_expr(const char *text, const struct scope *scope)
{
    AUTO(diags) diags = diags_new();
    const struct source *source = diags_add_text(diags, "fuzz", text);
    AUTO(expr) expr = NULL;
    if (expr_parse(diags, whole(source), source->text, &expr) == OK) {
        int64_t value = 0;
        enum status status = expr_eval(expr, scope, diags, &value);
        check_print(expr, status, value, scope);
    }
    check_places(diags, source);
}

static void check_units(const char *text, enum unit_kind kind,
                        const struct scope *scope)
{
    AUTO(diags) diags = diags_new();
    const struct source *source = diags_add_text(diags, "fuzz", text);
    int64_t count = 0;
    double real = 0;
    enum status status = units_parse(diags, whole(source), source->text, kind,
                                     scope, &count, &real);
    if (count < 0 || !(real >= 0)) {
        BUG("'%s' is negative", text);
    }
    if ((status == OK) != (diags_error_count(diags) == 0)) {
        BUG("status %d with %zu errors", (int)status, diags_error_count(diags));
    }
    check_places(diags, source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    g_autofree char *text = g_strndup((const char *)data, size_bytes);
    AUTO(scope) scope = scope_new(NULL);
    scope_set(scope, "P", 64);
    scope_set(scope, "gbuf.size", INT64_MAX);
    check_expr(text, scope);
    check_units(text, UNIT_COUNT, scope);
    check_units(text, UNIT_BYTES, scope);
    check_units(text, UNIT_PJ, scope);
    return 0;
}
