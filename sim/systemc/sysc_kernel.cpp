/* The wall around what SystemC keeps globally.
 *
 * The kernel has one current simulation context, a global pointer, and cannot
 * rewind or elaborate twice. A simulation of ours is a fresh sc_simcontext,
 * made current only while control is inside it. The initial context, which the
 * library makes before main, is never touched and never deleted: static events
 * of the library are registered in it.
 *
 * Creating contexts is a feature of this kernel, not of IEEE 1666; it is
 * relied on in this file only, and tests/unit/systemc_context.c fails where
 * it does not hold. */
#include <mutex>
#include <thread>

#include "sim/systemc/sysc_private.hpp"

#if SC_VERSION_MAJOR != 2
#error "contexts in sequence are verified for SystemC 2.3.4 only"
#endif

/* The library calls back into sc_main if its own main runs. Ours never does,
 * but the symbol must exist; it stands here because this file is always
 * linked. */
extern "C" __attribute__((visibility("default"))) int sc_main(int, char **)
{
    return 1;
}

namespace
{

/* Which operating system thread the kernel belongs to, and whether it runs. */
struct kernel_owner {
    std::mutex mutex;
    std::thread::id thread;
    int context_count = 0;
    bool is_running = false;
};

kernel_owner &the_owner()
{
    static kernel_owner owner;
    return owner;
}

sc_core::sc_time_unit kernel_unit(enum sysc_cycle_unit unit)
{
    switch (unit) {
    case SYSC_CYCLE_FS:
        return sc_core::SC_FS;
    case SYSC_CYCLE_PS:
        return sc_core::SC_PS;
    case SYSC_CYCLE_NS:
        return sc_core::SC_NS;
    case SYSC_CYCLE_US:
        return sc_core::SC_US;
    }
    return sc_core::SC_NS;
}

} // namespace

sysc_context *&current_context()
{
    static sysc_context *context = nullptr;
    return context;
}

bool kernel_acquire()
{
    kernel_owner &owner = the_owner();
    std::lock_guard<std::mutex> lock(owner.mutex);
    if (owner.context_count > 0 && owner.thread != std::this_thread::get_id()) {
        return false;
    }
    owner.thread = std::this_thread::get_id();
    owner.context_count++;
    return true;
}

void kernel_release()
{
    kernel_owner &owner = the_owner();
    std::lock_guard<std::mutex> lock(owner.mutex);
    owner.context_count--;
}

bool kernel_is_mine()
{
    kernel_owner &owner = the_owner();
    std::lock_guard<std::mutex> lock(owner.mutex);
    return owner.thread == std::this_thread::get_id();
}

bool kernel_start_run()
{
    kernel_owner &owner = the_owner();
    std::lock_guard<std::mutex> lock(owner.mutex);
    if (owner.is_running) {
        return false;
    }
    owner.is_running = true;
    return true;
}

void kernel_end_run()
{
    kernel_owner &owner = the_owner();
    std::lock_guard<std::mutex> lock(owner.mutex);
    owner.is_running = false;
}

/* The resolution is one cycle, so that a time's 64-bit value is the cycle. */
sc_core::sc_simcontext *kernel_new(enum sysc_cycle_unit unit)
{
    sc_core::sc_simcontext *previous = sc_core::sc_get_curr_simcontext();
    sc_core::sc_simcontext *kernel = new sc_core::sc_simcontext;
    sc_core::sc_curr_simcontext = kernel;
    try {
        sc_core::sc_set_time_resolution(1.0, kernel_unit(unit));
    } catch (...) {
        sc_core::sc_curr_simcontext = previous;
        delete kernel;
        throw;
    }
    sc_core::sc_curr_simcontext = previous;
    return kernel;
}

void kernel_free(sc_core::sc_simcontext *kernel)
{
    /* Cancelled notifications stay in the queue until they come to its top;
     * looking for the next one frees them. */
    sc_core::sc_time next;
    (void)kernel->next_time(next);
    sc_core::sc_simcontext *previous = sc_core::sc_curr_simcontext;
    sc_core::sc_curr_simcontext = kernel;
    delete kernel;
    sc_core::sc_curr_simcontext = previous;
}

void kernel_scope::enter(sysc_context *context)
{
    previous_kernel = sc_core::sc_get_curr_simcontext();
    previous_context = current_context();
    current_context() = context;
    sc_core::sc_curr_simcontext = context->kernel;
    previous_handler = sc_core::sc_report_handler::set_handler(report_handle);
    is_entered = true;
}

void kernel_scope::leave()
{
    current_context() = previous_context;
    sc_core::sc_curr_simcontext = previous_kernel;
    sc_core::sc_report_handler::set_handler(previous_handler);
}
