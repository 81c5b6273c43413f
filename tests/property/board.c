/* Whatever the order of records, repeats, late zombies, restarts and hops between instances: a screen that applies the
 * snapshot and the events never sees a version fall (events among each other; and what a snapshot told before its
 * record came is dropped), and ends with exactly PostgreSQL's live calls in their newest versions.
 *
 * A world in miniature: calls change (commits), each change is published sooner or later, in order per call; a crash
 * publishes the current state instead; zombies publish old states more than a minute late; two boards read the topic at
 * their own pace, one of them is restarted; their questions are answered later, with what PostgreSQL knows by then.
 *
 * BOARD_SEED=n repeats one world.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "broadcaster/board.h"
#include "tests/property/board_world.h"

enum { WORLDS = 20000, STEPS = 400 };

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

static void broken(const struct screen *screen, int call, const char *law)
{
    fail_msg("BOARD_SEED=%llu: %s (screen %d, company %d, call %d, seen %lld)", (unsigned long long)world.seed, law,
             (int)(screen - world.screens), screen->company, call, (long long)screen->seen[call]);
}

static int call_of(struct slice id)
{
    return id.ptr[0] - 'a';
}

/* Screens ---------------------------------------------------------------------------------------------------------- */

static void screen_event(struct screen *screen, int call, int64_t version, bool live, int64_t offset)
{
    if (offset <= screen->cursor)
        broken(screen, call, "a cursor did not rise");
    screen->cursor = offset;
    /* A call that left, came back and left again, and was forgotten: an old `gone` is still the truth. */
    bool gone_it_is = !live && !world.rows[screen->company][call];
    if (version < screen->told[call] && !gone_it_is)
        broken(screen, call, "a version fell");
    screen->told[call] = version;
    if (version < screen->seen[call])
        return; /* a snapshot was ahead of the topic: what it told already is dropped, as everyone must */
    screen->seen[call] = version;
    screen->live[call] = live;
}

static void tell(int board, const struct update *update, bool only_resumed)
{
    for (struct screen *screen = world.screens; screen < world.screens + SCREENS; screen++)
        if (screen->board == board && screen->begun && screen->company == update->company_id &&
            !(only_resumed && screen->began_with_snapshot))
            screen_event(screen, call_of(update->call_id), update->version, update->live, update->offset);
}

static void on_show(const struct update *update, void *context)
{
    world.shown++;
    tell((int)(intptr_t)context, update, false);
}

static void on_catch_up(const struct update *update, void *context)
{
    world.caught_up++;
    tell((int)(intptr_t)context, update, true);
}

static void on_ask(int64_t company_id, struct slice call_id, void *context)
{
    int board = (int)(intptr_t)context;
    world.asked++;
    world.questions[board][world.question_count[board]++] = (struct question){(int)company_id, call_of(call_id)};
}

/* The value of a record here is "call version live", so that a snapshot can be read back without a JSON parser. */
static void snapshot_read(struct screen *screen, struct slice text)
{
    bool live[CALLS] = {false};
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] != '<')
            continue;
        int call = text.ptr[i + 1] - 'a';
        int64_t version = strtoll(text.ptr + i + 2, NULL, 10);
        if (version < screen->seen[call])
            broken(screen, call, "a version fell in a snapshot");
        screen->seen[call] = version;
        live[call] = true;
    }
    memcpy(screen->live, live, sizeof live);
}

static void begin_with_snapshot(struct screen *screen)
{
    struct buffer out = {0};
    board_write_live(world.boards[screen->board], screen->company, &out);
    snapshot_read(screen, buffer_slice(&out));
    buffer_free(&out);
    screen->cursor = board_cursor(world.boards[screen->board], screen->company).offset;
    screen->began_with_snapshot = screen->begun = true;
}

static void replay(const struct cursor *cursor, struct slice value, void *context)
{
    int64_t version = strtoll(value.ptr + 2, NULL, 10);
    screen_event(context, value.ptr[1] - 'a', version, value.ptr[value.len - 1] == '+', cursor->offset);
}

