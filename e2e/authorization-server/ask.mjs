// An agent that works in the background asks a person for their consent, waits for it, and prints the token response as
// JSON: CIBA in poll mode, through `openid-client`.
//
//   node ask.mjs --issuer URL --client drafter --user ada --scope "read:projects" --resource URL

import { parseArgs } from "node:util";

import * as client from "openid-client";

import { discover } from "./native-app.mjs";

const option = { type: "string" };
const { values: options } = parseArgs({
  options: { issuer: option, client: option, user: option, scope: option, resource: option },
});

const secret = client.ClientSecretBasic(`e2e-${options.client}`);
const configuration = await discover(options.issuer, options.client, secret);
const asked = await client.initiateBackchannelAuthentication(configuration, {
  login_hint: options.user,
  scope: `openid ${options.scope}`,
  resource: options.resource,
});
console.log(JSON.stringify(await client.pollBackchannelAuthenticationGrant(configuration, asked)));
