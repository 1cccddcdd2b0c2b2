-- Runs and their results, distributed by the run.
CREATE TABLE runs (id bigserial PRIMARY KEY, total int, evaluated_count int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
CREATE TABLE results (run_id bigint REFERENCES runs ON DELETE CASCADE, question int, PRIMARY KEY (run_id, question));
SELECT create_distributed_table('runs', 'id');
SELECT create_distributed_table('results', 'run_id', colocate_with => 'runs');
