/* simulate.c: whole lives of calls, as Retell would tell them, with all that goes wrong on the way; also a load generator
 * (--webhooks-per-second) and, with --api-listen, a stand-in for Retell's REST API that knows the same calls.
 *
 * Every name and number is fiction. Exits 1 when webhooks were given up after every try.
 */
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/random.h"
#include "ctl/simulate_api.h"
#include "ctl/verbs.h"

static const uint64_t SEED_MASK = (UINT64_C(1) << 40) - 1;

enum { NUMBERS_MAX = 64 };

/* "+49…,+49…" of the setting; a copy in the arena, cut at its commas. */
static size_t split_numbers(struct arena *arena, const char *text, const char **numbers)
{
    size_t count = 0;
    for (const char *at = text; *at && count < NUMBERS_MAX;) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        if (len > 0)
            numbers[count++] = arena_copy(arena, (struct slice){at, len}).ptr;
        at += len;
    }
    return count;
}

static int read_numbers(const struct console *console, const struct arguments *arguments, struct life_options *life)
{
    life->numbers = argument_texts(arguments, "to", &life->number_count);
    const char *given = settings_text(console->settings, "DEMO_NUMBERS");
    if (life->number_count == 0 && given) {
        const char **numbers = arena_zeroed(arguments_arena(arguments), NUMBERS_MAX, sizeof *numbers);
        life->number_count = split_numbers(arguments_arena(arguments), given, numbers);
        life->numbers = numbers;
    }
    if (life->number_count == 0)
        return complain(EXIT_CODE_USAGE,
                        "--to is missing: the number that is called, as in --to +493023125001; several are fine "
                        "(or HOOKLINE_DEMO_NUMBERS)");
    for (size_t i = 0; i < life->number_count; i++)
        if (strstr(life->numbers[i], "://"))
            return complain(EXIT_CODE_USAGE, "--to is \"%s\"; a phone number is wanted, the address goes to --url",
                            life->numbers[i]);
    life->agents = argument_texts(arguments, "agent", &life->agent_count);
    return EXIT_CODE_FINE;
}

static int read_life(const struct console *console, const struct arguments *arguments, struct life_options *life)
{
    life->life_min_ms = (int64_t)(argument_amount(arguments, "life-min", 5) * 1000);
    life->life_max_ms = (int64_t)(argument_amount(arguments, "life-max", 30) * 1000);
    life->transcripts = argument_amount(arguments, "transcripts", 0.25);
    if (life->life_min_ms > life->life_max_ms)
        return complain(EXIT_CODE_USAGE, "--life-min is more than --life-max");
    random_take(&life->seed, sizeof life->seed);
    life->seed = (uint64_t)argument_count(arguments, "seed", (int64_t)(life->seed & SEED_MASK));
    return read_numbers(console, arguments, life);
}

static int read_journal(const struct arguments *arguments, FILE **journal)
{
    const char *path = argument_text(arguments, "journal", NULL);
    *journal = path ? fopen(path, "ae") : NULL;
    return path && !*journal ? complain(EXIT_CODE_USAGE, "%s cannot be written: %s", path, strerror(errno))
                             : EXIT_CODE_FINE;
}

static int read_options(const struct console *console, const struct arguments *arguments,
                        struct simulation_options *options)
{
    *options = (struct simulation_options){
        .mischief = {.repeat = argument_amount(arguments, "repeat", 0.1),
                     .disorder = argument_amount(arguments, "disorder", 0.1),
                     .lose = argument_amount(arguments, "lose", 0.05)},
        .calls_max = argument_count(arguments, "count", -1),
        .tries = (int)argument_count(arguments, "tries", 3),
        .connections_max = (long)argument_count(arguments, "connections", 32),
        .stay = argument_given(arguments, "stay"),
        .quiet = argument_given(arguments, "quiet"),
    };
    if (argument_given(arguments, "rate") && argument_given(arguments, "webhooks-per-second"))
        return complain(EXIT_CODE_USAGE, "either --rate or --webhooks-per-second is wanted, not both");
    int exit_code = webhook_target_read(console, arguments, &options->target);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = read_life(console, arguments, &options->life);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = read_journal(arguments, &options->journal);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    options->calls_per_second = argument_amount(arguments, "rate", 1);
    if (argument_given(arguments, "webhooks-per-second"))
        options->calls_per_second = argument_amount(arguments, "webhooks-per-second", 0) /
                                    plan_webhooks_per_call(&options->life, &options->mischief);
    return EXIT_CODE_FINE;
}

static int show_summary(const struct arguments *arguments, const struct simulation *simulation,
                        const struct simulation_options *options, const struct simulate_api *api, double seconds)
{
    struct simulation_counts counts = simulation_counts(simulation);
    struct buffer out = {0};
    buffer_add_format(
        &out,
        arguments_json(arguments)
            ? "{\"seed\":%" PRIu64 ",\"seconds\":%.3f,\"calls\":%" PRIu64 ",\"webhooks\":%" PRIu64
              ",\"repeated\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"accepted\":%" PRIu64
              ",\"retries\":%" PRIu64 ",\"given_up\":%" PRIu64 ",\"api_answers\":%" PRIu64 "}\n"
            : "seed %" PRIu64 ", %.1f s: %" PRIu64 " calls, %" PRIu64 " webhooks (%" PRIu64 " of them repeats, %" PRIu64
              " more lost on purpose); %" PRIu64 " sent, %" PRIu64 " accepted, %" PRIu64 " tried again, %" PRIu64
              " given up; %" PRIu64 " questions to the API\n",
        options->life.seed, seconds, counts.calls, counts.webhooks, counts.repeated, counts.lost, counts.sent,
        counts.accepted, counts.retries, counts.given_up, api ? simulate_api_answered(api) : 0);
    int exit_code = console_print(&out);
    buffer_free(&out);
    return exit_code == EXIT_CODE_FINE && counts.given_up > 0 ? EXIT_CODE_FINDING : exit_code;
}

