/* A file's text lives in the diags it was read with, so each file keeps its own.
 * An architecture depends on the values chosen for its params: it is kept once
 * for each choice. Files with errors are not kept. */
#include "explore/file_cache.h"

#include <string.h>

enum file_kind { FILE_CASCADE, FILE_ARCH, FILE_MAPPING };

struct file {
    enum file_kind kind;
    char *path;
    struct diags *diags;
    struct cascade *cascade;
    struct arch *arch;
    struct mapping *mapping;
    /* ARCH: what was chosen for each param, in their order. */
    bool *has_choice;
    int64_t *choice;
};

struct file_cache {
    GPtrArray *files; /* struct file * */
};

static void file_free(gpointer data)
{
    struct file *file = data;
    mapping_free(file->mapping);
    arch_free(file->arch);
    cascade_free(file->cascade);
    diags_free(file->diags);
    g_free(file->has_choice);
    g_free(file->choice);
    g_free(file->path);
    g_free(file);
}

struct file_cache *file_cache_new(void)
{
    struct file_cache *cache = g_new0(struct file_cache, 1);
    cache->files = g_ptr_array_new_with_free_func(file_free);
    return cache;
}

void file_cache_free(struct file_cache *cache)
{
    if (cache != NULL) {
        g_ptr_array_free(cache->files, TRUE);
        g_free(cache);
    }
}

static void keep_choice(struct file *file, const struct scope *chosen)
{
    size_t count = (size_t)file->arch->param_count;
    file->has_choice = g_new0(bool, count + 1);
    file->choice = g_new0(int64_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        file->has_choice[i] =
            scope_get(chosen, file->arch->param_name[i], &file->choice[i]);
    }
}

static bool has_same_choice(const struct file *file, const struct scope *chosen)
{
    for (int i = 0; file->arch != NULL && i < file->arch->param_count; i++) {
        int64_t value = 0;
        bool is_chosen = scope_get(chosen, file->arch->param_name[i], &value);
        if (is_chosen != file->has_choice[i] || value != file->choice[i]) {
            return false;
        }
    }
    return true;
}

static enum status load(struct diags *diags, enum file_kind kind,
                        const char *path, const struct scope *chosen,
                        struct file *file)
{
    switch (kind) {
    case FILE_CASCADE:
        return cascade_load_file(diags, path, &file->cascade);
    case FILE_ARCH:
        return arch_load_file(diags, path, chosen, &file->arch);
    case FILE_MAPPING:
        return mapping_load_file(diags, path, &file->mapping);
    }
    BUG("file kind %d", (int)kind);
}

/* A file that does not load is read again into the caller's diags, which then
 * hold text and messages. */
static enum status report(struct diags *diags, enum file_kind kind,
                          const char *path, const struct scope *chosen)
{
    struct file *again = g_new0(struct file, 1);
    enum status status = load(diags, kind, path, chosen, again);
    file_free(again);
    return status != OK ? status
                        : diag_fail(diags, ERR_IO, "file-changed",
                                    "'%s' changed while it was read", path);
}

static enum status find_file(struct file_cache *cache, struct diags *diags,
                             enum file_kind kind, const char *path,
                             const struct scope *chosen,
                             const struct file **found)
{
    for (guint i = 0; i < cache->files->len; i++) {
        const struct file *file = g_ptr_array_index(cache->files, i);
        if (file->kind == kind && strcmp(file->path, path) == 0 &&
            has_same_choice(file, chosen)) {
            *found = file;
            return OK;
        }
    }
    struct file *file = g_new0(struct file, 1);
    file->kind = kind;
    file->path = g_strdup(path);
    file->diags = diags_new();
    enum status status = load(file->diags, kind, path, chosen, file);
    if (status != OK) {
        file_free(file);
        return report(diags, kind, path, chosen);
    }
    if (kind == FILE_ARCH) {
        keep_choice(file, chosen);
    }
    g_ptr_array_add(cache->files, file);
    *found = file;
    return OK;
}

enum status file_cache_bind(struct file_cache *cache, struct diags *diags,
                            const struct point *point, struct problem **problem)
{
    static const struct file none = {0};
    const struct file *cascade = &none;
    const struct file *arch = &none;
    const struct file *mapping = &none;
    const struct scope *chosen = point->chosen;
    TRY(find_file(cache, diags, FILE_CASCADE, point->cascade, chosen,
                  &cascade));
    TRY(find_file(cache, diags, FILE_ARCH, point->arch, chosen, &arch));
    TRY(find_file(cache, diags, FILE_MAPPING, point->mapping, chosen,
                  &mapping));
    return problem_bind(diags, cascade->cascade, arch->arch, mapping->mapping,
                        chosen, problem);
}
