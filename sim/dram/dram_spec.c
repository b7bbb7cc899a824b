/* Specs from files. */
#include "sim/dram/dram_internal.h"
#include "sim/sim.h"

#include <string.h>

/* Products of two counts stay far from overflow; dram_check.c bounds the rest. */
#define COUNT_LIMIT (INT64_C(1) << 31)

struct loader {
    struct diags *diags;
    const struct yaml_node *root;
    struct dram_spec *spec;
};

static struct span span_of(const struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *node = yaml_find(mapping, key);
    return yaml_span(node != NULL ? node : mapping);
}

static size_t count_names(const char *const *names)
{
    size_t count = 0;
    while (names[count] != NULL) {
        count++;
    }
    return count;
}

static enum status refuse_value(struct loader *loader,
                                const struct yaml_node *mapping,
                                const char *key, const char *const *names,
                                const char *text)
{
    g_autofree char *near = suggest_text(text, names, count_names(names));
    g_autoptr(GString) all = g_string_new("one of");
    for (size_t i = 0; names[i] != NULL; i++) {
        g_string_append_printf(all, "%s%s", i == 0 ? " " : ", ", names[i]);
    }
    diag_error(loader->diags, span_of(mapping, key), "dram-unknown-value",
               near != NULL ? near : all->str, "'%s' is no %s", text, key);
    return ERR_INPUT;
}

/* The value of `key` among `names`; absent, it leaves *index alone. */
static enum status find_choice(struct loader *loader,
                               const struct yaml_node *mapping, const char *key,
                               const char *const *names, int *index)
{
    const char *text = NULL;
    TRY(yaml_find_text(loader->diags, mapping, key, &text));
    if (text == NULL) {
        return OK;
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(text, names[i]) == 0) {
            *index = (int)i;
            return OK;
        }
    }
    return refuse_value(loader, mapping, key, names, text);
}

static enum status get_choice(struct loader *loader,
                              const struct yaml_node *mapping, const char *key,
                              const char *const *names, int *index)
{
    const char *text = NULL;
    TRY(yaml_get_text(loader->diags, mapping, key, &text));
    return find_choice(loader, mapping, key, names, index);
}

static enum status get_count(struct loader *loader,
                             const struct yaml_node *mapping, const char *key,
                             enum unit_kind kind, int64_t *count)
{
    TRY(yaml_get_count(loader->diags, mapping, key, kind, NULL, count));
    if (*count < 1 || *count > COUNT_LIMIT) {
        diag_error(loader->diags, span_of(mapping, key), "dram-out-of-range",
                   NULL,
                   "'%s' is %" G_GINT64_FORMAT ", not 1 to %" G_GINT64_FORMAT,
                   key, *count, COUNT_LIMIT);
        return ERR_INPUT;
    }
    return OK;
}

static enum status find_count(struct loader *loader,
                              const struct yaml_node *mapping, const char *key,
                              enum unit_kind kind, int64_t *count)
{
    return yaml_find(mapping, key) == NULL
               ? OK
               : get_count(loader, mapping, key, kind, count);
}

/* ---- timing -------------------------------------------------------------- */

static bool is_in_cycles(const struct yaml_node *node)
{
    const char *text = yaml_text(node);
    return text != NULL && (g_str_has_suffix(text, "cycles") ||
                            g_str_has_suffix(text, "cycle"));
}

/* Cycles as they are, times rounded up to cycles. */
static enum status load_timing(struct loader *loader,
                               const struct yaml_node *node, int64_t *cycles)
{
    double ns = 0;
    if (is_in_cycles(node)) {
        return yaml_quantity(loader->diags, node, UNIT_CYCLES, NULL, cycles,
                             &ns);
    }
    TRY(yaml_quantity(loader->diags, node, UNIT_NS, NULL, cycles, &ns));
    if (ns > 1e9) {
        diag_error(loader->diags, yaml_span(node), "dram-out-of-range", NULL,
                   "%g ns is longer than a second", ns);
        return ERR_INPUT;
    }
    int64_t ps = (int64_t)(ns * 1000 + 0.5);
    *cycles = num_ceil_div(ps, loader->spec->period_ps);
    return OK;
}

