-- The views, triggers and foreign keys of others that would stay with the table as it is.
SELECT DISTINCT pg_describe_object(classid, objid, 0) FROM pg_depend
WHERE refobjid = 'consent_record'::regclass AND (
    classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass)
    OR objid IN (SELECT oid FROM pg_constraint WHERE confrelid = 'consent_record'::regclass)
)
