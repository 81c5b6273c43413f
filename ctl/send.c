/* send.c: one signed webhook, from a file or made up, and what ingest answers.
 *
 * A file is sent byte for byte. A template is one moment of a simulated call with the numbers and ids that were asked for.
 * Exits 1 when the answer is not 2xx, 69 when there is none.
 */
#include <errno.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/random.h"
#include "ctl/simulate_body.h"
#include "ctl/verbs.h"
#include "ctl/webhook.h"

enum { BODY_MAX_BYTES = 16 * 1024 * 1024, TEMPLATE_LIFE_MS = 20000 };

struct answer {
    int status;
    struct buffer body;
    const char *problem;
};

static void on_answer(void *opaque, const struct web_answer *heard)
{
    struct answer *answer = opaque;
    answer->status = heard->status;
    answer->problem = heard->problem;
    buffer_add(&answer->body, heard->body);
}

/* "-" is standard input. 0 or an exit code. */
static int read_body(const char *path, struct buffer *body)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file)
        return complain(EXIT_CODE_USAGE, "%s cannot be read: %s", path, strerror(errno));
    char chunk[65536];
    size_t len = 0;
    while (body->len <= BODY_MAX_BYTES && (len = fread(chunk, 1, sizeof chunk, file)) > 0)
        buffer_add(body, (struct slice){chunk, len});
    int failed = ferror(file);
    if (file != stdin)
        fclose(file);
    if (failed)
        return complain(EXIT_CODE_USAGE, "%s cannot be read to its end", path);
    if (body->len > BODY_MAX_BYTES)
        return complain(EXIT_CODE_USAGE, "%s has more than %d bytes; no webhook has", path, BODY_MAX_BYTES);
    return EXIT_CODE_FINE;
}

/* An inbound conversation that is now at the moment of `kind`. */
static void make_life(struct life *life, const struct arguments *arguments, enum life_step_kind kind)
{
    const char *to = argument_text(arguments, "to", "+493023125001"), *agent = argument_text(arguments, "agent", NULL);
    struct life_options options = {.numbers = &to,
                                   .number_count = 1,
                                   .agents = &agent,
                                   .agent_count = agent ? 1 : 0,
                                   .life_min_ms = TEMPLATE_LIFE_MS,
                                   .life_max_ms = TEMPLATE_LIFE_MS};
    random_take(&options.seed, sizeof options.seed);
    int64_t now_ms = clock_now_ms();
    uint32_t index = 0;
    do
        life_make(life, &options, index++, kind == LIFE_CALL_STARTED ? now_ms : now_ms - TEMPLATE_LIFE_MS);
    while (life->outcome != LIFE_CONVERSATION || life->outbound);
    if (argument_given(arguments, "call-id"))
        snprintf(life->call_id, sizeof life->call_id, "%s", argument_text(arguments, "call-id", ""));
    if (argument_given(arguments, "from"))
        snprintf(life->other_number, sizeof life->other_number, "%s", argument_text(arguments, "from", ""));
}

static int write_template(const char *name, const struct arguments *arguments, struct buffer *body)
{
    static const enum life_step_kind KINDS[] = {LIFE_CALL_STARTED, LIFE_CALL_ENDED, LIFE_CALL_ANALYZED};
    if (strlen(argument_text(arguments, "call-id", "")) >= LIFE_CALL_ID_BYTES ||
        strlen(argument_text(arguments, "from", "")) >= NUMBER_TEXT_BYTES ||
        strlen(argument_text(arguments, "agent", "")) >= LIFE_AGENT_ID_BYTES)
        return complain(EXIT_CODE_USAGE,
                        "a template takes a --call-id and --agent of at most %d characters and a --from of at most %d; "
                        "send longer ones with --file",
                        LIFE_CALL_ID_BYTES - 1, NUMBER_TEXT_BYTES - 1);
    for (size_t i = 0; i < COUNT(KINDS); i++) {
        if (strcmp(name, life_step_event(KINDS[i])) != 0)
            continue;
        struct life life;
        make_life(&life, arguments, KINDS[i]);
        for (size_t step = 0; step < life.step_count; step++)
            if (life.steps[step].kind == KINDS[i])
                life_write_webhook(&life, &life.steps[step], body);
        return EXIT_CODE_FINE;
    }
    return complain(EXIT_CODE_USAGE, "--template is \"%s\"; call_started, call_ended or call_analyzed is wanted", name);
}

static int show_answer(const struct arguments *arguments, const struct webhook_target *target,
                       const struct answer *answer)
{
    if (answer->problem)
        return complain(EXIT_CODE_UNAVAILABLE, "%s does not answer: %s", target->url, answer->problem);
    struct buffer out = {0};
    if (arguments_json(arguments)) {
        buffer_add_format(&out, "{\"status\":%d,\"answer\":", answer->status);
        buffer_add_json_string(&out, buffer_slice(&answer->body));
        buffer_add_text(&out, "}\n");
    } else {
        buffer_add_format(&out, "%d %.*s\n", answer->status, SLICE_PRINT(buffer_slice(&answer->body)));
    }
    int exit_code = console_print(&out);
    buffer_free(&out);
    bool accepted = answer->status >= 200 && answer->status < 300;
    return exit_code == EXIT_CODE_FINE && !accepted ? EXIT_CODE_FINDING : exit_code;
}

static int send_one(const struct console *console, const struct arguments *arguments)
{
    const char *file = argument_text(arguments, "file", NULL), *template = argument_text(arguments, "template", NULL);
    if (!file == !template)
        return complain(EXIT_CODE_USAGE, "either --file or --template is wanted; see: hookline help send");
    struct webhook_target target;
    struct buffer body = {0};
    int exit_code = webhook_target_read(console, arguments, &target);
    if (exit_code == EXIT_CODE_FINE)
        exit_code = file ? read_body(file, &body) : write_template(template, arguments, &body);
    if (exit_code == EXIT_CODE_FINE) {
        struct answer answer = {0};
        webhook_send(NULL, &target, body.data ? buffer_slice(&body) : SLICE(""), on_answer, &answer);
        exit_code = show_answer(arguments, &target, &answer);
        buffer_free(&answer.body);
    }
    buffer_free(&body);
    return exit_code;
}

static const struct option_row OPTIONS[] = {
    {.name = "file",
     .kind = OPTION_TEXT,
     .value = "PATH",
     .help = "Send this file byte for byte; - is standard input."},
    {.name = "template",
     .kind = OPTION_TEXT,
     .value = "EVENT",
     .help = "call_started, call_ended or call_analyzed of a call that is made up."},
    {.name = "call-id", .kind = OPTION_TEXT, .value = "ID", .help = "The template's call id; without it a new one."},
    {.name = "to", .kind = OPTION_TEXT, .value = "NUMBER", .help = "The number that is called (+493023125001)."},
    {.name = "from", .kind = OPTION_TEXT, .value = "NUMBER", .help = "The caller's number."},
    {.name = "agent", .kind = OPTION_TEXT, .value = "ID", .help = "The agent who answers."},
    WEBHOOK_OPTIONS,
};

const struct verb VERB_SEND = {.name = "send",
                               .about = "Sends one signed webhook and prints the answer.",
                               .options = OPTIONS,
                               .option_count = COUNT(OPTIONS),
                               .run = send_one};
