/* Floating-point units, 45 nm and 0.9 V, by the bits of the significand with
 * its leading one (11 of fp16, 24 of fp32). Horowitz: adders take 0.4 and
 * 0.9 pJ and 1360 and 4184 um2; their shifters make the area go as m log2 m and
 * the energy as m. Multipliers take 1.1 and 3.7 pJ, 1640 and 7700 um2: an array
 * of m^2 cells, rounding and normalisation of m. */
#include <math.h>

#include "arch/components/components.h"

#define REFERENCE_NM 45
#define REFERENCE_MV 900

/* Of IEEE formats, and of the 8-bit one with four bits of exponent. */
static double significand_bits(const struct arch_class_query *query)
{
    double given = query->parameter[ARCH_PARAMETER_SIGNIFICAND];
    double bits = query->parameter[ARCH_PARAMETER_BITS];
    if (given >= 0) {
        return given;
    }
    if (bits == 8) {
        return 4;
    }
    if (bits == 64) {
        return 53;
    }
    /* 11 of 16, 24 of 32: what the exponent leaves. */
    return bits == 16 ? 11 : bits - 8;
}

static struct arch_class_cost adder(const struct arch_class_query *query,
                                    double m)
{
    return scale_logic(query, 0.037 * m, 36.9 * m * log2(m), REFERENCE_NM,
                       REFERENCE_MV);
}

struct arch_class_cost estimate_fp_add(const struct arch_class_query *query)
{
    return adder(query, significand_bits(query));
}

struct arch_class_cost
estimate_fp_multiply(const struct arch_class_query *query)
{
    double m = significand_bits(query);
    return scale_logic(query, (0.004167 * m + 0.0542) * m,
                       (13.21 * m + 3.77) * m, REFERENCE_NM, REFERENCE_MV);
}

static void add_cost(struct arch_class_cost *sum, double times,
                     struct arch_class_cost part)
{
    sum->read_energy_pj += times * part.read_energy_pj;
    sum->area_um2 += times * part.area_um2;
    sum->leakage_mw += times * part.leakage_mw;
}

/* The sum may have a longer significand (`accumulate`) than the factors. */
struct arch_class_cost estimate_fp_mac(const struct arch_class_query *query)
{
    double sum_bits = query->parameter[ARCH_PARAMETER_ACCUMULATE];
    struct arch_class_cost cost = estimate_fp_multiply(query);
    add_cost(&cost, 1,
             adder(query, sum_bits >= 0 ? sum_bits : significand_bits(query)));
    return cost;
}

/* Horner's scheme: one mac a degree, and a multiplication by log2 e. */
struct arch_class_cost estimate_exp(const struct arch_class_query *query)
{
    double order = query->parameter[ARCH_PARAMETER_ORDER];
    struct arch_class_cost cost = estimate_fp_multiply(query);
    add_cost(&cost, order >= 0 ? order : 5, estimate_fp_mac(query));
    return cost;
}
