/* outbox.c: a list; it is short, since it is bounded by bytes and holds each call once. */
#include "broadcaster/outbox.h"

#include <stdlib.h>

#include "common/arena.h"

struct outbox_entry {
    struct outbox_entry *next;
    void *frame;
    size_t bytes, id_len;
    char id[];
};

/* What the list itself costs is part of the bound. */
static size_t weight(size_t id_len, size_t bytes)
{
    return sizeof(struct outbox_entry) + id_len + bytes;
}

/* The link that points to the call's entry, or NULL. */
static struct outbox_entry **link_of(struct outbox *outbox, struct slice call_id)
{
    for (struct outbox_entry **link = &outbox->first; *link; link = &(*link)->next)
        if (slice_same((struct slice){(*link)->id, (*link)->id_len}, call_id))
            return link;
    return NULL;
}

static struct outbox_entry *unlink_entry(struct outbox *outbox, struct outbox_entry **link)
{
    struct outbox_entry *entry = *link;
    *link = entry->next;
    outbox->count--;
    outbox->bytes -= weight(entry->id_len, entry->bytes);
    outbox->last = NULL;
    for (struct outbox_entry *at = outbox->first; at; at = at->next)
        outbox->last = at;
    return entry;
}

enum outbox_outcome outbox_offer(struct outbox *outbox, struct slice call_id, void *frame, size_t bytes, bool conflate)
{
    struct outbox_entry **link = conflate ? link_of(outbox, call_id) : NULL;
    size_t freed = link ? weight((*link)->id_len, (*link)->bytes) : 0;
    if (outbox->bytes - freed + weight(call_id.len, bytes) > outbox->bytes_max)
        return OUTBOX_FULL;
    if (link) {
        struct outbox_entry *older = unlink_entry(outbox, link);
        outbox->let_go(older->frame);
        free(older);
    }
    struct outbox_entry *entry = memory_new(1, sizeof *entry + call_id.len);
    *entry = (struct outbox_entry){.frame = frame, .bytes = bytes, .id_len = call_id.len};
    if (call_id.len)
        memcpy(entry->id, call_id.ptr, call_id.len);
    if (outbox->last)
        outbox->last->next = entry;
    else
        outbox->first = entry;
    outbox->last = entry;
    outbox->count++;
    outbox->bytes += weight(call_id.len, bytes);
    return link ? OUTBOX_CONFLATED : OUTBOX_ADDED;
}

void *outbox_take(struct outbox *outbox)
{
    struct outbox_entry *entry = outbox->first;
    if (!entry)
        return NULL;
    outbox->first = entry->next;
    if (!outbox->first)
        outbox->last = NULL;
    outbox->count--;
    outbox->bytes -= weight(entry->id_len, entry->bytes);
    void *frame = entry->frame;
    free(entry);
    return frame;
}

void outbox_free(struct outbox *outbox)
{
    for (void *frame = outbox_take(outbox); frame; frame = outbox_take(outbox))
        outbox->let_go(frame);
}
