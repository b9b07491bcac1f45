"""Records as other makers' programs write them to Kafka. Argument: the address of the broker.

Rasa's event broker is kafka-python with JSON as value and, by default, no key, so that one conversation is spread over the
partitions; `rasa` itself brings TensorFlow and runs on no Python of today. CloudEvents are those of their SDK.
"""

import json
import sys

import kafka
from cloudevents.core.bindings.kafka import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

TOPIC = "interactions"
# The broker inside librdkafka cannot answer the newest way of asking for its version.
BROKER = {"bootstrap_servers": sys.argv[1], "api_version": (2, 0, 0)}

rasa = kafka.KafkaProducer(
    **BROKER, value_serializer=lambda event: json.dumps(event).encode("utf-8"), security_protocol="PLAINTEXT",
    ssl_check_hostname=False,
)


def tracked(event, at, **more):
    return {"sender_id": "ada", "event": event, "timestamp": 1763811000.0 + at, "metadata": {"model_id": "m1"}, **more}


EVENTS = [
    tracked("session_started", 0.0),
    tracked("action", 0.1, name="action_listen"),
    tracked("user", 1.2, text="where is my parcel", input_channel="rest", message_id="b1", parse_data={"text": "…"}),
    tracked("action", 1.3, name="utter_wrong"),
    tracked("bot", 1.4, text="Goodbye!", data={"buttons": None}),
    tracked("undo", 1.5),
    tracked("bot", 1.6, text="On its way.", data={"buttons": None}),
]
# Retries bring an event twice.
for event in EVENTS + EVENTS[2:5]:
    rasa.send(TOPIC, value=event, key=None)
rasa.flush()

sender = kafka.KafkaProducer(**BROKER)
for id, message, encode in (("a", "a structured event", to_structured_event), ("b", "a binary event", to_binary_event)):
    attributes = {"id": id, "source": "/shop", "type": "interaction.message", "partitionkey": "cloud-2"}
    data = {"interaction_id": "cloud-2", "role": "user", "message": message}
    record = encode(CloudEvent(attributes, data))
    sender.send(TOPIC, key=record.key.encode(), value=record.value, headers=list(record.headers.items()))
sender.flush()
