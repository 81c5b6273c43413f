/* inbox_lock.h: who writes events into webhook_events shares this lock until its transaction ends; who erases what those
 * transactions may still write has it alone. It is an advisory lock and not one on the table: a vacuum of the inbox, or an
 * index made concurrently, may take hours, and would keep whoever erases away, and session behind it.
 *
 * A statement of its own, before the first that reads: that one then sees all that was committed under the lock. */
#ifndef HOOKLINE_COMMON_INBOX_LOCK_H
#define HOOKLINE_COMMON_INBOX_LOCK_H

/* The key is "inbox" read as a number. */
#define INBOX_LOCK_SHARED "SELECT pg_advisory_xact_lock_shared(x'696e626f78'::bigint)"
#define INBOX_LOCK_ALONE  "SELECT pg_advisory_xact_lock(x'696e626f78'::bigint)"

#endif
