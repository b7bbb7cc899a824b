/* Cases for the RTL array: writes the operands of case NUMBER to DIR/a, DIR/b and
 * prints the plusargs on the first line, then what the PE-level array makes of
 * them, in the form that the RTL prints. Compiled and run by tests/rtl.sh. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/pe/pe.h"

static double *operand(GRand *rand, const char *dir, const char *name,
                       int64_t count)
{
    double *values = g_new(double, (gsize)count);
    g_autofree char *path = g_build_filename(dir, name, NULL);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        exit(4);
    }
    for (int64_t i = 0; i < count; i++) {
        int value = g_rand_int_range(rand, -1000, 1000);
        values[i] = value;
        fprintf(file, "%08x\n", (unsigned)value);
    }
    fclose(file);
    return values;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    GRand *rand = g_rand_new_with_seed((guint32)atoi(argv[1]));
    struct pe_array array = {g_rand_int_range(rand, 1, 9),
                             g_rand_int_range(rand, 1, 9), PE_OUTPUT_STATIONARY,
                             false};
    struct pe_gemm gemm = {.m = g_rand_int_range(rand, 1, 40),
                           .n = g_rand_int_range(rand, 1, 40),
                           .k = g_rand_int_range(rand, 1, 40)};
    gemm.a = (struct pe_matrix){operand(rand, argv[2], "a", gemm.m * gemm.k),
                                gemm.k, 1};
    gemm.b = (struct pe_matrix){operand(rand, argv[2], "b", gemm.k * gemm.n),
                                gemm.n, 1};
    gemm.c =
        (struct pe_matrix){g_new0(double, (gsize)(gemm.m * gemm.n)), gemm.n, 1};
    struct pe_result result;
    if (pe_run_gemm(&array, &gemm, NULL, &result) != OK) {
        return 1;
    }
    printf("+m=%d +n=%d +k=%d +rows=%d +columns=%d\n", (int)gemm.m, (int)gemm.n,
           (int)gemm.k, array.rows, array.columns);
    printf("cycles %ld\n", (long)result.cycles);
    for (int64_t i = 0; i < gemm.m * gemm.n; i++) {
        printf("%.0f\n", gemm.c.value[i]);
    }
    return 0;
}
