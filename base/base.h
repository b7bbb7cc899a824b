/* Base: what every other folder stands on.
 *
 *   status    the one error code of the program
 *   diags     messages collected with file, line, column, caret, suggestion
 *   num       checked 64-bit counts
 *   units     quantities with a unit ('16MiB', '400 GiB/s', '2.5 pJ')
 *   scope     names bound to integers (shapes, parameters)
 *   expr      integer expressions over a scope ('min(P, 256) * 2')
 *   yaml      typed reader over libyaml that keeps positions
 *
 * Ownership: `struct diags` owns the text of every file that was read through
 * it, so a `struct span` stays valid as long as its diags. Nothing here is
 * shared between threads. Nothing here prints or exits.
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* ---- status ------------------------------------------------------------ */

enum status {
    OK = 0,
    ERR_INPUT, /* the user's file or option is wrong; exit 3 */
    ERR_IO,    /* file or environment; exit 4 */
    ERR_MEM,   /* out of memory; exit 5 */
    ERR_LIMIT, /* a count or size beyond what Weir handles; exit 5 */
};

#define TRY(expr)                                                              \
    do {                                                                       \
        enum status try_status_ = (expr);                                      \
        if (try_status_ != OK) {                                               \
            return try_status_;                                                \
        }                                                                      \
    } while (0)

/* `AUTO(diags) d = diags_new();` frees d when it goes out of scope. A type
 * offers it with BASE_DEFINE_CLEANUP(diags) after declaring diags_free. */
#define BASE_DEFINE_CLEANUP(name)                                              \
    static inline void name##_cleanup(struct name **owned)                     \
    {                                                                          \
        name##_free(*owned);                                                   \
    }
#define AUTO(name) __attribute__((cleanup(name##_cleanup))) struct name *

/* Our own mistake: prints file and line, asks for a report, aborts. */
#define BUG(...) base_bug(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void base_bug(const char *file, int line, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* ---- diagnostics ------------------------------------------------------- */

/* A file (or an option's text) held by a diags. `text` is NUL-terminated. */
struct source {
    char *path; /* as the user wrote it; "--set" style names for options */
    char *text;
    size_t length_bytes;
};

struct span_origin;

/* A place in a source. Lines and columns start at 1, columns count code
 * points. A span with source NULL has no place. */
struct span {
    const struct source *source;
    int line;
    int column;
    int length; /* code points to underline, at least 1 */
    /* The call this text was expanded for, or NULL. A message at the span is
     * followed by notes that say where; it keeps no pointer to them. */
    const struct span_origin *origin;
};

/* `name` was called at `call`, which may itself stand in an expansion. */
struct span_origin {
    const char *name;
    struct span call;
};

#define SPAN_NONE ((struct span){NULL, 0, 0, 0, NULL})

enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag {
    enum diag_severity severity;
    struct span span;
    char *code;    /* stable, e.g. "einsum-unknown-tensor" */
    char *message; /* lower case, no full stop */
    char
        *suggestion; /* NULL, or what follows the caret: "did you mean 'QK'?" */
};

struct diags;

struct diags *diags_new(void);
void diags_free(struct diags *diags); /* NULL is legal, as for every _free */
BASE_DEFINE_CLEANUP(diags)

/* Reads a whole file ("-" is stdin) of at most `limit_bytes`; the source is
 * owned by `diags`. ERR_IO or ERR_LIMIT with a diagnostic. Text that is not
 * UTF-8, or has a NUL byte, is ERR_INPUT. A byte order mark is dropped. */
MUST_USE enum status diags_read_file(struct diags *diags, const char *path,
                                     size_t limit_bytes,
                                     const struct source **source);
/* Wraps a text that is not a file (an option's value). Copies. */
const struct source *diags_add_text(struct diags *diags, const char *path,
                                    const char *text);

/* Adds a message, but not the same one twice for one place (a line may stand for
 * several statements). After 20 errors further ones are only counted. `code` is
 * copied. `suggestion` may be NULL; it is copied. */
void diag_error(struct diags *diags, struct span span, const char *code,
                const char *suggestion, const char *format, ...)
    PRINTF_LIKE(5, 6);
