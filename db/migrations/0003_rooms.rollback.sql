DROP FUNCTION post_messages;
DROP TABLE bans, room_moderators, messages, rooms;
