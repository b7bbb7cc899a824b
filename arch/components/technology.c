/* Scaling between technology nodes.
 *
 * Energy and area of logic: Stillmaker and Baas, "Scaling equations for the
 * accurate prediction of CMOS device performance from 180 nm to 7 nm",
 * Integration 58 (2017): energy is a polynomial in the supply, e2 V^2 + e1 V +
 * e0, with one set of coefficients a node (high-performance devices below
 * 65 nm), fitted there to SPICE of inverter chains; areas are their table.
 * Between nodes both are interpolated as powers of the feature size.
 *
 * Leakage: the off-current per width of a high-performance transistor has been
 * held near 100 nA/um over the nodes of the ITRS (2007, PIDS), and widths shrink
 * with the feature size, so leakage of the same circuit goes as nm * V. That is
 * an order of magnitude, not a prediction: threshold variants differ tenfold.
 *
 * SRAM cells shrink less than logic. Their areas are those announced for high
 * density: IBM/TSMC 180-90 nm, TSMC 65 nm (0.525), 45 (0.299), 28 (0.127),
 * 20 (0.081), 16 (0.070), 10 (0.042) and 7 nm (0.027 um2) at IEDM and ISSCC
 * 1998-2017, and Intel's 32 nm (0.171; IEDM 2009). */
#include "arch/components/technology.h"

#include <math.h>
#include <stddef.h>

struct node {
    double nm;
    double nominal_mv;
    double area; /* of the same logic, 45 nm = 1 */
    double sram_cell_um2;
    double energy[3]; /* coefficients of V^2, V, 1; arbitrary unit */
};

static const struct node nodes[] = {
    {180, 1800, 19, 4.65, {0, 24.64, -17.98}},
    {130, 1200, 6.4, 2.14, {7.171, -6.709, 2.904}},
    {90, 1100, 2.8, 0.999, {4.762, -4.781, 2.092}},
    {65, 1000, 1.5, 0.525, {3.755, -4.398, 1.975}},
    {45, 900, 1, 0.299, {1.018, -0.3107, 0.1539}},
    {32, 900, 0.46, 0.171, {0.8367, -0.4341, 0.1701}},
    {20, 850, 0.21, 0.081, {0.373, -0.1582, 0.04104}},
    {16, 800, 0.19, 0.070, {0.2958, -0.1241, 0.03024}},
    {14, 800, 0.17, 0.0588, {0.2363, -0.09675, 0.02239}},
    {10, 750, 0.1, 0.042, {0.2068, -0.09311, 0.02375}},
    {7, 700, 0.059, 0.027, {0.1776, -0.09097, 0.02447}},
};
#define NODE_COUNT (sizeof(nodes) / sizeof(nodes[0]))

/* The node at or above `nm` in size, and how far towards the next, 0 .. 1, on a
 * logarithmic scale. Beyond the table, its ends. */
static size_t find_node(double nm, double *towards_next)
{
    size_t i = 0;
    while (i + 2 < NODE_COUNT && nodes[i + 1].nm >= nm) {
        i++;
    }
    *towards_next = log(nodes[i].nm / nm) / log(nodes[i].nm / nodes[i + 1].nm);
    *towards_next = fmin(fmax(*towards_next, 0), 1);
    return i;
}

static double between(double a, double b, double towards_b)
{
    return a * pow(b / a, towards_b);
}

static double energy_at(const struct node *node, double mv)
{
    double v = mv / 1000;
    return (node->energy[0] * v + node->energy[1]) * v + node->energy[2];
}

static double relative_energy(double nm, double mv)
{
    double t = 0;
    size_t i = find_node(nm, &t);
    return between(energy_at(&nodes[i], mv), energy_at(&nodes[i + 1], mv), t);
}

double technology_nominal_mv(double nm)
{
    double t = 0;
    size_t i = find_node(nm, &t);
    return between(nodes[i].nominal_mv, nodes[i + 1].nominal_mv, t);
}

double technology_energy_ratio(double nm, double mv, double from_nm,
                               double from_mv)
{
    return relative_energy(nm, mv) / relative_energy(from_nm, from_mv);
}

static double relative_area(double nm)
{
    double t = 0;
    size_t i = find_node(nm, &t);
    return between(nodes[i].area, nodes[i + 1].area, t);
}

double technology_area_ratio(double nm, double from_nm)
{
    return relative_area(nm) / relative_area(from_nm);
}

double technology_leakage_ratio(double nm, double mv, double from_nm,
                                double from_mv)
{
    return nm * mv / (from_nm * from_mv);
}

double technology_sram_cell_um2(double nm)
{
    double t = 0;
    size_t i = find_node(nm, &t);
    return between(nodes[i].sram_cell_um2, nodes[i + 1].sram_cell_um2, t);
}
