/* The table of kernels.def, and finding a kernel in it. */
#include "kernels/call.h"
#include "kernels/kernels.h"

#include <string.h>

#define IN(name, dims, required)                                               \
    {                                                                          \
        name, dims, required, false                                            \
    }
#define OUT(name, dims, required)                                              \
    {                                                                          \
        name, dims, required, true                                             \
    }
#define KERNEL(name, function, help, ...) {name, help, function, {__VA_ARGS__}},
static const struct kernel table[] = {
#include "kernels/kernels.def"
};
#undef KERNEL
#undef OUT
#undef IN

size_t kernel_count(void)
{
    return G_N_ELEMENTS(table);
}

const struct kernel *kernel_get(size_t i)
{
    return &table[i];
}

const struct kernel *kernel_find(const char *name)
{
    for (size_t i = 0; i < kernel_count(); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

const struct kernel *kernel_look_up(struct diags *diags, struct span at,
                                    const char *name)
{
    const struct kernel *kernel = kernel_find(name);
    if (kernel == NULL) {
        const char *names[G_N_ELEMENTS(table)];
        for (size_t i = 0; i < kernel_count(); i++) {
            names[i] = table[i].name;
        }
        g_autofree char *suggestion = suggest_text(name, names, kernel_count());
        diag_error(diags, at, "kernel-unknown", suggestion,
                   "there is no reference kernel '%s'", name);
    }
    return kernel;
}
