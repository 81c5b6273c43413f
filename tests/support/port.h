/* port.h: a free port of 127.0.0.1 that stays ours until the process that is to listen there does. */
#ifndef HOOKLINE_TESTS_SUPPORT_PORT_H
#define HOOKLINE_TESTS_SUPPORT_PORT_H

/* Binds a socket to a free port and returns it; the kernel gives the port to nobody else while the socket is open, and lets a
 * process listen there that sets SO_REUSEADDR (ours do, PostgreSQL does). Ends the test (abort) when there is none. */
int port_hold(int *port);

#endif
