ALTER TABLE consent_record DROP CONSTRAINT IF EXISTS consent_record_past_range;
ALTER TABLE consent_record ADD CONSTRAINT consent_record_past_range CHECK (decided_at < '{bound}') NOT VALID;
ALTER TABLE consent_record VALIDATE CONSTRAINT consent_record_past_range;
