DELETE FROM scorecards WHERE id = :id;
