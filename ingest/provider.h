/* provider.h: what one platform's webhooks have and another's have not: the table by which receive.c works. Pure. */
#ifndef HOOKLINE_INGEST_PROVIDER_H
#define HOOKLINE_INGEST_PROVIDER_H

#include "common/source.h"
#include "ingest/signature.h"

struct provider {
    enum source_provider id;
    const char *route;           /* /api/retell/webhook, alone or followed by / and a source's name */
    const char *topic;           /* without prefix */
    const char *signature_field; /* X-Retell-Signature */
    const char *event_member;    /* of the body: what it calls the event */
    const char *type_prefix;     /* ai.retell. */
    bool about_calls;            /* the body has call.call_id, and call_inbound wants an answer */
    signature_reader *read;
    signature_matcher *matches;
};

extern const struct provider PROVIDERS[SOURCE_PROVIDERS]; /* by enum source_provider */

#endif
