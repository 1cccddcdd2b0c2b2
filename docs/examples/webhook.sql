-- Webhooks arrive in any order, some twice. Each brings the whole object and the time of its event, and the newest event is
-- what the row should say. Who compares in the application reads before it writes, and loses against the one in between.
--
--   psql -f docs/examples/webhook.sql
--
-- creates the schema "webhook" in a database of yours; DROP SCHEMA webhook CASCADE removes it. What each query answers
-- stands below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA webhook;

CREATE TABLE webhook.payments (
    id       text PRIMARY KEY,
    status   text NOT NULL,
    amount   numeric NOT NULL,
    event_at timestamptz NOT NULL,
    note     text);  -- ours, no event's

-- What the application does with every event, whichever it is.
PREPARE event (text, text, numeric, timestamptz) AS
INSERT INTO webhook.payments (id, status, amount, event_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, amount = EXCLUDED.amount, event_at = EXCLUDED.event_at;

-- -- What a forward column makes of it --------------------------------------------------------------------------------

SELECT ratchet.guard('webhook.payments', forward => '{event_at}');
--> created
EXECUTE event ('pay_1', 'captured', 90, '2030-01-01 12:05Z');
EXECUTE event ('pay_1', 'authorized', 100, '2030-01-01 12:00Z');

-- Each column was judged by itself: the status and the amount of the old event, with the time of the new one. The row is
-- torn, and says nothing that has ever been true.
SELECT status, amount, event_at AT TIME ZONE 'UTC' FROM webhook.payments WHERE id = 'pay_1';
--> authorized | 100 | 2030-01-01 12:05:00

-- -- What a fence makes of it -----------------------------------------------------------------------------------------

-- The write of an older event is out of date as a whole. keep: the row stays as it is, and the sender, who would only
-- send it again, sees no error.
SELECT ratchet.guard('webhook.payments', fence => 'event_at', mode => 'fence=keep', replace => true);
--> extended
EXECUTE event ('pay_2', 'captured', 90, '2030-01-01 12:05Z');
EXECUTE event ('pay_2', 'authorized', 100, '2030-01-01 12:00Z');
SELECT status, amount, event_at AT TIME ZONE 'UTC' FROM webhook.payments WHERE id = 'pay_2';
--> captured | 90 | 2030-01-01 12:05:00

-- The same event again changes nothing, the next one does, and what the application writes of its own is not judged.
EXECUTE event ('pay_2', 'captured', 90, '2030-01-01 12:05Z');
UPDATE webhook.payments SET note = 'called the customer' WHERE id = 'pay_2';
EXECUTE event ('pay_2', 'refunded', 0, '2030-01-01 12:30Z');
SELECT status, amount, event_at AT TIME ZONE 'UTC', note FROM webhook.payments WHERE id = 'pay_2';
--> refunded | 0 | 2030-01-01 12:30:00 | called the customer

-- Code that wants to know: an old event is stale, with nothing changed.
SELECT outcome, stale FROM ratchet.update('webhook.payments', 'pay_2',
    '{"status": "disputed", "event_at": "2030-01-01 12:10Z"}');
--> stale | {event_at}
