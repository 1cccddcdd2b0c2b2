-- ON DELETE SET DEFAULT of guarded columns: what the default is, and whose.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS ratchet;
\set VERBOSITY terse
SET client_min_messages = notice;
CREATE SCHEMA referential_default;
SET search_path = referential_default, pg_catalog;
CREATE SEQUENCE spare START 100;
CREATE TABLE people (id int PRIMARY KEY);
INSERT INTO people VALUES (0), (1), (2), (3), (4), (100), (101);

-- a volatile default
CREATE TABLE cards (id int PRIMARY KEY, sent_at timestamptz,
                    sender int DEFAULT nextval('referential_default.spare') REFERENCES people ON DELETE SET DEFAULT);
SELECT ratchet.guard('cards', gate => 'sent_at', actor => 'sender', mode => 'reject');
INSERT INTO cards VALUES (1, NULL, NULL);
SELECT outcome FROM ratchet.submit('cards', 1, 1);
DELETE FROM people WHERE id = 1;
SELECT id, sender FROM cards;
-- nobody else's write is that
UPDATE cards SET sender = 2;
UPDATE cards SET sender = DEFAULT;
SELECT id, sender FROM cards;
SELECT nextval('spare');

-- a default of the partition's own: the action is the whole table's
CREATE TABLE forms (id int, region int, sent_at timestamptz, sender int DEFAULT 0 REFERENCES people ON DELETE SET DEFAULT,
                    PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE forms_1 PARTITION OF forms FOR VALUES IN (1);
ALTER TABLE forms_1 ALTER COLUMN sender SET DEFAULT 4;
CREATE TABLE forms_2 (sender int DEFAULT 4, sent_at timestamptz, region int NOT NULL, id int NOT NULL,
                      FOREIGN KEY (sender) REFERENCES people ON DELETE SET DEFAULT);
ALTER TABLE forms ATTACH PARTITION forms_2 FOR VALUES IN (2);
SELECT ratchet.guard('forms', gate => 'sent_at', actor => 'sender', mode => 'reject', insert => 'reject');
-- born with the default of the table that the row came through, or of its own
INSERT INTO forms VALUES (1, 1), (1, 2);
INSERT INTO forms_1 VALUES (2, 1);
INSERT INTO forms VALUES (3, 1, NULL, 3);
SELECT id, region, sender FROM forms ORDER BY 1, 2;
SELECT outcome FROM ratchet.submit('forms', '{"id": 1, "region": 1}'::jsonb, 2);
SELECT outcome FROM ratchet.submit('forms', '{"id": 1, "region": 2}'::jsonb, 3);
DELETE FROM people WHERE id IN (2, 3);
SELECT id, region, sender FROM forms ORDER BY 1, 2;

-- the other event, and a column that is written once
CREATE TABLE notes (id int PRIMARY KEY, author int DEFAULT nextval('referential_default.spare')
                        REFERENCES people ON UPDATE SET DEFAULT);
SELECT ratchet.guard('notes', once => '{author}', mode => 'reject');
INSERT INTO notes VALUES (1, 4);
INSERT INTO people VALUES (103);
DELETE FROM forms;
UPDATE people SET id = 5 WHERE id = 4;
SELECT * FROM notes;

SET client_min_messages = warning;
DROP SCHEMA referential_default CASCADE;
