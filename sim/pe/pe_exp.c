/* The exponential as six multiply-accumulates. */
#include <math.h>

#include "sim/pe/exp_step.h"
#include "sim/pe/grid.h"

#define LOG2_E   1.4426950408889634
#define SMALLEST (-1000.0) /* of n: below, the result is 0 */

static const double coefficient[] = {
    1.00000007165471414,  0.693146967065035214,   0.240221197237107196,
    0.055507132718556442, 0.00967554134312132739, 0.00132764726319508761};

void exp_step(struct exp_state *state, int step, double x)
{
    if (step == 0) {
        double y = fmax(x * LOG2_E, 2.0 * SMALLEST);
        state->exponent = floor(y + 0.5);
        state->fraction = y - state->exponent;
        return;
    }
    double from = step == 1 ? coefficient[5] : state->sum;
    state->sum = from * state->fraction + coefficient[5 - step];
}

double exp_result(const struct exp_state *state)
{
    return state->exponent < SMALLEST ? 0.0
                                      : ldexp(state->sum, (int)state->exponent);
}

double pe_exp(double x)
{
    struct exp_state state = {0};
    for (int step = 0; step < PE_EXP_STEPS; step++) {
        exp_step(&state, step, x);
    }
    return exp_result(&state);
}
