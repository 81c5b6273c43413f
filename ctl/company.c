/* company.c: who the tenants are.
 *
 * Refuses a region that the numbering plan does not know: every number of the company would stay what it was typed as.
 */
#include "common/phone.h"
#include "ctl/registry.h"
#include "ctl/verbs.h"

/* A null region means: as it is, and DE for a new company. */
#define COMPANY_IS "format('company %s, region %s', id, default_region)"

static const struct database_statement INSERT_ANY = {
    "company_insert",
    "INSERT INTO companies (name, default_region) VALUES ($1, coalesce($2, 'DE')) ON CONFLICT DO NOTHING "
    "RETURNING id, true, " COMPANY_IS};
static const struct database_statement EXISTING_ANY = {"company_existing",
                                                       "SELECT id, $2::text IS NULL OR default_region = $2, " COMPANY_IS
                                                       " FROM companies WHERE name = $1"};
static const struct database_statement INSERT_WITH_ID = {
    "company_insert_id", "INSERT INTO companies (id, name, default_region) VALUES ($3, $1, coalesce($2, 'DE')) "
                         "ON CONFLICT DO NOTHING RETURNING id, true, " COMPANY_IS};
static const struct database_statement EXISTING_WITH_ID = {
    "company_existing_id", "SELECT id, id = $3 AND name = $1 AND ($2::text IS NULL OR default_region = $2), "
                           "format('%s, named \"%s\"', " COMPANY_IS ", name) FROM companies WHERE name = $1 OR id = $3 "
                           "ORDER BY (id = $3) DESC LIMIT 1"};
static const struct database_statement LIST = {
    "company_list", "SELECT id::text, name, default_region, "
                    "(SELECT count(*) FROM branches b WHERE b.company_id = c.id)::text, "
                    "(SELECT count(*) FROM phone_numbers p WHERE p.company_id = c.id)::text, "
                    "(SELECT count(*) FROM agents a WHERE a.company_id = c.id)::text, "
                    "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
                    "FROM companies c WHERE $1::bigint IS NULL OR id = $1 ORDER BY id"};

static int add(const struct console *console, const struct arguments *arguments)
{
    const char *region = argument_text(arguments, "region", NULL);
    if (region && !phone_region_known(region))
        return complain(EXIT_CODE_USAGE, "--region is \"%s\"; two capital letters of ISO 3166 are wanted, as in DE",
                        region);
    bool with_id = argument_given(arguments, "id");
    struct database_values values;
    database_values_init(&values, arguments_arena(arguments));
    database_add_text(&values, slice_of(arguments_operand(arguments)));
    database_add_text(&values, slice_of(region));
    if (with_id)
        database_add_int(&values, argument_count(arguments, "id", 0));
    return registry_add(console, arguments,
                        &(struct registry_entry){
                            .what = "company",
                            .name = slice_of(arguments_operand(arguments)),
                            .insert = with_id ? &INSERT_WITH_ID : &INSERT_ANY,
                            .existing = with_id ? &EXISTING_WITH_ID : &EXISTING_ANY,
                            .values = &values,
                        });
}

static int list(const struct console *console, const struct arguments *arguments)
{
    static const struct column COLUMNS[] = {{"id", COLUMN_NUMBER},           {"name", COLUMN_TEXT},
                                            {"default_region", COLUMN_TEXT}, {"branches", COLUMN_NUMBER},
                                            {"numbers", COLUMN_NUMBER},      {"agents", COLUMN_NUMBER},
                                            {"created_at", COLUMN_TEXT}};
    return registry_list(console, arguments, &LIST, COLUMNS, COUNT(COLUMNS));
}

static const struct option_row ADD_OPTIONS[] = {
    {.name = "id",
     .kind = OPTION_COUNT,
     .value = "N",
     .min = 1,
     .max = INT64_MAX,
     .help = "Its id; without it the next free one."},
    {.name = "region",
     .kind = OPTION_TEXT,
     .value = "DE",
     .help = "Region of its numbers without a country code (DE)."},
};
static const struct option_row LIST_OPTIONS[] = {REGISTRY_OPTION_COMPANY(false)};

const struct verb VERB_COMPANY_ADD = {.name = "company",
                                      .action = "add",
                                      .operand = "NAME",
                                      .about = "Adds a company.",
                                      .options = ADD_OPTIONS,
                                      .option_count = COUNT(ADD_OPTIONS),
                                      .run = add};
const struct verb VERB_COMPANY_LIST = {.name = "company",
                                       .action = "list",
                                       .about = "Lists the companies.",
                                       .options = LIST_OPTIONS,
                                       .option_count = COUNT(LIST_OPTIONS),
                                       .run = list};
