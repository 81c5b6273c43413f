/* token.c: who may watch: API tokens of a company.
 *
 *      hl_<43 characters>      32 random bytes in base64url (RFC 4648, 5); PostgreSQL keeps the SHA-256 of the whole text
 *
 * The token is printed once, alone, and can never be shown again. Revoked ones stay in the list: they are part of the past.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/text.h"
#include "ctl/audit.h"
#include "ctl/registry.h"
#include "ctl/verbs.h"

/* 32 bytes are 44 characters of base64; the text has "hl_" before them and a NUL behind. */
enum { TOKEN_RANDOM_BYTES = 32, TOKEN_BASE64_BYTES = 45, TOKEN_TEXT_BYTES = 48, TOKEN_HASH_BYTES = 32 };

static const struct database_statement INSERT = {
    "token_insert", "INSERT INTO api_tokens (token_hash, company_id, name, expires_at) "
                    "VALUES ($1, $2, $3, now() + make_interval(days => $4::int)) "
                    "RETURNING id, to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"};
static const struct database_statement LIST = {
    "token_list",
    "SELECT t.id::text, t.company_id::text, c.name, t.name, t.role, "
    "to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "to_char(t.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'valid' END "
    "FROM api_tokens t JOIN companies c ON c.id = t.company_id WHERE $1::bigint IS NULL OR t.company_id = $1 ORDER BY "
    "t.id"};
static const struct database_statement REVOKE = {
    "token_revoke",
    "UPDATE api_tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING company_id"};
static const struct database_statement KNOWN = {"token_known", "SELECT company_id FROM api_tokens WHERE id = $1"};

/* base64url without padding. */
static void make_token(char text[TOKEN_TEXT_BYTES], uint8_t hash[TOKEN_HASH_BYTES])
{
    uint8_t random[TOKEN_RANDOM_BYTES];
    char base64[TOKEN_BASE64_BYTES];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort(); /* never for 32 bytes once the kernel's pool is ready, and it waits for that */
    int len = EVP_EncodeBlock((unsigned char *)base64, random, sizeof random);
    for (int i = 0; i < len; i++)
        base64[i] = base64[i] == '+' ? '-' : base64[i] == '/' ? '_' : base64[i] == '=' ? '\0' : base64[i];
    snprintf(text, TOKEN_TEXT_BYTES, "hl_%s", base64);
    if (!EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL))
        abort(); /* only without memory, or without SHA-256 in the library */
}

static bool insert_token(struct database *database, const struct arguments *arguments, const uint8_t *hash, int64_t *id,
                         struct slice *expires_at, struct database_error *error)
{
    struct arena *arena = arguments_arena(arguments);
    int64_t company_id = argument_count(arguments, "company", 0);
    struct slice name = slice_of(argument_text(arguments, "name", ""));
    struct database_values values;
    database_values_init(&values, arena);
    database_add_bytes(&values, (struct slice){(const char *)hash, TOKEN_HASH_BYTES});
    database_add_int(&values, company_id);
    database_add_text(&values, name);
    database_add_int(&values, argument_count(arguments, "expires-days", DATABASE_NULL));
    if (!database_execute(database, "BEGIN", error))
        return false;
    PGresult *rows = database_query(database, &INSERT, &values, error);
    if (!rows)
        return false;
    *id = database_int(rows, 0, 0);
    *expires_at = arena_copy(arena, database_text(rows, 0, 1));
    PQclear(rows);

    struct buffer detail = {0};
    buffer_add_format(&detail, "{\"token\":%lld,\"name\":", (long long)*id);
    buffer_add_json_string(&detail, name);
    buffer_add_char(&detail, '}');
    bool fine = audit_write(database, arena, "token created", company_id, buffer_slice(&detail), error) &&
                database_execute(database, "COMMIT", error);
    buffer_free(&detail);
    return fine;
}

