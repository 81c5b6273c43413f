/* migration_plan.c: see migration_plan.h. */
#include "ctl/migration_plan.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/text.h"

enum { SHA256_BYTES = 32 };

static struct slice digest_of(struct arena *arena, struct slice contents)
{
    unsigned char digest[SHA256_BYTES];
    if (!EVP_Digest(contents.ptr, contents.len, digest, NULL, EVP_sha256(), NULL))
        abort(); /* only without memory, or without SHA-256 in the library */
    struct buffer hex = {0};
    buffer_add_hex(&hex, digest, sizeof digest);
    struct slice copy = arena_copy(arena, buffer_slice(&hex));
    buffer_free(&hex);
    return copy;
}

struct migration *migrations_read(struct arena *arena, const struct embedded_file *files, size_t *count,
                                  const char **problem)
{
    size_t found = 0;
    while (files[found].name)
        found++;
    struct migration *migrations = arena_zeroed(arena, found + 1, sizeof *migrations);
    for (size_t i = 0; i < found; i++) {
        struct migration *migration = &migrations[i];
        migration->name = files[i].name;
        migration->sql = files[i].contents;
        migration->sha256 = digest_of(arena, files[i].contents);
        struct slice number = {files[i].name, strcspn(files[i].name, "_")};
        if (!text_read_int(number, &migration->version) || migration->version != (int64_t)i + 1) {
            *problem = arena_format(arena, "migration %s is not number %zu", files[i].name, i + 1).ptr;
            return NULL;
        }
    }
    *count = found;
    *problem = NULL;
    return migrations;
}

const char *migration_mark(struct arena *arena, struct migration *migrations, size_t count, int64_t version,
                           struct slice name, struct slice sha256)
{
    if (version < 1 || version > (int64_t)count)
        return arena_format(
                   arena,
                   "the database has migration %lld (%.*s), which this program does not know: it is older than the "
                   "schema; use the newer one",
                   (long long)version, SLICE_PRINT(name))
            .ptr;
    struct migration *migration = &migrations[version - 1];
    if (!slice_same(migration->sha256, sha256))
        return arena_format(
                   arena,
                   "migration %s was applied with other contents (SHA-256 %.*s, here %.*s): what is applied must "
                   "not change; put the change into a new migration",
                   migration->name, SLICE_PRINT(sha256), SLICE_PRINT(migration->sha256))
            .ptr;
    migration->applied = true;
    return NULL;
}

const char *migrations_check_order(struct arena *arena, const struct migration *migrations, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (migrations[i].applied && !migrations[i - 1].applied)
            return arena_format(
                       arena, "migration %s is applied, but %s before it is not: schema_migrations was edited by hand",
                       migrations[i].name, migrations[i - 1].name)
                .ptr;
    return NULL;
}
