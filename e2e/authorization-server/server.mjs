// An authorization server for the end-to-end tests: `oidc-provider`, with a few clients and people (`who.mjs`), and a door
// for the tests (`/control/…`) through which they rotate keys and read how often each endpoint was asked.
//
//   node server.mjs --port 0 --keys keys.json
//
// `--keys` is where the signing keys are kept, so that a server that was killed comes back as the same issuer. The
// first line of the output is JSON: {"issuer":"http://127.0.0.1:…"}.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";

import { answerOnTelephone, ciba } from "./ciba.mjs";
import { offerTokenExchange } from "./token-exchange.mjs";
import { AGENT_TYPES, AGENTS, CLIENTS, PEOPLE } from "./who.mjs";

const { values: options } = parseArgs({ options: { port: { type: "string", default: "0" }, keys: { type: "string" } } });

// ---- What is protected: an API, reached under several resource indicators so that a test chooses the token's form, and
// whatever MCP server a test starts on loopback -----------------------------------------------------------------------

const API = "https://api.example.com";
const SCOPES = "read:projects write:projects manage:projects read:profile manage:billing";
const RESOURCES = {
  [API]: { format: "jwt", alg: "ES256" },
  [`${API}/as-rs256`]: { format: "jwt", alg: "RS256" },
  [`${API}/as-ed25519`]: { format: "jwt", alg: "Ed25519" },
  [`${API}/for-two-seconds`]: { format: "jwt", alg: "ES256", seconds: 2 },
  [`${API}/as-opaque`]: { format: "opaque" },
  "https://other.example.com": { format: "jwt", alg: "ES256", audience: "https://other.example.com" },
};
const MCP_SERVER = /^http:\/\/127\.0\.0\.1:\d+\/mcp$/;
const MCP_SCOPES = "notes:read notes:write notes:export notes:manage";

/** What is protected under the indicator `resource`. */
function protectedResource(resource) {
  if (MCP_SERVER.test(resource)) return { format: "jwt", alg: "ES256", audience: resource, scope: MCP_SCOPES };
  return { audience: API, scope: SCOPES, ...RESOURCES[resource] };
}

// ---- Keys -----------------------------------------------------------------------------------------------------------

const ALGORITHMS = ["ES256", "RS256", "Ed25519"];

/** A key for each algorithm, all of one generation: `es256-1`, `rs256-1`, … */
async function newKeys(generation) {
  return Promise.all(
    ALGORITHMS.map(async (alg) => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(privateKey)), alg, use: "sig", kid: `${alg.toLowerCase()}-${generation}` };
    }),
  );
}

let state = { generation: 1, current: [], former: [] };

/** Replaces the signing keys. The former ones stay published for the tokens that they signed, or go at once. */
async function rotate(keepFormer) {
  const generation = state.generation + 1;
  state = { generation, current: await newKeys(generation), former: keepFormer ? state.current : [] };
  save();
}

function save() {
  if (options.keys) writeFileSync(options.keys, JSON.stringify(state), { mode: 0o600 });
  provider = newProvider();
}

// ---- The server -----------------------------------------------------------------------------------------------------

let issuer;
let provider;

/** Every login here is one with a second factor. */
const ACR = "urn:acme:mfa";

/** What a token says besides what every token says. */
function extraTokenClaims(ctx, token) {
  const { AuthorizationCode: code, BackchannelAuthenticationRequest: asked } = ctx.oidc.entities;
  const login = code ?? asked;
  return {
    ...(PEOPLE[token.accountId] ?? { org_id: "acme", ...AGENTS[token.clientId] }),
    agent_type: AGENT_TYPES[token.clientId],
    auth_time: login?.authTime,
    acr: login && ACR,
    ...token.exchanged,
  };
}

/** How tokens for the resource indicator `resource` are made. */
function resourceServer(resource) {
  const { format, alg, seconds = 600, audience, scope } = protectedResource(resource);
  const jwt = alg && { sign: { alg, kid: state.current.find((key) => key.alg === alg).kid } };
  return { scope, audience, accessTokenFormat: format, accessTokenTTL: seconds, jwt };
}

/** Seconds. */
const lifetime = (_, token) => token.resourceServer?.accessTokenTTL ?? 600;

/** Sessions and opaque tokens live in memory that all providers of this process share. */
function newProvider() {
  const keys = [...state.current, ...state.former];
  const created = new Provider(issuer, {
    clients: CLIENTS,
    jwks: { keys },
    cookies: { keys: ["e2e"] },
    claims: { openid: ["sub"] },
    scopes: `${SCOPES} ${MCP_SCOPES}`.split(" "),
    pkce: { required: () => true },
    ttl: {
      AccessToken: lifetime,
      BackchannelAuthenticationRequest: 60,
      ClientCredentials: lifetime,
      Grant: 600,
      IdToken: 60,
      Interaction: 60,
      Session: 600,
    },
    findAccount: (_, id) => (id in PEOPLE ? { accountId: id, claims: () => ({ sub: id }) } : undefined),
    extraTokenClaims,
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: {
      ciba,
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      // This server believes everybody who says in this field what certificate was shown. The service must not.
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        getCertificate: (ctx) => decodeURIComponent(ctx.get("x-ssl-client-cert")) || undefined,
      },
      introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === "projects-api" },
      revocation: { enabled: true, allowedPolicy: (_, client, token) => client.clientId === token.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => API,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => resourceServer(resource),
      },
    },
  });
  answerOnTelephone(created, ACR);
  offerTokenExchange(created, keys, resourceServer);
  created.on("server_error", (_, error) => console.error(error));
  return created;
}

/** Instead of forms: whoever the client named in `login_hint` logs in, and consents to all that the client asks for. */
async function interact(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: params.login_hint } });
  }
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(" "));
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(" "));
  }
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

/** How often each path was asked for. */
const requests = {};

async function control(action, response) {
  switch (action) {
    case "rotate-and-keep":
      await rotate(true);
      break;
    case "rotate-and-drop":
      await rotate(false);
      break;
    case "requests":
      break;
    default:
      response.statusCode = 404;
  }
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(requests));
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  const [, first, second] = pathname.split("/");
  try {
    if (first === "control") return await control(second, response);
    requests[pathname] = (requests[pathname] ?? 0) + 1;
    if (first === "interaction") return await interact(request, response);
    return await provider.callback()(request, response);
  } catch (error) {
    console.error(error);
    response.statusCode = 500;
    response.end();
  }
});

server.listen(Number(options.port), "127.0.0.1", async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  if (options.keys && existsSync(options.keys)) {
    state = JSON.parse(readFileSync(options.keys, "utf8"));
  } else {
    state.current = await newKeys(state.generation);
  }
  save();
  console.log(JSON.stringify({ issuer }));
});