static void set_default(int64_t *cycles, enum dram_timing timing, int64_t value)
{
    if (cycles[timing] < 0) {
        cycles[timing] = MAX(value, 0);
    }
}

/* -1 marks what the file does not give. */
static enum status fill_defaults(struct loader *loader,
                                 const struct yaml_node *timing)
{
    static const enum dram_timing needed[] = {
        DRAM_T_BURST, DRAM_T_CL,    DRAM_T_CWL, DRAM_T_RCD,   DRAM_T_RP,
        DRAM_T_RAS,   DRAM_T_WR,    DRAM_T_RTP, DRAM_T_CCD_S, DRAM_T_CCD_L,
        DRAM_T_RRD_S, DRAM_T_RRD_L, DRAM_T_FAW, DRAM_T_WTR_S, DRAM_T_WTR_L,
        DRAM_T_RFC,   DRAM_T_REFI,
    };
    int64_t *t = loader->spec->timing_cycles;
    enum status status = OK;
    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (t[needed[i]] < 0) {
            diag_error(loader->diags, yaml_span(timing), "dram-missing-timing",
                       NULL, "no '%s'", dram_timing_name(needed[i]));
            status = ERR_INPUT;
        }
    }
    TRY(status);
    set_default(t, DRAM_T_BURST_ARRAY, t[DRAM_T_BURST]);
    set_default(t, DRAM_T_RCD_WR, t[DRAM_T_RCD]);
    set_default(t, DRAM_T_RP_ALL, t[DRAM_T_RP]);
    set_default(t, DRAM_T_RC, t[DRAM_T_RAS] + t[DRAM_T_RP]);
    set_default(t, DRAM_T_RTW,
                t[DRAM_T_CL] + t[DRAM_T_BURST] + 2 - t[DRAM_T_CWL]);
    for (int i = 0; i < DRAM_TIMING_COUNT; i++) {
        set_default(t, (enum dram_timing)i, 0);
    }
    return OK;
}

/* -1 if there is no such key. */
static enum status find_timing(struct loader *loader,
                               const struct yaml_node *timing, const char *key,
                               int64_t *cycles)
{
    const struct yaml_node *node = yaml_find(timing, key);
    *cycles = -1;
    return node != NULL ? load_timing(loader, node, cycles) : OK;
}

static enum status load_timings(struct loader *loader)
{
    const char *keys[DRAM_TIMING_COUNT + 1] = {NULL};
    const struct yaml_node *timing = NULL;
    int64_t *t = loader->spec->timing_cycles;
    TRY(yaml_get_node(loader->diags, loader->root, "timing", YAML_MAPPING,
                      &timing));
    for (int i = 0; i < DRAM_TIMING_COUNT; i++) {
        keys[i] = dram_timing_name((enum dram_timing)i);
    }
    TRY(yaml_check_keys(loader->diags, timing, keys));
    for (int i = 0; i < DRAM_TIMING_COUNT; i++) {
        TRY(find_timing(loader, timing, keys[i], &t[i]));
    }
    return fill_defaults(loader, timing);
}

/* ---- organisation and controller ------------------------------------------ */

