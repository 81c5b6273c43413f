/* call_customer.h: the other party of a call, by number. Pure. */
#ifndef HOOKLINE_SESSION_CALL_CUSTOMER_H
#define HOOKLINE_SESSION_CALL_CUSTOMER_H

#include "session/call.h"

/* Registers whose change may change the customer. */
enum {
    CALL_CUSTOMER_REGISTERS = 1 << REGISTER_DIRECTION | 1 << REGISTER_FROM_NUMBER | 1 << REGISTER_TO_NUMBER,
};

/* E.164: who called (inbound) or was called (outbound). Absent while the direction is unknown, and for what is no number of
 * the world's plan: anonymous, SIP, short codes. Only international spellings are read: a company's default region is the
 * resolver's business, and a customer must not depend on which event was resolved by what. */
struct slice call_customer_number(struct arena *arena, const struct call *call);

#endif
