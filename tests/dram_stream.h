/* Request streams for tests of memories. Include after cmocka.h. */
#ifndef WEIR_TESTS_DRAM_STREAM_H
#define WEIR_TESTS_DRAM_STREAM_H

#include "sim/dram/dram.h"

#define DRAM_FOLDER "arch-configs/dram"

/* splitmix64 */
static inline uint64_t dram_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}
static inline int64_t dram_random_below(uint64_t *state, int64_t limit)
{
    return (int64_t)(dram_random(state) % (uint64_t)limit);
}

static inline struct dram_spec dram_preset(const char *name)
{
    struct dram_spec spec;
    AUTO(diags) diags = diags_new();
    g_autofree char *path = g_strconcat(DRAM_FOLDER "/", name, ".yaml", NULL);
    enum status status = dram_spec_load_file(diags, path, &spec);
    g_autoptr(GString) text = g_string_new(NULL);
    diags_print(diags, false, text);
    assert_string_equal(text->str, "");
    assert_int_equal(status, OK);
    return spec;
}

static inline void dram_assert_valid(const struct dram_spec *spec)
{
    AUTO(diags) diags = diags_new();
    enum status status = dram_spec_check(spec, diags);
    g_autoptr(GString) text = g_string_new(NULL);
    diags_print(diags, false, text);
    assert_string_equal(text->str, "");
    assert_int_equal(status, OK);
}

struct dram_stream {
    bool is_random; /* uniform over `span_bytes`, else one burst after another,
                       starting anew at its end */
    int64_t span_bytes;
    int reads_percent;
    int64_t count;
    int64_t per_cycle; /* submitted at most */
    uint64_t seed;
};

/* Submits as fast as the memory takes them and stops with the last one in. */
static inline void dram_play(struct dram *dram,
                             const struct dram_stream *stream)
{
    struct dram_completion completion;
    int64_t burst_bytes = dram_get_spec(dram)->burst_bytes;
    int64_t bursts = stream->span_bytes / burst_bytes;
    uint64_t seed = stream->seed;
    int64_t submitted = 0;
    for (int64_t sent = 0; sent < stream->count; sent++) {
        int64_t burst = stream->is_random ? dram_random_below(&seed, bursts)
                                          : sent % bursts;
        struct dram_request request = {
            .address_bytes = burst * burst_bytes,
            .is_write = stream->reads_percent < 100 &&
                        dram_random_below(&seed, 100) >= stream->reads_percent,
            .tag = sent,
        };
        if (submitted == stream->per_cycle) {
            dram_advance(dram, dram_now(dram) + 1);
            submitted = 0;
        }
        while (dram_submit(dram, &request) == DRAM_FULL) {
            while (dram_take(dram, &completion)) {
            }
            dram_advance(dram,
                         MAX(dram_next_activity(dram), dram_now(dram) + 1));
            submitted = 0;
        }
        submitted++;
    }
    while (dram_take(dram, &completion)) {
    }
}

/* Lets everything finish. */
static inline void dram_finish(struct dram *dram)
{
    struct dram_completion completion;
    while (dram_count_pending(dram) > 0) {
        dram_advance(dram, dram_next_activity(dram));
        while (dram_take(dram, &completion)) {
        }
    }
}

#endif
