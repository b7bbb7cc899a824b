/* Perfetto's own format: a sequence of TracePackets, each a protobuf message
 * (protos/perfetto/trace/trace_packet.proto and track_event/ of the Perfetto
 * project). Few of its fields are needed, so the messages are put together here
 * and no library is. Names are written once and referred to by number. A
 * microsecond is a cycle. */
#include <string.h>

#include "sim/trace/trace_out.h"

/* ---- protobuf -------------------------------------------------------------- */

/* Wire types: https://protobuf.dev/programming-guides/encoding/ */
enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static void put_varint(GByteArray *message, uint64_t value)
{
    guint8 bytes[10];
    guint count = 0;
    do {
        bytes[count] = (guint8)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
        count++;
    } while (value > 0);
    g_byte_array_append(message, bytes, count);
}

static void put_key(GByteArray *message, int field, enum wire wire)
{
    put_varint(message, (uint64_t)field << 3 | (uint64_t)wire);
}

static void put_number(GByteArray *message, int field, int64_t value)
{
    put_key(message, field, WIRE_VARINT);
    put_varint(message, (uint64_t)value);
}

/* Least significant byte first. */
static void put_fixed64(GByteArray *message, int field, uint64_t value)
{
    guint8 bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (guint8)(value >> 8 * i);
    }
    put_key(message, field, WIRE_FIXED64);
    g_byte_array_append(message, bytes, sizeof(bytes));
}

static void put_double(GByteArray *message, int field, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    put_fixed64(message, field, bits);
}

static void put_text(GByteArray *message, int field, const char *text)
{
    put_key(message, field, WIRE_BYTES);
    put_varint(message, strlen(text));
    g_byte_array_append(message, (const guint8 *)text, (guint)strlen(text));
}

/* Empties the part. */
static void put_message(GByteArray *message, int field, GByteArray *part)
{
    put_key(message, field, WIRE_BYTES);
    put_varint(message, part->len);
    g_byte_array_append(message, part->data, part->len);
    g_byte_array_set_size(part, 0);
}

/* ---- fields ---------------------------------------------------------------- */

#define TRACE_PACKET 1

#define PACKET_TIMESTAMP_NS     8
#define PACKET_SEQUENCE         10
#define PACKET_TRACK_EVENT      11
#define PACKET_INTERNED         12
#define PACKET_SEQUENCE_FLAGS   13
#define PACKET_TRACK_DESCRIPTOR 60
#define FLAG_STATE_CLEARED      1
#define FLAG_NEEDS_STATE        2

#define TRACK_UUID    1
#define TRACK_NAME    2
#define TRACK_PARENT  5
#define TRACK_COUNTER 8

#define COUNTER_UNIT      3
#define COUNTER_UNIT_NAME 6
#define UNIT_SIZE_BYTES   3

#define EVENT_ANNOTATION     4
#define EVENT_TYPE           9
#define EVENT_NAME_NUMBER    10
#define EVENT_TRACK          11
#define EVENT_COUNTER        30
#define EVENT_DOUBLE_COUNTER 44
#define EVENT_FLOW           47
#define TYPE_SLICE_BEGIN     1
#define TYPE_SLICE_END       2
#define TYPE_COUNTER         4

#define ANNOTATION_INT  4
#define ANNOTATION_TEXT 6
#define ANNOTATION_NAME 10

#define INTERNED_EVENT_NAMES 2
#define NAME_NUMBER          1
#define NAME_TEXT            2

/* ---- packets --------------------------------------------------------------- */

struct perfetto {
    const struct trace *trace;
    struct trace_out *out;
    GByteArray *packet; /* parts that are being put together */
    GByteArray *part;
    GByteArray *inner;
    GArray **flows; /* by slice: uint64_t; NULL: none */
};

static void write_packet(struct perfetto *p, int flags)
{
    put_number(p->packet, PACKET_SEQUENCE, 1);
    put_number(p->packet, PACKET_SEQUENCE_FLAGS, flags);
    g_autoptr(GByteArray) framed = g_byte_array_new();
    put_message(framed, TRACE_PACKET, p->packet);
    trace_out_bytes(p->out, framed->data, framed->len);
}

/* Numbers of tracks: groups from 1 on, then tracks, then bandwidths. */
enum group { GROUP_RUN = 1, GROUP_UNITS, GROUP_PORTS, GROUP_BUFFERS };

static int64_t uuid_of_track(int track)
{
    return 16 + track;
}

static int64_t uuid_of_bandwidth(const struct perfetto *p, int track)
{
    return uuid_of_track((int)p->trace->tracks->len + track);
}

