/* Units of published libraries: Aladdin's, synthesised for TSMC 40 nm at 1 GHz,
 * which take many times the energy of Horowitz's (pipeline registers, three
 * cycles an operation), and a divider. 32 bits, scaled by the width n: what adds
 * goes as n, what multiplies as n^2, what divides (n rows of n cells, each row
 * rippling) as n^3. */
#include "arch/components/components.h"

#define ALADDIN_NM 40
#define ALADDIN_MV 900

static double relative_bits(const struct arch_class_query *query)
{
    return query->parameter[ARCH_PARAMETER_BITS] / 32;
}

static struct arch_class_cost aladdin(const struct arch_class_query *query,
                                      double scale, double energy_pj,
                                      double area_um2, double leakage_mw)
{
    struct arch_class_cost cost = scale_logic(
        query, scale * energy_pj, scale * area_um2, ALADDIN_NM, ALADDIN_MV);
    /* Aladdin has leakage of its own: 12 nW/um2 is what scale_logic takes. */
    cost.leakage_mw *= leakage_mw / (12e-6 * area_um2);
    return cost;
}

struct arch_class_cost
estimate_aladdin_int_add(const struct arch_class_query *query)
{
    return aladdin(query, relative_bits(query), 0.21, 278, 0.00225);
}

struct arch_class_cost
estimate_aladdin_int_multiply(const struct arch_class_query *query)
{
    double n = relative_bits(query);
    return aladdin(query, n * n, 12.68, 6350, 0.0779);
}

struct arch_class_cost
estimate_aladdin_fp_add(const struct arch_class_query *query)
{
    return aladdin(query, relative_bits(query), 16.679, 4360, 0.0531);
}

struct arch_class_cost
estimate_aladdin_fp_multiply(const struct arch_class_query *query)
{
    double n = relative_bits(query);
    return aladdin(query, n * n, 35.3, 8970, 0.120);
}

static void add_cost(struct arch_class_cost *sum, double times,
                     struct arch_class_cost part)
{
    sum->read_energy_pj += times * part.read_energy_pj;
    sum->area_um2 += times * part.area_um2;
    sum->leakage_mw += times * part.leakage_mw;
}

struct arch_class_cost
estimate_aladdin_fp_mac(const struct arch_class_query *query)
{
    struct arch_class_cost cost = estimate_aladdin_fp_multiply(query);
    add_cost(&cost, 1, estimate_aladdin_fp_add(query));
    return cost;
}

struct arch_class_cost
estimate_aladdin_exp(const struct arch_class_query *query)
{
    double order = query->parameter[ARCH_PARAMETER_ORDER];
    struct arch_class_cost cost = estimate_aladdin_fp_multiply(query);
    add_cost(&cost, order >= 0 ? order : 5, estimate_aladdin_fp_mac(query));
    return cost;
}

/* A 32-bit comparator takes 0.02947 pJ and 71 um2; a two-way multiplexer of the
 * larger value is a gate's area a bit (0.8 um2 at 45 nm), at the same energy
 * per area. */
struct arch_class_cost estimate_compare(const struct arch_class_query *query)
{
    const double comparator_um2 = 71;
    const double select_um2 = 32 * 0.8;
    double energy_pj = 0.02947 * (1 + select_um2 / comparator_um2);
    return aladdin(query, relative_bits(query), energy_pj,
                   comparator_um2 + select_um2, 2.51e-5);
}

#define DIVIDER_NM 90
#define DIVIDER_MV 1100

struct arch_class_cost estimate_divide(const struct arch_class_query *query)
{
    double n = relative_bits(query);
    return scale_logic(query, n * n * n * 550.24, n * n * n * 542650,
                       DIVIDER_NM, DIVIDER_MV);
}
