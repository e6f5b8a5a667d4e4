DROP TABLE creator_profiles, financial_details, identity_verifications, file_uploads, previous_usernames, one_time_codes;
DROP INDEX users_username_prefix_idx, users_email_prefix_idx, users_name_prefix_idx, users_role_newest_idx,
    users_suspended_idx, creator_applications_queue_idx;
ALTER TABLE users DROP COLUMN suspension_reason;
