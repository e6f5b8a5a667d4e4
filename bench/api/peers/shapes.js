// The bodies that both peers send: AstroTV's, field by field.
const PUBLIC_URL = process.env.PUBLIC_URL || 'http://localhost:8000';

exports.personShape = (user, isLive) => ({ ...user, isLive });

exports.streamShape = (stream, streamer, category) => ({
  ...stream, isLive: stream.status === 'LIVE', streamer, category: category || null, playback: playback(stream),
});

function playback(stream) {
  if (stream.sourceUrl) return { hls: stream.sourceUrl, lowLatency: null, dash: null, recording: null, preview: null };
  const folder = `${PUBLIC_URL}/hls/${stream.id}`;
  return {
    hls: `${folder}/index.m3u8`, lowLatency: `${folder}/ll.m3u8`, dash: `${folder}/manifest.mpd`, recording: null,
    preview: null,
  };
}
