-- Events are counted per account and day, and nobody makes the row of a day beforehand: whoever stores its first event does,
-- in the same transaction.
--
--   psql -f docs/examples/on_demand.sql
--
-- creates the schema "on_demand" in a database of yours; DROP SCHEMA on_demand CASCADE removes it. What each query answers
-- stands below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA on_demand;

CREATE TABLE on_demand.days (
    account_id  bigint,
    day         date,
    event_count int NOT NULL DEFAULT 0,
    amount      numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, day));
CREATE TABLE on_demand.events (
    id         bigint PRIMARY KEY,
    account_id bigint NOT NULL,
    day        date NOT NULL,
    amount     numeric NOT NULL,
    FOREIGN KEY (account_id, day) REFERENCES on_demand.days);
CREATE INDEX ON on_demand.events (account_id, day);

SELECT ratchet.tally('on_demand.events', 'on_demand.days', '{"event_count": "true", "amount": "sum(amount)"}');
--> created

-- One statement, or two in one transaction: first the parent, if there is none, then the child. Of two first events of a
-- day the second one waits until the first has committed, and is counted in the same row.
PREPARE event (bigint, bigint, date, numeric) AS
WITH parent AS (INSERT INTO on_demand.days (account_id, day) VALUES ($2, $3) ON CONFLICT DO NOTHING)
INSERT INTO on_demand.events VALUES ($1, $2, $3, $4);
EXECUTE event (1, 7, '2030-01-01', 10);
EXECUTE event (2, 7, '2030-01-01', 5);
EXECUTE event (3, 7, '2030-01-02', 1);
SELECT account_id, day, event_count, amount FROM on_demand.days ORDER BY 1, 2;
--> 7 | 2030-01-01 | 2 | 15
--> 7 | 2030-01-02 | 1 | 1

-- Many at once: the parents in the order of their key, so that two batches over the same days cannot deadlock.
BEGIN;
INSERT INTO on_demand.days (account_id, day)
SELECT DISTINCT account_id, day FROM (VALUES (8, date '2030-01-02'), (7, '2030-01-02'), (7, '2030-01-03')) e (account_id, day)
ORDER BY account_id, day ON CONFLICT DO NOTHING;
SELECT outcome, inserted FROM ratchet.submit_batch('on_demand.events', '[
    {"id": 4, "account_id": 8, "day": "2030-01-02", "amount": 2},
    {"id": 5, "account_id": 7, "day": "2030-01-02", "amount": 3},
    {"id": 6, "account_id": 7, "day": "2030-01-03", "amount": 4}]');
--> stored | 3
COMMIT;
SELECT account_id, day, event_count, amount FROM on_demand.days ORDER BY 1, 2;
--> 7 | 2030-01-01 | 2 | 15
--> 7 | 2030-01-02 | 2 | 4
--> 7 | 2030-01-03 | 1 | 4
--> 8 | 2030-01-02 | 1 | 2

-- Without the parent it is the foreign key that says so, as ever.
\set ON_ERROR_STOP off
INSERT INTO on_demand.events VALUES (7, 9, '2030-01-01', 1);
\set ON_ERROR_STOP on
SELECT count(*) FROM ratchet.verify('on_demand.days');
--> 0
