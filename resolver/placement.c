/* placement.c: the two look-ups in a row, and the third for what they leave open. */
#include "resolver/placement.h"

#include "common/log.h"

/* First companies and branches, for the region in which a number is read; then numbers and agents. */
enum { COMPANY_OF_SOURCE, COMPANY_OF_METADATA, BRANCH_OF_METADATA, FIRST_QUESTIONS };
enum { NUMBER, AGENT, SECOND_QUESTIONS };

static struct slice id_key(struct arena *arena, int64_t id)
{
    return id ? arena_format(arena, "%lld", (long long)id) : SLICE_ABSENT;
}

static void ask_first(const struct placement *placement, struct arena *arena, struct mapping_question *questions)
{
    const struct webhook_clues *clues = &placement->clues;
    int64_t source_company = placement->kind == CLUES_CALL ? placement->event->source_company : 0;
    questions[COMPANY_OF_SOURCE] = (struct mapping_question){MAPPING_COMPANY, id_key(arena, source_company), {0}};
    questions[COMPANY_OF_METADATA] =
        (struct mapping_question){MAPPING_COMPANY, id_key(arena, clues->metadata_company), {0}};
    questions[BRANCH_OF_METADATA] =
        (struct mapping_question){MAPPING_BRANCH, id_key(arena, clues->metadata_branch), {0}};
}

static void ask_second(const struct placer *placer, struct placement *placement, struct arena *arena,
                       const struct mapping_question *first, struct mapping_question *questions)
{
    const char *region = first[COMPANY_OF_SOURCE].answer.region;
    if (!placement->event->source_company)
        region = first[COMPANY_OF_METADATA].answer.region;
    number_memo_normalize(placer->numbers, arena, webhook_clues_number(&placement->clues),
                          region[0] ? region : placer->default_region, &placement->number);
    questions[NUMBER] = (struct mapping_question){MAPPING_NUMBER, placement->number, {0}};
    questions[AGENT] = (struct mapping_question){MAPPING_AGENT, placement->clues.agent_id, {0}};
}

static struct evidence evidence_of(const struct placement *placement, const struct mapping_question *first,
                                   const struct mapping_question *second)
{
    return (struct evidence){
        .source_company = placement->event->source_company,
        .metadata_foreign = placement->clues.metadata_foreign,
        .metadata_company = placement->clues.metadata_company,
        .metadata_branch = placement->clues.metadata_branch,
        .company_named = first[COMPANY_OF_METADATA].answer,
        .branch_named = first[BRANCH_OF_METADATA].answer,
        .outbound = placement->clues.outbound,
        .number_given = !slice_absent(second[NUMBER].key),
        .agent_given = !slice_absent(second[AGENT].key),
        .number = second[NUMBER].answer,
        .agent = second[AGENT].answer,
    };
}

/* The third look-up: whose call it was said to be before. Most batches have nothing to ask. */
static bool ask_owners(struct mappings *mappings, struct arena *arena, struct placement *placements, size_t count,
                       int64_t now_ms, struct database_error *error)
{
    struct mapping_question *questions = arena_zeroed(arena, count, sizeof *questions);
    for (size_t i = 0; i < count; i++)
        if (placements[i].resolution.owner_wanted)
            questions[i] = (struct mapping_question){MAPPING_OWNER, placements[i].clues.call_id_text, {0}};
    if (!mappings_look_up(mappings, arena, questions, count, now_ms, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!placements[i].resolution.owner_wanted)
            continue;
        placements[i].evidence.owner_asked = true;
        placements[i].evidence.owner = questions[i].answer.company_id;
        placements[i].resolution = resolve(&placements[i].evidence);
    }
    return true;
}

bool placements_find(const struct placer *placer, struct arena *arena, struct placement *placements, size_t count,
                     int64_t now_ms, struct database_error *error)
{
    struct mapping_question *first = arena_zeroed(arena, count * FIRST_QUESTIONS, sizeof *first);
    for (size_t i = 0; i < count; i++) {
        placements[i].kind = webhook_clues_read(arena, event_provider(placements[i].event), placements[i].event->body,
                                                &placements[i].clues);
        placements[i].resolution = (struct resolution){0};
        ask_first(&placements[i], arena, first + i * FIRST_QUESTIONS);
    }
    if (!mappings_look_up(placer->mappings, arena, first, count * FIRST_QUESTIONS, now_ms, error))
        return false;

    struct mapping_question *second = arena_zeroed(arena, count * SECOND_QUESTIONS, sizeof *second);
    for (size_t i = 0; i < count; i++)
        ask_second(placer, &placements[i], arena, first + i * FIRST_QUESTIONS, second + i * SECOND_QUESTIONS);
    if (!mappings_look_up(placer->mappings, arena, second, count * SECOND_QUESTIONS, now_ms, error))
        return false;

    for (size_t i = 0; i < count; i++) {
        placements[i].evidence =
            evidence_of(&placements[i], first + i * FIRST_QUESTIONS, second + i * SECOND_QUESTIONS);
        if (placements[i].kind == CLUES_CALL)
            placements[i].resolution = resolve(&placements[i].evidence);
    }
    return ask_owners(placer->mappings, arena, placements, count, now_ms, error);
}

const struct record *placement_record(const struct placement *placement, struct slice key, struct arena *arena)
{
    struct event event = *placement->event;
    event.subject = placement->clues.call_id;
    event.company_id = placement->resolution.company_id;
    event.branch_id = placement->resolution.branch_id;
    event.resolved_by = slice_of(resolve_rule_name(placement->resolution.rule));

    struct header *headers = arena_zeroed(arena, EVENT_HEADERS_MAX, sizeof *headers);
    struct record *record = arena_zeroed(arena, 1, sizeof *record);
    *record = (struct record){
        .topic = TOPIC_CALLS_EVENTS,
        .partition = RECORD_PARTITION_BY_KEY,
        .key = key,
        .value = event.body,
        .headers = headers,
        .header_count = event_write(&event, arena, headers),
    };
    return record;
}

void placement_log(const struct placement *placement, struct arena *arena)
{
    const struct resolution *resolution = &placement->resolution;
    if (!log_enabled(LOG_DEBUG) || placement->kind != CLUES_CALL)
        return;
    log_event(LOG_DEBUG, "rules", LOG_SLICE("correlation_id", placement->event->correlation_id),
              LOG_SLICE("call_id", placement->clues.call_id_text), LOG_NUMBER("number", placement->number),
              LOG_SLICE("chain", resolve_explain(resolution, arena)),
              LOG_TEXT("resolved_by", resolve_rule_name(resolution->rule)),
              LOG_INT("company_id", resolution->company_id), LOG_INT("branch_id", resolution->branch_id),
              LOG_TEXT("branch_by", resolve_rule_name(resolution->branch_rule)));
}