static int create(const struct console *console, const struct arguments *arguments)
{
    char token[TOKEN_TEXT_BYTES];
    uint8_t hash[TOKEN_HASH_BYTES];
    struct database *database = NULL;
    struct database_error error;
    int exit_code = console_database(console, &database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    make_token(token, hash);
    int64_t id = 0;
    struct slice expires_at = SLICE_ABSENT;
    bool fine = insert_token(database, arguments, hash, &id, &expires_at, &error);
    database_rollback(database);
    database_close(database);
    if (!fine && strcmp(error.sqlstate, "23503") == 0)
        return complain(EXIT_CODE_FINDING, "there is no company %lld; `hookline company list` shows them",
                        (long long)argument_count(arguments, "company", 0));
    if (!fine)
        return console_database_problem(&error, "creating the token");

    struct buffer out = {0};
    if (arguments_json(arguments)) {
        buffer_add_format(&out, "{\"id\":%lld,\"company_id\":%lld,\"token\":\"%s\",\"expires_at\":", (long long)id,
                          (long long)argument_count(arguments, "company", 0), token);
        if (slice_absent(expires_at))
            buffer_add_text(&out, "null");
        else
            buffer_add_json_string(&out, expires_at);
        buffer_add_text(&out, "}\n");
    } else {
        buffer_add_format(&out, "%s\n", token);
    }
    exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

static int list(const struct console *console, const struct arguments *arguments)
{
    static const struct column COLUMNS[] = {
        {"id", COLUMN_NUMBER}, {"company_id", COLUMN_NUMBER}, {"company", COLUMN_TEXT},    {"name", COLUMN_TEXT},
        {"role", COLUMN_TEXT}, {"created_at", COLUMN_TEXT},   {"expires_at", COLUMN_TEXT}, {"state", COLUMN_TEXT}};
    return registry_list(console, arguments, &LIST, COLUMNS, COUNT(COLUMNS));
}

/* The company of the token that `statement` finds or changes; DATABASE_NULL if none; false after an error. */
static bool ask_company(struct database *database, const struct database_statement *statement, struct arena *arena,
                        int64_t id, int64_t *company_id, struct database_error *error)
{
    struct database_values values;
    database_values_init(&values, arena);
    database_add_int(&values, id);
    PGresult *rows = database_query(database, statement, &values, error);
    if (!rows)
        return false;
    *company_id = PQntuples(rows) > 0 ? database_int(rows, 0, 0) : DATABASE_NULL;
    PQclear(rows);
    return true;
}

static int revoke(const struct console *console, const struct arguments *arguments)
{
    struct arena *arena = arguments_arena(arguments);
    struct database *database = NULL;
    struct database_error error;
    int64_t id = 0, revoked_of = DATABASE_NULL, known_of = DATABASE_NULL;
    if (!text_read_int(slice_of(arguments_operand(arguments)), &id) || id < 1)
        return complain(EXIT_CODE_USAGE, "\"%s\" is no token's id; `hookline token list` shows them",
                        arguments_operand(arguments));
    int exit_code = console_database(console, &database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;

    struct slice detail = arena_format(arena, "{\"token\":%lld}", (long long)id);
    bool fine =
        database_execute(database, "BEGIN", &error) && ask_company(database, &REVOKE, arena, id, &revoked_of, &error) &&
        ask_company(database, &KNOWN, arena, id, &known_of, &error) &&
        (revoked_of == DATABASE_NULL || audit_write(database, arena, "token revoked", revoked_of, detail, &error)) &&
        database_execute(database, "COMMIT", &error);
    database_rollback(database);
    database_close(database);
    if (!fine)
        return console_database_problem(&error, "revoking the token");
    if (known_of == DATABASE_NULL)
        return complain(EXIT_CODE_FINDING, "there is no token %lld; `hookline token list` shows them", (long long)id);
    struct buffer out = {0};
    if (arguments_json(arguments))
        buffer_add_format(&out, "{\"id\":%lld,\"revoked\":%s}\n", (long long)id,
                          revoked_of == DATABASE_NULL ? "false" : "true");
    else
        buffer_add_format(&out, "token %lld %s\n", (long long)id,
                          revoked_of == DATABASE_NULL ? "was revoked before"
                                                      : "is revoked; its streams close within a minute");
    exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code;
}

static const struct option_row CREATE_OPTIONS[] = {
    REGISTRY_OPTION_COMPANY(true),
    {.name = "name", .kind = OPTION_TEXT, .value = "TEXT", .help = "Who will use it."},
    {.name = "expires-days",
     .kind = OPTION_COUNT,
     .value = "N",
     .min = 1,
     .max = 36500,
     .help = "Valid for so many days; without it until it is revoked."},
};
static const struct option_row LIST_OPTIONS[] = {REGISTRY_OPTION_COMPANY(false)};

const struct verb VERB_TOKEN_CREATE = {.name = "token",
                                       .action = "create",
                                       .about = "Creates a token for a company and prints it, this once.",
                                       .options = CREATE_OPTIONS,
                                       .option_count = COUNT(CREATE_OPTIONS),
                                       .run = create};
const struct verb VERB_TOKEN_LIST = {.name = "token",
                                     .action = "list",
                                     .about = "Lists the tokens, without their text.",
                                     .options = LIST_OPTIONS,
                                     .option_count = COUNT(LIST_OPTIONS),
                                     .run = list};
const struct verb VERB_TOKEN_REVOKE = {
    .name = "token", .action = "revoke", .operand = "ID", .about = "Ends a token.", .run = revoke};
