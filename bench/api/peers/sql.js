// What the Express peer asks of PostgreSQL in plain SQL, each statement prepared once by its name.
const { Pool } = require('pg');
const { randomUUID } = require('crypto');
const { streamShape, personShape } = require('./shapes.js');

const pool = new Pool({ host: process.env.PG_HOST, user: process.env.PG_USER, database: process.env.PG_DATABASE, max: 10 });
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const PERSON = `u.id, u.username, u.name, u.avatar, u.bio, u.role, u.follower_count, u.following_count, u.created_at,
  EXISTS (SELECT FROM channels c JOIN streams l ON l.channel_id = c.id WHERE c.user_id = u.id AND l.status = 'LIVE') AS is_live`;
const STREAM = `SELECT ${PERSON}, s.id AS stream_id, s.title, s.description, s.thumbnail, s.status, s.viewer_count,
  s.peak_viewers, s.started_at, s.ended_at, s.scheduled_for, s.tags, s.source_type, s.source_url, s.event_id, s.language,
  s.visibility, g.id AS category_id, g.name AS category, g.slug, g.photo, r.hls, r.mp4, r.preview
  FROM streams s JOIN channels h ON h.id = s.channel_id LEFT JOIN users u ON u.id = h.user_id
  LEFT JOIN categories g ON g.id = s.category_id LEFT JOIN recordings r ON r.stream_id = s.id AND r.status = 'READY'`;

const person = (row) => personShape({
  id: row.id, username: row.username, name: row.name, avatar: row.avatar, bio: row.bio, role: row.role,
  followerCount: row.follower_count, followingCount: row.following_count, createdAt: row.created_at,
}, row.is_live);
const stream = (row) => streamShape({
  id: row.stream_id, title: row.title, description: row.description, thumbnail: row.thumbnail, status: row.status,
  viewerCount: row.viewer_count, peakViewers: row.peak_viewers, startedAt: row.started_at, endedAt: row.ended_at,
  scheduledFor: row.scheduled_for, tags: row.tags, sourceType: row.source_type, sourceUrl: row.source_url,
  eventId: row.event_id, language: row.language, visibility: row.visibility,
}, person(row), row.category_id && { id: row.category_id, name: row.category, slug: row.slug, photo: row.photo });

exports.liveStreams = async (count) => (await rows('live', `${STREAM}
  WHERE s.status = 'LIVE' AND s.visibility <> 'UNLISTED' AND s.event_id IS NULL
  ORDER BY s.viewer_count DESC, s.id DESC LIMIT $1`, [count])).map(stream);

exports.stream = async (id) => (await rows('stream', `${STREAM} WHERE s.id = $1`, [id])).map(stream)[0];

exports.me = async (id) => {
  const [row] = await rows('me', `SELECT ${PERSON}, u.email, u.email_verified_at, u.company, u.title, u.status,
    u.last_login_at, coalesce((SELECT balance FROM accounts_ledger WHERE owner_id = u.id AND kind = 'WALLET'
    AND currency = 'COIN'), 0)::int AS coins,
    coalesce((SELECT sum(points) FROM loyalty_points WHERE viewer_id = u.id), 0)::int AS points
    FROM users u WHERE u.id = $1`, [id]);
  return row && {
    ...person(row), email: row.email, emailVerified: row.email_verified_at !== null, company: row.company, title: row.title,
    status: row.status, coins: row.coins, points: row.points, level: 1, lastLoginAt: row.last_login_at,
  };
};

exports.history = async (streamId, count) => (await rows('history', `SELECT m.id, m.seq::int, m.text, m.is_pinned,
  m.is_deleted, m.reply_to_id, m.created_at, m.edited_at, u.id AS author, u.username, u.name, u.avatar, u.role
  FROM streams s JOIN channels h ON h.id = s.channel_id JOIN messages m ON m.room_id = h.room_id
  LEFT JOIN users u ON u.id = m.author_id WHERE s.id = $1 ORDER BY m.seq DESC LIMIT $2`, [streamId, count])).map((row) => ({
  id: row.id, room: `stream:${streamId}`, seq: row.seq, text: row.text,
  author: { id: row.author, username: row.username, name: row.name, avatar: row.avatar, badges: [] },
  isPinned: row.is_pinned, isDeleted: row.is_deleted, replyTo: row.reply_to_id, createdAt: row.created_at,
  editedAt: row.edited_at,
}));

exports.send = async (author, streamId, text, id) => {
  const [row] = await rows('send', `WITH room AS (UPDATE rooms SET last_seq = last_seq + 1 WHERE id = (SELECT h.room_id
      FROM streams s JOIN channels h ON h.id = s.channel_id WHERE s.id = $1) RETURNING id, last_seq),
    said AS (INSERT INTO messages (id, room_id, seq, author_id, text) SELECT $2, id, last_seq, $3, $4 FROM room
      RETURNING seq, created_at)
    SELECT said.seq::int, said.created_at, u.username, u.name, u.avatar FROM said, users u WHERE u.id = $3`,
    [streamId, id, author, text]);
  return {
    id, room: `stream:${streamId}`, seq: row.seq, text, isPinned: false, isDeleted: false, replyTo: null,
    author: { id: author, username: row.username, name: row.name, avatar: row.avatar, badges: [] },
    createdAt: row.created_at, editedAt: null,
  };
};

exports.account = async (username) => (await rows('account',
  'SELECT id, password_hash AS "passwordHash" FROM users WHERE lower(username) = lower($1)', [username]))[0];

exports.openSession = async (userId, hash) => {
  const id = randomUUID();
  await rows('session', `INSERT INTO auth_sessions (id, user_id, refresh_token_hash, expires_at)
    VALUES ($1, $2, $3, now() + interval '7 days')`, [id, userId, hash]);
  return id;
};
