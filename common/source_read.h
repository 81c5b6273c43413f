/* source_read.h: the sources file's text, or one key alone -> a set of sources; or all that is wrong with it. Pure.
 *
 * Each problem is a line of its own that names the file, the place in it and what would be right, never a key:
 *
 *      /etc/hookline/sources.json: sources[2].keys[0].expires_at: "tomorrow" is no time: write 2026-12-31T00:00:00Z
 *
 * Refuses the whole file for one problem: unknown members (a typo would leave a limit out without a word), a name or a key
 * that stands twice with one provider, keys with which anybody could sign or no signature would match, no key at all,
 * networks that are none, and what is out of range. docs/operations.md, "Sources and keys", describes the members.
 */
#ifndef HOOKLINE_COMMON_SOURCE_READ_H
#define HOOKLINE_COMMON_SOURCE_READ_H

#include "common/buffer.h"
#include "common/source.h"

enum {
    SOURCE_KEY_MIN = 8,
    SOURCE_KEY_MAX = 512,
    SOURCE_KEYS_MAX = 16,   /* of one source; each costs every request an HMAC */
    SOURCE_ALLOW_MAX = 256, /* networks of one source */
    SOURCES_MAX = 1000,
};

/* Reads the file that a `key_file` names: NULL and *key (in `arena`), or why not, a sentence in `arena`. */
typedef const char *source_key_file(void *context, struct arena *arena, const char *path, struct slice *key);

struct sources_input {
    const char *file;  /* its name, for problems; NULL: there is no file */
    struct slice text; /* what it holds */
    source_key_file *key_file;
    void *context;               /* key_file's */
    struct slice retell_api_key; /* makes the unbound source `default` of Retell, beside the file's; absent: not set */
};

/* The set, perhaps an empty one (neither file nor key). NULL: `problems` has a line for each. */
struct sources *sources_read(const struct sources_input *input, struct buffer *problems);

/* NULL when `key` may sign for the provider, else what is wrong with it, without it ("is empty: …"). */
const char *source_key_problem(enum source_provider provider, struct slice key);

#endif
