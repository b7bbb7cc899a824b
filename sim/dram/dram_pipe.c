/* The simple model: bursts pass one after the other through a pipe of given
 * bandwidth and come out a latency later. A burst takes burst * 10^12 / (B *
 * period) cycles, exactly: the fraction is carried on. */
#include "sim/dram/dram_internal.h"

void pipe_init(struct dram_pipe *pipe, const struct dram_spec *spec)
{
    /* Of a picosecond: bytes * 10^12 / B, in cycles: / period. */
    int64_t denominator = 0;
    int64_t numerator = 0;
    if (!num_mul(spec->bandwidth_bytes_per_second, spec->period_ps,
                 &denominator) ||
        !num_mul(spec->burst_bytes, INT64_C(1000000000000), &numerator)) {
        BUG("bandwidth of '%s' was not checked", spec->name);
    }
    pipe->whole_cycles = numerator / denominator;
    pipe->fraction = numerator % denominator;
    pipe->denominator = denominator;
    pipe->passages =
        g_new0(struct dram_passage, (gsize)spec->read_queue_requests);
}

void pipe_clear(struct dram_pipe *pipe)
{
    g_free(pipe->passages);
}

static int64_t *busy_of(struct dram_bus_stats *stats, bool is_write)
{
    return is_write ? &stats->write_cycles : &stats->read_cycles;
}

/* Places are free again when their burst has left the pipe. */
void pipe_advance(struct dram *dram)
{
    struct dram_pipe *pipe = &dram->pipe;
    while (pipe->passage_count > 0 &&
           pipe->passages[pipe->first_passage].end_cycle <= dram->now_cycle) {
        const struct dram_passage *passage =
            &pipe->passages[pipe->first_passage];
        *busy_of(&pipe->stats, passage->is_write) += passage->busy_cycles;
        pipe->first_passage =
            (pipe->first_passage + 1) % dram->spec.read_queue_requests;
        pipe->passage_count--;
    }
}

void pipe_settle(const struct dram *dram, struct dram_bus_stats *stats)
{
    const struct dram_pipe *pipe = &dram->pipe;
    *stats = pipe->stats;
    for (int64_t i = 0; i < pipe->passage_count; i++) {
        const struct dram_passage *passage =
            &pipe->passages[(pipe->first_passage + i) %
                            dram->spec.read_queue_requests];
        int64_t begin_cycle = passage->end_cycle - passage->busy_cycles;
        *busy_of(stats, passage->is_write) +=
            MAX(0, dram->now_cycle - begin_cycle);
        if (begin_cycle >= dram->now_cycle) {
            break;
        }
    }
    stats->stall_cycles[DRAM_STALL_IDLE] =
        dram->now_cycle - stats->read_cycles - stats->write_cycles;
}

/* The end of the burst's passage, rounded up to a cycle. */
static int64_t pass(struct dram_pipe *pipe, int64_t now_cycle)
{
    if (pipe->free_cycle < now_cycle) {
        pipe->free_cycle = now_cycle;
        pipe->free_fraction = 0;
    }
    pipe->free_cycle += pipe->whole_cycles;
    pipe->free_fraction += pipe->fraction;
    if (pipe->free_fraction >= pipe->denominator) {
        pipe->free_fraction -= pipe->denominator;
        pipe->free_cycle++;
    }
    return pipe->free_cycle + (pipe->free_fraction > 0);
}

bool pipe_submit(struct dram *dram, const struct dram_request *request)
{
    struct dram_pipe *pipe = &dram->pipe;
    int64_t capacity = dram->spec.read_queue_requests;
    if (pipe->passage_count == capacity) {
        return false;
    }
    int64_t begin_cycle =
        MAX(pipe->free_cycle + (pipe->free_fraction > 0), dram->now_cycle);
    int64_t end_cycle = pass(pipe, dram->now_cycle);
    int64_t done_cycle = end_cycle + dram->spec.latency_cycles;
    int64_t last = (pipe->first_passage + pipe->passage_count++) % capacity;
    pipe->passages[last] = (struct dram_passage){
        .end_cycle = end_cycle,
        .busy_cycles = end_cycle - begin_cycle,
        .is_write = request->is_write,
    };
    struct dram_completion completion = {
        .tag = request->tag,
        .arrival_cycle = dram->now_cycle,
        .cycle = done_cycle,
        .is_write = request->is_write,
    };
    dram_complete(dram, 0, &completion);
    struct dram_stats *stats = &dram->stats;
    *(request->is_write ? &stats->written_bytes : &stats->read_bytes) +=
        dram->spec.burst_bytes;
    if (!request->is_write) {
        int64_t latency_cycles = done_cycle - dram->now_cycle;
        stats->timed_reads++;
        stats->read_latency_sum_cycles += latency_cycles;
        stats->read_latency_max_cycles =
            MAX(stats->read_latency_max_cycles, latency_cycles);
    }
    return true;
}
