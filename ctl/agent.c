/* agent.c: which AI agents work for which company. */
#include "ctl/registry.h"
#include "ctl/verbs.h"

#define AGENT_IS                                                                                                       \
    "format('company %s, branch %s, name %s', company_id, coalesce(branch_id::text, 'none'), coalesce(name, 'none'))"

static const struct database_statement INSERT = {
    "agent_insert",
    "INSERT INTO agents (agent_id, company_id, branch_id, name) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING "
    "RETURNING NULL::bigint, true, " AGENT_IS};
static const struct database_statement EXISTING = {
    "agent_existing", "SELECT NULL::bigint, company_id = $2 AND branch_id IS NOT DISTINCT FROM $3 AND name IS NOT "
                      "DISTINCT FROM $4, " AGENT_IS " FROM agents WHERE agent_id = $1"};
static const struct database_statement LIST = {
    "agent_list", "SELECT a.agent_id, a.name, a.company_id::text, c.name, a.branch_id::text, b.name FROM agents a "
                  "JOIN companies c ON c.id = a.company_id LEFT JOIN branches b ON b.id = a.branch_id "
                  "WHERE $1::bigint IS NULL OR a.company_id = $1 ORDER BY a.company_id, a.agent_id"};

static int add(const struct console *console, const struct arguments *arguments)
{
    int64_t company_id = argument_count(arguments, "company", 0);
    int64_t branch_id = argument_count(arguments, "branch", DATABASE_NULL);
    struct database_values values;
    database_values_init(&values, arguments_arena(arguments));
    database_add_text(&values, slice_of(arguments_operand(arguments)));
    database_add_int(&values, company_id);
    database_add_int(&values, branch_id);
    database_add_text(&values, slice_of(argument_text(arguments, "name", NULL)));
    return registry_add(console, arguments,
                        &(struct registry_entry){
                            .what = "agent",
                            .name = slice_of(arguments_operand(arguments)),
                            .company_id = company_id,
                            .branch_id = branch_id,
                            .insert = &INSERT,
                            .existing = &EXISTING,
                            .values = &values,
                        });
}

static int list(const struct console *console, const struct arguments *arguments)
{
    static const struct column COLUMNS[] = {{"agent_id", COLUMN_TEXT},     {"name", COLUMN_TEXT},
                                            {"company_id", COLUMN_NUMBER}, {"company", COLUMN_TEXT},
                                            {"branch_id", COLUMN_NUMBER},  {"branch", COLUMN_TEXT}};
    return registry_list(console, arguments, &LIST, COLUMNS, COUNT(COLUMNS));
}

static const struct option_row ADD_OPTIONS[] = {
    REGISTRY_OPTION_COMPANY(true),
    REGISTRY_OPTION_BRANCH,
    {.name = "name", .kind = OPTION_TEXT, .value = "TEXT", .help = "What people call it."},
};
static const struct option_row LIST_OPTIONS[] = {REGISTRY_OPTION_COMPANY(false)};

const struct verb VERB_AGENT_ADD = {.name = "agent",
                                    .action = "add",
                                    .operand = "AGENT_ID",
                                    .about = "Maps an agent to a company.",
                                    .options = ADD_OPTIONS,
                                    .option_count = COUNT(ADD_OPTIONS),
                                    .run = add};
const struct verb VERB_AGENT_LIST = {.name = "agent",
                                     .action = "list",
                                     .about = "Lists the agents.",
                                     .options = LIST_OPTIONS,
                                     .option_count = COUNT(LIST_OPTIONS),
                                     .run = list};
