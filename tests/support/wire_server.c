/* wire_server.c: see wire_server.h. The thread waits in accept, which shutting the socket down ends, or in read,
 * which the client ends. */
#include "tests/support/wire_server.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/arena.h"

enum { HEAD_MAX_BYTES = 65536, CERTIFICATE_LIFE_S = 3600, BACKLOG = 8 };

struct wire_server {
    const char *answer;
    SSL_CTX *tls; /* NULL: plain */
    int listening;
    char address[32];
    pthread_t thread;
    atomic_int connections, questions, distrusted;
};

static void broken(const char *what)
{
    fprintf(stderr, "wire_server: %s\n", what);
    abort();
}

static X509 *certificate_of(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_LIFE_S);
    X509_set_pubkey(certificate, key);
    if (X509_sign(certificate, key, EVP_sha256()) == 0)
        broken("the certificate cannot be signed");
    return certificate;
}

static SSL_CTX *tls_new(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? certificate_of(key) : NULL;
    if (!tls || !certificate || SSL_CTX_use_certificate(tls, certificate) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1)
        broken("there is no TLS");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}

static ssize_t take(int fd, SSL *ssl, char *bytes, size_t size)
{
    return ssl ? SSL_read(ssl, bytes, (int)size) : read(fd, bytes, size);
}

static bool give(int fd, SSL *ssl, const char *text)
{
    size_t len = strlen(text);
    for (size_t sent = 0; sent < len;) {
        ssize_t now = ssl ? SSL_write(ssl, text + sent, (int)(len - sent)) : write(fd, text + sent, len - sent);
        if (now <= 0)
            return false; /* a client may leave whenever it likes */
        sent += (size_t)now;
    }
    return true;
}

static void answer_questions(struct wire_server *self, int fd, SSL *ssl)
{
    char head[HEAD_MAX_BYTES];
    size_t len = 0;
    for (ssize_t came; len < sizeof head && (came = take(fd, ssl, head + len, sizeof head - len)) > 0;) {
        len += (size_t)came;
        if (!memmem(head, len, "\r\n\r\n", 4))
            continue;
        len = 0;
        atomic_fetch_add(&self->questions, 1);
        if (!give(fd, ssl, self->answer))
            return;
    }
}

static void serve_connection(struct wire_server *self, int fd)
{
    SSL *ssl = self->tls ? SSL_new(self->tls) : NULL;
    atomic_fetch_add(&self->connections, 1);
    if (ssl)
        SSL_set_fd(ssl, fd);
    if (!ssl || SSL_accept(ssl) == 1)
        answer_questions(self, fd, ssl);
    if (ssl && ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_TLSV1_ALERT_UNKNOWN_CA)
        atomic_fetch_add(&self->distrusted, 1);
    ERR_clear_error();
    SSL_free(ssl);
}

static void *serve(void *context)
{
    struct wire_server *self = context;
    for (int fd; (fd = accept(self->listening, NULL, NULL)) >= 0;) {
        serve_connection(self, fd);
        close(fd);
    }
    return NULL;
}

static struct wire_server *start(const char *answer, SSL_CTX *tls)
{
    struct wire_server *self = memory_new(1, sizeof *self);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    signal(SIGPIPE, SIG_IGN);
    self->answer = answer;
    self->tls = tls;
    self->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(self->listening, (struct sockaddr *)&address, len) != 0 || listen(self->listening, BACKLOG) != 0 ||
        getsockname(self->listening, (struct sockaddr *)&address, &len) != 0)
        broken("it cannot listen");
    snprintf(self->address, sizeof self->address, "127.0.0.1:%d", ntohs(address.sin_port));
    if (pthread_create(&self->thread, NULL, serve, self) != 0)
        broken("there is no thread for it");
    return self;
}

struct wire_server *wire_server_start(const char *answer)
{
    return start(answer, NULL);
}

struct wire_server *wire_server_start_tls(const char *answer)
{
    return start(answer, tls_new());
}

void wire_server_stop(struct wire_server *self)
{
    shutdown(self->listening, SHUT_RDWR);
    pthread_join(self->thread, NULL);
    close(self->listening);
    SSL_CTX_free(self->tls);
    free(self);
}

const char *wire_server_address(const struct wire_server *self)
{
    return self->address;
}

int wire_server_connections(struct wire_server *self)
{
    return atomic_load(&self->connections);
}

int wire_server_questions(struct wire_server *self)
{
    return atomic_load(&self->questions);
}

int wire_server_distrusted(struct wire_server *self)
{
    return atomic_load(&self->distrusted);
}