static enum status load_organisation(struct loader *loader)
{
    struct dram_spec *spec = loader->spec;
    struct diags *diags = loader->diags;
    const struct yaml_node *root = loader->root;
    int64_t burst_length = 0;
    int64_t width_bits = 0;
    int64_t columns = 0;
    TRY(find_count(loader, root, "pseudo_channels", UNIT_COUNT,
                   &spec->pseudo_channels));
    TRY(find_count(loader, root, "ranks", UNIT_COUNT, &spec->ranks));
    TRY(get_count(loader, root, "bank_groups", UNIT_COUNT, &spec->bank_groups));
    TRY(get_count(loader, root, "banks", UNIT_COUNT, &spec->banks));
    TRY(get_count(loader, root, "rows", UNIT_COUNT, &spec->rows));
    TRY(get_count(loader, root, "columns", UNIT_COUNT, &columns));
    TRY(get_count(loader, root, "burst_length", UNIT_COUNT, &burst_length));
    TRY(get_count(loader, root, "width", UNIT_BITS, &width_bits));
    if (columns % burst_length != 0) {
        diag_error(diags, span_of(root, "columns"), "dram-burst", NULL,
                   "bursts of %" G_GINT64_FORMAT
                   " do not divide %" G_GINT64_FORMAT " columns",
                   burst_length, columns);
        return ERR_INPUT;
    }
    if (burst_length > 1024 || width_bits > 65536 ||
        burst_length * width_bits % 8 != 0) {
        diag_error(diags, span_of(root, "width"), "dram-burst", NULL,
                   "a burst of %" G_GINT64_FORMAT " times %" G_GINT64_FORMAT
                   " bits is not whole bytes of at most 8 MiB",
                   burst_length, width_bits);
        return ERR_INPUT;
    }
    spec->columns = columns / burst_length;
    spec->burst_bytes = burst_length * width_bits / 8;
    return OK;
}

static enum status load_mapping(struct loader *loader)
{
    const char *text = NULL;
    TRY(yaml_get_text(loader->diags, loader->root, "mapping", &text));
    if (!dram_mapping_parse(text, &loader->spec->mapping)) {
        const char *const *names = dram_mapping_names();
        g_autofree char *near = suggest_text(text, names, count_names(names));
        diag_error(loader->diags, span_of(loader->root, "mapping"),
                   "dram-mapping", near,
                   "'%s' is no order of Ro, Ba, Bg, Ra, Pc, Co and Ch", text);
        return ERR_INPUT;
    }
    return OK;
}

static enum status load_controller(struct loader *loader)
{
    static const char *const keys[] = {
        "scheduler",   "page",       "refresh",   "read_queue",
        "write_queue", "write_high", "write_low", NULL};
    static const char *const schedulers[] = {"fr-fcfs", "fr-fcfs-row-hit",
                                             NULL};
    static const char *const pages[] = {"open", "closed", NULL};
    static const char *const refreshes[] = {"none", "all-bank", "per-bank",
                                            NULL};
    struct dram_spec *spec = loader->spec;
    const struct yaml_node *node = NULL;
    int scheduler = DRAM_FR_FCFS;
    int page = DRAM_PAGE_OPEN;
    int refresh = DRAM_REFRESH_ALL_BANK;
    TRY(yaml_get_node(loader->diags, loader->root, "controller", YAML_MAPPING,
                      &node));
    TRY(yaml_check_keys(loader->diags, node, keys));
    TRY(get_choice(loader, node, "scheduler", schedulers, &scheduler));
    TRY(get_choice(loader, node, "page", pages, &page));
    TRY(get_choice(loader, node, "refresh", refreshes, &refresh));
    spec->scheduler = (enum dram_scheduler)scheduler;
    spec->page = (enum dram_page)page;
    spec->refresh = (enum dram_refresh)refresh;
    TRY(get_count(loader, node, "read_queue", UNIT_COUNT,
                  &spec->read_queue_requests));
    TRY(get_count(loader, node, "write_queue", UNIT_COUNT,
                  &spec->write_queue_requests));
    TRY(get_count(loader, node, "write_high", UNIT_COUNT,
                  &spec->write_high_requests));
    return yaml_get_count(loader->diags, node, "write_low", UNIT_COUNT, NULL,
                          &spec->write_low_requests);
}

