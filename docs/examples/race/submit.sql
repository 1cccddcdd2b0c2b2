-- The application's Submit. A row that is submitted already is none of its: then it answers no row, which is a refusal.
\sleep :think_ms ms
UPDATE scorecards SET submitted_at = now(), submitted_by = 'user ' || :writer
WHERE id = :id AND submitted_at IS NULL
RETURNING id;
