// Token exchange (RFC 8693): a client turns a token of a person into one with which an agent acts for them. The agent is
// whoever the `actor_token` is for, and stands in the claim `act`; the person stays the subject.

import { createLocalJWKSet, jwtVerify } from "jose";
import { errors } from "oidc-provider";

export const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** Teaches it to `provider`, whose access tokens can be verified with `keys`. */
export function offerTokenExchange(provider, keys, protectedResource) {
  const known = createLocalJWKSet({ keys: keys.map(publicPart) });
  const read = async (name, token) => {
    const options = { issuer: provider.issuer, typ: "at+jwt", requiredClaims: ["sub", "exp"] };
    const verified = await jwtVerify(token ?? "", known, options).catch((error) => {
      throw new errors.InvalidRequest(`${name}: ${error.message}`);
    });
    return verified.payload;
  };
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      const subject = await read("subject_token", params.subject_token);
      const actor = await read("actor_token", params.actor_token);
      // No more than the person has consented to.
      const consented = new Set(subject.scope?.split(" "));
      const scope = (params.scope ?? "").split(" ").filter((name) => consented.has(name)).join(" ");
      const grant = new provider.Grant({ accountId: subject.sub, clientId: client.clientId });
      grant.addResourceScope(params.resource, scope);
      const token = new provider.AccessToken({ accountId: subject.sub, client, grantId: await grant.save(), scope });
      token.resourceServer = new provider.ResourceServer(params.resource, protectedResource(params.resource));
      // What the person did to log in, and who stood between them and the agent until now.
      const { auth_time, acr } = subject;
      const act = { sub: actor.sub, sub_profile: actor.sub_profile, act: subject.act };
      token.exchanged = { auth_time, acr, act };
      ctx.body = {
        access_token: await token.save(),
        issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
        token_type: token.tokenType,
        expires_in: token.expiration,
        scope,
      };
    },
    ["subject_token", "subject_token_type", "actor_token", "actor_token_type", "resource", "scope"],
  );
}

function publicPart({ kty, crv, x, y, n, e, alg, use, kid }) {
  return { kty, crv, x, y, n, e, alg, use, kid };
}
