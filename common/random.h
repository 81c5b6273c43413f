/* random.h: unpredictable bytes, cheap in small pieces. */
#ifndef HOOKLINE_COMMON_RANDOM_H
#define HOOKLINE_COMMON_RANDOM_H

#include <stddef.h>

/* Fills `bytes` from the kernel's generator, of which 4 KiB are fetched at a time: ids of webhooks need 34 bytes each, and a
 * system call for every one. One thread only. Not for keys: what lies ahead is in memory. */
void random_take(void *bytes, size_t size);

#endif
