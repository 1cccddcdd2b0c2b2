-- What lies spilled is for the steps to fold: no background worker comes between.
SET ratchet.fold_worker = off;
