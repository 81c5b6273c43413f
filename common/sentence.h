/* sentence.h: what is wrong, in words, for whoever refuses to start. */
#ifndef HOOKLINE_COMMON_SENTENCE_H
#define HOOKLINE_COMMON_SENTENCE_H

/* printf into memory that lives as long as the process: for start and end only, never in a loop. At most 511 bytes. */
const char *sentence_make(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
