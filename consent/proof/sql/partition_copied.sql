-- The statements that give the partitioned table the indexes, the foreign key, the owner and the
-- privileges of the table: to be read before the table is renamed, and executed afterwards.
SELECT format('ALTER INDEX %I RENAME TO %I', relname, left(relname, 58) || '_past')
FROM pg_index JOIN pg_class ON oid = indexrelid
WHERE indrelid = 'consent_record'::regclass AND NOT indisunique
UNION ALL
SELECT pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid = 'consent_record'::regclass AND NOT indisunique
UNION ALL
SELECT format('ALTER TABLE consent_record ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = 'consent_record'::regclass AND contype = 'f'
UNION ALL
SELECT format('ALTER TABLE consent_record OWNER TO %s', relowner::regrole)
FROM pg_class WHERE oid = 'consent_record'::regclass
UNION ALL
SELECT format(
    'GRANT %s ON consent_record TO %s %s',
    privilege_type,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
    CASE WHEN is_grantable THEN 'WITH GRANT OPTION' END
)
FROM pg_class, aclexplode(relacl) WHERE oid = 'consent_record'::regclass AND grantee <> relowner
