-- Places of an event are sold until there are none, by however many counters at once. Who asks the table for what is left,
-- and then inserts, sells the last place twice.
--
--   psql -f docs/examples/stock.sql
--
-- creates the schema "stock" in a database of yours; DROP SCHEMA stock CASCADE removes it. What each query answers stands
-- below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA stock;

-- -- The tables, and the contracts ------------------------------------------------------------------------------------

CREATE TABLE stock.events (
    id       bigint PRIMARY KEY,
    capacity int NOT NULL,
    reserved int NOT NULL DEFAULT 0);
CREATE TABLE stock.orders (
    id         bigint PRIMARY KEY,
    ordered_at timestamptz,
    customer   text);
CREATE TABLE stock.seats (
    order_id bigint NOT NULL REFERENCES stock.orders,
    event_id bigint NOT NULL REFERENCES stock.events,
    seats    int NOT NULL CHECK (seats > 0),
    PRIMARY KEY (order_id, event_id));
CREATE INDEX ON stock.seats (event_id);

SELECT ratchet.guard('stock.orders', gate => 'ordered_at', actor => 'customer', gate_by => 'submit');
--> created
SELECT ratchet.tally('stock.seats', 'stock.events', '{"reserved": "sum(seats)"}', limits => '{"reserved": "capacity"}');
--> created

INSERT INTO stock.events (id, capacity) VALUES (1, 3);
INSERT INTO stock.orders (id) VALUES (1), (2), (3);

-- -- Selling ----------------------------------------------------------------------------------------------------------

-- An order and its seats, or neither.
SELECT outcome, record ->> 'seats' AS seats FROM ratchet.submit('stock.orders', 1, 'ann',
    child => 'stock.seats', record => '{"event_id": 1, "seats": 2}');
--> submitted | 2

-- One is left, and two are wanted: full, with nothing stored. The order is still open.
SELECT outcome, conflict, record IS NULL AS nothing FROM ratchet.submit('stock.orders', 2, 'bob',
    child => 'stock.seats', record => '{"event_id": 1, "seats": 2}');
--> full | events_reserved_limit | t
SELECT outcome FROM ratchet.submit('stock.orders', 2, 'bob',
    child => 'stock.seats', record => '{"event_id": 1, "seats": 1}');
--> submitted
SELECT capacity, reserved FROM stock.events WHERE id = 1;
--> 3 | 3

-- Plain SQL is held to it as well: an error, SQLSTATE 23R05, when the transaction commits.
\set ON_ERROR_STOP off
INSERT INTO stock.seats VALUES (3, 1, 1);
-- So is the other side: nobody makes the event smaller than what is sold.
UPDATE stock.events SET capacity = 2 WHERE id = 1;
\set ON_ERROR_STOP on

-- What is given back can be sold again.
DELETE FROM stock.seats WHERE order_id = 1;
SELECT outcome FROM ratchet.submit('stock.orders', 3, 'cid',
    child => 'stock.seats', record => '{"event_id": 1, "seats": 2}');
--> submitted
SELECT capacity, reserved FROM stock.events WHERE id = 1;
--> 3 | 3
SELECT count(*) FROM ratchet.verify('stock.events');
--> 0
