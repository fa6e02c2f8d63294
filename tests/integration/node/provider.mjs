// A certified OpenID Connect provider (npm oidc-provider) on loopback, for one test.
//
// Standard input is one line of JSON: port, clientId, clientSecret, redirectUris, logoutUri, and
// accounts by name, each with claims and optionally acr and amr, which a sign-in is told to have.
// It prints "ready" and ends when standard input does.

import crypto from "node:crypto";
import dns from "node:dns";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

// Names below localhost are this machine, whatever the resolver knows.
const { lookup } = dns;
dns.lookup = (name, options, done) =>
  lookup(name.endsWith(".localhost") ? "127.0.0.1" : name, options, done);

const lines = createInterface({ input: process.stdin });
const settings = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
process.stdin.resume().on("end", () => process.exit(0));

const key = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const issuer = `http://127.0.0.1:${settings.port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: settings.clientId,
      client_secret: settings.clientSecret,
      redirect_uris: settings.redirectUris,
      id_token_signed_response_alg: "ES256",
      backchannel_logout_uri: settings.logoutUri,
      backchannel_logout_session_required: true,
    },
  ],
  jwks: { keys: [{ ...key.export({ format: "jwk" }), kid: "es", use: "sig", alg: "ES256" }] },
  cookies: { keys: [crypto.randomBytes(32).toString("hex")] },
  pkce: { required: () => true },
  acrValues: ["phr", "pwd"],
  scopes: ["openid", "email", "groups"],
  claims: {
    openid: ["sub", "acr", "amr", "auth_time", "sid"],
    email: ["email", "email_verified"],
    groups: ["groups"],
  },
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  // Its own guard refuses addresses of this machine, where doorward is in these tests.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, name) =>
    settings.accounts[name] && {
      accountId: name,
      claims: () => ({ sub: name, ...settings.accounts[name].claims }),
    },
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({
      clientId: oidc.client.clientId,
      accountId: oidc.session.accountId,
    });
    grant.addOIDCScope("openid email groups");
    await grant.save();
    return grant;
  },
});
provider.on("server_error", (_, error) => console.error(error));
provider.on("backchannel.error", (_, error) => console.error(error));

function form(uid) {
  return `<!doctype html><title>Sign in</title><h1>Sign in at the provider</h1>
    <form method="post" action="/interaction/${uid}"><label>Name <input name="name"></label>
    <button>Sign in</button> <button name="cancel" value="1">Cancel</button></form>`;
}

async function fields(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
}

provider.use(async (ctx, next) => {
  const uid = /^\/interaction\/([\w-]+)$/.exec(ctx.path)?.[1];
  if (!uid) return next();
  if (ctx.method === "GET") {
    ctx.type = "html";
    ctx.body = form(uid);
    return undefined;
  }
  const asked = await fields(ctx.req);
  const account = settings.accounts[asked.get("name")];
  const result =
    asked.get("cancel") || !account
      ? { error: "access_denied" }
      : { login: { accountId: asked.get("name"), acr: account.acr, amr: account.amr } };
  ctx.respond = false;
  return provider.interactionFinished(ctx.req, ctx.res, result);
});

provider.listen(settings.port, "127.0.0.1", () => console.log("ready"));
