/* Private to arch/: a component class is one estimate function and one row of
 * classes.def. The functions find every parameter that the row needs in the
 * query, in range. */
#ifndef WEIR_ARCH_COMPONENTS_H
#define WEIR_ARCH_COMPONENTS_H

#include "arch/arch.h"

#define PARAMETER_BIT(id) (1U << ARCH_PARAMETER_##id)

/* Every class's function. */
#define CLASS(name, kind, estimate, ...)                                       \
    struct arch_class_cost estimate(const struct arch_class_query *query);
#include "arch/components/classes.def"
#undef CLASS

/* What parameters.def says of a parameter. */
enum unit_kind parameter_unit(enum arch_parameter parameter);
double parameter_least(enum arch_parameter parameter);
double parameter_most(enum arch_parameter parameter);

/* The supply of the query: its own, or the nominal one. */
double query_voltage_mv(const struct arch_class_query *query);

/* A function unit known by its energy and area at a node and supply, at those of
 * the query. Leakage goes with the area: 40 nm synthesised datapaths (integer
 * and floating-point adders and multipliers of Aladdin, ISCA 2014) leak 8 to
 * 13 nW/um2, here 12. */
struct arch_class_cost scale_logic(const struct arch_class_query *query,
                                   double energy_pj, double area_um2,
                                   double from_nm, double from_mv);

#endif
