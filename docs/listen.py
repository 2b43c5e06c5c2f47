#!/usr/bin/env python3
"""Prints what a tool may hear as JSON lines: listen.py CREDENTIALS TOPIC [COUNT].

Needs paho-mqtt (1.6 or 2) and cbor2 (Debian: python3-paho-mqtt, python3-cbor2).
"""
import json
import sys
from urllib.parse import urlsplit

import cbor2
import paho.mqtt.client as mqtt

with open(sys.argv[1], encoding="utf-8") as file:
    credentials = json.load(file)
topic = sys.argv[2]
left = int(sys.argv[3]) if len(sys.argv) > 3 else None
broker = urlsplit(credentials["broker"])


def connected(client, *_):
    client.subscribe(topic, qos=1)


def heard(client, _userdata, message):
    global left
    if message.topic.startswith("json/"):
        value = json.loads(message.payload) if message.payload else None
    else:
        value = cbor2.loads(message.payload) if message.payload else None
    print(json.dumps({"topic": message.topic, "message": value}), flush=True)
    if left is not None:
        left -= 1
        if left == 0:
            client.disconnect()


name = credentials["username"]
try:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"{name}/python")
except AttributeError:  # paho-mqtt 1
    client = mqtt.Client(client_id=f"{name}/python")
client.username_pw_set(name, credentials["password"])
if broker.scheme == "mqtts":
    client.tls_set()
client.on_connect = connected
client.on_message = heard
client.connect(broker.hostname, broker.port or (8883 if broker.scheme == "mqtts" else 1883))
client.loop_forever()
