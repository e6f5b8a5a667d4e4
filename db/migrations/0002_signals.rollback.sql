DROP TABLE notifications, idempotency_keys, dead_letters, outbox;
