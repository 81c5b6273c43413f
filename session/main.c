/* hookline-session: what is the state of this call now?
 *
 * Reads calls.events, keeps each event in the inbox and the one true state of its call in PostgreSQL, in one transaction a
 * batch, and tells every change in calls.updates. Guarantees (docs/architecture.md): each event's effect happens once; the
 * state is a function of the set of a call's events, whatever their order; of one call's updates the newest carries the
 * version in PostgreSQL.
 *
 * Stops: exit 70 when the schema does not fit or stored stamps cannot be read, 75 when Kafka's client gave up, 78 when a
 * setting, role or database is wrong. Security: writes rows of all companies as the role hookline_session; believes the
 * envelope, which only resolver, sync and operators may write.
 */
#include "session/session.h"

static const struct setting SETTINGS[] = {
    SETTINGS_OF_DATABASE,      SETTINGS_OF_KAFKA, SETTINGS_OF_EVERY_STAGE, SETTINGS_OF_MANAGEMENT("127.0.0.1:9103"),
    SETTINGS_OF_EVERY_PROGRAM,
};

int main(int argc, char **argv)
{
    static const char *const READS[] = {TOPIC_CALLS_EVENTS, NULL};
    static const char *const WRITES[] = {TOPIC_CALLS_UPDATES, NULL};
    struct session session = {0};
    return stage_main(argc, argv,
                      &(struct stage){
                          .name = "session",
                          .about = "Keeps the state of every call in PostgreSQL and publishes each change.",
                          .reads = READS,
                          .writes = WRITES,
                          .settings = SETTINGS,
                          .setting_count = COUNT(SETTINGS),
                          .open = session_open,
                          .batch = session_batch,
                          .close = session_close,
                          .context = &session,
                      });
}