static int simulate(const struct console *console, const struct arguments *arguments)
{
    struct simulation_options options;
    int exit_code = read_options(console, arguments, &options);
    if (exit_code != EXIT_CODE_FINE)
        return exit_code;
    struct event_base *base = event_base_new();
    struct simulation *simulation = simulation_open(base, &options);
    struct simulate_api *api = NULL;
    const char *address = argument_text(arguments, "api-listen", NULL);
    const char *problem =
        address ? simulate_api_open(&api, base, address, simulation, &options.life, options.target.key) : NULL;
    if (problem) {
        exit_code = complain(EXIT_CODE_CONFIGURATION, "--api-listen %s: %s", address, problem);
    } else {
        if (api)
            fprintf(stderr, "hookline: the stand-in for Retell's API listens on http://%s\n",
                    simulate_api_address(api));
        int64_t begin_ms = clock_ticks_ms();
        simulation_run(simulation);
        exit_code = show_summary(arguments, simulation, &options, api, (double)(clock_ticks_ms() - begin_ms) / 1000);
    }
    simulate_api_close(api);
    simulation_close(simulation);
    event_base_free(base);
    if (options.journal && fclose(options.journal) != 0)
        exit_code = complain(EXIT_CODE_FINDING, "the journal cannot be written to its end");
    return exit_code;
}

static const struct option_row OPTIONS[] = {
    {.name = "to", .kind = OPTION_TEXTS, .value = "NUMBER", .help = "A company's own number (HOOKLINE_DEMO_NUMBERS)."},
    {.name = "agent",
     .kind = OPTION_TEXTS,
     .value = "ID",
     .help = "The agent of each number in turn; without it one is made up."},
    {.name = "rate", .kind = OPTION_AMOUNT, .value = "R", .max = 100000, .help = "Calls that begin in a second (1)."},
    {.name = "webhooks-per-second",
     .kind = OPTION_AMOUNT,
     .value = "W",
     .max = 1000000,
     .help = "The rate as webhooks; steady once the first lives are over."},
    {.name = "count",
     .kind = OPTION_COUNT,
     .value = "N",
     .max = UINT32_MAX,
     .help = "Calls in all, then stop; without it until SIGTERM."},
    {.name = "stay", .kind = OPTION_FLAG, .help = "After the last call go on answering as the API."},
    {.name = "life-min", .kind = OPTION_AMOUNT, .value = "SECONDS", .max = 7200, .help = "The shortest call (5)."},
    {.name = "life-max", .kind = OPTION_AMOUNT, .value = "SECONDS", .max = 7200, .help = "The longest call (30)."},
    {.name = "transcripts",
     .kind = OPTION_AMOUNT,
     .value = "SHARE",
     .max = 1,
     .help = "Share of calls that also send transcript_updated (0.25)."},
    {.name = "repeat",
     .kind = OPTION_AMOUNT,
     .value = "SHARE",
     .max = 1,
     .help = "Share of webhooks that are sent twice (0.1)."},
    {.name = "disorder",
     .kind = OPTION_AMOUNT,
     .value = "SHARE",
     .max = 1,
     .help = "Share of webhooks that come after the call's next one (0.1)."},
    {.name = "lose",
     .kind = OPTION_AMOUNT,
     .value = "SHARE",
     .max = 1,
     .help = "Share of calls whose call_ended, call_analyzed or both never come (0.05)."},
    {.name = "seed",
     .kind = OPTION_COUNT,
     .value = "N",
     .max = (INT64_C(1) << 40) - 1,
     .help = "The same seed gives the same calls; without it a random one."},
    {.name = "tries",
     .kind = OPTION_COUNT,
     .value = "N",
     .min = 1,
     .max = 10,
     .help = "Tries of each webhook, the first included (3)."},
    {.name = "connections",
     .kind = OPTION_COUNT,
     .value = "N",
     .min = 1,
     .max = 10000,
     .help = "Connections to ingest at once (32)."},
    {.name = "api-listen",
     .kind = OPTION_TEXT,
     .value = "HOST:PORT",
     .help = "Answer there as Retell's REST API would."},
    {.name = "journal",
     .kind = OPTION_TEXT,
     .value = "PATH",
     .help = "Append a line of JSON for each try and each answer, with the event id."},
    {.name = "quiet", .kind = OPTION_FLAG, .help = "No line every ten seconds."},
    WEBHOOK_OPTIONS,
};

const struct verb VERB_SIMULATE = {.name = "simulate",
                                   .about = "Lives whole calls and tells ingest of them, as Retell would.",
                                   .options = OPTIONS,
                                   .option_count = COUNT(OPTIONS),
                                   .run = simulate};