static int64_t uuid_of_series(const struct perfetto *p, guint series)
{
    return uuid_of_bandwidth(p, (int)p->trace->tracks->len + (int)series);
}

static void write_track(struct perfetto *p, int64_t uuid, int64_t parent,
                        const char *name, const char *unit)
{
    put_number(p->part, TRACK_UUID, uuid);
    put_text(p->part, TRACK_NAME, name);
    if (parent > 0) {
        put_number(p->part, TRACK_PARENT, parent);
    }
    if (unit != NULL && unit[0] == '\0') {
        put_number(p->inner, COUNTER_UNIT, UNIT_SIZE_BYTES);
    } else if (unit != NULL) {
        put_text(p->inner, COUNTER_UNIT_NAME, unit);
    }
    if (unit != NULL) {
        put_message(p->part, TRACK_COUNTER, p->inner);
    }
    put_message(p->packet, PACKET_TRACK_DESCRIPTOR, p->part);
    write_packet(p, FLAG_NEEDS_STATE);
}

static enum group group_of(enum track_kind kind)
{
    switch (kind) {
    case TRACK_PHASES:
        return GROUP_RUN;
    case TRACK_UNIT:
    case TRACK_STALLS:
        return GROUP_UNITS;
    case TRACK_PORT:
        return GROUP_PORTS;
    case TRACK_BUFFER:
        return GROUP_BUFFERS;
    }
    BUG("track kind %d", (int)kind);
}

static void write_tracks(struct perfetto *p)
{
    write_track(p, GROUP_RUN, 0, p->trace->title, NULL);
    write_track(p, GROUP_UNITS, 0, "units", NULL);
    write_track(p, GROUP_PORTS, 0, "memory ports", NULL);
    write_track(p, GROUP_BUFFERS, 0, "buffers", NULL);
    for (int t = 0; t < (int)p->trace->tracks->len; t++) {
        const struct trace_track *track = trace_track(p->trace, t);
        write_track(p, uuid_of_track(t), group_of(track->kind), track->name,
                    track->kind == TRACK_BUFFER ? "" : NULL);
        if (track->kind == TRACK_PORT) {
            g_autofree char *name =
                g_strdup_printf("%s bandwidth", track->name);
            write_track(p, uuid_of_bandwidth(p, t), GROUP_PORTS, name,
                        "B/cycle");
        }
    }
    for (guint i = 0; i < p->trace->series->len; i++) {
        const struct trace_series *series =
            &g_array_index(p->trace->series, struct trace_series, i);
        write_track(p, uuid_of_series(p, i),
                    group_of(trace_track(p->trace, series->track)->kind),
                    series->name, series->is_bytes ? "B/cycle" : "%");
    }
}

/* Numbers of names begin at 1. */
static void write_names(struct perfetto *p)
{
    for (int n = 0; n < (int)p->trace->names->len; n++) {
        put_number(p->inner, NAME_NUMBER, n + 1);
        put_text(p->inner, NAME_TEXT, trace_name(p->trace, n)->text);
        put_message(p->part, INTERNED_EVENT_NAMES, p->inner);
    }
    put_message(p->packet, PACKET_INTERNED, p->part);
    write_packet(p, FLAG_STATE_CLEARED);
}

/* ---- slices ---------------------------------------------------------------- */

static void put_annotation(struct perfetto *p, const char *name, int64_t value)
{
    put_text(p->inner, ANNOTATION_NAME, name);
    put_number(p->inner, ANNOTATION_INT, value);
    put_message(p->part, EVENT_ANNOTATION, p->inner);
}

