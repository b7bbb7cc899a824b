/* Reports of the kernel: counted, handed to the caller, never printed. */
#include <cstring>

#include "sim/systemc/sysc_private.hpp"

namespace
{

enum sysc_severity severity_of(const sc_core::sc_report &report)
{
    switch (report.get_severity()) {
    case sc_core::SC_INFO:
        return SYSC_SEVERITY_INFO;
    case sc_core::SC_WARNING:
        return SYSC_SEVERITY_WARNING;
    case sc_core::SC_ERROR:
        return SYSC_SEVERITY_ERROR;
    case sc_core::SC_FATAL:
    case sc_core::SC_MAX_SEVERITY:
        break;
    }
    return SYSC_SEVERITY_FATAL;
}

const char *text_or_empty(const char *text)
{
    return text == nullptr ? "" : text;
}

/* Running with nothing to do is legal here. */
bool is_wanted(const sc_core::sc_report &report)
{
    return strcmp(report.get_msg_type(),
                  sc_core::SC_ID_NO_SC_START_ACTIVITY_) != 0;
}

void hand_over(sysc_context *context, const sc_core::sc_report &report)
{
    struct sysc_report copy = {};
    copy.severity = severity_of(report);
    copy.id = text_or_empty(report.get_msg_type());
    copy.text = text_or_empty(report.get_msg());
    copy.file = text_or_empty(report.get_file_name());
    copy.line = report.get_line_number();
    copy.process = text_or_empty(report.get_process_name());
    copy.cycle = sysc_now(context);
    context->report_counts[copy.severity]++;
    if (context->report_handler != nullptr) {
        context->report_handler(&copy, context->report_user);
    }
}

} // namespace

void report_handle(const sc_core::sc_report &report,
                   const sc_core::sc_actions &)
{
    sysc_context *context = current_context();
    if (context != nullptr && is_wanted(report)) {
        hand_over(context, report);
    }
    if (report.get_severity() >= sc_core::SC_ERROR) {
        throw report;
    }
}

extern "C" enum sysc_status
sysc_set_report_handler(struct sysc_context *context, sysc_report_fn handler,
                        void *user)
{
    if (context == nullptr) {
        return SYSC_ERR_ARGUMENT;
    }
    context->report_handler = handler;
    context->report_user = user;
    return SYSC_OK;
}

extern "C" int64_t sysc_count_reports(const struct sysc_context *context,
                                      enum sysc_severity severity)
{
    if (context == nullptr || severity < SYSC_SEVERITY_INFO ||
        severity > SYSC_SEVERITY_FATAL) {
        return 0;
    }
    return context->report_counts[severity];
}
