/* Quantities: a number and a unit. The text is split into a decimal or an
 * expression, and a unit among those its kind accepts. */
#include "base/decimal.h"

#include <string.h>

struct unit {
    enum unit_kind kind;
    const char *name;
    int64_t factor;    /* integer kinds: of the base unit */
    int decimal_shift; /* other kinds: power of ten */
};

#define KILO INT64_C(1000)
#define KIBI INT64_C(1024)
#define BYTE_UNITS(kind, per)                                                  \
    {kind, "B" per, 1, 0}, {kind, "KiB" per, KIBI, 0},                         \
        {kind, "MiB" per, KIBI * KIBI, 0},                                     \
        {kind, "GiB" per, KIBI * KIBI * KIBI, 0},                              \
        {kind, "TiB" per, KIBI * KIBI * KIBI * KIBI, 0},                       \
        {kind, "kB" per, KILO, 0}, {kind, "MB" per, KILO * KILO, 0},           \
        {kind, "GB" per, KILO * KILO * KILO, 0},                               \
    {                                                                          \
        kind, "TB" per, KILO *KILO *KILO *KILO, 0                              \
    }

static const struct unit units[] = {
    /* A count needs none; these let a decimal have a suffix: 1.5K. */
    {UNIT_COUNT, "", 1, 0},
    {UNIT_COUNT, "K", KIBI, 0},
    {UNIT_COUNT, "M", KIBI *KIBI, 0},
    {UNIT_COUNT, "G", KIBI *KIBI *KIBI, 0},
    BYTE_UNITS(UNIT_BYTES, ""),
    {UNIT_BITS, "bit", 1, 0},
    {UNIT_BITS, "bits", 1, 0},
    BYTE_UNITS(UNIT_BYTES_PER_SECOND, "/s"),
    {UNIT_HZ, "Hz", 1, 0},
    {UNIT_HZ, "kHz", KILO, 0},
    {UNIT_HZ, "MHz", KILO *KILO, 0},
    {UNIT_HZ, "GHz", KILO *KILO *KILO, 0},
    {UNIT_CYCLES, "cycle", 1, 0},
    {UNIT_CYCLES, "cycles", 1, 0},
    {UNIT_PJ, "aJ", 0, -6},
    {UNIT_PJ, "fJ", 0, -3},
    {UNIT_PJ, "pJ", 0, 0},
    {UNIT_PJ, "nJ", 0, 3},
    {UNIT_UM2, "nm2", 0, -6},
    {UNIT_UM2, "um2", 0, 0},
    {UNIT_UM2, "mm2", 0, 6},
    {UNIT_NM, "nm", 1, 0},
    {UNIT_NS, "ps", 0, -3},
    {UNIT_NS, "ns", 0, 0},
    {UNIT_NS, "us", 0, 3},
    {UNIT_NS, "ms", 0, 6},
    {UNIT_NS, "s", 0, 9},
    {UNIT_MW, "uW", 0, -3},
    {UNIT_MW, "mW", 0, 0},
    {UNIT_MW, "W", 0, 3},
    {UNIT_MV, "mV", 0, 0},
    {UNIT_MV, "V", 0, 3},
    {UNIT_UM, "nm", 0, -3},
    {UNIT_UM, "um", 0, 0},
    {UNIT_UM, "mm", 0, 3},
    {UNIT_PORT_CYCLES, "cycle", 0, 0},
    {UNIT_PORT_CYCLES, "cycles", 0, 0},
    {UNIT_BYTES_PER_CYCLE, "B/cycle", 0, 0},
    {UNIT_SHARE, "percent", 100, 0},
    {UNIT_SHARE, "permille", 10, 0},
};

/* What is being parsed, and where. */
struct request {
    struct diags *diags;
    struct span at;
    const char *text;
    enum unit_kind kind;
    const struct scope *scope;
};

static bool is_integer_kind(enum unit_kind kind)
{
    switch (kind) {
    case UNIT_COUNT:
    case UNIT_BYTES:
    case UNIT_BITS:
    case UNIT_BYTES_PER_SECOND:
    case UNIT_HZ:
    case UNIT_CYCLES:
    case UNIT_NM:
    case UNIT_SHARE:
        return true;
    case UNIT_PJ:
    case UNIT_UM2:
    case UNIT_NS:
    case UNIT_MW:
    case UNIT_MV:
    case UNIT_UM:
    case UNIT_BYTES_PER_CYCLE:
    case UNIT_PORT_CYCLES:
        return false;
    }
    BUG("unit kind %d", (int)kind);
}

