/* Reading texts. Everything behind this point may rely on valid UTF-8 without
 * NUL bytes, of bounded length, and without a byte order mark. */
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

struct source *source_new(const char *path, const char *text,
                          size_t length_bytes)
{
    struct source *source = g_new0(struct source, 1);
    source->path = g_strdup(path);
    source->text = g_strndup(text, length_bytes);
    source->length_bytes = length_bytes;
    return source;
}

void source_free(struct source *source)
{
    if (source == NULL) {
        return;
    }
    g_free(source->path);
    g_free(source->text);
    g_free(source);
}

/* Reads until the end or one byte past the limit; -1 with errno set. */
static int read_all(int descriptor, size_t limit_bytes, GByteArray *bytes)
{
    guint8 buffer[16384];
    while (bytes->len <= limit_bytes) {
        ssize_t count = read(descriptor, buffer, sizeof(buffer));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return (int)count;
        }
        g_byte_array_append(bytes, buffer, (guint)count);
    }
    return 0;
}

static enum status read_path(struct diags *diags, const char *path,
                             size_t limit_bytes, GByteArray *bytes)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int descriptor = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return diag_fail(diags, ERR_IO, "file-open", "cannot open '%s': %s",
                         path, g_strerror(errno));
    }
    int result = read_all(descriptor, limit_bytes, bytes);
    int read_errno = errno;
    if (!is_stdin) {
        close(descriptor);
    }
    if (result < 0) {
        return diag_fail(diags, ERR_IO, "file-read", "cannot read '%s': %s",
                         path, g_strerror(read_errno));
    }
    return OK;
}

/* The text before the offending byte is kept as the source, so that the message
 * has a line to show. */
static enum status report_bad_byte(struct diags *diags, const char *path,
                                   const char *text, const char *bad)
{
    size_t offset = (size_t)(bad - text);
    struct source *source = source_new(path, text, offset);
    diags_own_source(diags, source);
    struct source_map *map = source_map_new(source);
    struct span span = source_map_span(map, offset, 1);
    source_map_free(map);
    if (*bad == '\0') {
        diag_error(diags, span, "file-nul", NULL, "NUL byte in the text");
    } else {
        diag_error(diags, span, "file-encoding", NULL,
                   "byte 0x%02X is not UTF-8", (unsigned)(unsigned char)*bad);
    }
    return ERR_INPUT;
}

enum status source_read(struct diags *diags, const char *path,
                        size_t limit_bytes, const char *too_large_code,
                        const struct source **source)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    TRY(read_path(diags, path, limit_bytes, bytes));
    if (bytes->len > limit_bytes) {
        return diag_fail(diags, ERR_LIMIT, too_large_code,
                         "'%s' is larger than %zu bytes", path, limit_bytes);
    }
    size_t length = bytes->len;
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    const char *text = (const char *)bytes->data;
    if (g_str_has_prefix(text, BYTE_ORDER_MARK)) {
        text += strlen(BYTE_ORDER_MARK);
        length -= strlen(BYTE_ORDER_MARK);
    }
    const char *bad;
    if (!g_utf8_validate(text, (gssize)length, &bad)) {
        return report_bad_byte(diags, path, text, bad);
    }
    struct source *read = source_new(path, text, length);
    diags_own_source(diags, read);
    *source = read;
    return OK;
}

enum status diags_read_file(struct diags *diags, const char *path,
                            size_t limit_bytes, const struct source **source)
{
    return source_read(diags, path, limit_bytes, "file-too-large", source);
}

const struct source *diags_add_text(struct diags *diags, const char *path,
                                    const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    struct source *source = source_new(path, valid, strlen(valid));
    diags_own_source(diags, source);
    return source;
}

char *source_hash(const struct source *source)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, source->text,
                                         (gssize)source->length_bytes);
}
