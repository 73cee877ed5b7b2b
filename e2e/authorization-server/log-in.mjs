// A native app that gets itself an access token: authorization code with PKCE (RFC 7636) and a resource indicator
// (RFC 8707), through `openid-client`. Its browser is a loop that follows redirects and keeps cookies.
//
//   node log-in.mjs --issuer URL --user ada --scope "read:projects" --resource URL [--dpop]
//
// With `--dpop` the token is bound to a key of the app (RFC 9449). The output is the token response as JSON.

import { parseArgs } from "node:util";

import * as client from "openid-client";

const option = { type: "string" };
const { values: options } = parseArgs({
  options: { issuer: option, user: option, scope: option, resource: option, dpop: { type: "boolean" } },
});

const REDIRECT = "http://127.0.0.1/callback";
const MAX_REDIRECTS = 10;

const insecure = { execute: [client.allowInsecureRequests] }; // plain http, on loopback
const configuration = await client.discovery(new URL(options.issuer), "mobile", undefined, client.None(), insecure);
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const start = client.buildAuthorizationUrl(configuration, {
  redirect_uri: REDIRECT,
  scope: options.scope,
  resource: options.resource,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  login_hint: options.user,
  state,
});
const answer = await browse(start);
const checks = { pkceCodeVerifier: verifier, expectedState: state };
const DPoP = options.dpop && client.getDPoPHandle(configuration, await client.randomDPoPKeyPair());
console.log(JSON.stringify(await client.authorizationCodeGrant(configuration, answer, checks, undefined, { DPoP })));

/** The URL at which the server sends the browser back to the app. */
async function browse(url) {
  const cookies = new Map();
  for (let redirects = 0; redirects < MAX_REDIRECTS; redirects += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { headers: { cookie }, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(";", 1)[0].split(/=(.*)/s);
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (!location) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
    url = new URL(location, url);
    if (url.href.startsWith(REDIRECT)) return url;
  }
  throw new Error("too many redirects");
}
