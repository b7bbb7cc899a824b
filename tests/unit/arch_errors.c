/* Every message of arch/, at its place: tests/golden/errors/arch-*.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/arch.h"
#include "tests/golden_errors.h"

static enum status load(struct diags *diags, const char *path)
{
    AUTO(arch) arch = NULL;
    return arch_load_file(diags, path, NULL, &arch);
}

int main(void)
{
    return golden_errors_run("arch-", load);
}
