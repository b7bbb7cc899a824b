/* Quantities: a number and a unit. Integer kinds are computed exactly: a
 * decimal is a whole mantissa over a power of ten, its product with the unit is
 * taken in 128 bits, and the division must leave no rest. Units of the other
 * kinds are all powers of ten, so the decimal is shifted as text and converted
 * once, which rounds it correctly. */
#include "base/base.h"

#include <math.h>
#include <string.h>

__extension__ typedef __int128 wide_int;

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
    {UNIT_PJ, "fJ", 0, -3},
    {UNIT_PJ, "pJ", 0, 0},
    {UNIT_PJ, "nJ", 0, 3},
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
};

/* What is being parsed, and where. */
struct request {
    struct diags *diags;
    struct span at;
    const char *text;
    enum unit_kind kind;
    const struct scope *scope;
};

struct decimal {
    bool is_negative;
    size_t length_bytes; /* in the text */
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
        return true;
    case UNIT_PJ:
    case UNIT_UM2:
    case UNIT_NS:
    case UNIT_MW:
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

static GPtrArray *accepted_names(enum unit_kind kind)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (units[i].kind == kind && units[i].name[0] != '\0') {
            g_ptr_array_add(names, (gpointer)(uintptr_t)units[i].name);
        }
    }
    return names;
}

static char *describe_accepted(enum unit_kind kind)
{
    g_autoptr(GPtrArray) names = accepted_names(kind);
    g_ptr_array_add(names, NULL);
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    return g_strdup_printf("write one of %s", list);
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

/* [+-] digits [. digits] [e [+-] digits], with a digit before the exponent. */
static bool scan_decimal(const char *text, struct decimal *decimal)
{
    const char *p = text;
    decimal->is_negative = *p == '-';
    p += *p == '-' || *p == '+';
    size_t whole_digits = strspn(p, "0123456789");
    p += whole_digits;
    size_t fraction_digits = 0;
    if (*p == '.') {
        fraction_digits = strspn(p + 1, "0123456789");
        p += 1 + fraction_digits;
    }
    if (whole_digits + fraction_digits == 0) {
        return false;
    }
    if (*p == 'e' || *p == 'E') {
        const char *exponent = p + 1;
        exponent += *exponent == '-' || *exponent == '+';
        size_t digits = strspn(exponent, "0123456789");
        p = digits > 0 ? exponent + digits : p;
    }
    decimal->length_bytes = (size_t)(p - text);
    return true;
}

enum exactness { EXACT, IS_FRACTION, IS_TOO_LARGE };

/* mantissa * 10^power; too many digits are IS_TOO_LARGE or IS_FRACTION. */
static enum exactness read_mantissa(const char *text, size_t length,
                                    int64_t *mantissa, int64_t *power)
{
    bool is_fraction = false;
    *mantissa = 0;
    *power = 0;
    int64_t zeros = 0; /* held back: trailing zeros need no room */
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            is_fraction = true;
        } else if (text[i] == 'e' || text[i] == 'E') {
            gint64 exponent = g_ascii_strtoll(text + i + 1, NULL, 10);
            *power += CLAMP(exponent, -100000, 100000);
            break;
        } else if (g_ascii_isdigit(text[i])) {
            zeros++;
            *power -= is_fraction;
            for (; text[i] != '0' && zeros > 0; zeros--) {
                if (!num_mul(*mantissa, 10, mantissa)) {
                    return is_fraction ? IS_FRACTION : IS_TOO_LARGE;
                }
            }
            if (!num_add(*mantissa, text[i] - '0', mantissa)) {
                return is_fraction ? IS_FRACTION : IS_TOO_LARGE;
            }
        }
    }
    *power += zeros;
    return EXACT;
}

/* The decimal times `factor`, if that is a whole number. */
static enum exactness scale_exactly(const char *text, size_t length,
                                    int64_t factor, int64_t *count)
{
    int64_t mantissa;
    int64_t power;
    enum exactness exactness = read_mantissa(text, length, &mantissa, &power);
    if (exactness != EXACT) {
        return exactness;
    }
    wide_int product = (wide_int)mantissa * factor;
    for (; power < 0 && product != 0; power++) {
        if (product % 10 != 0) {
            return IS_FRACTION;
        }
        product /= 10;
    }
    for (; power > 0 && product != 0 && product <= INT64_MAX; power--) {
        product *= 10;
    }
    if (product > INT64_MAX) {
        return IS_TOO_LARGE;
    }
    *count = (int64_t)product;
    return EXACT;
}

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

static enum status convert_count(const struct request *request,
                                 const char *number, size_t length,
                                 const struct unit *unit, int64_t *count)
{
    int64_t exact = 0;
    switch (scale_exactly(number, length, unit->factor, &exact)) {
    case EXACT:
        *count = exact;
        return OK;
    case IS_FRACTION:
        diag_error(request->diags, whole(request), "unit-fraction", NULL,
                   "'%s' is not a whole number%s%s", request->text,
                   request->kind == UNIT_COUNT ? "" : " of ",
                   request->kind == UNIT_BYTES              ? "bytes"
                   : request->kind == UNIT_BITS             ? "bits"
                   : request->kind == UNIT_BYTES_PER_SECOND ? "bytes per second"
                   : request->kind == UNIT_HZ               ? "hertz"
                   : request->kind == UNIT_CYCLES           ? "cycles"
                   : request->kind == UNIT_NM               ? "nanometres"
                                                            : "");
        return ERR_INPUT;
    case IS_TOO_LARGE:
        return report_too_large(request);
    }
    BUG("exactness");
}

static enum status convert_real(const struct request *request,
                                const char *number, size_t length,
                                const struct unit *unit, double *real)
{
    size_t mantissa_bytes = 0;
    while (mantissa_bytes < length && number[mantissa_bytes] != 'e' &&
           number[mantissa_bytes] != 'E') {
        mantissa_bytes++;
    }
    gint64 exponent = 0;
    if (mantissa_bytes < length) {
        exponent = g_ascii_strtoll(number + mantissa_bytes + 1, NULL, 10);
        exponent = CLAMP(exponent, -100000, 100000);
    }
    g_autofree char *shifted =
        g_strdup_printf("%.*se%d", (int)mantissa_bytes, number,
                        (int)exponent + unit->decimal_shift);
    double value = g_ascii_strtod(shifted, NULL);
    if (!isfinite(value)) {
        return report_too_large(request);
    }
    *real = value;
    return OK;
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
    g_autoptr(GPtrArray) names = accepted_names(request->kind);
    g_autofree char *suggestion =
        suggest_text(name, (const char *const *)names->pdata, names->len);
    if (suggestion == NULL) {
        suggestion = describe_accepted(request->kind);
    }
    diag_error(request->diags, part(request, word, length), "unit-unknown",
               suggestion, "unknown unit '%s'", name);
    return ERR_INPUT;
}

static bool looks_like_unit(const char *word, size_t length)
{
    if (length == 0 || !g_ascii_isalpha(word[0])) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!g_ascii_isalnum(word[i]) && word[i] != '/') {
            return false;
        }
    }
    return true;
}

/* `start` and `length`: the text without the spaces around it. */
static enum status parse_trimmed(const struct request *request,
                                 const char *start, size_t length,
                                 int64_t *count, double *real)
{
    const char *end = start + length;
    struct decimal decimal;
    bool has_decimal = scan_decimal(start, &decimal);
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
    if (has_decimal && looks_like_unit(rest, (size_t)(end - rest))) {
        return report_unknown(request, rest, (size_t)(end - rest));
    }
    return report_missing(request);
}

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
