LOCK TABLE consent_record_default IN ACCESS EXCLUSIVE MODE;
CREATE TABLE {table} (LIKE consent_record_default INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
WITH moved AS (DELETE FROM consent_record_default WHERE decided_at >= '{start}' AND decided_at < '{end}' RETURNING *) INSERT INTO {table} SELECT * FROM moved;
ALTER TABLE consent_record ATTACH PARTITION {table} FOR VALUES FROM ('{start}') TO ('{end}');
