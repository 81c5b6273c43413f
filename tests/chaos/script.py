"""What a round's senders say: whole lives of calls, interleaved, with repeats and disorder, and with all that goes wrong at
the other end: webhooks that never come, calls to numbers that nobody has yet, odd bodies. Pure: a seed and a time in, bodies out.
"""
from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

REASONS = ["user_hangup", "agent_hangup", "dial_no_answer", "error_asr", "call_transfer", "manual_stopped", "voicemail_reached"]
REPEATS = 0.1
WINDOW = 20  # so many places a webhook may be early or late
CALLS_PER_STRANGER = 150  # a number that nobody has yet is called for so long before the next one takes its turn


@dataclass
class Script:
    bodies: list = field(default_factory=list)  # in the order in which they are sent
    company_of: dict = field(default_factory=dict)  # by call id
    truth: dict = field(default_factory=dict)  # by call id: what the platform's REST API says of it
    strangers: dict = field(default_factory=dict)  # number -> the company that will get it, in the order of their calls


def call_facts(call_id, number, caller, source, start_ms):
    """The call as it begins, and as it is known in the end."""
    duration = source.randrange(5000, 30000)
    begun = {"call_id": call_id, "call_type": "phone_call", "agent_id": f"agent_{source.randrange(5)}", "agent_version": 1,
             "direction": "inbound", "from_number": caller, "to_number": number, "call_status": "ongoing", "start_timestamp": start_ms}
    ended = begun | {"call_status": "ended", "end_timestamp": start_ms + duration, "duration_ms": duration,
                     "disconnection_reason": source.choice(REASONS), "transcript": "Agent: Guten Tag\nUser: Grüß Gott",
                     "recording_url": f"https://example.invalid/{call_id}.wav",
                     "latency": {"e2e": {"p50": 700 + source.random() * 400, "num": 3}},
                     "call_cost": {"combined_cost": source.randrange(1, 100000) / 1000, "total_duration_seconds": duration // 1000}}
    return begun, ended


def analysis_of(ended):
    cost = dict(ended["call_cost"], combined_cost=ended["call_cost"]["combined_cost"] + 1.7)
    return ended | {"call_cost": cost, "call_analysis": {"call_summary": "Ein Termin wurde vereinbart.", "user_sentiment": "Positive",
                                                         "call_successful": True, "in_voicemail": False,
                                                         "custom_analysis_data": {"wunsch": "Termin"}}}


def oddity(call, source):
    """What a platform should not send and sometimes does: it is repaired or dropped, never a dead letter."""
    odd = dict(call)
    odd[source.choice(["transcript", "recording_url"])] = "vor\0nach \ud83d Emoji"
    odd["duration_ms"] = source.choice([-5, "lang", 10**30, None])
    return odd


def life(call_id, number, caller, source, start_ms):
    """The webhooks of one call that are sent, in their true order, and the call as the platform knows it."""
    begun, ended = call_facts(call_id, number, caller, source, start_ms)
    analyzed = analysis_of(ended)
    words = [{"word": "Guten", "start": 0.1, "end": 0.4}, {"word": "Tag", "start": 0.5, "end": 1.25}]
    talking = begun | {"transcript": "Agent: Guten Tag", "transcript_object": [{"role": "agent", "content": "Guten Tag", "words": words}]}
    told = [("call_started", begun), ("transcript_updated", talking), ("call_ended", ended), ("call_analyzed", analyzed)]
    fate = source.random()
    if fate < 0.10:
        told = told[1:]  # its beginning never came
    elif fate < 0.15:
        told = told[:2]  # nor its end: sync asks
    elif fate < 0.20:
        told = told[:3]  # nor its analysis: sync asks
    elif fate < 0.21:
        told[2] = ("call_ended", oddity(ended, source))
    return [json.dumps({"event": kind, "call": call}).encode() for kind, call in told], analyzed


def bodies_of_call(call_id, number, caller, source, start_ms):
    return life(call_id, number, caller, source, start_ms)[0]


def other_bodies(name, source):
    """About no call, and about one that no table can hold: parked, and a dead letter."""
    yield json.dumps({"event": "chat_started", "chat": {"chat_id": f"chat_{name}_{source.random()}"}}).encode()
    yield json.dumps({"event": "call_started", "call": {"call_id": f"{name}_{source.random()}_" + "x" * 4096}}).encode()


def script(numbers, calls, name, now_ms, first_stranger=0):
    """`numbers`: number -> company. `name` is the seed, and part of every call id. No two scripts on one stack may have the
    same strangers: `first_stranger` is how many there were."""
    source = random.Random(name)
    plan, told = Script(), []
    companies = sorted(set(numbers.values()))
    for index in range(calls):
        caller = f"+4915{source.randrange(10**8, 10**9)}" if source.random() < 0.7 else f"+49301234{index % 50:03d}"
        call_id = f"chaos_{name}_{index:05d}"
        number, company = source.choice(sorted(numbers.items()))
        if source.random() < 0.05:
            number = stranger(first_stranger + index // CALLS_PER_STRANGER)
            company = plan.strangers.setdefault(number, source.choice(companies))
        bodies, plan.truth[call_id] = life(call_id, number, caller, source, now_ms + index * 40)
        plan.company_of[call_id] = company
        told += bodies
        if source.random() < 0.002:
            told += other_bodies(name, source)
    places = [(at + source.uniform(0, WINDOW), body) for at, body in enumerate(told)]
    places += [(at + source.uniform(0, 5 * WINDOW), body) for at, body in source.sample(places, int(len(places) * REPEATS))]
    plan.bodies = [body for _, body in sorted(places)]
    return plan


def stranger(index):
    """A number of Hamburg's and Frankfurt's ranges that are kept for film and radio: they ring nobody."""
    if index >= 2000:
        raise ValueError("only 2000 numbers are kept for film and radio here")
    return f"+494066969{index:03d}" if index < 1000 else f"+496990009{index - 1000:03d}"
