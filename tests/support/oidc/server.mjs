// oidc-provider (a certified implementation) with its strict defaults, one client, and a small service behind it.
// Reads REDIRECT_URI, CLIENT_SECRET and ACCESS_TTL_S; prints its port on the first line. Control paths for the
// tests: POST /control/revoke-all, GET /control/state.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const env = process.env;
const http = createServer();
await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
const base = `http://127.0.0.1:${http.address().port}`;
const grants = new Set();
const secrets = new Set();
const calls = {};
const notes = [];

const provider = new Provider(base, {
  clients: [{
    client_id: 'automate-test',
    client_secret: env.CLIENT_SECRET,
    redirect_uris: [env.REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'native',
    token_endpoint_auth_method: 'client_secret_post',
  }],
  scopes: ['openid', 'profile', 'offline_access', 'notes:read', 'notes:write'],
  claims: { openid: ['sub'], profile: ['name'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  ttl: {
    AccessToken: Number(env.ACCESS_TTL_S || 3600), RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600,
  },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['only-for-tests'] },
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, name: 'Ada Okafor' }) }),
});
provider.on('grant.success', (ctx) => { grants.add(ctx.oidc.entities.Grant?.jti); });
provider.on('server_error', (ctx, error) => process.stderr.write(`${error.stack}\n`));

const page = (uid, scopes) => `<!doctype html><html lang="en"><title>Northwind Notes</title><h1>Northwind Notes</h1>
<p>Ada, <b>automate</b> wants: <span id="scopes">${scopes}</span></p>
<form method="post" action="/interaction/${uid}"><button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button></form></html>`;

const read = async (request) => {
  let text = '';
  for await (const part of request) text += part;
  return text;
};
const answer = (response, status, type, body) => {
  response.writeHead(status, { 'content-type': type }).end(body);
};
const json = (response, status, value) => answer(response, status, 'application/json', JSON.stringify(value));

async function interaction(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    return answer(response, 200, 'text/html; charset=utf-8', page(details.uid, details.params.scope));
  }
  if (new URLSearchParams(await read(request)).get('decision') !== 'allow') {
    const refusal = { error: 'access_denied', error_description: 'The person said no.' };
    return provider.interactionFinished(request, response, refusal);
  }
  const grant = new provider.Grant({ accountId: 'ada', clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  const result = { login: { accountId: 'ada' }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function serviceCall(request, response) {
  const [, text] = (request.headers.authorization || '').split(' ');
  const token = text && await provider.AccessToken.find(text);
  if (!token || token.isExpired) return json(response, 401, { error: 'invalid_token' });
  if (request.method === 'GET') return json(response, 200, { notes });
  notes.push({ id: notes.length + 1, ...JSON.parse(await read(request)) });
  return json(response, 201, notes.at(-1));
}

async function control(request, response) {
  if (request.url === '/control/revoke-all') {
    for (const id of grants) {
      for (const model of ['AccessToken', 'RefreshToken', 'AuthorizationCode']) {
        await provider[model].revokeByGrantId(id);
      }
    }
  }
  return json(response, 200, { calls, notes, secrets: [...secrets] });
}

// Notes what is given out, so that tests can look for it where it must not be.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.path !== '/token') return;
  calls[ctx.oidc?.params?.grant_type] = (calls[ctx.oidc?.params?.grant_type] || 0) + 1;
  for (const name of ['access_token', 'refresh_token']) if (ctx.body?.[name]) secrets.add(ctx.body[name]);
  if (ctx.oidc?.params?.code) secrets.add(ctx.oidc.params.code);
});

const handle = provider.callback();
http.on('request', (request, response) => {
  const routes = { '/interaction/': interaction, '/notes': serviceCall, '/control/': control };
  const route = Object.entries(routes).find(([path]) => request.url.startsWith(path));
  const done = route ? route[1](request, response) : handle(request, response);
  Promise.resolve(done).catch((error) => json(response, 500, { error: String(error) }));
});
process.stdout.write(`${http.address().port}\n`);