/* True once the screen has begun. */
static bool begin(struct screen *screen, bool waited_enough)
{
    struct board *board = world.boards[screen->board];
    if (!board_caught_up(board))
        return false;
    struct cursor cursor = {SLICE("e"), 0, screen->cursor};
    enum board_resume resume =
        screen->cursor == -2 ? BOARD_RESUME_FOREIGN : board_resume(board, screen->company, &cursor);
    if (resume == BOARD_RESUME_AHEAD && !waited_enough)
        return false;
    if (resume != BOARD_RESUME_POSSIBLE) {
        world.reset++;
        if (resume ==
            BOARD_RESUME_AHEAD) /* `reset` says so: this instance is behind, and what was seen counts no more */
            memset(screen->seen, 0, sizeof screen->seen), memset(screen->told, 0, sizeof screen->told);
        begin_with_snapshot(screen);
        return true;
    }
    world.resumed++;
    screen->begun = true;
    screen->began_with_snapshot = false;
    board_history(board, screen->company, screen->cursor, replay, screen);
    return true;
}

/* Boards ----------------------------------------------------------------------------------------------------------- */

static int32_t only_partition(int64_t company_id)
{
    (void)company_id;
    return 0;
}

static struct slice value_of(const struct state *state, char *text, size_t size)
{
    int len = snprintf(text, size, "<%c%lld%c", 'a' + state->call, (long long)state->version,
                       state->kind == KIND_LIVE ? '+' : '-');
    return (struct slice){text, (size_t)len};
}

static void read_one(int board)
{
    if (world.read[board] >= world.topic_len || world.question_count[board] >= QUESTIONS_MAX)
        return;
    const struct topic_record *record = &world.topic[world.read[board]];
    char text[32];
    char id[2] = {(char)('a' + record->state->call), '\0'};
    struct slice value = value_of(record->state, text, sizeof text);
    struct update update = {.company_id = record->state->company,
                            .call_id = slice_of(id),
                            .version = record->state->version,
                            .updated_at_ms = record->state->at_ms,
                            .gone = record->state->kind == KIND_GONE,
                            .live = record->state->kind == KIND_LIVE,
                            .call = record->state->kind == KIND_GONE ? SLICE_ABSENT : value,
                            .value = value,
                            .offset = world.read[board]++,
                            .published_at_ms = record->published_at_ms};
    board_take(world.boards[board], &update, world.now_ms);
}

static void answer_one(int board)
{
    if (!world.question_count[board])
        return;
    int at = world_pick(world.question_count[board]);
    struct question question = world.questions[board][at];
    world.questions[board][at] = world.questions[board][--world.question_count[board]];
    char id[2] = {(char)('a' + question.call), '\0'};
    const struct state *row = world.rows[question.company][question.call];
    board_answer(world.boards[board], question.company, slice_of(id), row ? row->version : 0, world.now_ms);
}

static void load_snapshot(struct board *board)
{
    for (int company = 1; company <= COMPANIES; company++)
        for (int call = 0; call < CALLS; call++) {
            const struct state *row = world.rows[company][call];
            char text[32];
            char id[2] = {(char)('a' + call), '\0'};
            if (row && row->kind == KIND_LIVE)
                board_load(board, company, slice_of(id), row->version, value_of(row, text, sizeof text), world.now_ms);
            else if (row && world.now_ms - row->at_ms <= 15 * MINUTE)
                board_load(board, company, slice_of(id), row->version, SLICE_ABSENT, world.now_ms);
        }
}

static void step_world(void);

static void start_board(int board)
{
    for (struct screen *screen = world.screens; screen < world.screens + SCREENS; screen++)
        if (screen->board == board)
            screen->board = -1;
    board_free(world.boards[board]);
    world.question_count[board] = 0;
    world.boards[board] =
        board_new(&(struct board_options){.history_updates = (size_t)(world_pick(2) ? 3 + world_pick(20) : 10000),
                                          .history_bytes = 1 << 20,
                                          .seed = world_random(),
                                          .partition_of = only_partition,
                                          .show = on_show,
                                          .catch_up = on_catch_up,
                                          .ask = on_ask,
                                          .context = (void *)(intptr_t)board});
    board_set_epoch(world.boards[board], SLICE("e"));
    int64_t watermark = world.topic_len;
    int64_t first = watermark;
    while (first > 0 && world.topic[first - 1].published_at_ms >= world.now_ms - 5 * MINUTE)
        first--;
    for (int i = world_pick(6); i > 0; i--) /* between the watermark and the snapshot the world goes on */
        step_world();
    load_snapshot(world.boards[board]);
    board_start(world.boards[board], 0, first, watermark);
    world.read[board] = first;
}

