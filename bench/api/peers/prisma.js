// What the Express peer asks of PostgreSQL through Prisma, as its documentation shows it.
const { PrismaClient } = require('@prisma/client');
const { PrismaPg } = require('@prisma/adapter-pg');
const { randomUUID } = require('crypto');
const { streamShape, personShape } = require('./shapes.js');

const where = { host: process.env.PG_HOST, user: process.env.PG_USER, database: process.env.PG_DATABASE, max: 10 };
const db = new PrismaClient({ adapter: new PrismaPg(where) });

const PERSON = {
  id: true, username: true, name: true, avatar: true, bio: true, role: true, followerCount: true, followingCount: true,
  createdAt: true,
};
const STREAM = {
  id: true, title: true, description: true, thumbnail: true, status: true, viewerCount: true, peakViewers: true,
  startedAt: true, endedAt: true, scheduledFor: true, tags: true, sourceType: true, sourceUrl: true, eventId: true,
  language: true, visibility: true, category: { select: { id: true, name: true, slug: true, photo: true } },
  recording: { select: { hls: true, mp4: true, preview: true } }, channel: { select: { user: { select: PERSON } } },
};
const AUTHOR = { id: true, username: true, name: true, avatar: true };

const stream = ({ channel, category, recording, ...rest }) =>
  streamShape(rest, personShape(channel.user, rest.status === 'LIVE'), category);

exports.liveStreams = async (count) => (await db.stream.findMany({
  where: { status: 'LIVE', visibility: { not: 'UNLISTED' }, eventId: null },
  orderBy: [{ viewerCount: 'desc' }, { id: 'desc' }], take: count, select: STREAM,
})).map(stream);

exports.stream = async (id) => {
  const found = await db.stream.findUnique({ where: { id }, select: STREAM });
  return found && stream(found);
};

exports.me = async (id) => {
  const [user, wallet, loyalty] = await Promise.all([
    db.user.findUnique({
      where: { id },
      select: {
        ...PERSON, email: true, emailVerifiedAt: true, company: true, title: true, status: true, lastLoginAt: true,
        channel: { select: { streams: { where: { status: 'LIVE' }, take: 1, select: { id: true } } } },
      },
    }),
    db.account.findFirst({ where: { ownerId: id, kind: 'WALLET', currency: 'COIN' }, select: { balance: true } }),
    db.loyaltyPoints.aggregate({ where: { viewerId: id }, _sum: { points: true } }),
  ]);
  if (!user) return null;
  const { channel, emailVerifiedAt, ...rest } = user;
  return {
    ...personShape(rest, Boolean(channel?.streams.length)), emailVerified: emailVerifiedAt !== null,
    coins: Number(wallet?.balance ?? 0), points: Number(loyalty._sum.points ?? 0), level: 1,
  };
};

const message = (streamId, { author, replyToId, seq, ...rest }) => ({
  ...rest, room: `stream:${streamId}`, seq: Number(seq), replyTo: replyToId, author: { ...author, badges: [] },
});
const MESSAGE = {
  id: true, seq: true, text: true, isPinned: true, isDeleted: true, replyToId: true, createdAt: true, editedAt: true,
  author: { select: AUTHOR },
};

exports.history = async (streamId, count) => {
  const found = await db.stream.findUnique({ where: { id: streamId }, select: { channel: { select: { roomId: true } } } });
  const said = await db.message.findMany({
    where: { roomId: found.channel.roomId }, orderBy: { seq: 'desc' }, take: count, select: MESSAGE,
  });
  return said.map((row) => message(streamId, row));
};

exports.send = async (authorId, streamId, text, id) => db.$transaction(async (tx) => {
  const found = await tx.stream.findUnique({ where: { id: streamId }, select: { channel: { select: { roomId: true } } } });
  const roomId = found.channel.roomId;
  const room = await tx.room.update({
    where: { id: roomId }, data: { lastSeq: { increment: 1 } }, select: { lastSeq: true },
  });
  const data = { id, roomId, authorId, text, seq: room.lastSeq, isPinned: false, isDeleted: false, createdAt: new Date() };
  return message(streamId, await tx.message.create({ data, select: MESSAGE }));
});

// The index is on lower(username), which Prisma's own conditions cannot use.
exports.account = async (username) => (await db.$queryRaw`SELECT id, password_hash AS "passwordHash" FROM users
  WHERE lower(username) = lower(${username})`)[0];

exports.openSession = async (userId, hash) => {
  const expiresAt = new Date(Date.now() + 7 * 86400e3);
  const data = { id: randomUUID(), userId, refreshTokenHash: hash, userAgent: '', ip: '', expiresAt };
  return (await db.authSession.create({ data, select: { id: true } })).id;
};
