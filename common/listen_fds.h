/* listen_fds.h: the listening socket that somebody holds for us: systemd's socket activation, sd_listen_fds(3).
 *
 *      LISTEN_PID=<our pid> LISTEN_FDS=1     and the socket is descriptor 3
 *
 * Whoever holds it keeps it open while we restart: what connects meanwhile waits in the kernel's queue and is refused by
 * nobody. Takes one socket and no more: we would not know which is for what. LISTEN_FDNAMES is not looked at.
 */
#ifndef HOOKLINE_COMMON_LISTEN_FDS_H
#define HOOKLINE_COMMON_LISTEN_FDS_H

/* Once, at start: takes the variables out of the environment, too. NULL when fine (*fd is 0 when we were given none), else
 * a sentence. */
const char *listen_fds_take(int *fd);

#endif