void diag_warning(struct diags *diags, struct span span, const char *code,
                  const char *suggestion, const char *format, ...)
    PRINTF_LIKE(5, 6);
/* An error of the environment: no span. Remembers `status`. Returns it. */
enum status diag_fail(struct diags *diags, enum status status, const char *code,
                      const char *format, ...) PRINTF_LIKE(4, 5);

/* ERR_INPUT if any error was added (or the status of the first diag_fail),
 * else OK. */
MUST_USE enum status diags_status(const struct diags *diags);
size_t diags_error_count(const struct diags *diags);
size_t diags_count(const struct diags *diags);
const struct diag *diags_get(const struct diags *diags, size_t i);

/* The classic rendering, with source line, caret and tildes, e.g.
 *   f.yaml:9:19: error: unknown tensor 'QKT' in einsum 'SN' [einsum-...]
 *       9 |   S[m,n] = exp(QKT[m,n])
 *         |                ^~~ did you mean 'QK'?
 * Sorted by order of report. Display width (tabs, wide characters) is
 * accounted for. Appends to `out`; `color` adds ANSI colour. */
void diags_print(const struct diags *diags, bool color, GString *out);

/* The nearest of `count` names to `word` (Damerau-Levenshtein, at most a third
 * of the longer one's length away; a difference in case alone counts as one
 * edit and is always near), or NULL. Ties: the first. */
const char *suggest_nearest(const char *word, const char *const *names,
                            size_t count);
/* "did you mean 'X'?" or NULL; the caller frees. */
char *suggest_text(const char *word, const char *const *names, size_t count);

/* ---- checked counts ---------------------------------------------------- */

/* 'unlimited' in a file; never the result of arithmetic. */
#define NUM_UNLIMITED INT64_MAX

/* Each is true on success and leaves *result alone on overflow. */
MUST_USE bool num_add(int64_t a, int64_t b, int64_t *result);
MUST_USE bool num_sub(int64_t a, int64_t b, int64_t *result);
MUST_USE bool num_mul(int64_t a, int64_t b, int64_t *result);
/* ceil(a*b/c) and floor(a*b/c) with a 128-bit product; a,b >= 0, c > 0. */
MUST_USE bool num_mul_div_ceil(int64_t a, int64_t b, int64_t c,
                               int64_t *result);
MUST_USE bool num_mul_div_floor(int64_t a, int64_t b, int64_t c,
                                int64_t *result);
int64_t num_ceil_div(int64_t a, int64_t b); /* a >= 0, b > 0 */
int64_t num_gcd(int64_t a, int64_t b);      /* a, b >= 0; gcd(0, b) = b */
/* Largest divisor of n that is <= limit; 1 if limit < 1. n >= 1. */
int64_t num_largest_divisor(int64_t n, int64_t limit);

/* ---- scope and expressions --------------------------------------------- */

/* Names bound to integers; looks into `parent` when a name is not found. */
struct scope;
struct scope *scope_new(const struct scope *parent); /* parent: borrowed */
void scope_free(struct scope *scope);
BASE_DEFINE_CLEANUP(scope)
void scope_set(struct scope *scope, const char *name, int64_t value);
bool scope_get(const struct scope *scope, const char *name, int64_t *value);
/* All names, innermost scope first, insertion order. Caller frees the array,
 * not the names. */
GPtrArray *scope_names(const struct scope *scope);

/* Integer expression. Literals may have a binary suffix: K M G (and Ki, KiB,
 * MiB, GiB); names are letters, digits, '_' and '.'; operators ?: || && ! == !=
 * < <= > >= + - * / % (division rounds down; by zero is an error); functions
 * min, max, ceil_div, largest_divisor(n, limit), gcd, log2_ceil. Comparisons
 * give 0 or 1. `?:`, `&&`, `||` evaluate only what they need. */
struct expr;

/* Parses `text`, which stands in the source at `at` (single line). On error:
 * diag with a caret at the offending character, ERR_INPUT. */
MUST_USE enum status expr_parse(struct diags *diags, struct span at,
                                const char *text, struct expr **expr);
