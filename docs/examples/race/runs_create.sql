-- Two runs, which mostly are on different nodes.
INSERT INTO runs (total) VALUES (8) RETURNING id AS other \gset
INSERT INTO runs (total) VALUES (8) RETURNING id, :other::bigint AS other;
