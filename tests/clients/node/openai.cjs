// OpenAI's client of npm. Each line of stdin is `{url, retries, calls: [{call, with, until?}]}` as JSON:
// each call names a method of the client, such as `responses.create`, and its arguments. Within them,
// `{"$": [2, "id"]}` stands for the field `id` of the third call's value, and `{"$city": KIND}` for a
// structured output that zod describes. `until` is the number of events after which a stream is left.
// In reply, a line on stdout has a list of `{value, final}` or `{value, error}`, one for each call: of
// a stream `value` is its events, of a list all items of all its pages.
const readline = require("node:readline");
const { OpenAI } = require("openai");
const { zodResponseFormat, zodTextFormat } = require("openai/helpers/zod");
const { z } = require("zod");

const City = z.object({ name: z.string(), people: z.number() });
const cities = { completion: () => zodResponseFormat(City, "city"), response: () => zodTextFormat(City, "city") };

function filled(given, values) {
  if (Array.isArray(given)) return given.map((each) => filled(each, values));
  if (given === null || typeof given !== "object") return given;
  if ("$" in given) return given.$.slice(1).reduce((inside, key) => inside[key], values[given.$[0]]);
  if ("$city" in given) return cities[given.$city]();
  return Object.fromEntries(Object.entries(given).map(([key, each]) => [key, filled(each, values)]));
}

async function read(client, { call, with: given, until }, came, values) {
  const path = call.split(".");
  const owner = path.slice(0, -1).reduce((inside, key) => inside[key], client);
  const found = await owner[path.at(-1)](...filled(given, values));
  if (found === undefined || typeof found[Symbol.asyncIterator] !== "function") {
    came.value = found ?? null;
    return;
  }
  came.value = [];
  for await (const each of found) {
    came.value.push(each);
    if (came.value.length === until) return;
  }
  if (found.finalChatCompletion) came.final = await found.finalChatCompletion();
  if (found.finalResponse) came.final = await found.finalResponse();
}

async function told({ url, retries, calls }) {
  const client = new OpenAI({ baseURL: url, apiKey: "sk-caller", maxRetries: retries });
  const found = [];
  for (const each of calls) {
    const came = {};
    try {
      await read(client, each, came, found.map(({ value }) => value));
    } catch (error) {
      const { status, code, param, type, message, error: body } = error;
      came.error = { kind: error.constructor.name, status, code, param, type, message, body };
    }
    found.push(came);
  }
  return found;
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await told(JSON.parse(line))));
  }
}

main();
