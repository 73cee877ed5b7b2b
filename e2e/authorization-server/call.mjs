// The native app logs somebody in with a key of its own (RFC 9449), and calls the service several times.
//
//   node call.mjs --issuer URL --user ada --scope "read:projects" --resource https://api.example.com \
//     --service http://127.0.0.1:8080 --path /projects/apollo --through openid-client|oauth4webapi [--token TOKEN]
//
// The service is called by its public name, which is the origin of `--resource`; requests for it go to `--service`, as if
// a proxy stood between them. With `--token` nobody logs in: the app uses a token that it found, with a key of its own.
//
// The output is JSON: {"token":"…","exchanges":[{"proof":"…","status":401,"challenge":"…","nonce":"…"},…]}, with what
// went over the wire between app and service. The clients are used as they are; they are given a `fetch` that takes notes.

import { parseArgs } from "node:util";

import * as oauth from "oauth4webapi";
import * as client from "openid-client";

import { discover, logIn } from "./native-app.mjs";

const option = { type: "string" };
const names = ["issuer", "user", "scope", "resource", "service", "path", "through", "token"];
const { values: options } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, option])) });

const CALLS = 2;

const configuration = await discover(options.issuer);
const keys = await client.randomDPoPKeyPair();
const DPoP = client.getDPoPHandle(configuration, keys);
const token = options.token ?? (await logIn(configuration, options, DPoP)).access_token;

const url = new URL(options.path, options.resource);
const exchanges = [];

async function notedFetch(target, { method, headers, body }) {
  const response = await fetch(options.service + new URL(target).pathname, { method, headers, body });
  const { status, headers: answered } = response;
  const [challenge, nonce] = ["www-authenticate", "dpop-nonce"].map((name) => answered.get(name) ?? "");
  exchanges.push({ proof: new Headers(headers).get("dpop"), status, challenge, nonce });
  return response;
}

/** Each calls the service once, as its client's documentation has it. */
const CLIENTS = {
  "openid-client": () => {
    configuration[client.customFetch] = notedFetch;
    return () => client.fetchProtectedResource(configuration, token, url, "GET", undefined, undefined, { DPoP });
  },
  oauth4webapi: () => {
    const DPoP = oauth.DPoP({ client_id: "mobile" }, keys);
    const noted = { DPoP, [oauth.customFetch]: notedFetch };
    const send = () => oauth.protectedResourceRequest(token, "GET", url, undefined, undefined, noted);
    return () =>
      send().catch((error) => {
        if (oauth.isDPoPNonceError(error)) return send();
        throw error;
      });
  },
};

const call = CLIENTS[options.through]();
for (let calls = 0; calls < CALLS; calls += 1) {
  try {
    await call();
  } catch (error) {
    // A refusal is an error to the client, and a result for us.
    if (exchanges.at(-1)?.status !== 401) throw error;
  }
}
console.log(JSON.stringify({ token, exchanges }));
