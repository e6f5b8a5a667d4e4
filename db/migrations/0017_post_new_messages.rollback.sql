DROP FUNCTION post_new_messages;
