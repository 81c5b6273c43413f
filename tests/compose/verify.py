"""The stories of the container stack: verify.py [--stand-ins] [--figures]. tests/compose/run says the rest."""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "chaos"))

from load import Load  # noqa: E402  (the folder is known only now)
from script import script  # noqa: E402  (the folder is known only now)
from stack import wait_until  # noqa: E402  (the folder is known only now)

PROGRAMS = ("ingest", "resolver", "session", "sync", "broadcaster")
NUMBERS = {1: "+493023125001", 2: "+498999998002"}
BASE_IMAGE = "debian:trixie-slim"
IMAGE = "hookline:verify"  # an operator's hookline:local stays what it is
# Which secrets a service sees, besides the one-shot that makes them.
SECRETS = {"kafka": set(), "ingest": {"signing"}, "resolver": {"database"}, "session": {"database"}, "sync": {"database", "signing"},
           "broadcaster": {"database"}, "postgres": {"admin"}, "schema": {"admin"}, "secrets": {"admin", "database", "signing"}}


class Failed(Exception):
    """A story did not go as it should."""


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Compose:
    """docker compose with a project, ports and an image tag of its own."""

    def __init__(self, stand_ins):
        self.ingest_port, self.dashboard_port = free_ports(2)
        self.files = ["-f", str(ROOT / "deploy/compose.yaml")]
        if stand_ins:
            self.files += ["-f", str(ROOT / "tests/compose/stand-ins.yaml")]
        self.project = f"hookline-verify-{os.getpid()}"
        self.keys = tempfile.TemporaryDirectory(dir=ROOT / "build")
        self.environment = {**os.environ, "INGEST_PORT": str(self.ingest_port), "DASHBOARD_PORT": str(self.dashboard_port),
                            "HOOKLINE_IMAGE": IMAGE, "RETELL_API_KEY_FILE": "", "RETELL_API_URL": "http://nobody.invalid"}

    def __call__(self, *words, check=True, **more):
        done = subprocess.run(["docker", "compose", "-p", self.project, "--progress", "quiet", *self.files, *words], text=True,
                              capture_output=True, env=self.environment | more.get("environment", {}), timeout=more.get("timeout", 900))
        if check and done.returncode:
            raise Failed(f"docker compose {' '.join(words)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def operator(self, *words):
        return self("run", "--rm", "-T", "hookline", *words).strip()

    def sql(self, statement):
        command = 'PGPASSWORD=$(cat /run/hookline/hookline_admin) psql -h 127.0.0.1 -U hookline_admin -d hookline -At -c "$0"'
        return self("exec", "-T", "postgres", "bash", "-c", command, statement).split()

    def signing_key(self):
        return self("exec", "-T", "ingest", "cat", "/var/lib/hookline/secrets/signing/retell_api_key").strip()

    def containers(self):
        return [json.loads(line) for line in self("ps", "--all", "--format", "json").splitlines()]


def docker(*words, **more):
    return subprocess.run(["docker", *words], check=True, text=True, capture_output=True, **more).stdout.strip()


def image_bytes(name):
    return int(docker("image", "inspect", "-f", "{{.Size}}", name))


def image_id(name):
    return docker("image", "inspect", "-f", "{{.Id}}", name)


def layers(name):
    return json.loads(docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", name))


# stories ----------------------------------------------------------------------------------------------------------------


def an_image_without_a_compiler(stack, _):
    stack("build", "-q", timeout=1800)
    above = (image_bytes(IMAGE) - image_bytes(BASE_IMAGE)) / 1e6
    found = docker("run", "--rm", IMAGE, "bash", "-c",
                   "id -u; compgen -c | grep -cxE 'gcc|cc|g\\+\\+|ld|make|ninja|meson' || true; ls /usr/include 2>/dev/null | wc -l")
    user, compilers, headers = found.split()
    if (user, compilers, headers) != ("10001", "0", "0"):
        raise Failed(f"user {user}, {compilers} compilers, {headers} headers")
    if above > 70:
        raise Failed(f"{above:.1f} MB above {BASE_IMAGE}; 70 are the limit")
    return f"{above:.1f} MB above {BASE_IMAGE}"


def unchanged_sources_make_the_same_image(stack, _):
    before = image_id(IMAGE)
    stack("build", "-q", timeout=1800)
    if image_id(IMAGE) != before:
        raise Failed("the image changed")
    return before[:19]


def a_build_from_nothing_makes_the_same_programs(stack, _):
    """Without the cache Debian's packages may be newer, but the layer of the programs is the same to the last byte."""
    docker("build", "-q", "--no-cache", "-f", str(ROOT / "deploy/Dockerfile"), "-t", "hookline:again", str(ROOT))
    same = set(layers(IMAGE)) & set(layers("hookline:again")) - set(layers(BASE_IMAGE))
    docker("image", "rm", "hookline:again")
    if not same:
        raise Failed("no layer above the base is the same")
    return f"{len(same)} of the layers above the base are the same"


def up_and_healthy(stack, _):
    began = time.monotonic()
    stack("up", "-d", "--wait", "--wait-timeout", "180")
    seconds = time.monotonic() - began
    for container in stack.containers():
        if container["Service"] in ("secrets", "schema"):
            if container["State"] != "exited" or container["ExitCode"] != 0:
                raise Failed(f"{container['Service']}: {container['State']}, exit {container['ExitCode']}")
        elif container["Health"] != "healthy":
            raise Failed(f"{container['Service']}: {container['Health']}")
    return f"healthy after {seconds:.0f} s"


def containers_are_confined(stack, _):
    for container in stack.containers():
        facts = json.loads(docker("inspect", container["ID"]))[0]
        host = facts["HostConfig"]
        if not host["ReadonlyRootfs"] or host["CapDrop"] != ["ALL"] or not host["Memory"] or \
                "no-new-privileges:true" not in host["SecurityOpt"] or host["CapAdd"]:
            raise Failed(f"{container['Service']} is not confined: {host}")
        for bindings in (facts["NetworkSettings"]["Ports"] or {}).values():
            for binding in bindings or []:
                if binding["HostIp"] != "127.0.0.1":
                    raise Failed(f"{container['Service']} listens on {binding['HostIp']}")
        volumes = {mount["Name"].removeprefix(stack.project + "_") for mount in facts["Mounts"] if mount["Type"] == "volume"}
        seen = {name.removesuffix("-secrets") for name in volumes if name.endswith("-secrets")}
        if seen != SECRETS[container["Service"]]:
            raise Failed(f"{container['Service']} sees the secrets {seen}, not {SECRETS[container['Service']]}")
        if nameless := volumes - {"kafka", "postgres", "spool", "admin-secrets", "database-secrets", "signing-secrets"}:
            raise Failed(f"{container['Service']} has volumes that `down` leaves behind: {nameless}")
    return ""


def a_key_from_a_file_is_taken_over(stack, _):
    """By the next `up`; the webhooks that follow are signed with it. A file that user 10001 cannot read changes nothing."""
    key, other = pathlib.Path(stack.keys.name, "retell.key"), pathlib.Path(stack.keys.name, "other.key")
    for file, mode in ((key, 0o444), (other, 0o000)):
        file.write_text(f"{file.name}_of_the_operator\r\n")
        file.chmod(mode)
    stack.environment["RETELL_API_KEY_FILE"] = str(key)
    stack("up", "-d", "--wait", "--wait-timeout", "180")
    stack("run", "--rm", "-T", "secrets", check=False, environment={"RETELL_API_KEY_FILE": str(other)})
    if stack.signing_key() != "retell.key_of_the_operator":
        raise Failed(f"the signing key is \"{stack.signing_key()}\"")
    return ""


def a_webhook_signed_by_the_sdk_is_seen_from_outside(stack, _):
    for company, number in NUMBERS.items():
        stack.operator("company", "add", f"Praxis {company}", "--id", str(company))
        stack.operator("number", "add", number, "--company", str(company))
    stack.token = stack.operator("token", "create", "--company", "1")
    sent = subprocess.run(["node", str(ROOT / "tests/compose/send.mjs"), f"http://127.0.0.1:{stack.ingest_port}", NUMBERS[1]],
                          env=os.environ | {"RETELL_API_KEY": stack.signing_key()}, text=True, capture_output=True)
    if sent.returncode:
        raise Failed(sent.stderr)
    wait_until("the call is on the dashboard's API", lambda: sent.stdout.strip() in calls_shown(stack), 30)
    return sent.stdout.strip()


def calls_shown(stack):
    request = urllib.request.Request(f"http://127.0.0.1:{stack.dashboard_port}/api/calls?limit=100",
                                     headers={"Authorization": f"Bearer {stack.token}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return {call["call_id"] for call in json.load(answer)["calls"]}
    except (OSError, urllib.error.URLError):
        return set()


def stored(stack):
    return {bytes.fromhex(row) for row in stack.sql("SELECT encode(event_id, 'hex') FROM webhook_events UNION ALL "
                                                    "SELECT encode(event_id, 'hex') FROM parked_events")}


def bodies(calls, name):
    """Those whose call id fits: the others become dead letters, which PostgreSQL does not hold."""
    plan = script({number: company for company, number in NUMBERS.items()}, calls, name, int(time.time() * 1000))
    return [body for body in plan.bodies if len(json.loads(body).get("call", {}).get("call_id", "")) <= 128]


@contextlib.contextmanager
def under_load(stack, calls, name, rate=40):
    load = Load(f"http://127.0.0.1:{stack.ingest_port}", stack.signing_key(), bodies(calls, name), rate)
    load.start()
    try:
        yield load
    finally:
        load.finish()


def nothing_is_lost_when_services_restart(stack, _):
    with under_load(stack, 5000, f"restart_{os.getpid()}") as load:
        for service in (*PROGRAMS, "postgres", "kafka"):
            stack("restart", service)
            stack("up", "-d", "--wait", "--wait-timeout", "120", "--no-recreate", service)
    wait_until("what was accepted is stored", lambda: load.accepted <= stored(stack), 180)
    if load.wrong:
        raise Failed("; ".join(load.wrong[:5]))
    if len(load.accepted) < 100:
        raise Failed(f"only {len(load.accepted)} accepted")
    return f"{len(load.sent)} sent, {len(load.accepted)} accepted, {load.given_up} given up, 0 lost"


def two_resolvers_and_two_sessions_share_the_partitions(stack, _):
    stack("up", "-d", "--wait", "--wait-timeout", "180", "--no-recreate", "--scale", "resolver=2", "--scale", "session=2")

    def owners():
        lag = json.loads(stack.operator("lag", "--json"))
        found = {}
        for row in lag:
            found.setdefault(row["group"], set()).add(row["owner"])
        return len(found["hookline-resolver"] - {None}) == len(found["hookline-session"] - {None}) == 2

    wait_until("each of the two has partitions", owners, 90)
    with under_load(stack, 200, f"scale_{os.getpid()}", 100) as load:
        wait_until("the load is over", lambda: not load.running(), 120)
    wait_until("what was accepted is stored", lambda: load.accepted <= stored(stack), 120)
    return f"{len(load.accepted)} accepted and stored"


def the_data_is_there_after_down_and_up(stack, _):
    before, calls = stored(stack), calls_shown(stack)
    stack("down", "--timeout", "30")
    stack("up", "-d", "--wait", "--wait-timeout", "180")
    if not before <= stored(stack) or not calls or not calls <= wait_until("the dashboard answers", lambda: calls_shown(stack), 30):
        raise Failed("not everything is there")
    return f"{len(before)} events"


def memory(stack, _):
    def used():
        rows = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}").splitlines()
        return {row.split()[0].removeprefix(stack.project + "-").removesuffix("-1"): row.split()[1] for row in rows if stack.project in row}

    rest = used()
    with under_load(stack, 100000, f"memory_{os.getpid()}", 100):
        threading.Event().wait(60)
        busy = used()
    return "; ".join(f"{name} {rest[name]} at rest, {busy[name]} under 100/s" for name in sorted(rest))


STORIES = [an_image_without_a_compiler, unchanged_sources_make_the_same_image, up_and_healthy, containers_are_confined,
           a_key_from_a_file_is_taken_over, a_webhook_signed_by_the_sdk_is_seen_from_outside, nothing_is_lost_when_services_restart,
           two_resolvers_and_two_sessions_share_the_partitions, the_data_is_there_after_down_and_up]
FIGURES = [memory, a_build_from_nothing_makes_the_same_programs]


def upstream_images_are_reached():
    return subprocess.run(["docker", "pull", "-q", "postgres:17.6-bookworm"], capture_output=True, timeout=300).returncode == 0


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stand-ins", action="store_true")
    options.add_argument("--figures", action="store_true")
    arguments = options.parse_args()
    stack, failed = Compose(arguments.stand_ins or not upstream_images_are_reached()), 0
    try:
        for story in STORIES + (FIGURES if arguments.figures else []):
            began, outcome = time.monotonic(), "pass"
            try:
                note = story(stack, arguments)
            except Exception as problem:  # whatever it is, it is this story's end and not the run's
                outcome, failed, note = "fail", failed + 1, f"{type(problem).__name__}: {problem}"
            print(f"{outcome} {time.monotonic() - began:.2f} {story.__name__.replace('_', ' ')}{': ' if note else ''}{note}", flush=True)
            if failed and story is up_and_healthy:
                print(stack("logs", "--tail", "30", check=False))
                break
    finally:
        stack("down", "-v", "--timeout", "20", "--remove-orphans", check=False)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
