// A relying party of others, npm `openid-client` (certified), driven line by line from a test.
//
// The first line is what the client is; each further line is one thing to do, answered by one line
// of JSON. Names below `.localhost` are connected to on this machine.

import { createInterface } from "node:readline";
import http from "node:http";
import * as oidc from "openid-client";

function localFetch(url, { method, headers, body, redirect } = {}) {
  const target = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: "127.0.0.1",
        port: target.port,
        path: target.pathname + target.search,
        method,
        headers: { ...Object.fromEntries(new Headers(headers)), host: target.host },
      },
      (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("end", () => {
          const { statusCode: status, headers: received } = answer;
          const headers = new Headers();
          for (const [name, value] of Object.entries(received)) headers.set(name, String(value));
          const empty = [101, 204, 304].includes(status);
          resolve(new Response(empty ? null : Buffer.concat(chunks), { status, headers }));
        });
      },
    );
    request.on("error", reject);
    if (body !== undefined && body !== null) request.write(String(body));
    request.end();
  });
}

let config, flow, tokens;

const acts = {
  async discover({ issuer, client_id, secret, algorithm }) {
    config = await oidc.discovery(
      new URL(issuer),
      client_id,
      { client_secret: secret, id_token_signed_response_alg: algorithm },
      secret ? oidc.ClientSecretBasic(secret) : oidc.None(),
      { execute: [oidc.allowInsecureRequests], [oidc.customFetch]: localFetch },
    );
    // Signatures are looked at too, which the code flow leaves to TLS.
    oidc.enableNonRepudiationChecks(config);
    return { pkce: config.serverMetadata().supportsPKCE() };
  },
  async begin({ redirect_uri, scope }) {
    const verifier = oidc.randomPKCECodeVerifier();
    flow = { verifier, state: oidc.randomState(), nonce: oidc.randomNonce() };
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri,
      scope,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state: flow.state,
      nonce: flow.nonce,
    });
    return { url: url.href };
  },
  async finish({ url }) {
    tokens = await oidc.authorizationCodeGrant(config, new URL(url), {
      pkceCodeVerifier: flow.verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
    });
    return { claims: tokens.claims(), scope: tokens.scope };
  },
  async userinfo() {
    const { sub } = tokens.claims();
    return oidc.fetchUserInfo(config, tokens.access_token, sub);
  },
  async refresh() {
    const { refresh_token } = tokens;
    tokens = await oidc.refreshTokenGrant(config, refresh_token);
    return { rotated: tokens.refresh_token !== refresh_token, claims: tokens.claims() };
  },
  async revoke() {
    await oidc.tokenRevocation(config, tokens.refresh_token);
    return {};
  },
  async logout({ post_logout_redirect_uri }) {
    const url = oidc.buildEndSessionUrl(config, {
      post_logout_redirect_uri,
      id_token_hint: tokens.id_token,
      state: "back",
    });
    return { url: url.href };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { act, ...fields } = JSON.parse(line);
  let answer;
  try {
    answer = await acts[act](fields);
  } catch (error) {
    answer = { failed: error.error ?? error.code ?? String(error), cause: String(error.cause) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
