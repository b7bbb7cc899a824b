/* NumPy's .npy files, versions 1.0 to 3.0 (NumPy Enhancement Proposal 1): six bytes
 * of magic, two of version, the length of the header (two bytes, from version 2 on
 * four), the header, a literal of a Python dictionary with exactly the keys
 * 'descr', 'fortran_order' and 'shape', then the elements. Everything else is
 * refused, with the byte at which it stands: a file that ends early or goes on, a
 * type that is no number, a whole number that a double does not hold. */
#include "formats/formats.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define MAGIC "\x93NUMPY"

struct reader {
    const uint8_t *bytes;
    size_t length;
    size_t at;
    char *problem; /* the first, or NULL */
};

struct header {
    char kind; /* f, i, u, b */
    int bytes; /* of an element */
    bool is_big_endian;
    bool is_fortran;
    bool has[3];
};

static bool fail(struct reader *reader, const char *what)
{
    if (reader->problem == NULL) {
        reader->problem = g_strdup_printf("byte %zu: %s", reader->at, what);
    }
    return false;
}

/* ---- the dictionary ---------------------------------------------------------- */

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->length &&
           strchr(" \t\n", reader->bytes[reader->at]) != NULL &&
           reader->bytes[reader->at] != '\0') {
        reader->at++;
    }
}

static bool accept(struct reader *reader, char wanted)
{
    skip_space(reader);
    bool is_there = reader->at < reader->length &&
                    reader->bytes[reader->at] == (uint8_t)wanted;
    reader->at += is_there ? 1 : 0;
    return is_there;
}

static bool expect(struct reader *reader, char wanted)
{
    g_autofree char *what = g_strdup_printf("expected '%c'", wanted);
    return accept(reader, wanted) || fail(reader, what);
}

/* 'text' or "text", without escapes; caller frees. */
static char *read_string(struct reader *reader)
{
    skip_space(reader);
    char quote =
        reader->at < reader->length ? (char)reader->bytes[reader->at] : '\0';
    if (quote != '\'' && quote != '"') {
        (void)fail(reader, "expected a string");
        return NULL;
    }
    size_t first = ++reader->at;
    while (reader->at < reader->length &&
           reader->bytes[reader->at] != (uint8_t)quote &&
           g_ascii_isprint((char)reader->bytes[reader->at]) &&
           reader->bytes[reader->at] != '\\') {
        reader->at++;
    }
    size_t count = reader->at - first;
    if (!expect(reader, quote)) {
        return NULL;
    }
    return g_strndup((const char *)reader->bytes + first, count);
}

static bool read_word(struct reader *reader, const char *word)
{
    size_t count = strlen(word);
    skip_space(reader);
    if (reader->length - reader->at < count ||
        memcmp(reader->bytes + reader->at, word, count) != 0) {
        return false;
    }
    reader->at += count;
    return true;
}

static bool read_flag(struct reader *reader, bool *flag)
{
    *flag = read_word(reader, "True");
    return *flag || read_word(reader, "False") ||
           fail(reader, "expected True or False");
}

static bool read_extent(struct reader *reader, int64_t *extent)
{
    skip_space(reader);
    size_t first = reader->at;
    *extent = 0;
    while (reader->at < reader->length &&
           g_ascii_isdigit((char)reader->bytes[reader->at])) {
        int64_t digit = reader->bytes[reader->at] - '0';
        if (!num_mul(*extent, 10, extent) || !num_add(*extent, digit, extent)) {
            return fail(reader, "an extent beyond 64 bits");
        }
        reader->at++;
    }
    return reader->at > first || fail(reader, "expected a number or ')'");
}

static bool read_shape(struct reader *reader, struct npy *npy)
{
    if (!expect(reader, '(')) {
        return false;
    }
    while (!accept(reader, ')')) {
        if (npy->dim_count == NPY_MAX_DIMS) {
            return fail(reader, "more dimensions than a tensor has");
        }
        if (!read_extent(reader, &npy->extent[npy->dim_count++])) {
            return false;
        }
        if (accept(reader, ')')) {
            return npy->dim_count > 1 ||
                   fail(reader, "a tuple of one ends in ',)'");
        }
        if (!expect(reader, ',')) {
            return false;
        }
    }
    return true;
}

