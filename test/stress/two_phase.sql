-- What two_phase.py loads into each of its databases. global_id says which transaction of both databases a result is of.
CREATE EXTENSION ratchet;

CREATE TABLE runs (
    id           int PRIMARY KEY,
    total        int NOT NULL,
    n            int NOT NULL DEFAULT 0,
    score        numeric NOT NULL DEFAULT 0,
    is_completed boolean NOT NULL DEFAULT false);

CREATE TABLE results (
    id        bigserial PRIMARY KEY,
    run_id    int NOT NULL REFERENCES runs,
    global_id text NOT NULL,
    score     numeric NOT NULL);
CREATE INDEX ON results (run_id);

-- Nothing, unless the counts spill. The load says where it lies.
CREATE VIEW spilled AS SELECT NULL::int AS id, 0::bigint AS n, 0::numeric AS score WHERE false;

CREATE TABLE completions (number bigserial PRIMARY KEY, run_id int NOT NULL);
CREATE FUNCTION run_completed(run int) RETURNS void LANGUAGE sql AS
    'INSERT INTO public.completions (run_id) VALUES (run)';

-- One statement, so one snapshot: empty at every moment. While something lies spilled, the fold may yet complete the run.
CREATE VIEW drift AS
SELECT r.id, r.total, r.n, r.score, r.is_completed, s.n AS n_spilled, s.score AS score_spilled, c.n AS n_counted,
       c.score AS score_counted
FROM runs r
LEFT JOIN (SELECT id, sum(n) AS n, sum(score) AS score FROM spilled GROUP BY id) s ON s.id = r.id
LEFT JOIN (SELECT run_id, count(*) AS n, sum(score) AS score FROM results GROUP BY run_id) c ON c.run_id = r.id
WHERE (r.n + coalesce(s.n, 0), r.score + coalesce(s.score, 0)) IS DISTINCT FROM (coalesce(c.n, 0), coalesce(c.score, 0))
   OR r.is_completed AND r.n < r.total OR NOT r.is_completed AND r.n >= r.total AND s.id IS NULL;
