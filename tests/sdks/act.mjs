// One act of an SDK: `node act.mjs openai "answers" http://…/openai '{"x-org-id": "acme"}'`.
// Prints what it was told as JSON, or the exception that it got.

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const [, , sdk, act, base, headers] = process.argv;
const defaultHeaders = JSON.parse(headers);
const hello = [{ role: "user", content: "Hello, gate." }];
const wish = [{ role: "user", content: "Use the tool." }];
const schema = { type: "object", properties: { path: { type: "string" } } };

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

function openai() {
  const client = new OpenAI({ apiKey: "sk-agent", baseURL: `${base}/v1`, defaultHeaders });
  const model = "gpt-4o-mini";
  const tools = [{ type: "function", function: { name: "read_file", parameters: schema } }];
  const shown = { stream: true, stream_options: { include_usage: true } };
  const create = (messages, more) =>
    client.chat.completions.create({ model, messages, max_tokens: 50, ...more });
  return {
    answers: () => create(hello, {}),
    streams: async () => all(await create(hello, shown)),
    "asks for a tool": () => create(wish, { tools }),
    "streams a tool call": async () => all(await create(wish, { tools, ...shown })),
  };
}

function anthropic() {
  const client = new Anthropic({ apiKey: "sk-agent", baseURL: base, defaultHeaders });
  const model = "claude-sonnet-4-6";
  const tools = [{ name: "read_file", input_schema: schema }];
  const create = (messages, more) =>
    client.messages.create({ model, messages, max_tokens: 50, ...more });
  return {
    answers: () => create(hello, {}),
    streams: async () => all(await create(hello, { stream: true })),
    "asks for a tool": () => create(wish, { tools }),
    "streams a tool call": async () => all(await create(wish, { tools, stream: true })),
  };
}

let told;
try {
  told = { data: await { openai, anthropic }[sdk]()[act]() };
} catch (error) {
  const { name, status } = { name: error.constructor.name, status: error.status };
  told = { error: { name, status, message: error.message } };
}
console.log(JSON.stringify(told));
