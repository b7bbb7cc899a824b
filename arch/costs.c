/* Costs of a node: the file's own numbers, or those of a component class,
 *     class: sram
 *     class: {sram: {technology: 16 nm, voltage: 700 mV}}
 * whose parameters are, in this order, what stands with the class, what the node
 * knows of itself, and the arch's technology and voltage. */
#include "arch/builder.h"
#include "arch/components/components.h"
#include "arch/components/technology.h"

/* Supplies for which the scaling between nodes was fitted. */
#define LEAST_VOLTAGE_RATIO 0.7
#define MOST_VOLTAGE_RATIO  1.2

static char *suggest_class(const char *name, enum arch_class_kind kind)
{
    int count = arch_class_count();
    g_autofree const char **names = g_new0(const char *, (gsize)count);
    size_t known = 0;
    for (int i = 0; i < count; i++) {
        if (arch_get_class(i)->kind == kind) {
            names[known++] = arch_get_class(i)->name;
        }
    }
    return suggest_text(name, names, known);
}

static const struct arch_class *find_class(struct arch_builder *builder,
                                           const char *name, struct span span,
                                           enum arch_class_kind kind)
{
    static const char *const kinds[] = {"memories", "operations", "networks"};
    const struct arch_class *class = arch_find_class(name);
    if (class == NULL) {
        g_autofree char *suggestion = suggest_class(name, kind);
        diag_error(builder->diags, span, "arch-unknown-class", suggestion,
                   "unknown class '%s'", name);
        return NULL;
    }
    if (class->kind != kind) {
        diag_error(builder->diags, span, "arch-class-kind", NULL,
                   "class '%s' is of %s, not of %s", name, kinds[class->kind],
                   kinds[kind]);
        return NULL;
    }
    return class;
}

static unsigned parameters_of(const struct arch_class *class)
{
    return class->needs | class->takes;
}

static double to_real(struct arch_builder *builder,
                      const struct yaml_node *mapping, const char *key,
                      enum unit_kind kind)
{
    int64_t count = -1;
    double real = ARCH_UNKNOWN;
    if (kind == UNIT_MV || kind == UNIT_UM) {
        arch_reported(yaml_find_real(builder->diags, mapping, key, kind,
                                     builder->scope, &real));
        return real;
    }
    arch_reported(yaml_find_count(builder->diags, mapping, key, kind,
                                  builder->scope, &count));
    return (double)count;
}

/* The parameters that stand with the class. */
static void parse_parameters(struct arch_builder *builder,
                             const struct arch_class *class,
                             const struct yaml_node *own,
                             struct arch_class_query *query)
{
    const char *keys[ARCH_PARAMETER_COUNT + 1] = {NULL};
    size_t count = 0;
    for (int p = 0; p < ARCH_PARAMETER_COUNT; p++) {
        if (parameters_of(class) & (1U << p)) {
            keys[count++] = arch_parameter_name((enum arch_parameter)p);
        }
    }
    arch_reported(yaml_check_keys(builder->diags, own, keys));
    for (int p = 0; p < ARCH_PARAMETER_COUNT; p++) {
        const char *key = arch_parameter_name((enum arch_parameter)p);
        if ((parameters_of(class) & (1U << p)) && yaml_find(own, key) != NULL) {
            query->parameter[p] = to_real(
                builder, own, key, parameter_unit((enum arch_parameter)p));
        }
    }
}

static void fill_arch(const struct arch *arch, struct arch_class_query *query)
{
    if (arch->technology_nm > 0) {
        query->parameter[ARCH_PARAMETER_TECHNOLOGY] =
            (double)arch->technology_nm;
    }
    if (arch->voltage_mv > 0) {
        query->parameter[ARCH_PARAMETER_VOLTAGE] = arch->voltage_mv;
    }
}

static bool check_voltage(struct arch_builder *builder, struct span span,
                          const struct arch_class *class,
                          const struct arch_class_query *query)
{
    double mv = query->parameter[ARCH_PARAMETER_VOLTAGE];
    double nm = query->parameter[ARCH_PARAMETER_TECHNOLOGY];
    if (!(class->takes & PARAMETER_BIT(VOLTAGE)) || mv < 0) {
        return true;
    }
    double nominal_mv = technology_nominal_mv(nm);
    if (mv >= LEAST_VOLTAGE_RATIO * nominal_mv &&
        mv <= MOST_VOLTAGE_RATIO * nominal_mv) {
        return true;
    }
    diag_error(builder->diags, span, "arch-class-voltage", NULL,
               "%g mV at %g nm is outside %.0f .. %.0f mV, for which class "
               "'%s' holds",
               mv, nm, LEAST_VOLTAGE_RATIO * nominal_mv,
               MOST_VOLTAGE_RATIO * nominal_mv, class->name);
    return false;
}

