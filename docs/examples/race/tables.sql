-- The table of a jury, as an application has it. For a try on a throwaway server: --setup tables.sql
CREATE TABLE scorecards (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    comment      text NOT NULL DEFAULT 'draft',
    submitted_at timestamptz,
    submitted_by text);