/* '<f4', '|i1' */
static bool read_type(struct reader *reader, struct header *header)
{
    static const char *const types[] = {"f2", "f4", "f8", "i1", "i2", "i4",
                                        "i8", "u1", "u2", "u4", "u8", "b1"};
    g_autofree char *text = read_string(reader);
    if (text == NULL) {
        return false;
    }
    bool is_known = false;
    for (size_t i = 0; strlen(text) == 3 && i < G_N_ELEMENTS(types); i++) {
        is_known = is_known || strcmp(text + 1, types[i]) == 0;
    }
    if (!is_known || strchr("<>|=", text[0]) == NULL ||
        (text[0] == '|' && text[2] != '1')) {
        g_autofree char *what = g_strdup_printf(
            "type '%s' is none of f2, f4, f8, i1 .. i8, u1 .. u8, b1", text);
        return fail(reader, what);
    }
    header->kind = text[1];
    header->bytes = text[2] - '0';
    header->is_big_endian =
        text[0] == '>' || (text[0] == '=' && G_BYTE_ORDER == G_BIG_ENDIAN);
    return true;
}

static bool read_pair(struct reader *reader, struct header *header,
                      struct npy *npy)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    g_autofree char *key = read_string(reader);
    if (key == NULL || !expect(reader, ':')) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        if (strcmp(key, keys[i]) != 0) {
            continue;
        }
        if (header->has[i]) {
            return fail(reader, "a key for the second time");
        }
        header->has[i] = true;
        return i == 0   ? read_type(reader, header)
               : i == 1 ? read_flag(reader, &header->is_fortran)
                        : read_shape(reader, npy);
    }
    return fail(reader, "an unknown key");
}

static bool read_dictionary(struct reader *reader, struct header *header,
                            struct npy *npy)
{
    if (!expect(reader, '{')) {
        return false;
    }
    while (!accept(reader, '}')) {
        if (!read_pair(reader, header, npy)) {
            return false;
        }
        if (accept(reader, '}')) {
            break;
        }
        if (!expect(reader, ',')) {
            return false;
        }
    }
    skip_space(reader);
    if (reader->at < reader->length) {
        return fail(reader, "more than a dictionary");
    }
    return (header->has[0] && header->has[1] && header->has[2]) ||
           fail(reader, "'descr', 'fortran_order' or 'shape' is missing");
}

/* ---- elements ------------------------------------------------------------------ */

static uint64_t read_bits(const uint8_t *bytes, const struct header *header)
{
    uint64_t bits = 0;
    for (int i = 0; i < header->bytes; i++) {
        int shift = header->is_big_endian ? 8 * (header->bytes - 1 - i) : 8 * i;
        bits |= (uint64_t)bytes[i] << shift;
    }
    return bits;
}

/* False if a double does not hold the number. */
static bool convert(uint64_t bits, const struct header *header, double *value)
{
    if (header->kind == 'f') {
        const char *name = header->bytes == 2   ? "fp16"
                           : header->bytes == 4 ? "fp32"
                                                : "fp64";
        *value = format_decode(format_find(name), bits);
        return true;
    }
    bool is_negative =
        header->kind == 'i' && (bits >> (8 * header->bytes - 1) & 1) != 0;
    uint64_t size = bits;
    if (is_negative) {
        uint64_t ones = header->bytes == 8
                            ? UINT64_MAX
                            : (UINT64_C(1) << 8 * header->bytes) - 1;
        size = (~bits & ones) + 1;
    }
    *value = is_negative ? -(double)size : (double)size;
    return size <= UINT64_C(1) << 53;
}

/* Position in row-major order of element i in column-major order. */
static size_t find_place(const struct npy *npy, bool is_fortran, size_t i)
{
    size_t place = 0;
    size_t step = 1;
    size_t index[NPY_MAX_DIMS];
    if (!is_fortran) {
        return i;
    }
    for (int d = 0; d < npy->dim_count; d++) {
        index[d] = i % (size_t)npy->extent[d];
        i /= (size_t)npy->extent[d];
    }
    for (int d = npy->dim_count - 1; d >= 0; d--) {
        place += index[d] * step;
        step *= (size_t)npy->extent[d];
    }
    return place;
}

static bool read_elements(struct reader *reader, const struct header *header,
                          struct npy *npy)
{
    int64_t count = 1;
    int64_t bytes = 0;
    for (int d = 0; d < npy->dim_count; d++) {
        if (!num_mul(count, npy->extent[d], &count)) {
            return fail(reader, "more elements than 64 bits count");
        }
    }
    if (!num_mul(count, header->bytes, &bytes) ||
        (uint64_t)bytes != reader->length - reader->at) {
        g_autofree char *what =
            g_strdup_printf("%zu bytes for %" G_GINT64_FORMAT " elements of %d",
                            reader->length - reader->at, count, header->bytes);
        return fail(reader, what);
    }
    npy->element_count = count;
    npy->value = g_try_new(double, (gsize)MAX(count, 1));
    if (npy->value == NULL) {
        return fail(reader, "no memory for the elements");
    }
    for (size_t i = 0; i < (size_t)count; i++) {
        uint64_t bits = read_bits(reader->bytes + reader->at, header);
        size_t place = find_place(npy, header->is_fortran, i);
        if (!convert(bits, header, &npy->value[place])) {
            return fail(reader, "a whole number beyond 2^53");
        }
        reader->at += (size_t)header->bytes;
    }
    return true;
}