static void put_arguments(struct perfetto *p, const struct trace_slice *slice)
{
    const struct trace *trace = p->trace;
    if (trace_track(trace, slice->track)->kind == TRACK_PORT) {
        put_annotation(p, "bytes", slice->bytes);
    }
    if (slice->iteration >= 0) {
        put_annotation(p, "iteration", slice->iteration);
    }
    for (int k = 0; k < slice->coordinate_count; k++) {
        const struct trace_coordinate *at =
            &g_array_index(trace->coordinates, struct trace_coordinate,
                           slice->first_coordinate + k);
        g_autofree char *range = g_strdup_printf(
            "%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT, at->lo, at->hi);
        put_text(p->inner, ANNOTATION_NAME,
                 g_ptr_array_index(trace->ranks, at->rank));
        put_text(p->inner, ANNOTATION_TEXT, range);
        put_message(p->part, EVENT_ANNOTATION, p->inner);
    }
}

static void begin_event(struct perfetto *p, int64_t at_ticks, int type,
                        int64_t uuid)
{
    put_number(p->packet, PACKET_TIMESTAMP_NS,
               trace_millicycles(p->trace, at_ticks));
    put_number(p->part, EVENT_TYPE, type);
    put_number(p->part, EVENT_TRACK, uuid);
}

static void end_event(struct perfetto *p)
{
    put_message(p->packet, PACKET_TRACK_EVENT, p->part);
    write_packet(p, FLAG_NEEDS_STATE);
}

static void write_slice(struct perfetto *p, guint number)
{
    const struct trace_slice *slice = trace_slice(p->trace, number);
    int64_t uuid = uuid_of_track(slice->track);
    begin_event(p, slice->begin_ticks, TYPE_SLICE_BEGIN, uuid);
    put_number(p->part, EVENT_NAME_NUMBER, slice->name + 1);
    put_arguments(p, slice);
    for (guint i = 0; p->flows[number] != NULL && i < p->flows[number]->len;
         i++) {
        put_fixed64(p->part, EVENT_FLOW,
                    g_array_index(p->flows[number], uint64_t, i));
    }
    end_event(p);
    begin_event(p, slice->end_ticks, TYPE_SLICE_END, uuid);
    end_event(p);
}

static void add_flow(struct perfetto *p, guint slice, uint64_t flow)
{
    if (p->flows[slice] == NULL) {
        p->flows[slice] = g_array_new(false, false, sizeof(uint64_t));
    }
    g_array_append_val(p->flows[slice], flow);
}

static void find_flows(struct perfetto *p)
{
    g_autoptr(GArray) arrows = trace_find_arrows(p->trace);
    p->flows = g_new0(GArray *, (gsize)p->trace->slices->len + 1);
    for (guint i = 0; i < arrows->len; i++) {
        const struct trace_arrow *arrow =
            &g_array_index(arrows, struct trace_arrow, i);
        add_flow(p, arrow->from, i + 1);
        add_flow(p, arrow->to, i + 1);
    }
}

/* ---- counters -------------------------------------------------------------- */

static void write_samples(struct perfetto *p)
{
    for (guint i = 0; i < p->trace->samples->len && trace_out_goes_on(p->out);
         i++) {
        const struct trace_sample *s =
            &g_array_index(p->trace->samples, struct trace_sample, i);
        begin_event(p, s->at_ticks, TYPE_COUNTER, uuid_of_track(s->track));
        put_number(p->part, EVENT_COUNTER, s->value);
        end_event(p);
    }
}

struct counter {
    struct perfetto *perfetto;
    int64_t uuid;
};

static void write_value(void *user, int64_t at_ticks, double value)
{
    const struct counter *counter = user;
    begin_event(counter->perfetto, at_ticks, TYPE_COUNTER, counter->uuid);
    put_double(counter->perfetto->part, EVENT_DOUBLE_COUNTER, value);
    end_event(counter->perfetto);
}

static void write_bandwidths(struct perfetto *p)
{
    for (int t = 0; t < (int)p->trace->tracks->len; t++) {
        struct counter counter = {p, uuid_of_bandwidth(p, t)};
        if (trace_track(p->trace, t)->kind == TRACK_PORT &&
            trace_out_goes_on(p->out)) {
            trace_visit_bandwidth(p->trace, t, write_value, &counter);
        }
    }
}

static void write_series(struct perfetto *p)
{
    for (guint i = 0; i < p->trace->series->len && trace_out_goes_on(p->out);
         i++) {
        struct counter counter = {p, uuid_of_series(p, i)};
        trace_visit_series(
            p->trace, &g_array_index(p->trace->series, struct trace_series, i),
            write_value, &counter);
    }
}

/* ---- the file -------------------------------------------------------------- */

void trace_write_perfetto(const struct trace *trace, struct trace_out *out)
{
    struct perfetto p = {
        .trace = trace,
        .out = out,
        .packet = g_byte_array_new(),
        .part = g_byte_array_new(),
        .inner = g_byte_array_new(),
    };
    find_flows(&p);
    write_names(&p);
    write_tracks(&p);
    for (guint i = 0; i < trace->slices->len && trace_out_goes_on(out); i++) {
        write_slice(&p, i);
    }
    write_samples(&p);
    write_bandwidths(&p);
    write_series(&p);
    for (guint i = 0; i < trace->slices->len; i++) {
        if (p.flows[i] != NULL) {
            g_array_unref(p.flows[i]);
        }
    }
    g_free(p.flows);
    g_byte_array_unref(p.packet);
    g_byte_array_unref(p.part);
    g_byte_array_unref(p.inner);
}