static enum status load_timing_model(struct loader *loader)
{
    static const char *const keys[] = {
        "schema",     "dram",        "about",
        "source",     "model",       "period",
        "channels",   "standard",    "pseudo_channels",
        "ranks",      "bank_groups", "banks",
        "rows",       "columns",     "burst_length",
        "width",      "timing",      "mapping",
        "controller", NULL};
    int standard = 0;
    TRY(yaml_check_keys(loader->diags, loader->root, keys));
    TRY(get_choice(loader, loader->root, "standard", dram_standard_names(),
                   &standard));
    loader->spec->standard = (enum dram_standard)standard;
    TRY(load_organisation(loader));
    TRY(load_timings(loader));
    TRY(load_mapping(loader));
    return load_controller(loader);
}

static enum status load_bandwidth_model(struct loader *loader)
{
    static const char *const keys[] = {
        "schema",   "dram",  "about",     "source",  "model", "period",
        "channels", "burst", "bandwidth", "latency", "queue", NULL};
    struct dram_spec *spec = loader->spec;
    const struct yaml_node *latency = NULL;
    TRY(yaml_check_keys(loader->diags, loader->root, keys));
    TRY(get_count(loader, loader->root, "burst", UNIT_BYTES,
                  &spec->burst_bytes));
    TRY(yaml_get_count(loader->diags, loader->root, "bandwidth",
                       UNIT_BYTES_PER_SECOND, NULL,
                       &spec->bandwidth_bytes_per_second));
    TRY(get_count(loader, loader->root, "queue", UNIT_COUNT,
                  &spec->read_queue_requests));
    TRY(yaml_get_node(loader->diags, loader->root, "latency", YAML_SCALAR,
                      &latency));
    return load_timing(loader, latency, &spec->latency_cycles);
}

static enum status load_root(struct loader *loader)
{
    static const char *const models[] = {"timing", "bandwidth", NULL};
    struct dram_spec *spec = loader->spec;
    const char *text = NULL;
    double period_ns = 0;
    int model = DRAM_MODEL_TIMING;
    TRY(yaml_check_schema(loader->diags, loader->root));
    TRY(yaml_get_text(loader->diags, loader->root, "dram", &text));
    (void)g_strlcpy(spec->name, text, sizeof spec->name);
    TRY(yaml_find_text(loader->diags, loader->root, "about", &text));
    TRY(yaml_get_text(loader->diags, loader->root, "source", &text));
    TRY(get_choice(loader, loader->root, "model", models, &model));
    spec->model = (enum dram_model)model;
    TRY(yaml_get_real(loader->diags, loader->root, "period", UNIT_NS, NULL,
                      &period_ns));
    spec->period_ps = (int64_t)(MIN(period_ns, 1e6) * 1000 + 0.5);
    if (spec->period_ps < 1 || period_ns > 1e6) {
        diag_error(loader->diags, span_of(loader->root, "period"),
                   "dram-out-of-range", NULL,
                   "a cycle of %g ns is not 1 ps to 1 ms", period_ns);
        return ERR_INPUT;
    }
    TRY(get_count(loader, loader->root, "channels", UNIT_COUNT,
                  &spec->channels));
    return spec->model == DRAM_MODEL_TIMING ? load_timing_model(loader)
                                            : load_bandwidth_model(loader);
}

enum status dram_spec_load_file(struct diags *diags, const char *path,
                                struct dram_spec *spec)
{
    AUTO(yaml_document) document = NULL;
    struct dram_spec loaded = {.pseudo_channels = 1, .ranks = 1};
    TRY(yaml_load_file(diags, path, &document));
    struct loader loader = {
        .diags = diags, .root = yaml_root(document), .spec = &loaded};
    TRY(load_root(&loader));
    TRY(spec_check(&loaded, diags, loader.root));
    *spec = loaded;
    return OK;
}

enum status sim_check_dram_file(struct diags *diags, const char *path)
{
    struct dram_spec spec;
    return dram_spec_load_file(diags, path, &spec);
}