struct expr *expr_new_literal(int64_t value, struct span at);
void expr_free(struct expr *expr);
BASE_DEFINE_CLEANUP(expr)
/* Unknown name: error 'expr-unknown-name' with did-you-mean; overflow, division
 * by zero: errors. */
MUST_USE enum status expr_eval(const struct expr *expr,
                               const struct scope *scope, struct diags *diags,
                               int64_t *value);
struct span expr_span(const struct expr *expr);
/* Canonical text: parse(print(x)) prints the same. Caller frees. */
char *expr_print(const struct expr *expr);
/* Calls `visit` for every name in the expression, left to right. */
void expr_visit_names(const struct expr *expr,
                      void (*visit)(const char *name, struct span span,
                                    void *data),
                      void *data);

/* ---- units ------------------------------------------------------------- */

enum unit_kind {
    UNIT_COUNT,            /* 1K, 64; no unit */
    UNIT_BYTES,            /* B KiB MiB GiB TiB, kB MB GB; int64 bytes */
    UNIT_BITS,             /* bit, bits; int64 */
    UNIT_BYTES_PER_SECOND, /* GiB/s, GB/s ...; int64 bytes per second */
    UNIT_HZ,               /* Hz kHz MHz GHz; int64 */
    UNIT_CYCLES,           /* cycle, cycles; int64 */
    UNIT_PJ,               /* aJ fJ pJ nJ; double picojoule */
    UNIT_UM2,              /* nm2 um2 mm2; double square micrometre */
    UNIT_NM,               /* nm; int64 */
    UNIT_NS,               /* ps ns us ms s; double nanoseconds */
    UNIT_MW,               /* uW mW W; double milliwatt */
    UNIT_MV,               /* mV V; double millivolt */
    UNIT_UM,               /* nm um mm; double micrometre */
    UNIT_PORT_CYCLES,      /* cycle, cycles; double */
    UNIT_BYTES_PER_CYCLE,  /* B/cycle; double */
    UNIT_SHARE,            /* percent permille; int64 ten-thousandths */
};

/* Parses '<expression or decimal> <unit>'. Integer kinds fill *count, the
 * others *real. The number may be a decimal for every kind (the product with
 * the unit must be whole for integer kinds) or, in place of the number, an
 * expression over `scope` (may be NULL) with a space before the unit. A bare
 * number where a unit belongs is 'unit-missing' with the accepted units as
 * suggestion. 'unlimited' gives NUM_UNLIMITED for BYTES and BYTES_PER_SECOND.
 * Negative or not finite: error. */
MUST_USE enum status units_parse(struct diags *diags, struct span at,
                                 const char *text, enum unit_kind kind,
                                 const struct scope *scope, int64_t *count,
                                 double *real);
/* '16 MiB', '1.9 GiB/s': for tables. Caller frees. */
char *units_format_bytes(int64_t bytes);
/* '1,892,352'. Caller frees. */
char *units_format_count(int64_t count);

/* ---- YAML -------------------------------------------------------------- */

/* Limits of every file: 4 MiB, 64 levels, 100,000 nodes, aliases expand to at
 * most that many nodes too (alias bomb). */
enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node;
struct yaml_document;

/* Reads and composes one document. Refuses: bad syntax, several documents,
 * duplicate keys, keys that are not scalars, tags, nesting and size limits. The
 * document is freed by yaml_document_free; nodes are borrowed from it. */
MUST_USE enum status yaml_load_file(struct diags *diags, const char *path,
                                    struct yaml_document **document);
MUST_USE enum status yaml_load_source(struct diags *diags,
                                      const struct source *source,
                                      struct yaml_document **document);
void yaml_document_free(struct yaml_document *document);
BASE_DEFINE_CLEANUP(yaml_document)
const struct yaml_node *yaml_root(const struct yaml_document *document);
const struct source *yaml_source(const struct yaml_document *document);

