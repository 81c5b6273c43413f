"""What a call must look like, computed from its events alone: a second opinion on session's merge.

Written from docs/architecture.md and not from session's sources, in another language, so that the same mistake would have
to be made twice. A call is a function of the *set* of its events: every field is a register, the greatest stamp
(rank, body clock, event id) wins, null and absent never win. Pure: no files, no network.
"""
from __future__ import annotations

import codecs
import json
import math
import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

# docs: "debug call disconnection" of the vendor
ENDED = {"user_hangup", "agent_hangup", "call_transfer", "voicemail_reached", "ivr_reached", "inactivity", "max_duration_reached"}
NOT_CONNECTED = {"invalid_destination", "sip_routing_error", "marked_as_spam", "user_declined"}
ERROR = {"concurrency_limit_reached", "no_valid_payment", "scam_detected"}
FAMILIES = {"dial_": "not_connected", "telephony_": "not_connected", "error_": "error"}  # the list of reasons is open
TERMINAL = {"ended", "not_connected", "error"}
KINDS = {"call_started", "transcript_updated", "call_ended", "call_analyzed", "call_synced", "call_gone"}  # and transfer_*
UNITS = {None: 1, "cents": 1, "dollars": 100}
STORAGE = {"everything", "everything_except_pii", "basic_attributes_only"}
WEEK_S = 7 * 86400  # no recording is longer
TIMES = range(946684800000, 4102444800000)  # 2000 … 2099: anything else is no time of a call


@dataclass
class Event:
    event_id: bytes
    type: str  # bare: call_started
    source: str
    branch_id: int | None
    payload: bytes | None  # None: dropped by a purge, and of no use to call_of
    cost_unit: str | None = None


@dataclass
class Registers:
    values: dict = field(default_factory=dict)
    stamps: dict = field(default_factory=dict)

    def offer(self, name, value, stamp):
        if value is None:
            return
        if name not in self.stamps or stamp > self.stamps[name]:
            self.values[name], self.stamps[name] = value, stamp


# Each byte that is no UTF-8 becomes one U+FFFD; Python's own "replace" takes several at once.
codecs.register_error("each", lambda error: ("\ufffd" * (error.end - error.start), error.end))


def first_of_duplicates(pairs):
    result = {}
    for key, value in pairs:
        result.setdefault(key, value)
    return result


