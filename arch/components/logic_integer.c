/* Integer units, 45 nm and 0.9 V. Horowitz: adders of 8, 16 and 32 bits take
 * 0.03, 0.05 and 0.1 pJ and (as tabulated by Dally, NIPS 2015) 36, 67 and
 * 137 um2: linear. Multipliers of 8 and 32 bits take 0.2 and 3.1 pJ, 282 and
 * 3495 um2: an array of n^2 cells and a last addition of n. */
#include "arch/components/components.h"

#define REFERENCE_NM 45
#define REFERENCE_MV 900

static struct arch_class_cost adder(const struct arch_class_query *query,
                                    double bits)
{
    return scale_logic(query, 0.1 / 32 * bits, 137.0 / 32 * bits, REFERENCE_NM,
                       REFERENCE_MV);
}

struct arch_class_cost estimate_int_add(const struct arch_class_query *query)
{
    return adder(query, query->parameter[ARCH_PARAMETER_BITS]);
}

struct arch_class_cost
estimate_int_multiply(const struct arch_class_query *query)
{
    double n = query->parameter[ARCH_PARAMETER_BITS];
    return scale_logic(query, (0.002995 * n + 0.00104) * n,
                       (3.082 * n + 10.59) * n, REFERENCE_NM, REFERENCE_MV);
}

struct arch_class_cost estimate_int_mac(const struct arch_class_query *query)
{
    struct arch_class_cost cost = estimate_int_multiply(query);
    struct arch_class_cost add =
        adder(query, 2 * query->parameter[ARCH_PARAMETER_BITS]);
    cost.read_energy_pj += add.read_energy_pj;
    cost.area_um2 += add.area_um2;
    cost.leakage_mw += add.leakage_mw;
    return cost;
}
