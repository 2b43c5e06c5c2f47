#!/usr/bin/env python3
"""Asks the hub one thing and prints the answer's result: ask.py CREDENTIALS VERB [FIELDS as JSON].

Ends with 1 when the hub refuses, and with 2 when there is no answer. Needs paho-mqtt (1.6 or 2) and cbor2.
"""
import json
import sys
import uuid
from urllib.parse import urlsplit

import cbor2
import paho.mqtt.client as mqtt

with open(sys.argv[1], encoding="utf-8") as file:
    credentials = json.load(file)
verb = sys.argv[2]
request = {**(json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}), "tx": str(uuid.uuid4())}
broker = urlsplit(credentials["broker"])
name = credentials["username"]
answer = None


def connected(client, *_):
    client.subscribe(f"hub/res/{name}/{verb}", qos=1)


def subscribed(client, *_):
    client.publish(f"hub/req/{name}/{verb}", cbor2.dumps(request), qos=1)


def heard(client, _userdata, message):
    global answer
    said = cbor2.loads(message.payload)
    if said["tx"] == request["tx"]:
        answer = said
        client.disconnect()


try:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"{name}/ask")
except AttributeError:  # paho-mqtt 1
    client = mqtt.Client(client_id=f"{name}/ask")
client.username_pw_set(name, credentials["password"])
if broker.scheme == "mqtts":
    client.tls_set()
client.on_connect = connected
client.on_subscribe = subscribed
client.on_message = heard
client.connect(broker.hostname, broker.port or (8883 if broker.scheme == "mqtts" else 1883))
for _ in range(30):
    if client.loop(timeout=1) != mqtt.MQTT_ERR_SUCCESS or answer is not None:
        break
if answer is None:
    sys.exit(2)
print(json.dumps(answer["result"] if answer["status"] == "ok" else answer, default=lambda b: b.hex()))
sys.exit(0 if answer["status"] == "ok" else 1)
