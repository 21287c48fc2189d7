"""Takes a seat in a discussion of Parley, with Python's standard library and nothing else.

    PARLEY_URL=http://localhost:8080/api/v1 PARLEY_SEAT_KEY=parley_key_… \
    PARLEY_DISCUSSION=… PARLEY_PARTICIPANT=… python3 seat.py

It follows the discussion's event stream, claims each of its turns, and posts what `answer` makes of what it was given. It
may be started at any time, and again after a crash. Every line that it prints is one JSON object.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

SETTINGS = ("PARLEY_URL", "PARLEY_SEAT_KEY", "PARLEY_DISCUSSION", "PARLEY_PARTICIPANT")
BASE, KEY, DISCUSSION, PARTICIPANT = (os.environ.get(name, "") for name in SETTINGS)

# The server sends a sign of life every 15 seconds.
SILENCE_SECONDS = 40
# What a new try may mend: too much asked at once, a server that is going or coming.
PASSING = (429, 502, 503, 504)
# What an unreachable server, or a connection that breaks, raises.
UNREACHABLE = (OSError, http.client.HTTPException)
TRIES = 20


class Reset(Exception):
    """The server cannot go on from where we were: it was restored from a backup, say."""


def say(**line):
    print(json.dumps(line), flush=True)


def request(method, path, body=None, headers=None, timeout=30):
    """One request below the discussion. Raises urllib.error.HTTPError for an answer that is no success."""
    every = {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"}
    return urllib.request.urlopen(
        urllib.request.Request(
            BASE + "/discussions/" + DISCUSSION + path,
            method=method,
            headers={**every, **(headers or {})},
            data=None if body is None else json.dumps(body).encode(),
        ),
        timeout=timeout,
    )


def call(method, path, body=None, headers=None):
    """The answer as JSON. Asks again while the server is away, which does no harm to anything that is asked here."""
    for left in range(TRIES, -1, -1):
        wait = 0.5
        try:
            with request(method, path, body, headers) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code not in PASSING or left == 0:
                raise
            wait = float(error.headers.get("Retry-After") or wait)
        except UNREACHABLE:
            if left == 0:
                raise
        time.sleep(wait)


def frames(response):
    """Server-sent events, by hand: fields until an empty line; a line that begins with a colon is a sign of life."""
    frame = {}
    for raw in response:
        line = raw.decode().rstrip("\r\n")
        if line == "":
            if "data" in frame:
                yield frame
            frame = {}
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            frame[field] = frame["data"] + "\n" + value if field == "data" and "data" in frame else value


def events(cursor, lose_after=None):
    """
    Every event of the discussion's log after the cursor, once and in order, whatever happens to the connection. With
    `lose_after`, the first connection is dropped after so many, to show that.
    """
    seen = 0
    while True:
        try:
            with request("GET", "/events", headers={"Last-Event-ID": cursor}, timeout=SILENCE_SECONDS) as response:
                for frame in frames(response):
                    if frame.get("event") == "reset":
                        raise Reset
                    if "id" not in frame:
                        continue  # live only: words of a turn under way
                    cursor = frame["id"]
                    seen += 1
                    yield frame["event"], cursor, json.loads(frame["data"])["data"]
                    if seen == lose_after:
                        say(said="lost the connection, on purpose", after=cursor)
                        break
        except urllib.error.HTTPError as error:
            if error.code not in PASSING:
                raise  # revoked, or not ours: coming back would not help
        except UNREACHABLE as error:
            say(said="lost the connection", why=str(error))
        time.sleep(0.2)


def answer(claim):
    """What to say: here, what was heard last, and how much there was to read."""
    context = claim["context"]
    heard = context["messages"][-1]["content"].split()
    return "I read {} messages of about {} tokens, and the last one began with “{}”.".format(
        len(context["messages"]), context["estimated_tokens"], " ".join(heard[:4])
    )


def take(turn):
    """Claims a turn and ends it with one message; or loses it, to the clock or to somebody with the same key."""
    try:
        claim = call("POST", "/turns/{}/claim".format(turn))
        body = {"content": answer(claim), "turn": turn, "fence": claim["fence"]}
        # Sent again with the same key, after an answer that was lost, it is posted once.
        posted = call("POST", "/messages", body, {"Idempotency-Key": "{}-{}".format(DISCUSSION, claim["fence"])})
        say(posted=posted["id"], turn=turn, seq=posted["seq"], content=posted["content"])
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
        say(lost=turn, code=json.load(error)["error"]["code"])


def attend(lose_after=None):
    """Takes part from now until the discussion is over."""
    discussion = call("GET", "")
    say(said="took the seat", topic=discussion["topic"], cursor=discussion["cursor"])
    if discussion["status"] in ("completed", "failed", "cancelled"):
        return
    # The stream goes on from what was just read, in which it may have been our turn already.
    speaker = discussion["next_speaker"]
    if discussion["status"] == "waiting" and speaker and speaker["participant_id"] == PARTICIPANT:
        take(discussion["turn"])
    for kind, cursor, data in events(discussion["cursor"], lose_after):
        say(event=kind, cursor=cursor)
        if kind == "turn_started" and data["participant_id"] == PARTICIPANT:
            take(data["turn"])
        if kind in ("discussion_completed", "discussion_cancelled"):
            return


def main():
    missing = [name for name in SETTINGS if not os.environ.get(name)]
    if missing:
        return "Set {}; the first lines of this file say how.".format(", ".join(missing))
    lose_after = int(os.environ.get("LOSE_AFTER", 0)) or None
    while True:
        try:
            return attend(lose_after)
        except Reset:
            say(said="lost the place, and reads the discussion anew")
        except urllib.error.HTTPError as error:
            return "The server refused {}: {} {}".format(error.url, error.code, error.read().decode())
        except UNREACHABLE as error:
            return "{} cannot be reached: {}".format(BASE, error)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
