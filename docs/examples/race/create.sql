-- One open scorecard a round. Its columns are variables for the other scripts: :id
INSERT INTO scorecards (comment) VALUES ('draft') RETURNING id;
