/* D in parts of rows x panels, one a thread. Parts write different lines of D, so
 * they need no order, and the result is that of one thread. The caller computes
 * part 0 itself. Workers live as long as the handle: after a call each looks for
 * the next one for some microseconds before it sleeps, since waking a thread
 * takes longer than a small product. */
#include "kernels/spmm/block.h"

#include <stdatomic.h>

#define LOOKS_BEFORE_SLEEP 20000 /* some tens of microseconds */

struct worker {
    struct spmm_threads *threads;
    struct spmm_range part;
    GThread *thread; /* NULL for the caller, worker 0 */
};

struct spmm_threads {
    int thread_count;
    struct worker *workers;       /* worker 0 is the caller */
    const struct spmm_call *call; /* this and kernels: set before `round` */
    struct spmm_kernels kernels;
    atomic_uint round;     /* calls so far; workers wait for it to change */
    atomic_bool is_ending; /* set before the last change */
    atomic_int open_count; /* workers that have not finished the round */
    atomic_int sleeping_count;
    GMutex lock;
    GCond is_called;
};

/* Returns the round that follows `round`. */
static unsigned wait_for_round(struct spmm_threads *threads, unsigned round)
{
    for (int i = 0; i < LOOKS_BEFORE_SLEEP; i++) {
        if (atomic_load(&threads->round) != round) {
            return round + 1;
        }
    }
    g_mutex_lock(&threads->lock);
    atomic_fetch_add(&threads->sleeping_count, 1);
    while (atomic_load(&threads->round) == round) {
        g_cond_wait(&threads->is_called, &threads->lock);
    }
    atomic_fetch_sub(&threads->sleeping_count, 1);
    g_mutex_unlock(&threads->lock);
    return round + 1;
}

static gpointer work(gpointer data)
{
    const struct worker *self = data;
    struct spmm_threads *threads = self->threads;
    unsigned round = 0;
    for (;;) {
        round = wait_for_round(threads, round);
        if (atomic_load(&threads->is_ending)) {
            return NULL;
        }
        spmm_run_range(threads->call, &threads->kernels, &self->part);
        atomic_fetch_sub(&threads->open_count, 1);
    }
}

static void wait_for_workers(const struct spmm_threads *threads)
{
    int looks = 0;
    while (atomic_load(&threads->open_count) > 0) {
        if (looks < LOOKS_BEFORE_SLEEP) {
            looks++;
        } else {
            g_thread_yield(); /* more threads than cores */
        }
    }
}

/* A worker either sees the new round before it sleeps, or has counted itself
 * as sleeping before this looks, under the lock that it sleeps on. */
static void begin_round(struct spmm_threads *threads)
{
    atomic_store(&threads->open_count, threads->thread_count - 1);
    atomic_fetch_add(&threads->round, 1);
    if (atomic_load(&threads->sleeping_count) > 0) {
        g_mutex_lock(&threads->lock);
        g_cond_broadcast(&threads->is_called);
        g_mutex_unlock(&threads->lock);
    }
}

enum status spmm_threads_new(int thread_count, struct spmm_threads **threads)
{
    if (thread_count < 1 || thread_count > 1024) {
        return ERR_INPUT;
    }
    struct spmm_threads *made = g_new0(struct spmm_threads, 1);
    made->thread_count = thread_count;
    made->workers = g_new0(struct worker, thread_count);
    g_mutex_init(&made->lock);
    g_cond_init(&made->is_called);
    for (int i = 1; i < thread_count; i++) {
        struct worker *worker = &made->workers[i];
        worker->threads = made;
        worker->thread = g_thread_try_new("spmm", work, worker, NULL);
        if (worker->thread == NULL) {
            spmm_threads_free(made);
            return ERR_LIMIT;
        }
    }
    *threads = made;
    return OK;
}

void spmm_threads_free(struct spmm_threads *threads)
{
    if (threads == NULL) {
        return;
    }
    atomic_store(&threads->is_ending, true);
    begin_round(threads);
    for (int i = 1; i < threads->thread_count; i++) {
        if (threads->workers[i].thread != NULL) {
            g_thread_join(threads->workers[i].thread);
        }
    }
    g_mutex_clear(&threads->lock);
    g_cond_clear(&threads->is_called);
    g_free(threads->workers);
    g_free(threads);
}

/* Panels are divided first, as each has its own activations, and rows where
 * there are fewer panels than threads. `across` divides the count of threads. */
static void divide(struct spmm_threads *threads, int64_t tiles, int64_t panels)
{
    int64_t count = threads->thread_count;
    int64_t across = num_gcd(panels, count); /* parts along the panels */
    if (panels >= 4 * count) {
        across = count; /* at most a quarter of a part is lost to the rest */
    }
    int64_t down = count / across;
    for (int64_t i = 0; i < count; i++) {
        int64_t p = i % across, r = i / across;
        threads->workers[i].part = (struct spmm_range){
            .tile_begin = tiles * r / down,
            .tile_end = tiles * (r + 1) / down,
            .panel_begin = panels * p / across,
            .panel_end = panels * (p + 1) / across,
        };
    }
}

enum status spmm_run_threads(const struct spmm_call *call,
                             struct spmm_threads *threads)
{
    TRY(spmm_call_check(call, &threads->kernels));
    int64_t tiles =
        num_ceil_div(call->weight->row_count, call->weight->tile_rows);
    int64_t panels = num_ceil_div(call->token_count, SPMM_PANEL);
    if (tiles == 0 || panels == 0) {
        return OK;
    }
    divide(threads, tiles, panels);
    threads->call = call;
    begin_round(threads);
    spmm_run_range(call, &threads->kernels, &threads->workers[0].part);
    wait_for_workers(threads);
    return OK;
}
