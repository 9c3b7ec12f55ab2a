"""A client of heddle made of somebody else's library: PyPI's `cloudevents` or `azure-eventgrid`, named by the argument.

Its first line on standard output is {"sink": URL}: an endpoint whose requests are read by the library. After that each line
of standard input is a command {"url", "mode", "events"} to send events with the library, answered by {"status"} or
{"error"}; and each request to the sink is told as {"path", "event"} or {"path", "error"}.

An event is {"attributes": {name: value}, "data": null | {"json": TEXT} | {"text": TEXT} | {"base64": TEXT}}. `time` goes in
as RFC 3339 and comes out as milliseconds since 1970, as the library understood it. What the library cannot do is an error
here: nothing is worked around.
"""

import base64
import json
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SAY = threading.Lock()


def say(message):
    with SAY:
        print(json.dumps(message, ensure_ascii=False), flush=True)


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def data_in(data):
    if data is None:
        return None
    (kind, text), = data.items()
    return {"json": json.loads, "text": str, "base64": base64.b64decode}[kind](text)


def data_out(data, media_type):
    if data is None:
        return None
    if isinstance(data, (bytes, bytearray)):
        return {"base64": base64.b64encode(data).decode()}
    if isinstance(data, str) and media_type is not None and "json" not in media_type:
        return {"text": data}
    return {"json": json.dumps(data, ensure_ascii=False, separators=(",", ":"))}


def attributes_out(attributes):
    told = {name: value for name, value in attributes.items() if value is not None}
    if isinstance(told.get("time"), datetime):
        told["time"] = round(told["time"].timestamp() * 1000)
    return told


class CloudEvents:
    """The library of the CloudEvents project."""

    def __init__(self):
        import requests
        from cloudevents.core.bindings import http
        from cloudevents.core.v1.event import CloudEvent

        self.requests, self.http, self.event = requests, http, CloudEvent

    def send(self, url, mode, events):
        attributes = dict(events[0]["attributes"])
        if "time" in attributes:
            attributes["time"] = instant(attributes["time"])
        event = self.event(attributes, data_in(events[0]["data"]))
        encode = {"binary": self.http.to_binary_event, "structured": self.http.to_structured_event}[mode]
        message = encode(event)
        return self.requests.post(url, data=message.body, headers=message.headers, timeout=60).status_code

    def read(self, headers, body):
        event = self.http.from_http_event(self.http.HTTPMessage(headers, body))
        data = data_out(event.get_data(), event.get_datacontenttype())
        return {"attributes": attributes_out(event.get_attributes()), "data": data}


class EventGrid:
    """Azure's client of Event Grid, which publishes batches to any URL and reads events in the JSON format."""

    def __init__(self):
        from azure.core.credentials import AzureKeyCredential
        from azure.core.exceptions import HttpResponseError
        from azure.core.messaging import CloudEvent
        from azure.eventgrid import EventGridPublisherClient

        self.key, self.refused = AzureKeyCredential, HttpResponseError
        self.event, self.client = CloudEvent, EventGridPublisherClient

    def send(self, url, mode, events):
        assert mode == "batch", "it sends batches and nothing else"
        with self.client(url, self.key("a key")) as client:
            try:
                client.send([self.made(event) for event in events])
                return 200
            except self.refused as refused:
                return refused.status_code

    def made(self, event):
        attributes = dict(event["attributes"])
        known = {
            name: attributes.pop(name)
            for name in ("id", "source", "type", "specversion", "subject", "dataschema", "datacontenttype")
            if name in attributes
        }
        time = attributes.pop("time", None)
        known["time"] = None if time is None else instant(time)
        return self.event(**known, data=data_in(event["data"]), extensions=attributes or None)

    def read(self, headers, body):
        event = self.event.from_json(body.decode())
        names = ("id", "source", "type", "specversion", "subject", "dataschema", "datacontenttype", "time")
        attributes = {name: getattr(event, name) for name in names} | (event.extensions or {})
        # Its word for an explicit null, which it tells from no data.
        null = type(event.data).__name__ == "_Null"
        data = {"json": "null"} if null else data_out(event.data, event.datacontenttype)
        return {"attributes": attributes_out(attributes), "data": data}


def main():
    client = {"cloudevents": CloudEvents, "azure-eventgrid": EventGrid}[sys.argv[1]]()

    class Sink(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                say({"path": self.path, "event": client.read(dict(self.headers.items()), body)})
            except Exception as error:  # Whatever the library throws is what the test wants to see.
                say({"path": self.path, "error": repr(error)})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.handle_error = lambda *_: None  # A connection that heddle closes is none.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say({"sink": f"http://127.0.0.1:{server.server_port}"})
    for line in sys.stdin:
        command = json.loads(line)
        try:
            say({"status": client.send(command["url"], command["mode"], command["events"])})
        except Exception as error:
            say({"error": repr(error)})


main()
