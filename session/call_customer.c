/* call_customer.c: direction decides whose number it is. */
#include "session/call_customer.h"

#include "common/phone.h"

struct slice call_customer_number(struct arena *arena, const struct call *call)
{
    struct slice number = SLICE_ABSENT;
    struct slice normal;
    if (slice_equals(call->direction, "inbound"))
        number = call->from_number;
    else if (slice_equals(call->direction, "outbound"))
        number = call->to_number;
    if (slice_absent(number) || phone_normalize(arena, number, NULL, &normal) != PHONE_E164)
        return SLICE_ABSENT;
    return normal;
}
