// The same chat with Socket.IO and its Redis adapter, over WebSocket alone.
//   node socketio.js PORT REDIS_URL
'use strict';
const http = require('http');
const { Server } = require('socket.io');
const { createAdapter } = require('@socket.io/redis-adapter');
const Redis = require('ioredis');

const [port, redisUrl] = process.argv.slice(2);
const publisher = new Redis(redisUrl);
const server = http.createServer();
const io = new Server(server, {
  adapter: createAdapter(publisher, publisher.duplicate()),
  transports: ['websocket'],
  serveClient: false,
  perMessageDeflate: false,
});
let people = 0;
let said = 0;

io.on('connection', (socket) => {
  const room = socket.handshake.query.room;
  const author = { id: String(people), username: `person_${people++}` };
  socket.join(room);
  socket.on('chat', ({ text }) => {
    if (typeof text !== 'string' || !text || text.length > 500) return;
    const message = { room, id: String(said), seq: ++said, text, author, createdAt: new Date() };
    io.to(room).emit('new_message', message);
  });
});
// The adapter gives no sign of being subscribed; half a second is plenty on one machine.
setTimeout(() => server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready')), 500);
