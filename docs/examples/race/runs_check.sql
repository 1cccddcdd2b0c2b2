-- What lies spilled is added within a tenth of a second.
\sleep 500 ms
SELECT bool_and(evaluated_count = :submitted::int AND done = (:submitted::int >= total)) AS fine,
       :submitted AS answered, string_agg(evaluated_count || ' ' || done, ', ' ORDER BY id) AS runs
FROM runs WHERE id IN (:id, :other);
