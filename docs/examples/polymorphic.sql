-- Comments on photos and on posts, in one table: a type and an id, as ORMs make it of a polymorphic association. No foreign
-- key can refer to either. A generated column for each type of parent can, and counts go where they belong.
--
--   psql -f docs/examples/polymorphic.sql
--
-- creates the schema "polymorphic" in a database of yours; DROP SCHEMA polymorphic CASCADE removes it. What each query
-- answers stands below it, after "-->".

\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS ratchet;
CREATE SCHEMA polymorphic;

-- -- The tables, as the application has them already ------------------------------------------------------------------

CREATE TABLE polymorphic.photos (id bigint PRIMARY KEY, comment_count int NOT NULL DEFAULT 0);
CREATE TABLE polymorphic.posts (id bigint PRIMARY KEY, comment_count int NOT NULL DEFAULT 0, open_count int NOT NULL DEFAULT 0);
CREATE TABLE polymorphic.comments (
    id           bigint PRIMARY KEY,
    subject_type text NOT NULL,
    subject_id   bigint NOT NULL,
    is_open      boolean NOT NULL DEFAULT true);

INSERT INTO polymorphic.photos VALUES (1), (2);
INSERT INTO polymorphic.posts VALUES (1), (2);
INSERT INTO polymorphic.comments VALUES (1, 'Photo', 1), (2, 'Post', 1);

-- -- What is added ----------------------------------------------------------------------------------------------------

-- The application goes on writing type and id; the database derives the rest. NULL refers to nothing and counts nowhere.
ALTER TABLE polymorphic.comments
    ADD CHECK (subject_type IN ('Photo', 'Post')),
    ADD photo_id bigint GENERATED ALWAYS AS (CASE subject_type WHEN 'Photo' THEN subject_id END) STORED
        REFERENCES polymorphic.photos ON DELETE CASCADE,
    ADD post_id bigint GENERATED ALWAYS AS (CASE subject_type WHEN 'Post' THEN subject_id END) STORED
        REFERENCES polymorphic.posts ON DELETE CASCADE;
CREATE INDEX ON polymorphic.comments (photo_id) WHERE photo_id IS NOT NULL;
CREATE INDEX ON polymorphic.comments (post_id) WHERE post_id IS NOT NULL;

SELECT ratchet.tally('polymorphic.comments', 'polymorphic.photos', '{"comment_count": "true"}');
--> created
SELECT ratchet.tally('polymorphic.comments', 'polymorphic.posts', '{"comment_count": "true", "open_count": "is_open"}');
--> created

-- -- The application, unchanged ---------------------------------------------------------------------------------------

CREATE VIEW polymorphic.counts AS
SELECT 'Photo' AS type, id, comment_count, NULL AS open_count FROM polymorphic.photos
UNION ALL SELECT 'Post', id, comment_count, open_count FROM polymorphic.posts;

INSERT INTO polymorphic.comments VALUES (3, 'Photo', 1), (4, 'Post', 2);
INSERT INTO polymorphic.comments VALUES (5, 'Post', 2, false);
SELECT * FROM polymorphic.counts ORDER BY type, id;
--> Photo | 1 | 2 | 
--> Photo | 2 | 0 | 
--> Post | 1 | 1 | 1
--> Post | 2 | 2 | 1

-- A comment moves from a photo to a post.
UPDATE polymorphic.comments SET subject_type = 'Post', subject_id = 2 WHERE id = 3;
SELECT * FROM polymorphic.counts WHERE (type, id) IN (('Photo', 1), ('Post', 2)) ORDER BY type;
--> Photo | 1 | 1 | 
--> Post | 2 | 3 | 2

-- What no association of this kind had before: a comment on nothing is refused, and a post takes its comments along.
\set ON_ERROR_STOP off
INSERT INTO polymorphic.comments VALUES (6, 'Photo', 99);
\set ON_ERROR_STOP on
DELETE FROM polymorphic.posts WHERE id = 2;
SELECT id, subject_type, subject_id FROM polymorphic.comments ORDER BY id;
--> 1 | Photo | 1
--> 2 | Post | 1
SELECT count(*) FROM ratchet.verify('polymorphic.comments');
--> 0