/* ---- the file ------------------------------------------------------------------ */

static bool read_prelude(struct reader *reader, size_t *header_bytes)
{
    size_t magic = strlen(MAGIC);
    if (reader->length < magic || memcmp(reader->bytes, MAGIC, magic) != 0) {
        return fail(reader, "no NumPy file");
    }
    reader->at = magic;
    size_t width = reader->length > magic && reader->bytes[magic] == 1 ? 2 : 4;
    if (reader->length < magic + 2 + width) {
        return fail(reader, "ends in its head");
    }
    if (reader->bytes[magic] < 1 || reader->bytes[magic] > 3 ||
        reader->bytes[magic + 1] != 0) {
        return fail(reader, "version is none of 1.0, 2.0 and 3.0");
    }
    reader->at = magic + 2;
    *header_bytes = 0;
    for (size_t i = 0; i < width; i++) {
        *header_bytes |= (size_t)reader->bytes[reader->at + i] << (8 * i);
    }
    if (*header_bytes > reader->length - reader->at - width) {
        return fail(reader, "ends in its header");
    }
    reader->at += width;
    return true;
}

bool npy_parse(const uint8_t *bytes, size_t length, struct npy *npy,
               char **problem)
{
    struct reader reader = {bytes, length, 0, NULL};
    struct header header = {.kind = 'f'};
    size_t header_bytes = 0;
    memset(npy, 0, sizeof *npy);
    bool is_good = read_prelude(&reader, &header_bytes);
    if (is_good) {
        reader.length = reader.at + header_bytes;
        is_good = read_dictionary(&reader, &header, npy);
        reader.length = length;
    }
    is_good = is_good && read_elements(&reader, &header, npy);
    if (!is_good) {
        npy_clear(npy);
        *problem = reader.problem;
    }
    return is_good;
}

void npy_clear(struct npy *npy)
{
    g_clear_pointer(&npy->value, g_free);
}

enum status npy_load(struct diags *diags, const char *path, struct npy *npy)
{
    g_autofree char *bytes = NULL;
    g_autofree char *problem = NULL;
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &bytes, &length, &error)) {
        return diag_fail(diags, ERR_IO, "npy-file", "%s", error->message);
    }
    if (!npy_parse((const uint8_t *)bytes, length, npy, &problem)) {
        diag_error(diags, SPAN_NONE, "npy-format", NULL, "%s: %s", path,
                   problem);
        return ERR_INPUT;
    }
    return OK;
}

enum status npy_save(struct diags *diags, const char *path,
                     const struct npy *npy)
{
    g_autoptr(GString) text = g_string_new("{'descr': '<f8', 'fortran_order': "
                                           "False, 'shape': (");
    for (int d = 0; d < npy->dim_count; d++) {
        g_string_append_printf(text, "%" G_GINT64_FORMAT "%s", npy->extent[d],
                               d == 0 || d + 1 < npy->dim_count ? ", " : "");
    }
    g_string_append(text, "), }");
    /* Elements begin at a multiple of 64 bytes. */
    while ((strlen(MAGIC) + 4 + text->len + 1) % 64 != 0) {
        g_string_append_c(text, ' ');
    }
    g_string_append_c(text, '\n');
    g_autoptr(GByteArray) file = g_byte_array_new();
    const uint8_t head[] = {1, 0, (uint8_t)(text->len & 0xff),
                            (uint8_t)(text->len >> 8)};
    g_byte_array_append(file, (const guint8 *)MAGIC, strlen(MAGIC));
    g_byte_array_append(file, head, sizeof head);
    g_byte_array_append(file, (const guint8 *)text->str, (guint)text->len);
    for (int64_t i = 0; i < npy->element_count; i++) {
        uint64_t bits = format_encode(format_find("fp64"), npy->value[i]);
        for (int b = 0; b < 8; b++) {
            uint8_t byte = (uint8_t)(bits >> (8 * b));
            g_byte_array_append(file, &byte, 1);
        }
    }
    g_autoptr(GError) error = NULL;
    if (!g_file_set_contents(path, (const char *)file->data, (gssize)file->len,
                             &error)) {
        return diag_fail(diags, ERR_IO, "npy-file", "%s", error->message);
    }
    return OK;
}
