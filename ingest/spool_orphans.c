/* spool_orphans.c: see spool_orphans.h. */
#include "ingest/spool_orphans.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/clock.h"

enum { SETTLED_MS = 1000 /* a second write within one tick of the file system's clock does not show in its face */ };

/* What changes when somebody writes to a spool, or takes it: then it has a log. */
struct face {
    ino_t inode;
    off_t size, log_size; /* 0: it is not there */
    struct timespec changed, log_changed;
};

struct orphan {
    bool known; /* nothing waited in it when its face was this */
    struct face face;
    int64_t set_aside;
};

struct spool_orphans {
    const char *directory;
    int64_t opened;
    struct orphan seen[SPOOL_SLOTS_MAX];
};

static struct face face_of(const char *path)
{
    char log[PATH_MAX];
    struct stat file = {0};
    struct stat log_file = {0};
    snprintf(log, sizeof log, "%s-wal", path);
    if (stat(path, &file) != 0)
        file = (struct stat){0};
    if (stat(log, &log_file) != 0)
        log_file = (struct stat){0};
    return (struct face){file.st_ino, file.st_size, log_file.st_size, file.st_mtim, log_file.st_mtim};
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_face(const struct face *a, const struct face *b)
{
    return a->inode == b->inode && a->size == b->size && a->log_size == b->log_size &&
           same_time(a->changed, b->changed) && same_time(a->log_changed, b->log_changed);
}

static bool is_settled(const struct face *face)
{
    const struct timespec *last = face->changed.tv_sec > face->log_changed.tv_sec ? &face->changed : &face->log_changed;
    return clock_now_ms() - (int64_t)last->tv_sec * 1000 - last->tv_nsec / 1000000 > SETTLED_MS;
}

/* NULL: it is not to be adopted, or somebody holds it. *set_aside is 0 for one that is, or is held. */
static struct spool_slot *look_into(struct spool_orphans *orphans, struct orphan *orphan, const char *path,
                                    bool may_adopt, int64_t *set_aside)
{
    struct face before = face_of(path);
    struct spool_slot *slot = spool_slot_inherit(path);
    *orphan = (struct orphan){0};
    *set_aside = 0;
    if (!slot)
        return NULL;
    orphans->opened++;
    struct spool *spool = spool_slot_spool(slot);
    struct spool_stat stat = spool ? spool_stat(spool) : (struct spool_stat){0};
    if (stat.records > 0 && may_adopt)
        return slot;
    bool nothing_waits = spool && !spool_slot_was_corrupt(slot) && stat.records == 0;
    spool_slot_release(slot);
    struct face after = face_of(path); /* the same: nobody wrote meanwhile, nor did our opening and closing it */
    *orphan = (struct orphan){nothing_waits && same_face(&before, &after) && is_settled(&after), after, stat.set_aside};
    *set_aside = stat.set_aside;
    return NULL;
}

struct spool_slot *spool_orphans_adopt(struct spool_orphans *orphans, int64_t *set_aside)
{
    struct spool_slot *adopted = NULL;
    *set_aside = 0;
    for (int number = 0; number < SPOOL_SLOTS_MAX; number++) {
        char path[PATH_MAX];
        struct orphan *orphan = &orphans->seen[number];
        int64_t aside = 0;
        spool_slot_name(path, orphans->directory, number);
        struct face now = face_of(path);
        if (orphan->known && same_face(&orphan->face, &now)) {
            *set_aside += orphan->set_aside;
            continue;
        }
        struct spool_slot *slot = look_into(orphans, orphan, path, !adopted, &aside);
        adopted = adopted ? adopted : slot;
        *set_aside += aside;
    }
    return adopted;
}

int64_t spool_orphans_opened(const struct spool_orphans *orphans)
{
    return orphans->opened;
}

struct spool_orphans *spool_orphans_new(const char *directory)
{
    struct spool_orphans *orphans = memory_new(1, sizeof *orphans);
    *orphans = (struct spool_orphans){.directory = directory};
    return orphans;
}

void spool_orphans_free(struct spool_orphans *orphans)
{
    free(orphans);
}
