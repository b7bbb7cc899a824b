/* Feeds every file of a corpus folder to the fuzz target it is linked with, in
 * the order of their names, and reports one TAP point a file. An input that
 * crashes ends the program: the runner counts the points that are then missing,
 * and the last '# ' line names the file.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static GPtrArray *list_corpus(const char *folder)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(folder, 0, NULL);
    if (dir == NULL) {
        return paths;
    }
    const char *name = NULL;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
    }
    g_dir_close(dir);
    return paths;
}

static int compare_paths(const void *a, const void *b)
{
    return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

static bool replay_file(const char *path)
{
    g_autofree char *data = NULL;
    gsize size_bytes = 0;
    if (!g_file_get_contents(path, &data, &size_bytes, NULL)) {
        return false;
    }
    /* A copy of the exact size, so that reading one byte too far is seen. */
    g_autofree uint8_t *exact = g_malloc(MAX(size_bytes, 1));
    for (size_t i = 0; i < size_bytes; i++) {
        exact[i] = (uint8_t)data[i];
    }
    return LLVMFuzzerTestOneInput(exact, size_bytes) == 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    g_autoptr(GPtrArray) paths = list_corpus(argv[1]);
    g_ptr_array_sort(paths, compare_paths);
    /* A target without a corpus tests nothing: one planned point, none made. */
    (void)printf("1..%u\n", MAX(paths->len, 1U));
    bool is_good = paths->len > 0;
    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);
        (void)printf("# %s\n", path);
        (void)fflush(stdout);
        bool is_ok = replay_file(path);
        (void)printf("%s %u - %s\n", is_ok ? "ok" : "not ok", i + 1, path);
        is_good = is_good && is_ok;
    }
    return is_good ? 0 : 1;
}
