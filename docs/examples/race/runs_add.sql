-- Stores a result of each run, and the counts as they were read before, and one more.
SELECT evaluated_count AS first FROM runs WHERE id = :id \gset
SELECT evaluated_count AS second FROM runs WHERE id = :other \gset
\sleep :think_ms ms
BEGIN;
INSERT INTO results VALUES (:id, :writer);
INSERT INTO results VALUES (:other, :writer);
UPDATE runs SET evaluated_count = :first::int + 1, done = :first::int + 1 >= total WHERE id = :id;
UPDATE runs SET evaluated_count = :second::int + 1, done = :second::int + 1 >= total WHERE id = :other;
COMMIT;
