// A chat server as people write it with Node: `ws` on the sockets, Redis between the processes.
//   node ws.js PORT REDIS_URL [plain|coalescing] [short|whole]
// plain: one send for each message and socket. coalescing: a message is framed once, and all that one turn of
// the event loop brought for a room is one write to each socket, as AstroTV does it. short: a message of 200
// bytes. whole: with all that AstroTV's messages carry, 440 bytes.
'use strict';
const http = require('http');
const { randomUUID } = require('crypto');
const { WebSocketServer } = require('ws');
const Redis = require('ioredis');

const [port, redisUrl, mode = 'plain', size = 'short'] = process.argv.slice(2);
const rooms = new Map();
const publisher = new Redis(redisUrl);
const subscriber = new Redis(redisUrl);
let people = 0;
let said = 0;

function framed(payload) {
  const size = payload.length;
  const head = size < 126 ? Buffer.from([0x81, size]) : Buffer.from([0x81, 126, size >> 8, size & 255]);
  return Buffer.concat([head, payload]);
}

function tellEach(channel, payload) {
  for (const socket of rooms.get(channel.slice(5)) || []) if (socket.readyState === 1) socket.send(payload);
}

let waiting = new Map();
function tellTogether() {
  const ready = waiting;
  waiting = new Map();
  for (const [room, frames] of ready) {
    const data = frames.length === 1 ? frames[0] : Buffer.concat(frames);
    for (const socket of rooms.get(room) || []) socket._socket.write(data);
  }
}
function tellSoon(channel, payload) {
  if (!waiting.size) setImmediate(tellTogether);
  const room = channel.toString().slice(5);
  const frames = waiting.get(room);
  if (frames) frames.push(framed(payload));
  else waiting.set(room, [framed(payload)]);
}

const WHOLE_ROOM = randomUUID();
const more = size === 'short' ? {} : { isPinned: false, isDeleted: false, replyTo: null, editedAt: null };
function wholeAuthor() {
  const name = `person_${String(people++).padStart(12, '0')}`;
  return { id: randomUUID(), username: name, name, avatar: null, badges: [] };
}

function enter(socket, request) {
  const room = new URL(request.url, 'http://x').searchParams.get('room');
  const author = size === 'short' ? { id: String(people), username: `person_${people++}` } : wholeAuthor();
  const name = size === 'short' ? room : `stream:${WHOLE_ROOM}`;
  if (!rooms.has(room)) rooms.set(room, new Set());
  rooms.get(room).add(socket);
  socket.on('close', () => rooms.get(room).delete(socket));
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const { text } = JSON.parse(data);
    if (typeof text !== 'string' || !text || text.length > 500) return;
    const id = size === 'short' ? String(said) : randomUUID();
    const message = { type: 'new_message', room: name, id, seq: ++said, text, author, createdAt: new Date(), ...more };
    publisher.publish(`room:${room}`, JSON.stringify(message));
  });
}

const server = http.createServer();
new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 16384 }).on('connection', enter);
if (mode === 'plain') subscriber.on('pmessage', (_pattern, channel, payload) => tellEach(channel, payload));
else subscriber.on('pmessageBuffer', (_pattern, channel, payload) => tellSoon(channel, payload));
subscriber.psubscribe('room:*').then(() => {
  server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'));
});
