-- The application's Update: an ORM reads the row, somebody thinks, and save() writes every column.
SELECT submitted_at, submitted_by FROM scorecards WHERE id = :id \gset
\sleep :think_ms ms
UPDATE scorecards
SET comment = 'round ' || :round || ', writer ' || :writer, submitted_at = :submitted_at, submitted_by = :submitted_by
WHERE id = :id;