static const struct unit *find_unit(enum unit_kind kind, const char *name,
                                    size_t length)
{
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (units[i].kind == kind && strlen(units[i].name) == length &&
            strncmp(units[i].name, name, length) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

/* The names that `kind` accepts; returns how many. */
static size_t list_accepted(enum unit_kind kind,
                            const char *names[G_N_ELEMENTS(units)])
{
    size_t count = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (units[i].kind == kind && units[i].name[0] != '\0') {
            names[count++] = units[i].name;
        }
    }
    return count;
}

static char *describe_accepted(enum unit_kind kind)
{
    const char *names[G_N_ELEMENTS(units)];
    size_t count = list_accepted(kind, names);
    GString *text = g_string_new("write one of ");
    for (size_t i = 0; i < count; i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    return g_string_free(text, FALSE);
}

/* The span of bytes [start, start + length) of the text. */
static struct span part(const struct request *request, const char *start,
                        size_t length)
{
    struct span span = request->at;
    span.column += (int)g_utf8_strlen(request->text, start - request->text);
    span.length = MAX((int)g_utf8_strlen(start, (gssize)length), 1);
    return span;
}

static struct span whole(const struct request *request)
{
    return part(request, request->text, strlen(request->text));
}

/* ---- decimals ----------------------------------------------------------- */

static enum status report_too_large(const struct request *request)
{
    diag_error(request->diags, whole(request), "unit-overflow", NULL,
               "'%s' is too large", request->text);
    return ERR_INPUT;
}

static enum status report_negative(const struct request *request)
{
    diag_error(request->diags, whole(request), "unit-negative", NULL,
               "'%s' is negative", request->text);
    return ERR_INPUT;
}

/* What an integer kind counts, as messages end. */
static const char *base_unit_phrase(enum unit_kind kind)
{
    switch (kind) {
    case UNIT_BYTES:
        return " of bytes";
    case UNIT_BITS:
        return " of bits";
    case UNIT_BYTES_PER_SECOND:
        return " of bytes per second";
    case UNIT_HZ:
        return " of hertz";
    case UNIT_CYCLES:
        return " of cycles";
    case UNIT_NM:
        return " of nanometres";
    case UNIT_SHARE:
        return " of hundredths of a percent";
    case UNIT_COUNT:
    case UNIT_PJ:
    case UNIT_UM2:
    case UNIT_NS:
    case UNIT_MW:
    case UNIT_MV:
    case UNIT_UM:
    case UNIT_BYTES_PER_CYCLE:
    case UNIT_PORT_CYCLES:
        return "";
    }
    BUG("unit kind %d", (int)kind);
}

static enum status report_fraction(const struct request *request)
{
    diag_error(request->diags, whole(request), "unit-fraction", NULL,
               "'%s' is not a whole number%s", request->text,
               base_unit_phrase(request->kind));
    return ERR_INPUT;
}

static enum status convert_count(const struct request *request,
                                 const char *number, size_t length,
                                 const struct unit *unit, int64_t *count)
{
    switch (decimal_scale_exactly(number, length, unit->factor, count)) {
    case DECIMAL_EXACT:
        return OK;
    case DECIMAL_FRACTION:
        return report_fraction(request);
    case DECIMAL_TOO_LARGE:
        return report_too_large(request);
    }
    BUG("decimal neither exact nor not");
}

static enum status convert_real(const struct request *request,
                                const char *number, size_t length,
                                const struct unit *unit, double *real)
{
    return decimal_shift(number, length, unit->decimal_shift, real)
               ? OK
               : report_too_large(request);
}

static enum status convert_decimal(const struct request *request,
                                   const char *number,
                                   const struct decimal *decimal,
                                   const struct unit *unit, int64_t *count,
                                   double *real)
{
    if (decimal->is_negative) {
        return report_negative(request);
    }
    if (is_integer_kind(request->kind)) {
        return convert_count(request, number, decimal->length_bytes, unit,
                             count);
    }
    return convert_real(request, number, decimal->length_bytes, unit, real);
}

/* ---- expressions -------------------------------------------------------- */

static enum status eval_expression(const struct request *request,
                                   const char *start, size_t length,
                                   int64_t *value)
{
    g_autofree char *text = g_strndup(start, length);
    AUTO(expr) expr = NULL;
    TRY(expr_parse(request->diags, part(request, start, length), text, &expr));
    TRY(expr_eval(expr, request->scope, request->diags, value));
    return *value < 0 ? report_negative(request) : OK;
}

static enum status convert_expression(const struct request *request,
                                      const char *start, size_t length,
                                      const struct unit *unit, int64_t *count,
                                      double *real)
{
    int64_t value;
    TRY(eval_expression(request, start, length, &value));
    if (!is_integer_kind(request->kind)) {
        g_autofree char *digits = g_strdup_printf("%" G_GINT64_FORMAT, value);
        return convert_real(request, digits, strlen(digits), unit, real);
    }
    if (!num_mul(value, unit->factor, &value)) {
        return report_too_large(request);
    }
    *count = value;
    return OK;
}

/* ---- splitting ---------------------------------------------------------- */

static enum status report_missing(const struct request *request)
{
    g_autofree char *accepted = describe_accepted(request->kind);
    diag_error(request->diags, whole(request), "unit-missing", accepted,
               "'%s' has no unit", request->text);
    return ERR_INPUT;
}

static enum status report_unknown(const struct request *request,
                                  const char *word, size_t length)
{
    g_autofree char *name = g_strndup(word, length);
    const char *names[G_N_ELEMENTS(units)];
    size_t count = list_accepted(request->kind, names);
    g_autofree char *suggestion = suggest_text(name, names, count);
    if (suggestion == NULL) {
        suggestion = describe_accepted(request->kind);
    }
    diag_error(request->diags, part(request, word, length), "unit-unknown",
               suggestion, "unknown unit '%s'", name);
    return ERR_INPUT;
}

static bool is_word(const char *text, size_t length)
{
    if (length == 0 || !g_ascii_isalpha(text[0])) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!g_ascii_isalnum(text[i]) && text[i] != '/') {
            return false;
        }
    }
    return true;
}

