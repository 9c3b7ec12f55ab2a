// A client of heddle made of npm's `cloudevents`, which lies in the folder that the argument names. What it says and hears on
// its standard streams is told in ../python/peer.py.

"use strict";

const http = require("node:http");
const path = require("node:path");
const readline = require("node:readline");
const { createRequire } = require("node:module");

const fetched = createRequire(path.resolve(process.argv[2], "package.json"));
const { CloudEvent, HTTP } = fetched("cloudevents");

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

function dataIn(data) {
  if (data === null) return undefined;
  if (data.json !== undefined) return JSON.parse(data.json);
  if (data.text !== undefined) return data.text;
  return new Uint8Array(Buffer.from(data.base64, "base64"));
}

function dataOut(data, mediaType) {
  if (data === undefined) return null;
  if (ArrayBuffer.isView(data)) return { base64: Buffer.from(data).toString("base64") };
  if (typeof data === "string" && !/json/.test(mediaType ?? "")) return { text: data };
  return { json: JSON.stringify(data) };
}

async function send({ url, mode, events }) {
  const [{ attributes, data }] = events;
  const event = new CloudEvent({ ...attributes, data: dataIn(data) });
  const { headers, body } = mode === "binary" ? HTTP.binary(event) : HTTP.structured(event);
  const answer = await fetch(url, { method: "POST", headers, body });
  await answer.arrayBuffer();
  return answer.status;
}

function read(headers, bytes) {
  // As its guide says, the body goes in as text; bytes go in as they are where no media type says that they are text.
  const body = /octet-stream/.test(headers["content-type"] ?? "octet-stream") ? bytes : bytes.toString("utf8");
  const event = HTTP.toEvent({ headers, body });
  const { data, data_base64: _, ...attributes } = event;
  for (const name of Object.keys(attributes)) {
    if (attributes[name] === undefined) delete attributes[name];
  }
  attributes.time = Date.parse(attributes.time);
  return { attributes, data: dataOut(data, event.datacontenttype) };
}

const sink = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    try {
      say({ path: request.url, event: read(request.headers, Buffer.concat(chunks)) });
    } catch (error) {
      say({ path: request.url, error: String(error) });
    }
    response.writeHead(204).end();
  });
});

sink.listen(0, "127.0.0.1", async () => {
  say({ sink: `http://127.0.0.1:${sink.address().port}` });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      say({ status: await send(JSON.parse(line)) });
    } catch (error) {
      say({ error: String(error) });
    }
  }
  process.exit(0);
});
