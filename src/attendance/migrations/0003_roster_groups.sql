-- The groups that the roster gave last, separated by `;`: a change by hand stands until the roster's change.
ALTER TABLE people ADD COLUMN roster_groups TEXT;
