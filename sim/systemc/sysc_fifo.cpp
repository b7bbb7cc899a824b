/* Fifos of elements of a fixed size: the kernel's sc_fifo with bytes in place
 * of a template. Reads and writes of a delta cycle take effect at its end, so
 * the order of reader and writer does not matter. */
#include <cstring>

#include "sim/systemc/sysc_private.hpp"

namespace
{

const size_t FIFO_MAX_BYTES = size_t{1} << 30;

class byte_fifo : public sc_core::sc_prim_channel
{
  public:
    byte_fifo(const char *name, size_t size_bytes, size_t element_limit)
        : sc_core::sc_prim_channel(name),
          written((std::string(name) + "_written").c_str()),
          taken((std::string(name) + "_taken").c_str()),
          element_size_bytes(size_bytes), capacity(element_limit),
          elements(size_bytes * element_limit)
    {
    }

    size_t count_elements() const
    {
        return element_count - taken_count;
    }

    size_t count_free() const
    {
        return capacity - element_count - written_count;
    }

    void put(const void *element)
    {
        memcpy(&elements[write_index * element_size_bytes], element,
               element_size_bytes);
        write_index = write_index + 1 == capacity ? 0 : write_index + 1;
        written_count++;
        request_update();
    }

    void take(void *element)
    {
        memcpy(element, &elements[read_index * element_size_bytes],
               element_size_bytes);
        read_index = read_index + 1 == capacity ? 0 : read_index + 1;
        taken_count++;
        request_update();
    }

    sc_core::sc_event written;
    sc_core::sc_event taken;
    uint64_t traced_count = 0; /* readable elements */

  protected:
    void update() override
    {
        if (taken_count > 0) {
            taken.notify(sc_core::SC_ZERO_TIME);
        }
        if (written_count > 0) {
            written.notify(sc_core::SC_ZERO_TIME);
        }
        element_count = element_count + written_count - taken_count;
        traced_count = element_count;
        taken_count = 0;
        written_count = 0;
    }

  private:
    size_t element_size_bytes;
    size_t capacity;
    std::vector<unsigned char> elements;
    size_t read_index = 0;
    size_t write_index = 0;
    size_t element_count = 0; /* at the beginning of the delta cycle */
    size_t taken_count = 0;   /* in this delta cycle */
    size_t written_count = 0;
};

} // namespace

struct sysc_fifo : channel {
    sysc_context *context;
    std::unique_ptr<byte_fifo> kernel;
    sysc_event *written;
    sysc_event *taken;
};

