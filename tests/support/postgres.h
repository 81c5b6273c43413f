/* postgres.h: a PostgreSQL of a test's own, with the migrations applied.
 *
 * In a temporary directory, on a free port of 127.0.0.1, everyone trusted. As root it runs as the user postgres, for the
 * server refuses root. It dies with the test. Every failure aborts with a sentence on stderr: a test without its server
 * has nothing to say.
 */
#ifndef HOOKLINE_TESTS_SUPPORT_POSTGRES_H
#define HOOKLINE_TESTS_SUPPORT_POSTGRES_H

struct postgres;

/* initdb, start, create the database `hookline`, apply deploy/migrations in order: about 2 s. */
struct postgres *postgres_start(void);

/* Stops the server and removes its directory. */
void postgres_stop(struct postgres *postgres);

/* postgresql://ROLE@127.0.0.1:PORT/hookline; "postgres" is the administrator. Belongs to the caller (free). */
char *postgres_url(const struct postgres *postgres, const char *role);

/* An outage: kill -QUIT of the server (immediate shutdown, as after a power cut); and back on the same port, recovered. */
void postgres_crash(struct postgres *postgres);
void postgres_resume(struct postgres *postgres);

/* One statement as the administrator, text without parameters; aborts if it fails. The second returns the first field of
 * the first row as text ("" for null or no row); belongs to the caller (free). */
void postgres_execute(const struct postgres *postgres, const char *sql);
char *postgres_ask(const struct postgres *postgres, const char *sql);

#endif
