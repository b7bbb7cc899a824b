/* What a spec must satisfy to be simulated. */
#include "sim/dram/dram_internal.h"

struct checker {
    struct diags *diags;
    const struct yaml_node *root; /* NULL: the spec is not from a file */
    enum status status;
};

/* Where the file has the key: at the top, or in one of the blocks. */
static struct span span_of_key(const struct checker *checker, const char *key)
{
    static const char *const blocks[] = {"timing", "controller"};
    const struct yaml_node *root = checker->root;
    if (root == NULL) {
        return SPAN_NONE;
    }
    const struct yaml_node *found = yaml_find(root, key);
    for (size_t i = 0; found == NULL && i < G_N_ELEMENTS(blocks); i++) {
        const struct yaml_node *block = yaml_find(root, blocks[i]);
        found = block != NULL ? yaml_find(block, key) : NULL;
    }
    return yaml_span(found != NULL ? found : root);
}

#define REFUSE(checker, key, code, ...)                                        \
    do {                                                                       \
        diag_error((checker)->diags, span_of_key(checker, key), code, NULL,    \
                   __VA_ARGS__);                                               \
        (checker)->status = ERR_INPUT;                                         \
    } while (0)

/* Arrays are made of them: beyond, a typing mistake would fill the memory. */
#define CHANNELS_LIMIT       1024
#define BANKS_LIMIT          1024
#define QUEUE_LIMIT          1024
#define CAPACITY_LIMIT_BYTES (INT64_C(1) << 50)
#define CYCLES_LIMIT         (INT64_C(1) << 40)

static void check_range(struct checker *checker, const char *what,
                        int64_t value, int64_t least, int64_t most)
{
    if (value < least || value > most) {
        REFUSE(checker, what, "dram-out-of-range",
               "%s is %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT
               " to %" G_GINT64_FORMAT,
               what, value, least, most);
    }
}

static void check_capacity(struct checker *checker,
                           const struct dram_spec *spec)
{
    int64_t banks = 1;
    int64_t bytes = spec->burst_bytes;
    const int64_t in_channel[] = {spec->pseudo_channels, spec->ranks,
                                  spec->bank_groups, spec->banks};
    bool fits = true;
    for (size_t i = 0; i < G_N_ELEMENTS(in_channel); i++) {
        fits = fits && num_mul(banks, in_channel[i], &banks);
    }
    fits = fits && banks <= BANKS_LIMIT && spec->channels <= CHANNELS_LIMIT &&
           num_mul(bytes, banks, &bytes) &&
           num_mul(bytes, spec->channels, &bytes) &&
           num_mul(bytes, spec->rows, &bytes) &&
           num_mul(bytes, spec->columns, &bytes) &&
           bytes <= CAPACITY_LIMIT_BYTES;
    if (!fits) {
        REFUSE(checker, "rows", "dram-too-large",
               "more than %d channels of %d banks, or 1 PiB", CHANNELS_LIMIT,
               BANKS_LIMIT);
    }
}

static bool is_power_of_two(int64_t n)
{
    return (n & (n - 1)) == 0;
}

/* Parts of a given size must divide their field; hashing needs whole bits, and
 * enough of them in the column. */
static void check_mapping(struct checker *checker, const struct dram_spec *spec)
{
    const struct dram_mapping *mapping = &spec->mapping;
    int64_t hashed = spec->pseudo_channels * spec->ranks * spec->bank_groups *
                     spec->banks * spec->rows;
    for (int i = 0; i < mapping->part_count; i++) {
        const struct dram_mapping_part *part = &mapping->parts[i];
        if (part->size > 0 && (part->field != DRAM_FIELD_COLUMN ||
                               spec->columns % part->size != 0)) {
            REFUSE(checker, "mapping", "dram-mapping-size",
                   "mapping '%s' takes %" G_GINT64_FORMAT
                   " of %" G_GINT64_FORMAT " bursts in a row",
                   mapping->name, part->size, spec->columns);
        }
    }
    if (mapping->is_hashed &&
        (!is_power_of_two(hashed) || !is_power_of_two(spec->columns))) {
        REFUSE(checker, "mapping", "dram-mapping-size",
               "mapping '%s' combines bits, and %" G_GINT64_FORMAT
               " rows of %" G_GINT64_FORMAT " bursts are not powers of two",
               mapping->name, hashed, spec->columns);
    }
}

