// Every provider, answered by aimock: one process, one port without TLS and one with.
//
// Started with a key's and a certificate's path; prints its ports as JSON; ends with its standard
// input. Without TLS the first part of the path says whose API is asked (/openai/v1/…), as the
// provider's host does with TLS.

import { readFileSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import { createServer as createTlsServer } from "node:https";

import { LLMock } from "@copilotkit/aimock";

const USAGE = { prompt_tokens: 11, completion_tokens: 7 };
const TOOL = { name: "read_file", arguments: JSON.stringify({ path: "/etc/hostname" }) };
const HOSTS = {
  "api.mistral.ai": "mistral",
  "api.groq.com": "groq",
  "api.anthropic.com": "anthropic",
};
const ALWAYS_SAY_USAGE = ["mistral", "groq"];

// Mistral streams a tool call whole, and its SDK reads no other.
function inOnePiece(body) {
  const { choices, ...said } = JSON.parse(body.toString());
  const [{ message, finish_reason }] = choices;
  const calls = message.tool_calls.map((call, index) => ({ index, ...call }));
  const delta = { role: "assistant", content: "", tool_calls: calls };
  const chunk = { ...said, choices: [{ index: 0, delta, finish_reason }] };
  return `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`;
}

// Bedrock does not say that a text begins, and its SDK reads no empty start.
function withoutEmptyStarts(events) {
  const kept = [];
  for (let at = 0; at < events.length; at += events.readUInt32BE(at)) {
    const event = events.subarray(at, at + events.readUInt32BE(at));
    if (!event.includes('"start":{}')) kept.push(event);
  }
  return Buffer.concat(kept);
}

const CHANGES = {
  "/converse-stream": withoutEmptyStarts,
  // Gemini knows no such reason, and its SDK refuses it.
  "/v1beta/models/": (body) => body.toString().replace('"FUNCTION_CALL"', '"STOP"'),
  // Embeddings and Ollama's answers are not counted.
  "/v1/embeddings": (body) =>
    body.toString().replace(/("(prompt|total)_tokens"):0/g, `$1:${USAGE.prompt_tokens}`),
  "/api/chat": (body) =>
    body
      .toString()
      .replace('"prompt_eval_count":0', `"prompt_eval_count":${USAGE.prompt_tokens}`)
      .replace('"eval_count":0', `"eval_count":${USAGE.completion_tokens}`),
};

const mock = new LLMock({ port: 0, chunkSize: 8, logLevel: "silent" });
mock.onMessage(/^Use the tool\.$/, { toolCalls: [TOOL], usage: USAGE });
mock.onEmbedding(/.*/, { embedding: [0.25, -0.5] });
mock.onMessage(/.*/, { content: "Good evening from the other side.", usage: USAGE });
await mock.start();
const upstream = new URL(mock.url);
let seen = 0;

async function answer(request, response) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  let body = Buffer.concat(pieces);
  if (request.url === "/seen") {
    response.end(String(seen));
    seen = 0;
    return;
  }
  seen += 1;
  const host = (request.headers.host ?? "").split(":")[0];
  let path = request.url;
  let name = HOSTS[host];
  if (!request.socket.encrypted) {
    [, name, path] = /^\/([a-z]+)(\/.*)$/.exec(request.url) ?? [null, "", request.url];
  }
  // What follows is where aimock falls short of a provider.
  if (name === "anthropic" && path.startsWith("/v1/messages/count_tokens")) {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ input_tokens: USAGE.prompt_tokens }));
    return;
  }
  let change = Object.entries(CHANGES).find(([part]) => path.includes(part))?.[1];
  if (ALWAYS_SAY_USAGE.includes(name) && body.includes('"stream":')) {
    const asked = JSON.parse(body.toString());
    if (asked.stream) asked.stream_options = { include_usage: true };
    if (asked.stream && asked.tools && name === "mistral") {
      asked.stream = false;
      change = inOnePiece;
    }
    body = Buffer.from(JSON.stringify(asked));
  }
  const headers = { ...request.headers, host: upstream.host, "content-length": body.length };
  delete headers["transfer-encoding"];
  const options = { port: upstream.port, host: upstream.hostname, path, method: request.method };
  const onward = ask({ ...options, headers }, (told) => {
    if (change === inOnePiece) told.headers["content-type"] = "text/event-stream";
    response.writeHead(told.statusCode, told.headers);
    if (!change) {
      told.pipe(response);
      return;
    }
    const pieces = [];
    told.on("data", (piece) => pieces.push(piece));
    told.on("end", () => response.end(change(Buffer.concat(pieces))));
  });
  onward.on("error", () => response.destroy());
  onward.end(body);
}

const [, , key, certificate] = process.argv;
const secrets = { key: readFileSync(key), cert: readFileSync(certificate) };
const plain = createServer(answer).listen(0, "127.0.0.1");
const tls = createTlsServer(secrets, answer).listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ plain: plain.address().port, tls: tls.address().port }));
});
// No WebSockets here: Codex then asks over HTTP.
const NO_SOCKETS = "HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
for (const server of [plain, tls]) server.on("upgrade", (_, socket) => socket.end(NO_SOCKETS));
process.stdin.resume().on("end", () => process.exit(0));
