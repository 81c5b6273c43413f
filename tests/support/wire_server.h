/* wire_server.h: a server of one thread that says one fixed text to whoever asks, and counts connections and handshakes.
 *
 * For what common/http_server cannot show a test: which questions came over the same connection, and how a client takes a
 * certificate that nobody vouches for. One connection after the other; loopback, a free port. Ends the test (abort) when it
 * cannot work.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_WIRE_SERVER_H
#define HOOKLINE_TESTS_SUPPORT_WIRE_SERVER_H

struct wire_server;

/* Each question, up to the empty line behind its head, is answered with these bytes (borrowed until the end). */
struct wire_server *wire_server_start(const char *answer);
/* TLS, with a certificate for 127.0.0.1 that it signed itself. */
struct wire_server *wire_server_start_tls(const char *answer);
/* Every client must have closed, or be done with. */
void wire_server_stop(struct wire_server *server);

/* "127.0.0.1:43121" */
const char *wire_server_address(const struct wire_server *server);

int wire_server_connections(struct wire_server *server);
int wire_server_questions(struct wire_server *server);
/* TLS handshakes that the client broke off because it does not know who signed the certificate. */
int wire_server_distrusted(struct wire_server *server);

#endif
