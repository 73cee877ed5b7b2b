// Whom the authorization server knows.

import { CIBA } from "./ciba.mjs";
import { TOKEN_EXCHANGE } from "./token-exchange.mjs";

/** What tokens say of people, besides who they are. */
export const PEOPLE = {
  ada: { org_id: "acme", roles: ["admin"] },
  ed: { org_id: "acme", roles: ["editor"] },
  vic: { org_id: "acme", roles: ["viewer"] },
};

export const CLIENTS = [
  app("mobile"),
  app("assistant"), // an MCP client
  machine("nightly-report", "client_credentials"),
  { ...machine("sealed-report", "client_credentials"), tls_client_certificate_bound_access_tokens: true },
  machine("projects-api", "client_credentials"), // the protected service itself, for introspection

  // Agents. The first two have their users log in to them, and the third asks them on their telephones.
  app("summariser"),
  app("courier"),
  { ...machine("drafter", CIBA), backchannel_token_delivery_mode: "poll" },
  machine("archivist", "client_credentials"),
  machine("agent-platform", TOKEN_EXCHANGE), // runs agents of others
];

/** What tokens say of clients that are agents and come for themselves. */
export const AGENTS = {
  archivist: { sub_profile: "ai_agent" },
};

/** A claim of our own: what sort of agent the client is. */
export const AGENT_TYPES = {
  courier: "writer",
  summariser: "writer", // the service knows better
};

/** A public client: it proves itself by PKCE alone. */
function app(client_id) {
  return {
    client_id,
    token_endpoint_auth_method: "none",
    application_type: "native",
    redirect_uris: ["http://127.0.0.1/callback"],
    grant_types: ["authorization_code"],
    response_types: ["code"],
    id_token_signed_response_alg: "ES256",
  };
}

/** A client with a secret, which is its name after `e2e-`. */
function machine(client_id, grant_type) {
  return {
    client_id,
    client_secret: `e2e-${client_id}`,
    token_endpoint_auth_method: "client_secret_basic",
    grant_types: [grant_type],
    response_types: [],
    redirect_uris: [],
    id_token_signed_response_alg: "ES256",
  };
}
