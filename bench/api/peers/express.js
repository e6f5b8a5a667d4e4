// The same six routes in Express 5, as two clustered processes: `node express.js PORT prisma|sql`.
// No rate limits, sessions are not looked up, nothing is logged: less work than AstroTV does.
const cluster = require('cluster');
const [port, kind] = process.argv.slice(2);
if (cluster.isPrimary) {
  for (let worker = 0; worker < 2; worker++) cluster.fork();
} else {
  const express = require('express');
  const jwt = require('jsonwebtoken');
  const bcrypt = require('bcrypt');
  const crypto = require('crypto');
  const Redis = require('ioredis');
  const answers = require(`./${kind}.js`);

  const redis = new Redis(process.env.REDIS_PATH);
  const secret = process.env.JWT_SECRET;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(express.json());

  const signedIn = (request, response, next) => {
    try {
      const token = (request.headers.authorization || '').slice(7);
      request.user = jwt.verify(token, secret, { algorithms: ['HS256'] }).sub;
    } catch {
      return response.status(401).json({ success: false, error: 'Sign in first.', code: 'token_invalid' });
    }
    next();
  };
  const answer = (work) => async (request, response) => {
    const data = await work(request);
    if (!data) return response.status(404).json({ success: false, error: 'Not found.', code: 'not_found' });
    response.json({ success: true, ...data });
  };

  const list = async (limit) => {
    const streams = await answers.liveStreams(limit + 1);
    const more = streams.length > limit ? streams[limit - 1].id : null;
    return { success: true, data: streams.slice(0, limit), meta: { nextCursor: more } };
  };
  let keptAt = 0, kept; // with `kept`, a body for a second, as a reader of AstroTV's source might do it
  app.get('/api/streams', async (request, response) => {
    const limit = Math.min(+request.query.limit || 20, 100);
    if (!request.query.kept) return response.json(await list(limit));
    if (Date.now() - keptAt > 1000) {
      keptAt = Date.now();
      kept = Buffer.from(JSON.stringify(await list(limit)));
    }
    while (!kept) await new Promise((resolve) => setTimeout(resolve, 5));
    response.type('application/json').send(kept);
  });
  app.get('/api/streams/:id', answer(async (request) => ({ data: await answers.stream(request.params.id) })));
  app.get('/api/auth/me', signedIn, answer(async (request) => ({ data: await answers.me(request.user) })));
  app.get('/api/chat/:id', answer(async (request) => {
    const messages = await answers.history(request.params.id, +request.query.limit || 20);
    return { data: messages, meta: { nextCursor: String(messages.at(-1)?.seq ?? '') } };
  }));
  app.post('/api/messages', signedIn, async (request, response) => {
    const text = String(request.body.text || '').trim();
    if (text.length < 1 || text.length > 500) return response.status(400).json({ success: false, code: 'invalid' });
    const message = await answers.send(request.user, request.body.streamId, text, crypto.randomUUID());
    await redis.publish('peer:' + request.body.streamId, JSON.stringify({ type: 'new_message', ...message }));
    response.status(201).json({ success: true, data: message });
  });
  app.post('/api/auth/login', answer(async (request) => {
    const found = await answers.account(request.body.username);
    if (!found || !(await bcrypt.compare(request.body.password, found.passwordHash))) return null;
    const refresh = crypto.randomBytes(32);
    const session = await answers.openSession(found.id, crypto.createHash('sha256').update(refresh).digest());
    const token = jwt.sign({ sub: found.id, sid: session }, secret, { expiresIn: '1h' });
    const tokens = { access_token: token, refresh_token: refresh.toString('base64url'), token_type: 'Bearer' };
    return { data: { user: await answers.me(found.id), session: tokens, token } };
  }));
  app.listen(+port, '127.0.0.1');
}
