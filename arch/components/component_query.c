/* The table of classes, and what their functions share. */
#include <string.h>

#include "arch/components/components.h"
#include "arch/components/technology.h"

static const struct arch_class classes[] = {
#define CLASS(name, kind, estimate, needs, takes, help, source, error)         \
    {name, kind, help, source, error, needs, takes, estimate},
#include "arch/components/classes.def"
#undef CLASS
};

static const struct {
    const char *name;
    enum unit_kind unit;
    double least;
    double most;
} parameters[] = {
#define PARAMETER(id, name, unit, least, most) {name, unit, least, most},
#include "arch/components/parameters.def"
#undef PARAMETER
};

int arch_class_count(void)
{
    return (int)G_N_ELEMENTS(classes);
}

const struct arch_class *arch_get_class(int i)
{
    return &classes[i];
}

const struct arch_class *arch_find_class(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (strcmp(classes[i].name, name) == 0) {
            return &classes[i];
        }
    }
    return NULL;
}

const char *arch_parameter_name(enum arch_parameter parameter)
{
    return parameters[parameter].name;
}

enum unit_kind parameter_unit(enum arch_parameter parameter)
{
    return parameters[parameter].unit;
}

double parameter_least(enum arch_parameter parameter)
{
    return parameters[parameter].least;
}

double parameter_most(enum arch_parameter parameter)
{
    return parameters[parameter].most;
}

void arch_class_query_init(struct arch_class_query *query)
{
    for (int i = 0; i < ARCH_PARAMETER_COUNT; i++) {
        query->parameter[i] = ARCH_UNKNOWN;
    }
}

double query_voltage_mv(const struct arch_class_query *query)
{
    double mv = query->parameter[ARCH_PARAMETER_VOLTAGE];
    return mv >= 0 ? mv
                   : technology_nominal_mv(
                         query->parameter[ARCH_PARAMETER_TECHNOLOGY]);
}

#define LEAKAGE_MW_PER_UM2 12e-6 /* at 40 nm, nominal supply */
#define LEAKAGE_NM         40

struct arch_class_cost scale_logic(const struct arch_class_query *query,
                                   double energy_pj, double area_um2,
                                   double from_nm, double from_mv)
{
    double nm = query->parameter[ARCH_PARAMETER_TECHNOLOGY];
    double mv = query_voltage_mv(query);
    double reference_um2 =
        area_um2 * technology_area_ratio(LEAKAGE_NM, from_nm);
    return (struct arch_class_cost){
        .read_energy_pj =
            energy_pj * technology_energy_ratio(nm, mv, from_nm, from_mv),
        .area_um2 = area_um2 * technology_area_ratio(nm, from_nm),
        .leakage_mw =
            LEAKAGE_MW_PER_UM2 * reference_um2 *
            technology_leakage_ratio(nm, mv, LEAKAGE_NM,
                                     technology_nominal_mv(LEAKAGE_NM)),
    };
}
