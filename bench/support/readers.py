"""Clients of one event stream that read all of it, or nothing: `readers.py PORT KEY STREAM COUNT reading|not-reading`.

Python, because Node sets neither TCP_MAXSEG nor SO_RCVBUF, and without them the loopback device takes three megabytes for
each before the server notices anything. Here a client takes as much as one far away. Ends with its input.
"""

import selectors
import socket
import sys

port, key, stream, count, reading = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5] == "reading"
head = f"GET /api/v1/events/stream?streams={stream} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n".encode()
selector = selectors.DefaultSelector()
clients = []
for _ in range(count):
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024 if reading else 8 * 1024)
    client.connect(("127.0.0.1", port))
    client.sendall(head)
    assert client.recv(1024).startswith(b"HTTP/1.1 200")
    clients.append(client)
    if reading:
        selector.register(client, selectors.EVENT_READ)
selector.register(sys.stdin, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for chosen, _ in selector.select():
        if chosen.fileobj is sys.stdin:
            sys.exit(0)
        if not chosen.fileobj.recv(256 * 1024):
            sys.exit("A client that reads was cut off")
