-- The partitions, each with the time before which its records were decided; NULL for the default.
SELECT relname,
    substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([^'']+)''\)')::timestamptz
FROM pg_inherits JOIN pg_class ON oid = inhrelid
WHERE inhparent = 'consent_record'::regclass ORDER BY 2
