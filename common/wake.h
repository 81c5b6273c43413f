/* wake.h: a loop that other threads can wake, and that wakes by itself when nobody does.
 *
 * librdkafka writes to the descriptor when a queue that was empty gets something, and then not again until the queue has
 * been read: who stops reading early must ask for its next turn itself (wake_after 0). The interval is there because a
 * wake-up that was lost would else be a stop for ever.
 *
 * Knows nothing of Kafka. Hides libevent: both it and common/event.h have a `struct event`, so that a file about records
 * includes this header and not event2/event.h.
 */
#ifndef HOOKLINE_COMMON_WAKE_H
#define HOOKLINE_COMMON_WAKE_H

#include <stdint.h>

struct event_base;
struct wake;

/* What is to be written to wake_fd: eight bytes, from any thread or signal handler. */
extern const uint64_t WAKE_PAYLOAD;

/* `woken` runs in the loop, at least every `interval_ms`. */
struct wake *wake_open(struct event_base *base, int interval_ms, void (*woken)(void *context), void *context);
void wake_close(struct wake *wake);

int wake_fd(const struct wake *wake);

/* The next turn is no later than this; 0: as soon as the loop's other events had theirs. Holds for one turn. */
void wake_after(struct wake *wake, int64_t delay_ms);

#endif
