/* Signals of numbers, and of bytes of a fixed size, over the kernel's
 * sc_signal. */
#include <cstring>
#include <ostream>

#include "sim/systemc/sysc_private.hpp"

namespace
{

const size_t SIGNAL_MAX_BYTES = size_t{1} << 16;

/* What sc_signal asks of a value: copies, comparison, printing, tracing. All
 * values of a signal have one size, so that a copy keeps its place and the
 * trace file may look at it. */
struct byte_value {
    std::vector<unsigned char> bytes;
};

bool operator==(const byte_value &a, const byte_value &b)
{
    return a.bytes == b.bytes;
}

std::ostream &operator<<(std::ostream &stream, const byte_value &value)
{
    return stream << value.bytes.size() << " bytes";
}

/* Byte i is the variable NAME_i. */
void sc_trace(sc_core::sc_trace_file *file, const byte_value &value,
              const std::string &name)
{
    for (size_t i = 0; i < value.bytes.size(); i++) {
        sc_core::sc_trace(file, value.bytes[i], name + "_" + std::to_string(i),
                          8);
    }
}

} // namespace

struct sysc_signal : channel {
    sysc_context *context;
    enum sysc_type type;
    /* The one of `type`. */
    std::unique_ptr<sc_core::sc_signal<bool>> as_bool;
    std::unique_ptr<sc_core::sc_signal<int64_t>> as_i64;
    std::unique_ptr<sc_core::sc_signal<double>> as_f64;
    std::unique_ptr<sc_core::sc_signal<uint64_t>> as_u64;
    std::unique_ptr<sc_core::sc_signal<byte_value>> as_bytes;
    byte_value scratch; /* a value to be written; of the signal's size */
    sysc_event *changed;

    const sc_core::sc_object &object() const
    {
        switch (type) {
        case SYSC_TYPE_BOOL:
            return *as_bool;
        case SYSC_TYPE_I64:
            return *as_i64;
        case SYSC_TYPE_U64:
            return *as_u64;
        case SYSC_TYPE_BYTES:
            return *as_bytes;
        case SYSC_TYPE_F64:
            break;
        }
        return *as_f64;
    }
};