/* Is everything there that the class needs, and in its range? */
static bool check_query(struct arch_builder *builder, struct span span,
                        const struct arch_class *class,
                        const struct arch_class_query *query)
{
    for (int p = 0; p < ARCH_PARAMETER_COUNT; p++) {
        enum arch_parameter parameter = (enum arch_parameter)p;
        double value = query->parameter[p];
        bool is_given = value >= 0;
        if (!(parameters_of(class) & (1U << p)) ||
            (!is_given && !(class->needs & (1U << p)))) {
            continue;
        }
        if (!is_given) {
            diag_error(builder->diags, span, "arch-class-parameter", NULL,
                       "class '%s' needs '%s'", class->name,
                       arch_parameter_name(parameter));
            return false;
        }
        if (value < parameter_least(parameter) ||
            value > parameter_most(parameter)) {
            diag_error(builder->diags, span, "arch-class-range", NULL,
                       "'%s' is %g, class '%s' holds from %g to %g",
                       arch_parameter_name(parameter), value, class->name,
                       parameter_least(parameter), parameter_most(parameter));
            return false;
        }
    }
    return check_voltage(builder, span, class, query);
}

static const struct arch_class_cost nothing_known = {
    .read_energy_pj = ARCH_UNKNOWN,
    .write_energy_pj = ARCH_UNKNOWN,
    .area_um2 = ARCH_UNKNOWN,
    .leakage_mw = ARCH_UNKNOWN,
};

/* The name under `class`, and its parameters if there are any. */
static const char *parse_name(struct arch_builder *builder,
                              const struct yaml_node *value,
                              const struct yaml_node **own, struct span *span)
{
    *own = NULL;
    *span = yaml_span(value);
    if (yaml_kind(value) == YAML_SCALAR) {
        return yaml_text(value);
    }
    if (yaml_kind(value) != YAML_MAPPING || yaml_count(value) != 1) {
        diag_error(builder->diags, *span, "arch-class-form",
                   "write 'class: NAME' or 'class: {NAME: {...}}'",
                   "a class is one name, with its parameters below it");
        return NULL;
    }
    *own = yaml_pair_value(value, 0);
    *span = yaml_key_span(*own);
    return yaml_pair_key(value, 0);
}

struct arch_class_cost arch_parse_class(struct arch_builder *builder,
                                        const struct yaml_node *node,
                                        enum arch_class_kind kind,
                                        struct arch_class_query *query)
{
    const struct yaml_node *value = yaml_find(node, "class");
    const struct yaml_node *own = NULL;
    struct span span;
    if (value == NULL) {
        return nothing_known;
    }
    size_t errors = diags_error_count(builder->diags);
    const char *name = parse_name(builder, value, &own, &span);
    const struct arch_class *class =
        name == NULL ? NULL : find_class(builder, name, span, kind);
    if (class == NULL) {
        return nothing_known;
    }
    fill_arch(builder->arch, query);
    if (own != NULL && yaml_expect(builder->diags, own, YAML_MAPPING,
                                   "a class's parameters") == OK) {
        parse_parameters(builder, class, own, query);
    }
    if (diags_error_count(builder->diags) != errors ||
        !check_query(builder, span, class, query)) {
        return nothing_known;
    }
    return class->estimate(query);
}

double arch_get_cost(struct arch_builder *builder, const struct yaml_node *node,
                     const char *key, enum unit_kind kind, double of_class)
{
    double cost = of_class;
    bool has_class = yaml_find(node, "class") != NULL;
    if (has_class) {
        arch_reported(yaml_find_real(builder->diags, node, key, kind,
                                     builder->scope, &cost));
    } else {
        arch_reported(yaml_get_real(builder->diags, node, key, kind,
                                    builder->scope, &cost));
    }
    return cost;
}

double arch_find_cost(struct arch_builder *builder,
                      const struct yaml_node *node, const char *key,
                      enum unit_kind kind, double of_class)
{
    double cost = of_class;
    arch_reported(
        yaml_find_real(builder->diags, node, key, kind, builder->scope, &cost));
    return cost;
}
