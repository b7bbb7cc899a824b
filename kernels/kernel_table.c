/* The table of kernels.def, and finding a kernel in it. */
#include "kernels/call.h"
#include "kernels/kernels.h"

#include <string.h>

#define OPERAND(name, dims, required, is_result, is_optional, is_index)        \
    {                                                                          \
        name, dims, required, is_result, is_optional, is_index                 \
    }
#define IN(name, dims, required)                                               \
    OPERAND(name, dims, required, false, false, false)
#define OPTIONAL(name, dims, required)                                         \
    OPERAND(name, dims, required, false, true, false)
#define INDEX(name, dims, required)                                            \
    OPERAND(name, dims, required, false, false, true)
#define OUT(name, dims, required)                                              \
    OPERAND(name, dims, required, true, false, false)
#define PARAMETER(name, least)                                                 \
    {                                                                          \
        name, least                                                            \
    }
#define PARAMETERS(...)                                                        \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define NO_PARAMETERS PARAMETERS(PARAMETER(NULL, 0))
#define KERNEL(name, function, help, parameters, ...)                          \
    {name, help, function, parameters, {__VA_ARGS__}},
static const struct kernel table[] = {
#include "kernels/kernels.def"
};
#undef KERNEL
#undef NO_PARAMETERS
#undef PARAMETERS
#undef PARAMETER
#undef OUT
#undef INDEX
#undef OPTIONAL
#undef IN
#undef OPERAND

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
