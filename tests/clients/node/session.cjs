// A client of npm over HTTP. On stdin `{client, url, token, calls: [{tool, arguments}]}` as JSON;
// on stdout what came: `{version, tools, answers: [{result | error, progress}]}`.
const fs = require("node:fs");

const { client, url, token, calls } = JSON.parse(fs.readFileSync(0, "utf8"));
const about = { name: "test", version: "0" };
const connections = {
  // The SDK of 2025-11-25.
  "@modelcontextprotocol/sdk": (name) => {
    const { Client } = require(`${name}/client/index.js`);
    const { StreamableHTTPClientTransport } = require(`${name}/client/streamableHttp.js`);
    const made = new Client(about);
    return [made, StreamableHTTPClientTransport, (call, how) => made.callTool(call, undefined, how)];
  },
  // Its successor, which speaks both revisions.
  "@modelcontextprotocol/client": (name) => {
    const { Client, StreamableHTTPClientTransport } = require(name);
    const made = new Client(about, { versionNegotiation: { mode: "auto" } });
    return [made, StreamableHTTPClientTransport, (call, how) => made.callTool(call, how)];
  },
};

async function main() {
  const [session, Transport, callTool] = connections[client](client);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const transport = new Transport(new URL(url), { requestInit: { headers } });
  await session.connect(transport);
  const { tools } = await session.listTools();
  const answers = [];
  for (const { tool, arguments: given } of calls) {
    const progress = [];
    const onprogress = ({ progress: done, total }) => progress.push([done, total]);
    try {
      const result = await callTool({ name: tool, arguments: given }, { onprogress });
      answers.push({ result, progress });
    } catch ({ code, message }) {
      answers.push({ error: { code, message }, progress });
    }
  }
  const version = transport.protocolVersion;
  await session.close();
  console.log(JSON.stringify({ version, tools: tools.map(({ name }) => name), answers }));
}

main();