def text(value):
    return re.sub("[\0\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else None


def short(value):
    """Whatever travels in updates is cut at 64 KiB of UTF-8, between two characters."""
    whole_text = text(value)
    return None if whole_text is None else whole_text.encode()[:65536].decode("utf-8", "ignore")


def thing(value):
    """An object as jsonb takes it: no U+0000, no half of a surrogate pair; keys that become the same are duplicates."""
    return mended(value) if isinstance(value, dict) else None


def mended(value):
    if isinstance(value, dict):
        return first_of_duplicates((text(key), mended(member)) for key, member in value.items())
    if isinstance(value, list):
        return [mended(element) for element in value]
    return text(value) if isinstance(value, str) else value


def number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def whole(value):
    value = number(value)
    return int(value) if value is not None and value == int(value) and -2**63 <= value < 2**63 else None


def time_ms(value):
    ms = whole(value)
    return ms if ms is not None and ms in TIMES else None


def duration_ms(value):
    ms = whole(value)
    return ms if ms is not None and ms >= 0 else None


def decimal(value, digits, places, factor=1):
    """numeric(digits, places); what does not fit is absent."""
    value = number(value)
    if value is None:
        return None
    exact = Decimal(repr(value)) * factor
    if abs(exact) >= Decimal(10) ** (digits - places):
        return None
    rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return rounded if abs(rounded) < Decimal(10) ** (digits - places) else None


def flag(value):
    return value if isinstance(value, bool) else None


def part(value, *path):
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def last_word_end(call):
    """The end of the transcript's last word, in ms of the recording."""
    utterances = part(call, "transcript_object")
    if not isinstance(utterances, list):
        utterances = part(call, "transcript_with_tool_calls")
    if not isinstance(utterances, list):
        return None
    for utterance in reversed(utterances):
        words = part(utterance, "words")
        end = number(part(words[-1], "end")) if isinstance(words, list) and words else None
        if end is not None:
            return int(end * 1000) if 0 <= end < WEEK_S else None
    return None


def clock(body, call):
    start = time_ms(part(call, "start_timestamp"))
    for candidate in (time_ms(part(body, "event_timestamp")), time_ms(part(call, "end_timestamp"))):
        if candidate is not None:
            return candidate
    if start is not None:
        return start + (last_word_end(call) or 0)
    return 0


def rank(kind, call):
    if kind == "call_gone":
        return 0
    if kind == "call_started":
        return 1
    if kind == "call_ended":
        return 3
    if kind == "call_analyzed":
        return 4
    if kind == "call_synced":
        if isinstance(part(call, "call_analysis"), dict):
            return 4
        return 3 if text(part(call, "call_status")) in TERMINAL else 2
    return 2


def status_of_reason(reason):
    if reason in ENDED:
        return "ended"
    if reason in NOT_CONNECTED:
        return "not_connected"
    if reason in ERROR:
        return "error"
    return next((status for prefix, status in FAMILIES.items() if (reason or "").startswith(prefix)), None)


def status(events, registers):
    """No register, but computed from merged ones."""
    kinds = {kind for kind, _ in events}
    said = {text(part(call, "call_status")) for _, call in events}
    terminal = kinds & {"call_ended", "call_analyzed"} or any(
        kind == "call_synced" and text(part(call, "call_status")) in TERMINAL for kind, call in events)
    if terminal:
        return status_of_reason(registers.get("disconnection_reason")) or registers.get("terminal_status") or "ended"
    if "call_gone" in kinds:
        return "error"
    rank_two_webhook = any(kind == "transcript_updated" or kind.startswith("transfer_") for kind in kinds)
    return "ongoing" if "call_started" in kinds or rank_two_webhook or "ongoing" in said else "registered"


E164 = re.compile(r"\+[1-9][0-9]{7,14}")


def call_of(events):
    """The columns of `calls` that the events determine. `events`: any iterable of Event, in any order, with repeats."""
    registers, seen = Registers(), []
    for event in {event.event_id: event for event in events}.values():
        if event.type not in KINDS and not event.type.startswith("transfer_"):
            continue  # kept in the inbox, and says nothing
        body = json.loads(event.payload.decode("utf-8", "each"), object_pairs_hook=first_of_duplicates, strict=False)
        call = part(body, "call")
        seen.append((event.type, call))
        stamp = (rank(event.type, call), clock(body, call), event.event_id)

        def offer(name, value, stamp=stamp):
            registers.offer(name, value, stamp)

        offer("source", event.source)
        if event.type == "call_gone":
            continue
        offer("branch_id", event.branch_id)
        for name in ("agent_id", "call_type", "direction", "from_number", "to_number", "disconnection_reason",
                     "recording_url"):
            offer(name, short(part(call, name)))
        offer("transcript", text(part(call, "transcript")))
        offer("started_at", time_ms(part(call, "start_timestamp")))
        offer("ended_at", time_ms(part(call, "end_timestamp")))
        offer("duration_ms", duration_ms(part(call, "duration_ms")))
        offer("summary", short(part(call, "call_analysis", "call_summary")))
        offer("sentiment", short(part(call, "call_analysis", "user_sentiment")))
        offer("successful", flag(part(call, "call_analysis", "call_successful")))
        offer("in_voicemail", flag(part(call, "call_analysis", "in_voicemail")))
        offer("custom_analysis", thing(part(call, "call_analysis", "custom_analysis_data")))
        if event.cost_unit in UNITS:  # in any other nobody knows what it is worth
            offer("cost_cents", decimal(part(call, "call_cost", "combined_cost"), 14, 6, UNITS[event.cost_unit]))
        offer("cost_breakdown", thing(part(call, "call_cost")))
        offer("latency_e2e_p50_ms", decimal(part(call, "latency", "e2e", "p50"), 12, 3))
        offer("latency", thing(part(call, "latency")))
        offer("metadata", thing(part(call, "metadata")))
        said = text(part(call, "call_status"))
        if said in TERMINAL:
            offer("terminal_status", said)
        if event.type == "call_analyzed" or (event.type == "call_synced" and isinstance(part(call, "call_analysis"), dict)):
            offer("analyzed", True)
        setting = text(part(call, "data_storage_setting"))
        offer("data_storage_setting", setting if setting in STORAGE else None)
    row = dict(registers.values)
    row["status"] = status(seen, row)
    row.setdefault("analyzed", False)
    row["missing"] = missing(row)
    return row


def missing(row):
    """What an ended call that lasted still lacks, as far as its storage setting lets it come."""
    if row["status"] != "ended" or not row.get("duration_ms"):
        return []
    may_come = {"cost", "latency"} if row.get("data_storage_setting") == "basic_attributes_only" else {
        "cost", "transcript", "summary", "latency", "recording"}
    has = {"cost": "cost_cents", "transcript": "transcript", "summary": "summary", "latency": "latency", "recording": "recording_url"}
    return [name for name, column in has.items() if name in may_come and row.get(column) is None]
