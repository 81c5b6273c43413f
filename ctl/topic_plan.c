/* topic_plan.c: see topic_plan.h. */
#include "ctl/topic_plan.h"

#include "common/buffer.h"
#include "common/producer.h"

const struct topic_plan TOPIC_PLANS[TOPIC_PLAN_COUNT] = {
    {TOPIC_WEBHOOKS_RETELL, false},       {TOPIC_WEBHOOKS_CALCOM, false},       {TOPIC_WEBHOOKS_STRIPE, false},
    {TOPIC_CALLS_EVENTS, false},          {TOPIC_CALLS_UPDATES, false},         {TOPIC_WEBHOOKS_RETELL ".dlq", true},
    {TOPIC_WEBHOOKS_CALCOM ".dlq", true}, {TOPIC_WEBHOOKS_STRIPE ".dlq", true}, {TOPIC_CALLS_EVENTS ".dlq", true},
    {TOPIC_CALLS_UPDATES ".dlq", true},
};

int topic_replication(int brokers)
{
    return brokers < 1 ? 1 : brokers > 3 ? 3 : brokers;
}

size_t topic_properties(const struct topic_plan *plan, int brokers, struct topic_property out[TOPIC_PROPERTIES_MAX])
{
    size_t count = 0;
    out[count++] = (struct topic_property){"cleanup.policy", "delete"};
    out[count++] =
        (struct topic_property){"retention.ms", plan->is_dead_letters ? "2592000000" : "604800000"}; /* 30, 7 days */
    out[count++] = (struct topic_property){"retention.bytes", "-1"};
    out[count++] = (struct topic_property){"max.message.bytes", "12582912"}; /* MESSAGE_MAX_BYTES */
    out[count++] = (struct topic_property){"unclean.leader.election.enable", "false"};
    /* With two brokers a minimum of two would stop everything when one is away, with one it would never start. */
    out[count++] = (struct topic_property){"min.insync.replicas", brokers >= 3 ? "2" : "1"};
    return count;
}

static const char *found_value(const struct topic_found *found, const char *name)
{
    for (size_t i = 0; i < found->property_count; i++)
        if (strcmp(found->properties[i].name, name) == 0)
            return found->properties[i].value;
    return NULL;
}

static void add_number(struct buffer *out, const char *name, int is, int wanted)
{
    if (is != wanted)
        buffer_add_format(out, "%s%s %d, not %d", out->len > 0 ? "; " : "", name, is, wanted);
}

struct slice topic_differences(struct arena *arena, const struct topic_plan *plan, int brokers,
                               const struct topic_found *found)
{
    struct buffer out = {0};
    struct topic_property wanted[TOPIC_PROPERTIES_MAX];
    size_t count = topic_properties(plan, brokers, wanted);
    add_number(&out, "partitions", found->partitions, TOPIC_PARTITIONS);
    add_number(&out, "replication", found->replication, topic_replication(brokers));
    for (size_t i = 0; i < count; i++) {
        const char *is = found_value(found, wanted[i].name);
        if (!is || strcmp(is, wanted[i].value) != 0)
            buffer_add_format(&out, "%s%s %s, not %s", out.len > 0 ? "; " : "", wanted[i].name, is ? is : "unknown",
                              wanted[i].value);
    }
    struct slice differences = out.len > 0 ? arena_copy(arena, buffer_slice(&out)) : SLICE_ABSENT;
    buffer_free(&out);
    return differences;
}
