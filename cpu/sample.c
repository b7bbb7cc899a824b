/* Robust times on a machine that is not quiet. */
#include "cpu/loops.h"

#include <math.h>
#include <time.h>

static double now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

#define SAMPLE_NS 4e5
#define PATIENCE  40

static double time_rounds(cpu_loop loop, int64_t rounds, void *buffer,
                          int64_t bytes)
{
    double start = now_ns();
    loop(rounds, buffer, bytes);
    return now_ns() - start;
}

double cpu_sample(cpu_loop loop, void *buffer, int64_t bytes, double seconds)
{
    int64_t rounds = 1;
    double end = now_ns() + seconds * 1e9;
    double spent = time_rounds(loop, 1, buffer, bytes); /* warms up */
    while ((spent = time_rounds(loop, rounds, buffer, bytes)) < SAMPLE_NS / 2 &&
           rounds < INT64_C(1) << 40) {
        rounds *= 2;
    }
    double best = spent / (double)rounds;
    int worse = 0;
    for (int i = 0; worse < PATIENCE || i < PATIENCE; i++) {
        double sample =
            time_rounds(loop, rounds, buffer, bytes) / (double)rounds;
        worse = sample < best * 0.998 ? 0 : worse + 1;
        best = fmin(best, sample);
        if (i >= PATIENCE && now_ns() > end) {
            break;
        }
    }
    return best;
}
