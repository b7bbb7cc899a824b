/* Every message of einsum/, at its place: tests/golden/errors/einsum-*.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "einsum/einsum.h"
#include "tests/golden_errors.h"

static enum status load(struct diags *diags, const char *path)
{
    AUTO(cascade) cascade = NULL;
    AUTO(workload) workload = NULL;
    TRY(cascade_load_file(diags, path, &cascade));
    return workload_bind(cascade, NULL, NULL, diags, &workload);
}

int main(void)
{
    return golden_errors_run("einsum-", load);
}
