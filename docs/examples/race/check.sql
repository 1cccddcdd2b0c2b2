-- Fine, or else what is wrong: whoever was answered success must be seen to have submitted.
SELECT (submitted_at IS NOT NULL) = (:submitted > 0) AND :submitted <= 1 AS fine,
       :submitted AS answered, submitted_at, comment
FROM scorecards WHERE id = :id;
