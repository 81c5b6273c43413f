/* provider.c: one row a platform. */
#include "ingest/provider.h"

#include "common/producer.h"

const struct provider PROVIDERS[SOURCE_PROVIDERS] = {
    [SOURCE_RETELL] = {.id = SOURCE_RETELL,
                       .route = "/api/retell/webhook",
                       .topic = TOPIC_WEBHOOKS_RETELL,
                       .signature_field = "X-Retell-Signature",
                       .event_member = "event",
                       .type_prefix = "ai.retell.",
                       .about_calls = true,
                       .read = signature_retell_read,
                       .matches = signature_retell_matches},
    [SOURCE_CALCOM] = {.id = SOURCE_CALCOM,
                       .route = "/api/calcom/webhook",
                       .topic = TOPIC_WEBHOOKS_CALCOM,
                       .signature_field = "X-Cal-Signature-256",
                       .event_member = "triggerEvent",
                       .type_prefix = "com.cal.",
                       .read = signature_calcom_read,
                       .matches = signature_calcom_matches},
    [SOURCE_STRIPE] = {.id = SOURCE_STRIPE,
                       .route = "/api/stripe/webhook",
                       .topic = TOPIC_WEBHOOKS_STRIPE,
                       .signature_field = "Stripe-Signature",
                       .event_member = "type",
                       .type_prefix = "com.stripe.",
                       .read = signature_stripe_read,
                       .matches = signature_stripe_matches},
};
