/* A producer and a consumer on a clock, the smallest whole simulation:
 *
 *   cc -I. -c doc/examples/systemc_counter.c
 *   c++ systemc_counter.o build/release/libweir.a -lsystemc
 *
 * The producer sends one number every third rising edge, the consumer adds up
 * what it gets and stops the run at 30. */
#include <inttypes.h>
#include <stdio.h>

#include "sim/systemc/systemc.h"

struct counter {
    struct sysc_context *context;
    struct sysc_clock *clock;
    struct sysc_fifo *fifo;
    int64_t sum;
};

static void produce(struct sysc_process *self, void *user)
{
    struct counter *counter = user;
    for (int64_t number = 1;; number++) {
        for (int edge = 0; edge < 3; edge++) {
            if (sysc_wait_event(self, sysc_clock_rise(counter->clock)) !=
                SYSC_OK) {
                return;
            }
        }
        if (sysc_fifo_write(self, counter->fifo, &number) != SYSC_OK) {
            return;
        }
    }
}

static void consume(struct sysc_process *self, void *user)
{
    struct counter *counter = user;
    int64_t number = 0;
    while (sysc_fifo_read(self, counter->fifo, &number) == SYSC_OK) {
        counter->sum += number;
        printf("cycle %3" PRId64 ": got %" PRId64 ", sum %" PRId64 "\n",
               sysc_now(counter->context), number, counter->sum);
        if (counter->sum >= 30) {
            sysc_stop(counter->context);
        }
    }
}

static enum sysc_status build(struct counter *counter)
{
    struct sysc_context *context = counter->context;
    struct sysc_module *top = NULL;
    enum sysc_status status =
        sysc_module_new(context, NULL, "top", NULL, NULL, &top);
    if (status == SYSC_OK) {
        status =
            sysc_clock_new(context, top, "clock", 10, 5, 0, &counter->clock);
    }
    if (status == SYSC_OK) {
        status = sysc_fifo_new(context, top, "fifo", sizeof(int64_t), 4,
                               &counter->fifo);
    }
    if (status == SYSC_OK) {
        status = sysc_thread_new(context, top, "produce", produce, counter,
                                 NULL, NULL);
    }
    if (status == SYSC_OK) {
        status = sysc_thread_new(context, top, "consume", consume, counter,
                                 NULL, NULL);
    }
    return status;
}

int main(void)
{
    struct counter counter = {NULL, NULL, NULL, 0};
    if (sysc_context_new(NULL, &counter.context) != SYSC_OK) {
        return 1;
    }
    enum sysc_status status = build(&counter);
    if (status == SYSC_OK) {
        status = sysc_run_until_idle(counter.context);
    }
    if (status != SYSC_STOPPED) {
        fprintf(stderr, "%s: %s\n", sysc_status_text(status),
                sysc_context_error(counter.context));
    }
    sysc_context_free(counter.context);
    return status == SYSC_STOPPED ? 0 : 1;
}
