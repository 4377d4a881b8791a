#!/usr/bin/env python3
"""A node that is wrong on purpose, for looking at the report of an invalid test.

It answers every request from its own memory and tells the other nodes
afterwards: available, quick, and not linearizable.
"""

import json
import sys

me, nodes, values = "", [], {}


def send(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def put(key, value):
    values[key] = value
    for node in nodes:
        if node != me:
            send(node, {"type": "gossip", "key": key, "value": value})


def answer(body):
    kind, key = body["type"], body.get("key")
    if kind == "read":
        if key not in values:
            return {"type": "error", "code": 20, "text": "no such key"}
        return {"type": "read_ok", "value": values[key]}
    if kind == "write":
        put(key, body["value"])
        return {"type": "write_ok"}
    if kind == "cas":
        if key not in values:
            return {"type": "error", "code": 20, "text": "no such key"}
        if values[key] != body["from"]:
            return {"type": "error", "code": 22, "text": "another value"}
        put(key, body["to"])
        return {"type": "cas_ok"}
    return {"type": "error", "code": 10, "text": "not supported"}


for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    if body["type"] == "gossip":
        values[body["key"]] = body["value"]
        continue
    if body["type"] == "init":
        me, nodes = body["node_id"], body["node_ids"]
        reply = {"type": "init_ok"}
    else:
        reply = answer(body)
    send(message["src"], reply | {"in_reply_to": body["msg_id"]})