namespace
{

enum sysc_status check_transfer(sysc_process *self, const sysc_fifo *fifo,
                                const void *element)
{
    if (self == nullptr || fifo == nullptr || element == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (self->context != fifo->context) {
        return set_error(self->context, SYSC_ERR_OWNER,
                         "fifo '%s' belongs to another context",
                         fifo->kernel->name());
    }
    /* A method could try, but not wait; it shall not work by luck. */
    if (!self->is_thread) {
        return set_error(self->context, SYSC_ERR_KIND,
                         "'%s' is a method: it cannot wait for fifo '%s'",
                         self->name.c_str(), fifo->kernel->name());
    }
    return self->unwinding ? sysc_wait_static(self) : SYSC_OK;
}

enum sysc_status check_size(sysc_context *context, const char *name,
                            size_t element_size_bytes, size_t capacity)
{
    if (element_size_bytes == 0 || capacity == 0) {
        return set_error(context, SYSC_ERR_ARGUMENT,
                         "fifo '%s' of %zu elements of %zu bytes", name,
                         capacity, element_size_bytes);
    }
    if (capacity > FIFO_MAX_BYTES / element_size_bytes) {
        return set_error(context, SYSC_ERR_LIMIT,
                         "fifo '%s' of %zu elements of %zu bytes: more than "
                         "%zu bytes",
                         name, capacity, element_size_bytes, FIFO_MAX_BYTES);
    }
    return SYSC_OK;
}

} // namespace

extern "C" enum sysc_status
sysc_fifo_new(struct sysc_context *context, struct sysc_module *module,
              const char *name, size_t element_size_bytes, size_t capacity,
              struct sysc_fifo **fifo)
{
    if (context == nullptr || fifo == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    return guarded(context, [&] {
        enum sysc_status status = check_place(context, module, name, "fifo");
        if (status == SYSC_OK) {
            status = check_size(context, name, element_size_bytes, capacity);
        }
        if (status != SYSC_OK) {
            return status;
        }
        std::unique_ptr<sysc_fifo> made(new sysc_fifo{});
        made->context = context;
        hierarchy_scope scope(context, module);
        made->kernel.reset(new byte_fifo(name, element_size_bytes, capacity));
        made->written = adopt_event(context, made->kernel->written);
        made->taken = adopt_event(context, made->kernel->taken);
        sysc_fifo *raw = made.get();
        context->channels.push_back(std::move(made));
        std::string type = "fifo " + std::to_string(element_size_bytes);
        register_object(context, SYSC_KIND_FIFO, raw->kernel->name(),
                        type.c_str(), raw);
        *fifo = raw;
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_fifo_try_write(struct sysc_fifo *fifo,
                                                const void *element)
{
    if (fifo == nullptr || element == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (fifo->kernel->count_free() == 0) {
        return SYSC_FULL;
    }
    enum sysc_status status =
        check_not_over(fifo->context, fifo->kernel->name());
    if (status != SYSC_OK) {
        return status;
    }
    return guarded(fifo->context, [&] {
        fifo->kernel->put(element);
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_fifo_try_read(struct sysc_fifo *fifo,
                                               void *element)
{
    if (fifo == nullptr || element == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    if (fifo->kernel->count_elements() == 0) {
        return SYSC_EMPTY;
    }
    return guarded(fifo->context, [&] {
        fifo->kernel->take(element);
        return SYSC_OK;
    });
}

extern "C" enum sysc_status sysc_fifo_write(struct sysc_process *self,
                                            struct sysc_fifo *fifo,
                                            const void *element)
{
    enum sysc_status status = check_transfer(self, fifo, element);
    while (status == SYSC_OK) {
        status = sysc_fifo_try_write(fifo, element);
        if (status != SYSC_FULL) {
            return status;
        }
        status = sysc_wait_event(self, fifo->taken);
    }
    return status;
}

extern "C" enum sysc_status
sysc_fifo_read(struct sysc_process *self, struct sysc_fifo *fifo, void *element)
{
    enum sysc_status status = check_transfer(self, fifo, element);
    while (status == SYSC_OK) {
        status = sysc_fifo_try_read(fifo, element);
        if (status != SYSC_EMPTY) {
            return status;
        }
        status = sysc_wait_event(self, fifo->written);
    }
    return status;
}

extern "C" size_t sysc_fifo_count_elements(const struct sysc_fifo *fifo)
{
    return fifo == nullptr ? 0 : fifo->kernel->count_elements();
}

extern "C" size_t sysc_fifo_count_free(const struct sysc_fifo *fifo)
{
    return fifo == nullptr ? 0 : fifo->kernel->count_free();
}

extern "C" struct sysc_event *sysc_fifo_written(const struct sysc_fifo *fifo)
{
    return fifo == nullptr ? nullptr : fifo->written;
}

extern "C" struct sysc_event *sysc_fifo_taken(const struct sysc_fifo *fifo)
{
    return fifo == nullptr ? nullptr : fifo->taken;
}

void fifo_trace(const sysc_fifo *fifo, sc_core::sc_trace_file *file,
                const char *name)
{
    sc_core::sc_trace(file, fifo->kernel->traced_count,
                      name != nullptr ? name : fifo->kernel->name(), 32);
}

sysc_context *fifo_context(const sysc_fifo *fifo)
{
    return fifo->context;
}
