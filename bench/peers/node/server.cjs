// The smallest server that npm's SDK makes, with one tool that does nothing.
const { McpServer } = require("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");
const { z } = require("zod");

const server = new McpServer({ name: "peer", version: "0" });
const config = { description: "Return the text.", inputSchema: { text: z.string() } };
server.registerTool("echo", config, ({ text }) => ({ content: [{ type: "text", text }] }));
server.connect(new StdioServerTransport());
