/* D in parts of rows x panels, one a worker. Parts write different lines of D, so
 * they need no order, and the result is that of one thread. The caller computes
 * a part itself; the pool's threads wait in it between calls. */
#include "kernels/spmm/block.h"

struct spmm_threads {
    GThreadPool *pool; /* thread_count - 1 threads; NULL for one */
    int thread_count;
    GMutex lock;
    GCond is_done;
    int64_t open_parts; /* under `lock` */
    const struct spmm_call *call;
    struct spmm_kernels kernels;
    struct part {
        struct spmm_threads *threads;
        struct spmm_range range;
    } * parts;
};

static void work(gpointer data, gpointer unused)
{
    (void)unused;
    const struct part *part = data;
    struct spmm_threads *threads = part->threads;
    spmm_run_range(threads->call, &threads->kernels, &part->range);
    g_mutex_lock(&threads->lock);
    if (--threads->open_parts == 0) {
        g_cond_signal(&threads->is_done);
    }
    g_mutex_unlock(&threads->lock);
}

enum status spmm_threads_new(int thread_count, struct spmm_threads **threads)
{
    if (thread_count < 1 || thread_count > 1024) {
        return ERR_INPUT;
    }
    AUTO(spmm_threads) made = g_new0(struct spmm_threads, 1);
    made->thread_count = thread_count;
    made->parts = g_new0(struct part, thread_count);
    g_mutex_init(&made->lock);
    g_cond_init(&made->is_done);
    if (thread_count > 1) {
        made->pool =
            g_thread_pool_new(work, NULL, thread_count - 1, TRUE, NULL);
        if (made->pool == NULL) {
            return ERR_LIMIT;
        }
    }
    *threads = g_steal_pointer(&made);
    return OK;
}

void spmm_threads_free(struct spmm_threads *threads)
{
    if (threads == NULL) {
        return;
    }
    if (threads->pool != NULL) {
        g_thread_pool_free(threads->pool, FALSE, TRUE);
    }
    g_mutex_clear(&threads->lock);
    g_cond_clear(&threads->is_done);
    g_free(threads->parts);
    g_free(threads);
}

/* Panels are divided first, as each has its own activations, and rows where
 * there are fewer panels than threads. Returns the number of parts. */
static int divide(struct spmm_threads *threads, int64_t tiles, int64_t panels)
{
    int64_t count = threads->thread_count;
    int64_t across = num_gcd(panels, count); /* parts along the panels */
    if (panels >= 4 * count) {
        across = count; /* at most a quarter of a part is lost to the rest */
    }
    int64_t down = count / across;
    for (int64_t i = 0; i < across * down; i++) {
        int64_t p = i % across, r = i / across;
        threads->parts[i] = (struct part){
            .threads = threads,
            .range = {.tile_begin = tiles * r / down,
                      .tile_end = tiles * (r + 1) / down,
                      .panel_begin = panels * p / across,
                      .panel_end = panels * (p + 1) / across},
        };
    }
    return (int)(across * down);
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
    int count = divide(threads, tiles, panels);
    threads->call = call;
    threads->open_parts = count;
    for (int i = 1; i < count; i++) {
        /* A thread of an exclusive pool exists: pushing cannot fail. */
        g_thread_pool_push(threads->pool, &threads->parts[i], NULL);
    }
    work(&threads->parts[0], NULL);
    g_mutex_lock(&threads->lock);
    while (threads->open_parts > 0) {
        g_cond_wait(&threads->is_done, &threads->lock);
    }
    g_mutex_unlock(&threads->lock);
    return OK;
}
