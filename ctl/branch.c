/* branch.c: the locations of a company. */
#include "ctl/registry.h"
#include "ctl/verbs.h"

#define BRANCH_IS "format('branch %s of company %s', id, company_id)"

static const struct database_statement INSERT = {
    "branch_insert",
    "INSERT INTO branches (name, company_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id, true, " BRANCH_IS};
static const struct database_statement EXISTING = {
    "branch_existing", "SELECT id, true, " BRANCH_IS " FROM branches WHERE name = $1 AND company_id = $2"};
static const struct database_statement LIST = {
    "branch_list",
    "SELECT b.id::text, b.company_id::text, c.name, b.name FROM branches b JOIN companies c ON c.id = b.company_id "
    "WHERE $1::bigint IS NULL OR b.company_id = $1 ORDER BY b.company_id, b.id"};

static int add(const struct console *console, const struct arguments *arguments)
{
    int64_t company_id = argument_count(arguments, "company", 0);
    struct database_values values;
    database_values_init(&values, arguments_arena(arguments));
    database_add_text(&values, slice_of(arguments_operand(arguments)));
    database_add_int(&values, company_id);
    return registry_add(console, arguments,
                        &(struct registry_entry){
                            .what = "branch",
                            .name = slice_of(arguments_operand(arguments)),
                            .company_id = company_id,
                            .insert = &INSERT,
                            .existing = &EXISTING,
                            .values = &values,
                        });
}

static int list(const struct console *console, const struct arguments *arguments)
{
    static const struct column COLUMNS[] = {
        {"id", COLUMN_NUMBER}, {"company_id", COLUMN_NUMBER}, {"company", COLUMN_TEXT}, {"name", COLUMN_TEXT}};
    return registry_list(console, arguments, &LIST, COLUMNS, COUNT(COLUMNS));
}

static const struct option_row ADD_OPTIONS[] = {REGISTRY_OPTION_COMPANY(true)};
static const struct option_row LIST_OPTIONS[] = {REGISTRY_OPTION_COMPANY(false)};

const struct verb VERB_BRANCH_ADD = {.name = "branch",
                                     .action = "add",
                                     .operand = "NAME",
                                     .about = "Adds a branch to a company.",
                                     .options = ADD_OPTIONS,
                                     .option_count = COUNT(ADD_OPTIONS),
                                     .run = add};
const struct verb VERB_BRANCH_LIST = {.name = "branch",
                                      .action = "list",
                                      .about = "Lists the branches.",
                                      .options = LIST_OPTIONS,
                                      .option_count = COUNT(LIST_OPTIONS),
                                      .run = list};