/* Behind an expression a word may as well be a name of the expression; only a
 * unit of another kind is taken for a wrong unit. */
static bool is_any_unit(const char *word, size_t length)
{
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (units[i].kind != UNIT_COUNT &&
            find_unit(units[i].kind, word, length) != NULL) {
            return true;
        }
    }
    return false;
}

static enum status report_unfit(const struct request *request,
                                const char *start, const char *word,
                                const char *end)
{
    size_t length = (size_t)(end - word);
    if (word == start && is_any_unit(word, length)) {
        diag_error(request->diags, whole(request), "unit-number", NULL,
                   "'%s' has no number", request->text);
        return ERR_INPUT;
    }
    if (is_any_unit(word, length)) {
        return report_unknown(request, word, length);
    }
    return report_missing(request);
}

/* `start` and `length`: the text without the spaces around it. */
static enum status parse_trimmed(const struct request *request,
                                 const char *start, size_t length,
                                 int64_t *count, double *real)
{
    const char *end = start + length;
    struct decimal decimal;
    bool has_decimal = decimal_scan(start, &decimal);
    const char *rest = start;
    if (has_decimal) {
        rest += decimal.length_bytes;
        while (rest < end && g_ascii_isspace(*rest)) {
            rest++;
        }
        const struct unit *unit =
            find_unit(request->kind, rest, (size_t)(end - rest));
        if (unit != NULL) {
            return convert_decimal(request, start, &decimal, unit, count, real);
        }
    }
    if (request->kind == UNIT_COUNT) {
        return convert_expression(request, start, length, &units[0], count,
                                  real);
    }
    const char *word = end;
    while (word > start && !g_ascii_isspace(word[-1])) {
        word--;
    }
    const struct unit *unit =
        find_unit(request->kind, word, (size_t)(end - word));
    if (unit != NULL && word > start) {
        return convert_expression(request, start, (size_t)(word - start), unit,
                                  count, real);
    }
    if (has_decimal && is_word(rest, (size_t)(end - rest))) {
        return report_unknown(request, rest, (size_t)(end - rest));
    }
    return report_unfit(request, start, word, end);
}

/* One parameter more than usual saves every caller a struct. */
/* NOLINTNEXTLINE(readability-function-size) */
enum status units_parse(struct diags *diags, struct span at, const char *text,
                        enum unit_kind kind, const struct scope *scope,
                        int64_t *count, double *real)
{
    struct request request = {
        .diags = diags,
        .at = at,
        .text = text,
        .kind = kind,
        .scope = scope,
    };
    const char *start = text;
    while (g_ascii_isspace(*start)) {
        start++;
    }
    size_t length = strlen(start);
    while (length > 0 && g_ascii_isspace(start[length - 1])) {
        length--;
    }
    bool can_be_unlimited = kind == UNIT_BYTES || kind == UNIT_BYTES_PER_SECOND;
    if (can_be_unlimited && length == strlen("unlimited") &&
        strncmp(start, "unlimited", length) == 0) {
        *count = NUM_UNLIMITED;
        return OK;
    }
    return parse_trimmed(&request, start, length, count, real);
}
