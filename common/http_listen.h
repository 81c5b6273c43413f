/* http_listen.h: an address becomes a listening socket. */
#ifndef HOOKLINE_COMMON_HTTP_LISTEN_H
#define HOOKLINE_COMMON_HTTP_LISTEN_H

#include <stdbool.h>

/* HOST:PORT, [v6]:PORT or unix:PATH (a file that nobody listens on is replaced). NULL when *fd listens, without blocking;
 * else a sentence that lives until this thread's next one. *unix_path: the file to remove at the end, the caller's to
 * free; NULL: none. */
const char *http_listen(const char *address, bool reuse_port, int *fd, char **unix_path);

/* Where a socket really listens: "127.0.0.1:43121". The caller frees. */
char *http_listen_address(int fd);

#endif
