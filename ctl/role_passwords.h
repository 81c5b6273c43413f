/* role_passwords.h: the roles that the schema made get the passwords that lie in a directory. */
#ifndef HOOKLINE_CTL_ROLE_PASSWORDS_H
#define HOOKLINE_CTL_ROLE_PASSWORDS_H

#include "common/database.h"

/* One file for each role, named like it ("hookline_session"); what has no file keeps its password, a line end at the end of
 * one does not count. Sends only SCRAM verifiers: no password reaches the server or its log. Idempotent. 0, or the exit
 * code after saying why not. */
int role_passwords_set(struct database *database, struct arena *arena, const char *directory);

#endif