namespace
{

const char *type_text(enum sysc_type type)
{
    switch (type) {
    case SYSC_TYPE_BOOL:
        return "bool";
    case SYSC_TYPE_I64:
        return "i64";
    case SYSC_TYPE_F64:
        return "f64";
    case SYSC_TYPE_U64:
        return "u64";
    case SYSC_TYPE_BYTES:
        return "bytes";
    }
    return "?";
}

enum sysc_status check_signal(const sysc_signal *signal, enum sysc_type type)
{
    if (signal == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (signal->type != type) {
        return set_error(
            signal->context, SYSC_ERR_KIND, "signal '%s' is of type %s, not %s",
            signal->object().name(), type_text(signal->type), type_text(type));
    }
    return SYSC_OK;
}

enum sysc_status check_written(const sysc_signal *signal, enum sysc_type type)
{
    enum sysc_status status = check_signal(signal, type);
    return status == SYSC_OK
               ? check_not_over(signal->context, signal->object().name())
               : status;
}

/* The kernel's value starts undefined; ours starts at 0. */
template <typename Value>
const sc_core::sc_event &make(std::unique_ptr<sc_core::sc_signal<Value>> &owned,
                              const char *name)
{
    owned.reset(new sc_core::sc_signal<Value>(name, Value()));
    return owned->value_changed_event();
}

const sc_core::sc_event &build(sysc_signal *signal, const char *name)
{
    switch (signal->type) {
    case SYSC_TYPE_BOOL:
        return make(signal->as_bool, name);
    case SYSC_TYPE_I64:
        return make(signal->as_i64, name);
    case SYSC_TYPE_U64:
        return make(signal->as_u64, name);
    case SYSC_TYPE_BYTES:
        signal->as_bytes.reset(
            new sc_core::sc_signal<byte_value>(name, signal->scratch));
        return signal->as_bytes->value_changed_event();
    case SYSC_TYPE_F64:
        break;
    }
    return make(signal->as_f64, name);
}

template <typename Value>
enum sysc_status
write(sysc_signal *signal, enum sysc_type type,
      std::unique_ptr<sc_core::sc_signal<Value>> sysc_signal::*slot,
      Value value)
{
    enum sysc_status status = check_written(signal, type);
    if (status != SYSC_OK) {
        return status;
    }
    return guarded(signal->context, [&] {
        (signal->*slot)->write(value);
        return SYSC_OK;
    });
}

template <typename Value>
enum sysc_status
read(const sysc_signal *signal, enum sysc_type type,
     std::unique_ptr<sc_core::sc_signal<Value>> sysc_signal::*slot,
     Value *value)
{
    enum sysc_status status =
        value == nullptr ? SYSC_ERR_ARGUMENT : check_signal(signal, type);
    if (status == SYSC_OK) {
        *value = (signal->*slot)->read();
    }
    return status;
}

enum sysc_status signal_new(sysc_context *context, sysc_module *module,
                            const char *name, enum sysc_type type,
                            size_t size_bytes, sysc_signal **signal)
{
    return guarded(context, [&] {
        enum sysc_status status = check_place(context, module, name, "signal");
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_signal> made(new sysc_signal{});
        made->context = context;
        made->type = type;
        made->scratch.bytes.resize(size_bytes);
        hierarchy_scope scope(context, module);
        made->changed = adopt_event(context, build(made.get(), name));
        sysc_signal *raw = made.get();
        context->channels.push_back(std::move(made));
        std::string type_name = std::string("signal ") + type_text(type);
        if (type == SYSC_TYPE_BYTES) {
            type_name += " " + std::to_string(size_bytes);
        }
        register_object(context, SYSC_KIND_SIGNAL, raw->object().name(),
                        type_name.c_str(), raw);
        *signal = raw;
        return SYSC_OK;
    });
}

} // namespace

extern "C" enum sysc_status sysc_signal_new(struct sysc_context *context,
                                            struct sysc_module *module,
                                            const char *name,
                                            enum sysc_type type,
                                            struct sysc_signal **signal)
{
    if (context == nullptr || signal == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (type != SYSC_TYPE_BOOL && type != SYSC_TYPE_I64 &&
        type != SYSC_TYPE_F64 && type != SYSC_TYPE_U64) {
        return set_error(context, SYSC_ERR_ARGUMENT, "unknown type of signal");
    }
    return signal_new(context, module, name, type, 0, signal);
}

extern "C" enum sysc_status sysc_signal_new_bytes(struct sysc_context *context,
                                                  struct sysc_module *module,
                                                  const char *name,
                                                  size_t size_bytes,
                                                  struct sysc_signal **signal)
{
    if (context == nullptr || signal == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (size_bytes == 0 || size_bytes > SIGNAL_MAX_BYTES) {
        return set_error(context,
                         size_bytes == 0 ? SYSC_ERR_ARGUMENT : SYSC_ERR_LIMIT,
                         "a signal of %zu bytes, not 1 to %zu", size_bytes,
                         SIGNAL_MAX_BYTES);
    }
    return signal_new(context, module, name, SYSC_TYPE_BYTES, size_bytes,
                      signal);
}

extern "C" enum sysc_status sysc_signal_write_u64(struct sysc_signal *signal,
                                                  uint64_t value)
{
    return write(signal, SYSC_TYPE_U64, &sysc_signal::as_u64, value);
}

extern "C" enum sysc_status sysc_signal_write_bytes(struct sysc_signal *signal,
                                                    const void *bytes)
{
    enum sysc_status status = bytes == nullptr
                                  ? SYSC_ERR_ARGUMENT
                                  : check_written(signal, SYSC_TYPE_BYTES);
    if (status != SYSC_OK) {
        return status;
    }
    return guarded(signal->context, [&] {
        memcpy(signal->scratch.bytes.data(), bytes,
               signal->scratch.bytes.size());
        signal->as_bytes->write(signal->scratch);
        return SYSC_OK;
    });
}

extern "C" enum sysc_status
sysc_signal_read_u64(const struct sysc_signal *signal, uint64_t *value)
{
    return read(signal, SYSC_TYPE_U64, &sysc_signal::as_u64, value);
}

extern "C" enum sysc_status
sysc_signal_read_bytes(const struct sysc_signal *signal, void *bytes)
{
    enum sysc_status status = bytes == nullptr
                                  ? SYSC_ERR_ARGUMENT
                                  : check_signal(signal, SYSC_TYPE_BYTES);
    if (status == SYSC_OK) {
        const byte_value &value = signal->as_bytes->read();
        memcpy(bytes, value.bytes.data(), value.bytes.size());
    }
    return status;
}

extern "C" enum sysc_status sysc_signal_write_bool(struct sysc_signal *signal,
                                                   bool value)
{
    return write(signal, SYSC_TYPE_BOOL, &sysc_signal::as_bool, value);
}

extern "C" enum sysc_status sysc_signal_write_i64(struct sysc_signal *signal,
                                                  int64_t value)
{
    return write(signal, SYSC_TYPE_I64, &sysc_signal::as_i64, value);
}

extern "C" enum sysc_status sysc_signal_write_f64(struct sysc_signal *signal,
                                                  double value)
{
    return write(signal, SYSC_TYPE_F64, &sysc_signal::as_f64, value);
}

extern "C" enum sysc_status
sysc_signal_read_bool(const struct sysc_signal *signal, bool *value)
{
    return read(signal, SYSC_TYPE_BOOL, &sysc_signal::as_bool, value);
}

extern "C" enum sysc_status
sysc_signal_read_i64(const struct sysc_signal *signal, int64_t *value)
{
    return read(signal, SYSC_TYPE_I64, &sysc_signal::as_i64, value);
}

extern "C" enum sysc_status
sysc_signal_read_f64(const struct sysc_signal *signal, double *value)
{
    return read(signal, SYSC_TYPE_F64, &sysc_signal::as_f64, value);
}

extern "C" struct sysc_event *
sysc_signal_changed(const struct sysc_signal *signal)
{
    return signal == nullptr ? nullptr : signal->changed;
}

void signal_trace(const sysc_signal *signal, sc_core::sc_trace_file *file,
                  const char *name)
{
    std::string recorded = name != nullptr ? name : signal->object().name();
    switch (signal->type) {
    case SYSC_TYPE_BOOL:
        sc_core::sc_trace(file, signal->as_bool->read(), recorded);
        return;
    case SYSC_TYPE_I64:
        sc_core::sc_trace(file, signal->as_i64->read(), recorded, 64);
        return;
    case SYSC_TYPE_F64:
        sc_core::sc_trace(file, signal->as_f64->read(), recorded);
        return;
    case SYSC_TYPE_U64:
        sc_core::sc_trace(file, signal->as_u64->read(), recorded, 64);
        return;
    case SYSC_TYPE_BYTES:
        sc_trace(file, signal->as_bytes->read(), recorded);
        return;
    }
}

sysc_context *signal_context(const sysc_signal *signal)
{
    return signal->context;
}
