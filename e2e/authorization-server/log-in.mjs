// Logs a person in to a native app, `mobile` unless stated, and prints the token response as JSON.
//
//   node log-in.mjs --issuer URL --user ada --scope "read:projects" --resource URL [--client summariser] [--dpop]
//
// With `--dpop` the token is bound to a key that the app then forgets.

import { parseArgs } from "node:util";

import * as client from "openid-client";

import { discover, logIn } from "./native-app.mjs";

const option = { type: "string" };
const { values: options } = parseArgs({
  options: { issuer: option, user: option, scope: option, resource: option, client: option, dpop: { type: "boolean" } },
});

const configuration = await discover(options.issuer, options.client);
const DPoP = options.dpop && client.getDPoPHandle(configuration, await client.randomDPoPKeyPair());
console.log(JSON.stringify(await logIn(configuration, options, DPoP)));