enum yaml_kind yaml_kind(const struct yaml_node *node);
struct span yaml_span(const struct yaml_node *node);
/* The span of the key under which `node` stands, or the node's own. */
struct span yaml_key_span(const struct yaml_node *node);
size_t yaml_count(const struct yaml_node *node); /* items or pairs */
const struct yaml_node *yaml_item(const struct yaml_node *node, size_t i);
/* Key and value of pair i of a mapping, in file order. */
const char *yaml_pair_key(const struct yaml_node *node, size_t i);
const struct yaml_node *yaml_pair_value(const struct yaml_node *node, size_t i);
/* NULL if there is no such key. */
const struct yaml_node *yaml_find(const struct yaml_node *node,
                                  const char *key);
/* A scalar's text; NULL for other kinds. */
const char *yaml_text(const struct yaml_node *node);
/* The place of byte `offset` of a scalar's text: exact for plain, quoted
 * (without escapes) and literal block scalars. `length` in code points. */
struct span yaml_text_span(const struct yaml_node *node, size_t offset,
                           int length);

/* Typed access. The `get_` forms report 'yaml-missing-key' at the mapping when
 * absent and return ERR_INPUT; the `find_` forms leave *result alone (the
 * default) when absent and return OK. Wrong kind: 'yaml-wrong-type'. */
MUST_USE enum status yaml_expect(struct diags *diags,
                                 const struct yaml_node *node,
                                 enum yaml_kind kind, const char *what);
/* Every key of `node` must be among `keys` (NULL-terminated): otherwise
 * 'yaml-unknown-key' with did-you-mean, for each. */
MUST_USE enum status yaml_check_keys(struct diags *diags,
                                     const struct yaml_node *node,
                                     const char *const *keys);
/* Root must be a mapping with `schema: 1`. */
MUST_USE enum status yaml_check_schema(struct diags *diags,
                                       const struct yaml_node *root);
MUST_USE enum status yaml_get_node(struct diags *diags,
                                   const struct yaml_node *mapping,
                                   const char *key, enum yaml_kind kind,
                                   const struct yaml_node **value);
MUST_USE enum status yaml_find_node(struct diags *diags,
                                    const struct yaml_node *mapping,
                                    const char *key, enum yaml_kind kind,
                                    const struct yaml_node **value);
MUST_USE enum status yaml_get_text(struct diags *diags,
                                   const struct yaml_node *mapping,
                                   const char *key, const char **text);
MUST_USE enum status yaml_find_text(struct diags *diags,
                                    const struct yaml_node *mapping,
                                    const char *key, const char **text);
MUST_USE enum status yaml_find_bool(struct diags *diags,
                                    const struct yaml_node *mapping,
                                    const char *key, bool *value);
/* A scalar as an expression. */
MUST_USE enum status yaml_parse_expr(struct diags *diags,
                                     const struct yaml_node *node,
                                     struct expr **expr);
/* A scalar evaluated now. */
MUST_USE enum status yaml_eval(struct diags *diags,
                               const struct yaml_node *node,
                               const struct scope *scope, int64_t *value);
MUST_USE enum status yaml_quantity(struct diags *diags,
                                   const struct yaml_node *node,
                                   enum unit_kind kind,
                                   const struct scope *scope, int64_t *count,
                                   double *real);
/* get_/find_ by key for integer (count) and double kinds. */
MUST_USE enum status yaml_get_count(struct diags *diags,
                                    const struct yaml_node *mapping,
                                    const char *key, enum unit_kind kind,
                                    const struct scope *scope, int64_t *count);
MUST_USE enum status yaml_find_count(struct diags *diags,
                                     const struct yaml_node *mapping,
                                     const char *key, enum unit_kind kind,
                                     const struct scope *scope, int64_t *count);
MUST_USE enum status yaml_get_real(struct diags *diags,
                                   const struct yaml_node *mapping,
                                   const char *key, enum unit_kind kind,
                                   const struct scope *scope, double *real);
MUST_USE enum status yaml_find_real(struct diags *diags,
                                    const struct yaml_node *mapping,
                                    const char *key, enum unit_kind kind,
                                    const struct scope *scope, double *real);

/* SHA-256 of a source's bytes, hex; caller frees. */
char *source_hash(const struct source *source);

#endif
