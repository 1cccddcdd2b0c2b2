-- The same table behind a guard: --setup guarded_tables.sql
CREATE EXTENSION ratchet;
CREATE TABLE scorecards (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    comment      text NOT NULL DEFAULT 'draft',
    submitted_at timestamptz,
    submitted_by text);
SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitted_by');
