/* What a simulation did, to be compared after the run: an assertion inside a
 * callback would jump out of the kernel. */
#ifndef TESTS_UNIT_SYSTEMC_LOG_H
#define TESTS_UNIT_SYSTEMC_LOG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/systemc/systemc.h"

/* In a process: ends it if the wait did not end well. */
#define WAIT(call)                                                             \
    do {                                                                       \
        if ((call) != SYSC_OK) {                                               \
            return;                                                            \
        }                                                                      \
    } while (0)

struct log {
    char text[4096];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static inline void
log_add(struct log *log, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof log->text - log->length;
    int length = vsnprintf(log->text + log->length, room, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < room) {
        log->length += (size_t)length;
    }
}

static inline void log_clear(struct log *log)
{
    log->text[0] = '\0';
    log->length = 0;
}

static inline struct sysc_context *new_context(void)
{
    struct sysc_context *context = NULL;
    assert_int_equal(sysc_context_new(NULL, &context), SYSC_OK);
    return context;
}

static inline struct sysc_event *new_event(struct sysc_context *context,
                                           const char *name)
{
    struct sysc_event *event = NULL;
    assert_int_equal(sysc_event_new(context, NULL, name, &event), SYSC_OK);
    return event;
}

static inline struct sysc_process *new_thread(struct sysc_context *context,
                                              const char *name,
                                              sysc_process_fn callback,
                                              void *user)
{
    struct sysc_process *process = NULL;
    assert_int_equal(
        sysc_thread_new(context, NULL, name, callback, user, NULL, &process),
        SYSC_OK);
    return process;
}

static inline struct sysc_process *new_method(struct sysc_context *context,
                                              const char *name,
                                              sysc_process_fn callback,
                                              void *user)
{
    struct sysc_process *process = NULL;
    assert_int_equal(
        sysc_method_new(context, NULL, name, callback, user, NULL, &process),
        SYSC_OK);
    return process;
}

static inline void free_context(struct sysc_context *context)
{
    assert_int_equal(sysc_context_free(context), SYSC_OK);
}

#endif
