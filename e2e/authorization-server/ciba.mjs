// Consent without a browser: an agent names a person, who is asked on a device of their own, and the agent asks for its
// token until they have answered (OpenID Connect CIBA Core 1.0, poll mode).

export const CIBA = "urn:openid:params:grant-type:ciba";

/** The feature, for the configuration of a provider. */
export const ciba = {
  enabled: true,
  deliveryModes: ["poll"],
  processLoginHint: (_, hint) => hint,
  validateBindingMessage: () => {},
  validateRequestContext: () => {},
  verifyUserCode: () => {},
  triggerAuthenticationDevice: () => {},
};

/** Instead of a telephone: whoever is asked consents to all of it, once the agent has asked for its token too early. */
export function answerOnTelephone(provider, acr) {
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === "backchannel_authentication" && ctx.body.auth_req_id) ctx.body.interval = SECONDS_BETWEEN_POLLS;
    if (ctx.oidc?.route !== "token" || ctx.body?.error !== "authorization_pending") return;
    const asked = await provider.BackchannelAuthenticationRequest.find(ctx.oidc.params.auth_req_id);
    const grant = new provider.Grant({ accountId: asked.accountId, clientId: asked.clientId });
    grant.addOIDCScope("openid");
    grant.addResourceScope(asked.resource, asked.scope);
    const login = { acr, authTime: Math.floor(Date.now() / 1000) };
    await provider.backchannelResult(asked, await grant.save(), login);
  });
}

const SECONDS_BETWEEN_POLLS = 1;