/* The world -------------------------------------------------------------------------------------------------------- */

static void step_world(void)
{
    world.now_ms += world_pick(8)    ? world_pick(200)
                    : world_pick(30) ? world_pick(20 * 1000)
                                     : world_pick(12 * 60 * 1000);
    switch (world_pick(8)) {
    case 0:
    case 1:
    case 2:
        world_change_a_call();
        break;
    case 3:
    case 4:
    case 5:
        world_publish_oldest();
        break;
    case 6:
        world_crash_and_repeat();
        break;
    default:
        world_zombie_speaks();
    }
}

static void step_screen(struct screen *screen)
{
    if (screen->board >= 0 && !screen->begun)
        begin(screen, world_pick(4) == 0);
    else if (screen->board >= 0 && world_pick(6) == 0)
        screen->board = -1;
    else if (screen->board < 0) {
        screen->board = world_pick(BOARDS);
        screen->begun = false;
        if (world_pick(5) == 0) { /* a new page */
            *screen = (struct screen){.board = screen->board, .company = screen->company, .cursor = -2};
        }
    }
}

static void step(void)
{
    switch (world_pick(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        step_world();
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        read_one(world_pick(BOARDS));
        break;
    case 8:
        answer_one(world_pick(BOARDS));
        break;
    case 9:
        board_forget(world.boards[world_pick(BOARDS)], world.now_ms);
        if (world_pick(25) == 0)
            start_board(world_pick(BOARDS));
        break;
    default:
        step_screen(&world.screens[world_pick(SCREENS)]);
    }
}

/* Everything is published, read and answered; every screen is connected. */
static void settle(void)
{
    for (int i = 0; i < world.state_count; i++)
        world_publish_oldest();
    for (int board = 0; board < BOARDS; board++)
        while (world.read[board] < world.topic_len || world.question_count[board]) {
            read_one(board);
            answer_one(board);
        }
    for (struct screen *screen = world.screens; screen < world.screens + SCREENS; screen++) {
        if (screen->board < 0) {
            screen->board = world_pick(BOARDS);
            screen->begun = false;
        }
        if (!screen->begun && !begin(screen, true))
            broken(screen, 0, "a screen could not begin");
    }
}

static void check(void)
{
    for (const struct screen *screen = world.screens; screen < world.screens + SCREENS; screen++)
        for (int call = 0; call < CALLS; call++) {
            const struct state *row = world.rows[screen->company][call];
            bool live = row && row->kind == KIND_LIVE;
            if (screen->live[call] != live)
                broken(screen, call, live ? "a live call is missing" : "a call that is not live is shown");
            if (live && screen->seen[call] != row->version)
                broken(screen, call, "a live call is not in its newest version");
        }
}

static void one_world(uint64_t seed)
{
    int shown = world.shown;
    int caught_up = world.caught_up;
    int asked = world.asked;
    int resumed = world.resumed;
    int reset = world.reset;
    memset(&world, 0, sizeof world);
    world.shown = shown, world.caught_up = caught_up, world.asked = asked, world.resumed = resumed, world.reset = reset;
    world.seed = world.random = seed;
    world.now_ms = 1762862400000;
    for (int i = 0; i < SCREENS; i++)
        world.screens[i] = (struct screen){.board = -1, .company = 1 + i % COMPANIES, .cursor = -2};
    for (int board = 0; board < BOARDS; board++)
        start_board(board);
    for (int i = 0; i < STEPS; i++)
        step();
    settle();
    check();
    for (int board = 0; board < BOARDS; board++)
        board_free(world.boards[board]);
}

static void screens_end_with_the_truth(void **state)
{
    (void)state;
    const char *only = getenv("BOARD_SEED");
    if (only) {
        one_world(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= WORLDS; seed++)
        one_world(seed);
    print_message("%d worlds: %d shown, %d caught up, %d asked, %d resumed, %d began anew\n", (int)WORLDS, world.shown,
                  world.caught_up, world.asked, world.resumed, world.reset);
    /* A law that nothing tests is none. */
    assert_true(world.shown > WORLDS && world.caught_up > WORLDS && world.asked > WORLDS && world.resumed > WORLDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(screens_end_with_the_truth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
