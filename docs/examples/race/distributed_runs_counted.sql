-- The same, counted by the database, by writers who never wait.
CREATE TABLE runs (id bigserial PRIMARY KEY, total int, evaluated_count int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
CREATE TABLE results (run_id bigint REFERENCES runs ON DELETE CASCADE, question int, PRIMARY KEY (run_id, question));
SELECT create_distributed_table('runs', 'id');
SELECT create_distributed_table('results', 'run_id', colocate_with => 'runs');
SELECT ratchet.tally('results', 'runs', '{"evaluated_count": "true"}', total => 'total', done => 'done',
                     contention => 'spill', backfill => 'later');
