/* thread.h: a thread that signals never interrupt: they are the program's, and its main thread takes them. */
#ifndef HOOKLINE_COMMON_THREAD_H
#define HOOKLINE_COMMON_THREAD_H

#include <pthread.h>

/* 0, or an error number of pthread_create(3). */
int thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
