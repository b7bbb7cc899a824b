/* Collecting messages. What they look like is in diag_print.c. */
#include "base/diag.h"
#include "base/source.h"

/* Later errors are mostly consequences of the first ones. */
#define MAX_ERRORS 20
/* A word of the user's may be megabytes long; nobody reads on. */
#define MAX_MESSAGE_LETTERS 400

struct diags {
    GPtrArray *sources; /* struct source, owned */
    GPtrArray *diags;   /* struct diag, owned */
    size_t error_count;
    size_t dropped_count;
    enum status failure; /* of the first diag_fail, or OK */
};

static void diag_free(struct diag *diag)
{
    g_free(diag->code);
    g_free(diag->message);
    g_free(diag->suggestion);
    g_free(diag);
}

static void free_source_element(gpointer source)
{
    source_free(source);
}

static void free_diag_element(gpointer diag)
{
    diag_free(diag);
}

struct diags *diags_new(void)
{
    struct diags *diags = g_new0(struct diags, 1);
    diags->sources = g_ptr_array_new_with_free_func(free_source_element);
    diags->diags = g_ptr_array_new_with_free_func(free_diag_element);
    return diags;
}

void diags_free(struct diags *diags)
{
    if (diags == NULL) {
        return;
    }
    g_ptr_array_unref(diags->diags);
    g_ptr_array_unref(diags->sources);
    g_free(diags);
}

void diags_own_source(struct diags *diags, struct source *source)
{
    g_ptr_array_add(diags->sources, source);
}

/* Takes the message over. */
static char *shorten(char *message)
{
    if (g_utf8_validate(message, -1, NULL) &&
        g_utf8_strlen(message, -1) > MAX_MESSAGE_LETTERS) {
        char *end = g_utf8_offset_to_pointer(message, MAX_MESSAGE_LETTERS);
        *end = '\0';
        char *shortened = g_strconcat(message, "...", NULL);
        g_free(message);
        return shortened;
    }
    return message;
}

static void add_one(struct diags *diags, enum diag_severity severity,
                    struct span span, const char *code, const char *suggestion,
                    char *message)
{
    struct diag *diag = g_new0(struct diag, 1);
    diag->severity = severity;
    diag->span = span;
    diag->span.length = MAX(span.length, 1);
    diag->span.origin = NULL;
    diag->code = g_strdup(code);
    diag->message = message;
    diag->suggestion = g_strdup(suggestion);
    g_ptr_array_add(diags->diags, diag);
}

/* What was said of this place already: lines that stand for several statements
 * repeat their mistakes. */
static bool is_repeated(const struct diags *diags, struct span span,
                        const char *code, const char *message)
{
    for (guint i = 0; span.source != NULL && i < diags->diags->len; i++) {
        const struct diag *other = g_ptr_array_index(diags->diags, i);
        if (other->span.source == span.source &&
            other->span.line == span.line &&
            other->span.column == span.column &&
            strcmp(other->code, code) == 0 &&
            strcmp(other->message, message) == 0) {
            return true;
        }
    }
    return false;
}

/* The message, then a note for each call that its text was expanded for. */
static void add(struct diags *diags, enum diag_severity severity,
                struct span span, const char *code, const char *suggestion,
                char *message)
{
    add_one(diags, severity, span, code, suggestion, message);
    for (const struct span_origin *origin = span.origin; origin != NULL;
         origin = origin->call.origin) {
        add_one(diags, DIAG_NOTE, origin->call, "diag-called-here", NULL,
                g_strdup_printf("in '%s', called here", origin->name));
    }
}

void diag_error(struct diags *diags, struct span span, const char *code,
                const char *suggestion, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = shorten(g_strdup_vprintf(format, args));
    va_end(args);
    if (is_repeated(diags, span, code, message)) {
        g_free(message);
        return;
    }
    diags->error_count++;
    if (diags->error_count > MAX_ERRORS) {
        diags->dropped_count++;
        g_free(message);
        return;
    }
    add(diags, DIAG_ERROR, span, code, suggestion, message);
}

void diag_warning(struct diags *diags, struct span span, const char *code,
                  const char *suggestion, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = shorten(g_strdup_vprintf(format, args));
    va_end(args);
    if (is_repeated(diags, span, code, message)) {
        g_free(message);
        return;
    }
    add(diags, DIAG_WARNING, span, code, suggestion, message);
}

/* Never dropped: it decides the exit status. */
enum status diag_fail(struct diags *diags, enum status status, const char *code,
                      const char *format, ...)
{
    diags->error_count++;
    if (diags->failure == OK) {
        diags->failure = status;
    }
    va_list args;
    va_start(args, format);
    add(diags, DIAG_ERROR, SPAN_NONE, code, NULL,
        shorten(g_strdup_vprintf(format, args)));
    va_end(args);
    return status;
}

enum status diags_status(const struct diags *diags)
{
    if (diags->failure != OK) {
        return diags->failure;
    }
    return diags->error_count > 0 ? ERR_INPUT : OK;
}

size_t diags_error_count(const struct diags *diags)
{
    return diags->error_count;
}

size_t diags_dropped_count(const struct diags *diags)
{
    return diags->dropped_count;
}

size_t diags_count(const struct diags *diags)
{
    return diags->diags->len;
}

const struct diag *diags_get(const struct diags *diags, size_t i)
{
    g_assert(i < diags->diags->len);
    return diags->diags->pdata[i];
}
