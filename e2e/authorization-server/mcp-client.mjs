// An AI assistant that uses tools, through the official MCP client as it is.
//
//   node mcp-client.mjs --url http://127.0.0.1:8090/mcp --user ada --call read_note --with '{"title":"engine"}' [--call … --with …]
//
// It knows the URL of the MCP server and how it is called itself, and nothing else: where to get a token, and for what, it
// learns from challenges and metadata. Where its user must consent, a loop that follows redirects stands for the browser.
//
// The output is JSON: {"tools":["…"],"answers":[{"text":"…"} or {"status":403}],"scopes":["…"],"exchanges":[{"method":"POST",
// "url":"…","status":401,"challenge":"…"},…]}: `scopes` is what it asked its user for, `exchanges` what went over the wire.

import { parseArgs } from "node:util";

import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { REDIRECT, browse } from "./native-app.mjs";

const option = { type: "string" };
const several = { type: "string", multiple: true, default: [] };
const { values: options } = parseArgs({ options: { url: option, user: option, call: several, with: several } });

const scopes = [];
const exchanges = [];
let tokens;
let verifier;
let code;

/** What the client asks of an application: to keep things, and to send its user somewhere. */
const provider = {
  redirectUrl: REDIRECT,
  clientMetadata: { client_name: "Assistant", redirect_uris: [REDIRECT] },
  clientInformation: () => ({ client_id: "assistant" }),
  tokens: () => tokens,
  saveTokens: (saved) => (tokens = saved),
  codeVerifier: () => verifier,
  saveCodeVerifier: (saved) => (verifier = saved),
  async redirectToAuthorization(url) {
    scopes.push(url.searchParams.get("scope"));
    url.searchParams.set("login_hint", options.user);
    code = (await browse(url)).searchParams.get("code");
  },
};

async function notedFetch(target, init) {
  const response = await fetch(target, init);
  const challenge = response.headers.get("www-authenticate") ?? "";
  exchanges.push({ method: init?.method ?? "GET", url: String(target), status: response.status, challenge });
  return response;
}

const newTransport = () =>
  new StreamableHTTPClientTransport(new URL(options.url), { authProvider: provider, fetch: notedFetch });

const client = new Client({ name: "assistant", version: "1.0.0" });
let transport = newTransport();
try {
  await client.connect(transport);
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error;
  await transport.finishAuth(code);
  transport = newTransport();
  await client.connect(transport);
}

/** The text that a tool gives, or the status of its refusal. */
async function call(name, parameters) {
  const params = { name, arguments: JSON.parse(parameters) };
  try {
    return { text: (await client.callTool(params)).content[0].text };
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) return { status: error.code };
    await transport.finishAuth(code);
    return { text: (await client.callTool(params)).content[0].text };
  }
}

const { tools } = await client.listTools();
const answers = [];
for (const [place, name] of options.call.entries()) answers.push(await call(name, options.with[place]));
await transport.terminateSession();
await client.close();
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), answers, scopes, exchanges }));
