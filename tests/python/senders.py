"""Events as the SDKs of other makers send them. Arguments: the server's address, and a key or nothing."""

import sys
import time
import urllib.request

from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

URL = sys.argv[1]


def cloud_event(id, message):
    attributes = {"id": id, "source": "/shop", "type": "interaction.message"}
    return CloudEvent(attributes, {"interaction_id": "cloud-1", "role": "user", "message": message})


for sent in (
    http.to_structured_event(cloud_event("a", "a structured event")),
    http.to_binary_event(cloud_event("b", "a binary event")),
):
    request = urllib.request.Request(f"{URL}/v1/events", data=sent.body, headers=sent.headers)
    assert urllib.request.urlopen(request).status == 202

for compression in (Compression.NoCompression, Compression.Gzip):
    exporter = OTLPLogExporter(endpoint=f"{URL}/v1/logs", compression=compression)
    provider = LoggerProvider(resource=Resource.create({"service.name": "helpdesk"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("chat")
    logger.emit(timestamp=time.time_ns(), severity_number=SeverityNumber.INFO, body="nothing to do with a model")
    logger.emit(
        timestamp=time.time_ns(),
        event_name="gen_ai.client.inference.operation.details",
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.conversation.id": f"otel-{compression.value}",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Where is my parcel?"}]}],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [{"type": "text", "content": "On its way."}], "finish_reason": "stop"}
            ],
        },
    )
    assert provider.force_flush(), "the exporter could not deliver"
    provider.shutdown()
