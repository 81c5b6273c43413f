/* number.c: which phone numbers belong to which company.
 *
 * A number is stored as E.164, read with the company's region: "030 23125 001" and "+49 30 23125001" are the same. What is
 * no number of the world's plan (SIP, short codes) is stored trimmed, and said so.
 */
#include "common/phone.h"
#include "ctl/registry.h"
#include "ctl/verbs.h"

#define NUMBER_IS "format('company %s, branch %s', company_id, coalesce(branch_id::text, 'none'))"

static const struct database_statement REGION = {"number_region", "SELECT default_region FROM companies WHERE id = $1"};
static const struct database_statement INSERT = {
    "number_insert",
    "INSERT INTO phone_numbers (number, company_id, branch_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING "
    "RETURNING NULL::bigint, true, " NUMBER_IS};
static const struct database_statement EXISTING = {
    "number_existing", "SELECT NULL::bigint, company_id = $2 AND branch_id IS NOT DISTINCT FROM $3, " NUMBER_IS
                       " FROM phone_numbers WHERE number = $1"};
static const struct database_statement LIST = {
    "number_list", "SELECT n.number, n.company_id::text, c.name, n.branch_id::text, b.name FROM phone_numbers n "
                   "JOIN companies c ON c.id = n.company_id LEFT JOIN branches b ON b.id = n.branch_id "
                   "WHERE $1::bigint IS NULL OR n.company_id = $1 ORDER BY n.company_id, n.number"};

/* The company's region in the arena, NULL if there is no such company; 0 or an exit code. */
static int read_region(const struct console *console, struct arena *arena, int64_t company_id, const char **region)
{
    struct database *database = NULL;
    struct database_error error;
    int exit_code = console_database(console, &database);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    struct database_values values;
    database_values_init(&values, arena);
    database_add_int(&values, company_id);
    PGresult *rows = database_query(database, &REGION, &values, &error);
    *region = rows && PQntuples(rows) > 0 ? arena_copy(arena, database_text(rows, 0, 0)).ptr : NULL;
    if (!rows)
        exit_code = console_database_problem(&error, "reading the company's region");
    PQclear(rows);
    database_close(database);
    return exit_code;
}

static int add(const struct console *console, const struct arguments *arguments)
{
    struct arena *arena = arguments_arena(arguments);
    int64_t company_id = argument_count(arguments, "company", 0);
    const char *region = NULL;
    int exit_code = read_region(console, arena, company_id, &region);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    if (!region)
        return complain(EXIT_CODE_FINDING, "there is no company %lld; `hookline company list` shows them",
                        (long long)company_id);

    struct slice number;
    enum phone_kind kind = phone_normalize(arena, slice_of(arguments_operand(arguments)), region, &number);
    if (kind == PHONE_ABSENT)
        return complain(EXIT_CODE_USAGE, "the number is empty; write it as in +493023125001");
    if (kind == PHONE_OTHER)
        complain(EXIT_CODE_FINE, "\"%.*s\" is no number of region %s; it is kept as it is", SLICE_PRINT(number),
                 region);

    int64_t branch_id = argument_count(arguments, "branch", DATABASE_NULL);
    struct database_values values;
    database_values_init(&values, arena);
    database_add_text(&values, number);
    database_add_int(&values, company_id);
    database_add_int(&values, branch_id);
    return registry_add(console, arguments,
                        &(struct registry_entry){
                            .what = "number",
                            .name = number,
                            .company_id = company_id,
                            .branch_id = branch_id,
                            .insert = &INSERT,
                            .existing = &EXISTING,
                            .values = &values,
                        });
}

static int list(const struct console *console, const struct arguments *arguments)
{
    static const struct column COLUMNS[] = {{"number", COLUMN_TEXT},
                                            {"company_id", COLUMN_NUMBER},
                                            {"company", COLUMN_TEXT},
                                            {"branch_id", COLUMN_NUMBER},
                                            {"branch", COLUMN_TEXT}};
    return registry_list(console, arguments, &LIST, COLUMNS, COUNT(COLUMNS));
}

static const struct option_row ADD_OPTIONS[] = {REGISTRY_OPTION_COMPANY(true), REGISTRY_OPTION_BRANCH};
static const struct option_row LIST_OPTIONS[] = {REGISTRY_OPTION_COMPANY(false)};

const struct verb VERB_NUMBER_ADD = {.name = "number",
                                     .action = "add",
                                     .operand = "NUMBER",
                                     .about = "Maps a phone number to a company.",
                                     .options = ADD_OPTIONS,
                                     .option_count = COUNT(ADD_OPTIONS),
                                     .run = add};
const struct verb VERB_NUMBER_LIST = {.name = "number",
                                      .action = "list",
                                      .about = "Lists the phone numbers.",
                                      .options = LIST_OPTIONS,
                                      .option_count = COUNT(LIST_OPTIONS),
                                      .run = list};