static void check_timings(struct checker *checker, const struct dram_spec *spec)
{
    const int64_t *t = spec->timing_cycles;
    static const enum dram_timing positive[] = {
        DRAM_T_BURST, DRAM_T_CL, DRAM_T_CWL,   DRAM_T_RCD,   DRAM_T_RP,
        DRAM_T_RAS,   DRAM_T_RC, DRAM_T_CCD_S, DRAM_T_CCD_L,
    };
    for (int i = 0; i < DRAM_TIMING_COUNT; i++) {
        check_range(checker, dram_timing_name((enum dram_timing)i), t[i], 0,
                    CYCLES_LIMIT);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(positive); i++) {
        check_range(checker, dram_timing_name(positive[i]), t[positive[i]], 1,
                    CYCLES_LIMIT);
    }
    if (t[DRAM_T_CCD_S] < t[DRAM_T_BURST] ||
        t[DRAM_T_CCD_L] < t[DRAM_T_CCD_S]) {
        REFUSE(checker, "tCCD_L", "dram-inconsistent",
               "tBL, tCCD_S and tCCD_L must not decrease in this order");
    }
    if (t[DRAM_T_RC] < t[DRAM_T_RAS] + t[DRAM_T_RP]) {
        REFUSE(checker, "tRC", "dram-inconsistent",
               "tRC is less than tRAS + tRP");
    }
}

static void check_refresh(struct checker *checker, const struct dram_spec *spec)
{
    const int64_t *t = spec->timing_cycles;
    const struct dram_standard_info *standard =
        dram_standard_get(spec->standard);
    if (spec->refresh == DRAM_REFRESH_ALL_BANK &&
        t[DRAM_T_REFI] <= t[DRAM_T_RFC]) {
        REFUSE(checker, "tREFI", "dram-inconsistent",
               "tREFI leaves no time between refreshes of tRFC");
    }
    if (spec->refresh == DRAM_REFRESH_PER_BANK &&
        (!standard->has_bank_refresh || t[DRAM_T_RFC_BANK] == 0 ||
         t[DRAM_T_REF_ACT] == 0 || t[DRAM_T_REF_REF] == 0)) {
        REFUSE(checker, "refresh", "dram-no-bank-refresh",
               "%s, or this file (tRFC_pb, tREFI_pb, tREF_ACT, tREF_REF), has "
               "no refresh of single banks",
               standard->name);
    } else if (spec->refresh == DRAM_REFRESH_PER_BANK &&
               t[DRAM_T_REFI_BANK] <=
                   MAX(t[DRAM_T_REF_REF], t[DRAM_T_REF_ACT])) {
        REFUSE(checker, "tREFI_pb", "dram-inconsistent",
               "tREFI_pb leaves no time between refreshes of banks");
    }
}

static void check_queues(struct checker *checker, const struct dram_spec *spec)
{
    check_range(checker, "read_queue", spec->read_queue_requests, 1,
                QUEUE_LIMIT);
    check_range(checker, "write_queue", spec->write_queue_requests, 1,
                QUEUE_LIMIT);
    check_range(checker, "write_high", spec->write_high_requests, 1,
                spec->write_queue_requests);
    check_range(checker, "write_low", spec->write_low_requests, 0,
                spec->write_high_requests - 1);
}

static void check_pipe(struct checker *checker, const struct dram_spec *spec)
{
    int64_t product = 0;
    check_range(checker, "queue", spec->read_queue_requests, 1, QUEUE_LIMIT);
    check_range(checker, "burst", spec->burst_bytes, 1, 1 << 20);
    check_range(checker, "latency", spec->latency_cycles, 0, CYCLES_LIMIT);
    if (spec->bandwidth_bytes_per_second < 1 ||
        !num_mul(spec->bandwidth_bytes_per_second, spec->period_ps, &product)) {
        REFUSE(checker, "bandwidth", "dram-out-of-range",
               "the bandwidth is unlimited, zero or too large");
    }
}

enum status spec_check(const struct dram_spec *spec, struct diags *diags,
                       const struct yaml_node *root)
{
    struct checker checker = {.diags = diags, .root = root, .status = OK};
    check_range(&checker, "channels", spec->channels, 1, CHANNELS_LIMIT);
    switch (spec->model) {
    case DRAM_MODEL_TIMING:
        check_capacity(&checker, spec);
        check_timings(&checker, spec);
        check_queues(&checker, spec);
        if (checker.status == OK) {
            check_mapping(&checker, spec);
            check_refresh(&checker, spec);
        }
        break;
    case DRAM_MODEL_BANDWIDTH:
        check_pipe(&checker, spec);
        break;
    }
    return checker.status;
}

enum status dram_spec_check(const struct dram_spec *spec, struct diags *diags)
{
    return spec_check(spec, diags, NULL);
}
