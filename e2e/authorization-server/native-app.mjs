// A native app that gets itself access tokens: authorization code with PKCE (RFC 7636) and a resource indicator
// (RFC 8707), through `openid-client`. Its browser is a loop that follows redirects and keeps cookies.

import * as client from "openid-client";

export const REDIRECT = "http://127.0.0.1/callback";
const MAX_REDIRECTS = 10;

/** What an app knows of the authorization server. */
export function discover(issuer, app = "mobile", authentication = client.None()) {
  const insecure = { execute: [client.allowInsecureRequests] }; // plain http, on loopback
  return client.discovery(new URL(issuer), app, undefined, authentication, insecure);
}

/** The token response for `user`. With a `DPoP` handle, the token is bound to its key (RFC 9449). */
export async function logIn(configuration, { user, scope, resource }, DPoP) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const start = client.buildAuthorizationUrl(configuration, {
    redirect_uri: REDIRECT,
    scope,
    resource,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    login_hint: user,
    state,
  });
  const answer = await browse(start);
  const checks = { pkceCodeVerifier: verifier, expectedState: state };
  return client.authorizationCodeGrant(configuration, answer, checks, undefined, { DPoP });
}

/** The URL at which the server sends the browser back to the app. */
export async function browse(url) {
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
