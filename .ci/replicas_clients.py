"""Clients of two replicas behind a proxy, for .ci/replicas. Each step prints its figures, and ends with 1 where something was
not as it must be: no 5xx but 503 with Retry-After, no connection that ends without a response, no wrong response."""

import argparse
import collections
import http.client
import itertools
import json
import os
import pathlib
import re
import sys
import threading
import time

KEY = os.environ["FACEREC_API_KEY"]
GROUP = pathlib.Path(__file__).resolve().parent.parent / "data/sample/group.jpg"
BOUNDARY = "facerec-replicas"
# A name that is known, in a response of /recognize_faces.
NAME = re.compile(rb'"Student Name":"(?!Unknown")')
# Longer than the service takes for anything, its refusals included.
PATIENCE_S = 90
# What others must see within a second (docs/scaling.md).
VISIBLE_S = 1.0
CHANGES = 20


class Client:
    """One client, with an address of its own: to the service, all on one address are one client."""

    def __init__(self, address, number=1):
        host, port = address.split(":")
        source = (f"127.0.{1 + number // 250}.{1 + number % 250}", 0)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S, source_address=source)

    def send(self, method, path, body=None, content_type="application/json"):
        """Status, head and body."""
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": content_type}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return response.status, response.headers, response.read()

    def json(self, method, path, expected, value=None):
        """The body of a response that must have the status `expected`."""
        body = None if value is None else json.dumps(value)
        status, _, body = self.send(method, path, body)
        if status != expected:
            sys.exit(f"replicas: {method} {path}: expected {expected}, found {status}: {body[:500]!r}")
        return json.loads(body or "null")


def form(key, name, content):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"; filename="{name}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


FORM = f"multipart/form-data; boundary={BOUNDARY}"


class Tally:
    """What many clients were answered."""

    def __init__(self):
        self.lock = threading.Lock()
        self.statuses = collections.Counter()
        self.waits = []
        self.faults = []

    def note(self, kind, status, headers, right, took):
        busy = status == 503 and headers.get("Retry-After") is not None
        with self.lock:
            self.statuses[f"{kind} {status}"] += 1
            if not busy and not right:
                self.faults.append(f"{kind}: {status}")
            elif not busy:
                self.waits.append(took)
        return float(headers["Retry-After"]) if busy else 0

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    def judge(self, what, seconds):
        waits = sorted(self.waits) or [0.0]
        at = lambda share: 1000 * waits[min(len(waits) - 1, int(share * len(waits)))]
        rate = len(self.waits) / seconds
        print(f"{what}: {rate:.1f} right responses a second, p50 {at(0.5):.0f} ms, p95 {at(0.95):.0f} ms, "
              f"{dict(sorted(self.statuses.items()))}")
        for fault, count in collections.Counter(self.faults).most_common(10):
            print(f"replicas: {what}: {count} times {fault}", file=sys.stderr)
        if self.faults or not self.waits:
            sys.exit(1)
        return rate


def repeat(client, tally, end, kind, request):
    """Sends requests until `end`, waiting where it is told to. `request` returns a response and whether it is right."""
    while time.monotonic() < end:
        begun = time.monotonic()
        try:
            (status, headers, _), right = request(client)
        except (OSError, http.client.HTTPException) as error:
            tally.fault(f"{kind}: no response: {error!r}")
            client.connection.close()
            continue
        wait = tally.note(kind, status, headers, right, time.monotonic() - begun)
        time.sleep(min(wait, max(0.0, end - time.monotonic())))


def run(address, seconds, kinds):
    """Has a client of each of `kinds`, pairs of a name and a request, send for so long."""
    tally = Tally()
    begun = time.monotonic()
    threads = [
        threading.Thread(target=repeat, args=(Client(address, number), tally, begun + seconds, kind, request))
        for number, (kind, request) in enumerate(kinds)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally, time.monotonic() - begun


def recognition():
    """A request to recognise the group photo, and the check that all three are in the response."""
    body = form("file", "group.jpg", GROUP.read_bytes())

    def request(client):
        response = client.send("POST", "/recognize_faces", body, FORM)
        return response, response[0] == 200 and len(NAME.findall(response[2])) == 3

    return request


def listing(client):
    response = client.send("GET", "/v1/people?limit=5")
    return response, response[0] == 200 and json.loads(response[2])["total"] >= 3


def rename():
    """A request to rename a person that only this client changes, and the check that the response has the name."""
    numbers = itertools.count()
    own = {}

    def request(client):
        if not own:
            people = client.json("GET", "/v1/people", 200)["people"]
            own["id"] = next(person["id"] for person in people if person["name"].startswith("Ada"))
        name = f"Ada {next(numbers)}"
        response = client.send("PATCH", f"/v1/people/{own['id']}", json.dumps({"name": name}))
        return response, response[0] == 200 and json.loads(response[2])["name"] == name

    return request


def crowd(arguments):
    tally, seconds = run(arguments.address, arguments.seconds, [("photo", recognition())] * arguments.clients)
    rate = tally.judge(f"{arguments.clients} clients", seconds)
    if arguments.rate_to:
        pathlib.Path(arguments.rate_to).write_text(f"{rate}\n")


def mixed(arguments):
    kinds = [("photo", recognition())] * 4 + [("list", listing)] * 4 + [("rename", rename())]
    tally, seconds = run(arguments.address, arguments.seconds, kinds)
    tally.judge("mixed clients", seconds)


def visible(arguments):
    """Changes at one replica, and the time until the other has them."""
    replicas = [Client(address) for address in arguments.addresses.split(",")]
    person = next(person for person in replicas[0].json("GET", "/v1/people", 200)["people"])
    path, waits = f"/v1/people/{person['id']}", []
    for number in range(CHANGES):
        here, other = replicas[number % 2], replicas[1 - number % 2]
        name = f"{person['name']} {number}" if number + 1 < CHANGES else person["name"]
        here.json("PATCH", path, 200, {"name": name})
        answered = time.monotonic()
        if here.json("GET", path, 200)["name"] != name:
            sys.exit("replicas: a change is not visible at once where it was answered")
        while other.json("GET", path, 200)["name"] != name:
            if time.monotonic() - answered > VISIBLE_S:
                sys.exit(f"replicas: a change was not visible at the other replica after {VISIBLE_S} s")
            time.sleep(0.002)
        waits.append(time.monotonic() - answered)
    waits.sort()
    print(f"{CHANGES} changes: at the other replica after {1000 * waits[CHANGES // 2]:.0f} ms in the middle, "
          f"{1000 * waits[-1]:.0f} ms at most")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(required=True)
    for name, step in (("crowd", crowd), ("mixed", mixed)):
        command = steps.add_parser(name)
        command.set_defaults(step=step)
        command.add_argument("--address", required=True)
        command.add_argument("--seconds", type=float, required=True)
        command.add_argument("--clients", type=int, default=8)
        command.add_argument("--rate-to")
    command = steps.add_parser("visible")
    command.set_defaults(step=visible)
    command.add_argument("--addresses", required=True)
    arguments = parser.parse_args()
    arguments.step(arguments)


main()
