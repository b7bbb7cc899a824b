/* AddressSanitizer must know which stack the program runs on. The kernel tells
 * it when it switches coroutines, but not the bounds of the main stack, and not
 * when a thread ends. Whoever gets control back says so here. */
#include "sim/systemc/sysc_private.hpp"

#ifdef HAS_ADDRESS_SANITIZER

#include <pthread.h>
#include <sanitizer/common_interface_defs.h>

void stack_note(const stack_bounds &bounds)
{
    __sanitizer_start_switch_fiber(nullptr, bounds.bottom, bounds.size_bytes);
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
}

stack_bounds stack_of_caller()
{
    stack_bounds bounds = {};
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *bottom = nullptr;
        (void)pthread_attr_getstack(&attributes, &bottom, &bounds.size_bytes);
        (void)pthread_attr_destroy(&attributes);
        bounds.bottom = bottom;
    }
    return bounds;
}

stack_bounds stack_of_coroutine(size_t stack_size_bytes)
{
    const uintptr_t page_bytes = 4096;
    uintptr_t here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    uintptr_t top = (here + page_bytes - 1) & ~(page_bytes - 1);
    return {reinterpret_cast<const void *>(top - stack_size_bytes),
            stack_size_bytes};
}

#endif
