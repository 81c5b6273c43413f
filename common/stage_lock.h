/* stage_lock.h: one process per stage and instance on a machine.
 *
 * Two processes of one name would fence each other out of Kafka's group for ever. The lock is the kernel's (flock), so it
 * goes with the process, however that ends; the file stays (removing it would race with the next one's lock).
 */
#ifndef HOOKLINE_COMMON_STAGE_LOCK_H
#define HOOKLINE_COMMON_STAGE_LOCK_H

#define STAGE_LOCK_DIRECTORY "/run/lock"

/* Takes the lock for as long as the process lives. NULL, or a sentence that names the holder (living as long as the
 * process). If `directory` is STAGE_LOCK_DIRECTORY and not to be written to, $XDG_RUNTIME_DIR or the directory for
 * temporary files takes its place; one that the operator chose is used or refused. */
const char *stage_lock_take(const char *directory, const char *stage, const char *instance);

#endif
