"""The API's speed, beside what people write with Express, on the same database in the same run."""
