# The ways in which rows of a counted child table, or of its parents, are written.
#
# A path is a list of statements for one layout (CounterLayout). All start at the layout's fixture: run 1 has 3 of 4
# results, run 2 is complete, run 3 has no total, run 4 has total 0, run 5 has 2 of 3, run 6 none of 1; two results refer
# to no run.
package CounterPaths;

use strict;
use warnings;

# What follows a path's statements, keyed by name:
#   when     sub($layout): whether the layout has what the path needs
#   same     the rows and counters are afterwards as they were
#   apart    the statements cannot be sent in one message
#   locks    the path leaves a lock that even a reader waits for
#   refused  sub(state): SQLSTATE with which PostgreSQL, or the contract, refuses the path there, else undef; state has the
#            keys block (there is a transaction block), implicit (it is that of one message), pending (an earlier
#            statement of this transaction has counted something that is not flushed) and immediate (SET CONSTRAINTS ALL
#            IMMEDIATE)
#   setup    sub($layout): what the database needs for this path
#   after    a statement to send when the transaction is over

# PostgreSQL's own check: no TRUNCATE while trigger events of the table are pending.
my $truncates = sub { my ($state) = @_; return $state->{pending} ? '55006' : undef };
my $writes_and_truncates = sub {
    my ($state) = @_;
    return $state->{block} && !$state->{immediate} ? '55006' : undef;
};

sub cascades { return $_[0]{action} ne 'NO ACTION' }
# A default can take the results of one run only: their numbers are unique.
sub cascades_for_many { return $_[0]{action} =~ /^(?:CASCADE|SET NULL)/ }
sub partitioned { return $_[0]{partitions} }
sub plain_total { return !$_[0]{questions} }

my @PATHS = (
    # -- INSERT --------------------------------------------------------------------------------------------------------
    [ 'INSERT, one row' => sub { my ($l) = @_; return $l->insert([ $l->row(1, 4) ]) } ],
    [   'INSERT, many rows' => sub {
            my ($l) = @_;
            return $l->insert(map { [ $l->row(@$_) ] } [ 1, 4 ], [ 6, 1 ], [ 4, 1 ], [ undef, 9 ], [ 3, 2 ], [ 1, 5 ],
                [ 5, 3 ]);
        }
    ],
    [   'INSERT, one row a statement' => sub {
            my ($l) = @_;
            return map { $l->insert([ $l->row(@$_) ]) } [ 6, 1 ], [ 1, 4 ], [ 5, 3 ];
        }
    ],
    [   'INSERT ... SELECT' => sub {
            my ($l) = @_;
            my ($to, $columns) = ($l->{table}, join ', ', $l->columns);
            my $select = join ', ', map { $_ eq 'q' ? 'q + 20 * g' : $_ } $l->columns;
            return "INSERT INTO $to ($columns) SELECT $select FROM $to, generate_series(1, 4) g";
        }
    ],
    [ 'INSERT ... RETURNING' => sub { my ($l) = @_; return $l->insert([ $l->row(5, 3) ]) . ' RETURNING q' } ],
    [   'COPY' => sub {
            my ($l) = @_;
            return $l->copy(map { [ $l->row(@$_) ] } [ 1, 4 ], [ 6, 1 ], [ undef, 9 ], (map { [ 4, $_ ] } 1 .. 12),
                [ 2, 3 ]);
        },
        apart => 1
    ],
    [   'prepared INSERT' => sub {
            my ($l) = @_;
            return (
                'DEALLOCATE ALL', 'PREPARE stored AS ' . $l->insert([ $l->row(6, 1) ], [ $l->row(undef, 8) ]),
                'EXECUTE stored');
        }
    ],
    [   'INSERT through a view' => sub {
            my ($l) = @_;
            return (
                $l->insert([ $l->row(6, 1) ]) =~ s/INTO \w+/INTO results_seen/r,
                'DELETE FROM results_seen WHERE ' . $l->is_of(2));
        },
        setup => sub { my ($l) = @_; return "CREATE VIEW results_seen AS SELECT * FROM $l->{table} WHERE q < 100;\n" }
    ],
    # -- upsert --------------------------------------------------------------------------------------------------------
    [   'upsert, DO UPDATE' => sub {
            my ($l) = @_;
            return $l->insert(map { [ $l->row(@$_, score => 80) ] } [ 1, 1 ], [ 1, 4 ], [ 1, 3 ], [ 6, 1 ])
              . " ON CONFLICT (${\ $l->unique}) DO UPDATE SET is_correct = NOT $l->{table}.is_correct, "
              . 'score = excluded.score';
        }
    ],
    [   'upsert, DO UPDATE of the key' => sub {
            my ($l) = @_;
            return $l->insert(map { [ $l->row(@$_) ] } [ 1, 1 ], [ 6, 1 ])
              . " ON CONFLICT (${\ $l->unique}) DO UPDATE SET ${\ $l->set_run(4)}";
        }
    ],
    [   'upsert, DO NOTHING' => sub {
            my ($l) = @_;
            return $l->insert(map { [ $l->row(@$_) ] } [ 1, 1 ], [ 1, 4 ], [ 6, 1 ], [ 1, 4 ])
              . " ON CONFLICT (${\ $l->unique}) DO NOTHING";
        }
    ],
    [   'upsert, DO NOTHING with nothing new' => sub {
            my ($l) = @_;
            return $l->insert([ $l->row(1, 1) ], [ $l->row(5, 1) ]) . ' ON CONFLICT DO NOTHING';
        },
        same => 1
    ],
    # -- UPDATE --------------------------------------------------------------------------------------------------------
    [   'UPDATE of a condition' =>
          sub { my ($l) = @_; return "UPDATE $l->{table} SET is_correct = NOT is_correct, void = NOT void" }
    ],
    [   'UPDATE of a condition to NULL and back' => sub {
            my ($l) = @_;
            return (
                "UPDATE $l->{table} SET is_correct = NULL, void = NULL",
                "UPDATE $l->{table} SET is_correct = true, void = false WHERE " . $l->is_of(2));
        }
    ],
    [   'UPDATE of a sum' =>
          sub { my ($l) = @_; return "UPDATE $l->{table} SET score = coalesce(score, 5) * 2, weight = 0.125" }
    ],
    [ 'UPDATE of a sum to NULL' => sub { my ($l) = @_; return "UPDATE $l->{table} SET score = NULL WHERE q < 3" } ],
    [   'UPDATE that changes nothing' => sub { my ($l) = @_; return "UPDATE $l->{table} SET score = score, q = q" },
        same => 1
    ],
    [   'UPDATE of the foreign key' =>
          sub { my ($l) = @_; return "UPDATE $l->{table} SET ${\ $l->set_run(6)} WHERE q = 1 AND " . $l->is_of(1) }
    ],
    [   'UPDATE of the foreign key, there and back' => sub {
            my ($l) = @_;
            return
              map { "UPDATE $l->{table} SET ${\ $l->set_run($_->[1])} WHERE q = 1 AND " . $l->is_of($_->[0]) } [ 1, 6 ],
              [ 6, 4 ], [ 4, 1 ];
        },
        same => 1
    ],
    [   'UPDATE of the foreign key to NULL' =>
          sub { my ($l) = @_; return "UPDATE $l->{table} SET ${\ $l->set_run(undef)} WHERE " . $l->is_of(2) }
    ],
    [   'UPDATE of the foreign key from NULL' => sub {
            my ($l) = @_;
            my ($column) = $l->reference_columns;
            return "UPDATE $l->{table} SET ${\ $l->set_run(6)} WHERE $column IS NULL";
        }
    ],
    [   'UPDATE of a part of the foreign key to NULL' => sub {
            my ($l) = @_;
            my ($column) = reverse $l->reference_columns;
            return "UPDATE $l->{table} SET $column = NULL WHERE " . $l->is_of(1);
        },
        when => sub { my ($l) = @_; return $l->reference_columns > 1 }
    ],
    [   'UPDATE of everything at once' => sub {
            my ($l) = @_;
            return
                "UPDATE $l->{table} SET ${\ $l->set_run(6)}, q = q + 10, is_correct = true, void = false, score = 50, "
              . 'weight = 3 WHERE '
              . $l->is_of(1);
        }
    ],
    [   'UPDATE ... FROM' => sub {
            my ($l) = @_;
            return "UPDATE $l->{table} t SET is_correct = v.is_correct, void = v.void, score = v.score "
              . 'FROM (VALUES (1, false, false, 75), (2, true, true, NULL)) v (q, is_correct, void, score) WHERE t.q = v.q';
        }
    ],
    [   'UPDATE ... FROM, of the foreign key' => sub {
            my ($l) = @_;
            my @columns = $l->reference_columns;
            return
                "UPDATE $l->{table} t SET ${\ join ', ', map { qq{$_ = v.$_} } @columns} FROM (SELECT * FROM results "
              . "WHERE ${\ $l->is_of(5)} AND q = 1) v WHERE t.q = 3";
        }
    ],
    [   'cursor' => sub {
            my ($l) = @_;
            return (
                "DECLARE chosen CURSOR FOR SELECT * FROM $l->{table} WHERE ${\ $l->is_of(1)} ORDER BY q FOR UPDATE",
                'FETCH chosen',
                "UPDATE $l->{table} SET is_correct = NULL, score = 99 WHERE CURRENT OF chosen",
                'FETCH chosen',
                "DELETE FROM $l->{table} WHERE CURRENT OF chosen",
                'CLOSE chosen');
        },
        refused => sub { my ($state) = @_; return $state->{block} ? undef : '25P01' }
    ],
    [   'cursor in PL/pgSQL' => sub {
            my ($l) = @_;
            return <<"SQL";
DO \$\$
DECLARE
    chosen CURSOR FOR SELECT * FROM $l->{table} WHERE ${\ $l->is_of(1)};
BEGIN
    FOR r IN chosen LOOP
        IF r.q = 3 THEN
            DELETE FROM $l->{table} WHERE CURRENT OF chosen;
        ELSE
            UPDATE $l->{table} SET ${\ $l->set_run(6)}, q = 60 + r.q, is_correct = true WHERE CURRENT OF chosen;
        END IF;
    END LOOP;
END \$\$
SQL
        }
    ],
    # -- DELETE --------------------------------------------------------------------------------------------------------
    [ 'DELETE' => sub { my ($l) = @_; return "DELETE FROM $l->{table} WHERE q = 1" } ],
    [ 'DELETE of all rows' => sub { my ($l) = @_; return "DELETE FROM $l->{table}" } ],
    [   'DELETE ... USING' => sub {
            my ($l) = @_;
            my $join = join ' AND ', map {"t.$_->[2] = r.$_->[0]"} @{ $l->{key} };
            return "DELETE FROM $l->{table} t USING runs r WHERE $join AND r.total = 2";
        }
    ],
    [   'DELETE and the row again' => sub {
            my ($l) = @_;
            return ("DELETE FROM $l->{table} WHERE ${\ $l->is_of(2)} AND q = 1", $l->insert([ $l->row(2, 1) ]));
        },
        same => 1
    ],
    [   'INSERT and DELETE of it' =>
          sub { my ($l) = @_; return ($l->insert([ $l->row(6, 9) ]), "DELETE FROM $l->{table} WHERE q = 9") },
        same => 1
    ],
    # -- TRUNCATE ------------------------------------------------------------------------------------------------------
    [ 'TRUNCATE' => sub { my ($l) = @_; return "TRUNCATE $l->{table}" }, locks => 1, refused => $truncates ],
    [   'TRUNCATE of the root' => sub { return 'TRUNCATE results' },
        when => sub { return $_[0]{leaf} },
        locks => 1,
        refused => $truncates
    ],
    [   'TRUNCATE of a leaf' => sub { return 'TRUNCATE results_a' },
        when => sub { return $_[0]{partitions} && !$_[0]{leaf} },
        locks => 1,
        refused => $truncates
    ],
    # Nothing is pending there.
    [   'TRUNCATE of another leaf' =>
          sub { my ($l) = @_; return $l->{subpartitions} ? 'TRUNCATE results_b_0' : 'TRUNCATE results_b' },
        when => \&partitioned,
        locks => 1
    ],
    [   'TRUNCATE ... CASCADE of the parent' =>
          sub { my ($l) = @_; return ('TRUNCATE runs CASCADE', $l->new_run(6, 2)) },
        locks => 1,
        refused => $truncates
    ],
    [   'TRUNCATE, then INSERT' =>
          sub { my ($l) = @_; return ("TRUNCATE $l->{table}", $l->insert([ $l->row(1, 1) ], [ $l->row(6, 1) ])) },
        locks => 1,
        refused => $truncates
    ],
    [   'INSERT, then TRUNCATE' => sub { my ($l) = @_; return ($l->insert([ $l->row(1, 4) ]), "TRUNCATE $l->{table}") },
        locks => 1,
        refused => $writes_and_truncates
    ],
    [   'INSERT, flush, TRUNCATE, INSERT' => sub {
            my ($l) = @_;
            return ($l->insert([ $l->row(1, 4) ]), 'SELECT ratchet.flush()', "TRUNCATE $l->{table}",
                $l->insert([ $l->row(5, 7) ]));
        },
        locks => 1,
        # flush() leaves the events of a deferred foreign key where they are.
        refused =>
          sub { my ($state) = @_; return $state->{layout}{deferrable} ? $writes_and_truncates->($state) : undef }
    ],
    # -- MERGE ---------------------------------------------------------------------------------------------------------
    [   'MERGE' => sub {
            my ($l) = @_;
            my $on = join ' AND ', map {"t.$_ = v.$_"} $l->reference_columns, 'q', 'part';
            my @rows = map { [ $l->row(@$_[ 0, 1 ], score => 70), $_->[2] ] } [ 1, 1, 'false' ], [ 1, 4, 'false' ],
              [ 6, 1, 'false' ],
              [ 5, 1, 'true' ], [ 2, 1, 'true' ], [ 3, 1, 'false' ];
            my ($old, $new) = map { join ', ', @$_ } [ $l->columns ], [ map { "v.$_" } $l->columns ];
            return
                "MERGE INTO $l->{table} t USING (VALUES ${\ CounterLayout::values_of(@rows)}) v ($old, deleted) ON $on "
              . 'WHEN MATCHED AND v.deleted THEN DELETE '
              . 'WHEN MATCHED THEN UPDATE SET is_correct = NOT t.is_correct, void = false, score = v.score '
              . "WHEN NOT MATCHED THEN INSERT ($old) VALUES ($new)";
        }
    ],
    [   'MERGE that changes keys' => sub {
            my ($l) = @_;
            return "MERGE INTO $l->{table} t USING (VALUES (1), (2)) v (q) ON t.q = v.q AND ${\ $l->is_of(2)} "
              . "WHEN MATCHED THEN UPDATE SET ${\ $l->set_run(4)}";
        }
    ],
    # -- several kinds at once -----------------------------------------------------------------------------------------
    [   'data-modifying CTE' => sub {
            my ($l) = @_;
            return
                "WITH gone AS (DELETE FROM $l->{table} WHERE q = 2 RETURNING *), "
              . "changed AS (UPDATE $l->{table} SET is_correct = false, score = 51 WHERE q = 1 RETURNING *), "
              . "stored AS (${\ $l->insert([ $l->row(6, 1) ], [ $l->row(1, 6) ])} RETURNING *) "
              . 'SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM changed), (SELECT count(*) FROM stored)';
        }
    ],
    [   'subtransactions of PL/pgSQL' => sub {
            my ($l) = @_;
            return <<"SQL";
DO \$\$
BEGIN
    FOR i IN 1 .. 70 LOOP
        BEGIN
            ${\ $l->insert([ $l->row(6, 30, question => '30 + i') ])};
            UPDATE $l->{table} SET score = i WHERE q = 1;
            IF i % 2 = 0 THEN
                RAISE EXCEPTION 'dropped';
            END IF;
            IF i % 10 = 5 THEN
                PERFORM ratchet.flush();
            END IF;
        EXCEPTION WHEN raise_exception THEN
            IF i % 20 = 0 THEN
                ${\ $l->insert([ $l->row(4, 30, question => '30 + i') ])};
            END IF;
        END;
    END LOOP;
END \$\$
SQL
        }
    ],
    [   'writer without rights on the parent' => sub {
            my ($l) = @_;
            return (
                'SET ROLE writer', $l->insert([ $l->row(1, 4) ]), "UPDATE $l->{table} SET score = 100 WHERE q = 1",
                "DELETE FROM $l->{table} WHERE " . $l->is_of(2));
        },
        setup => sub { my ($l) = @_; return "GRANT SELECT, INSERT, UPDATE, DELETE ON $l->{table} TO writer;\n" },
        after => 'RESET ROLE'
    ],
    # -- through triggers and procedures -------------------------------------------------------------------------------
    [   'trigger of another table' => sub { return 'INSERT INTO arrivals VALUES (1), (2)' },
        setup => sub {
            my ($l) = @_;
            return <<"SQL";
CREATE TABLE arrivals (n int);
CREATE FUNCTION arrive() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
    ${\ $l->insert(map { [ $l->row($_, 40, question => '40 + NEW.n') ] } 1, 6)};
    UPDATE $l->{table} SET score = coalesce(score, 0) + 1, is_correct = true WHERE ${\ $l->is_of(2)};
    DELETE FROM $l->{table} WHERE ${\ $l->is_of(5)} AND q = NEW.n;
    RETURN NULL;
END \$\$;
CREATE TRIGGER arrive AFTER INSERT ON arrivals FOR EACH ROW EXECUTE FUNCTION arrive();
SQL
        }
    ],
    [   'deferred trigger of another table' => sub { return 'INSERT INTO late_arrivals VALUES (1), (2)' },
        setup => sub {
            return <<"SQL";
CREATE TABLE late_arrivals (n int);
CREATE CONSTRAINT TRIGGER arrive AFTER INSERT ON late_arrivals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION arrive();
SQL
        }
    ],
    [   'deferred trigger of the child table' => sub {
            my ($l) = @_;
            return $l->insert([ $l->row(6, 1, score => 77) ], [ $l->row(1, 4, score => 77) ]);
        },
        # Fires after the flush of the same table, and counts again.
        setup => sub {
            my ($l) = @_;
            return <<"SQL";
CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
    ${\ $l->insert([ $l->row(4, 80, question => '80 + NEW.q') ])};
    RETURN NULL;
END \$\$;
CREATE CONSTRAINT TRIGGER "~~follow" AFTER INSERT ON $l->{table} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.score = 77) EXECUTE FUNCTION follow();
SQL
        }
    ],
    [   'procedure that commits' => sub { return 'CALL commits()' },
        refused => sub { my ($state) = @_; return $state->{block} ? '2D000' : undef },
        setup => sub {
            my ($l) = @_;
            return <<"SQL";
CREATE PROCEDURE commits() LANGUAGE plpgsql AS \$\$
BEGIN
    FOR i IN 1 .. 3 LOOP
        ${\ $l->insert([ $l->row(1, 50, question => '50 + i') ])};
        COMMIT;
        ${\ $l->insert([ $l->row(4, 50, question => '50 + i') ])};
        DELETE FROM $l->{table} WHERE ${\ $l->is_of(2)};
        ROLLBACK;
        UPDATE $l->{table} SET score = i WHERE ${\ $l->is_of(2)};
        PERFORM ratchet.flush();
    END LOOP;
END \$\$;
SQL
        }
    ],
    [ 'submit_batch' => sub { my ($l) = @_; return batch($l, 'true') } ],
    [ 'submit_batch without flush' => sub { my ($l) = @_; return batch($l, 'false') } ],
    # -- across partitions ---------------------------------------------------------------------------------------------
    [   'move to another partition' =>
          sub { my ($l) = @_; return "UPDATE $l->{table} SET part = CASE part WHEN 'a' THEN 'b' ELSE 'a' END" },
        when => \&partitioned,
        refused => \&leaves_its_partition
    ],
    [   'move to another partition and another run' => sub {
            my ($l) = @_;
            return "UPDATE $l->{table} SET part = 'b', ${\ $l->set_run(6)} WHERE part = 'a' AND " . $l->is_of(1);
        },
        when => \&partitioned,
        refused => \&leaves_its_partition
    ],
    [   'MERGE that moves to another partition' => sub {
            my ($l) = @_;
            return "MERGE INTO $l->{table} t USING (VALUES ('a')) v (part) ON t.part = v.part AND ${\ $l->is_of(1)} "
              . "WHEN MATCHED THEN UPDATE SET part = 'b', q = t.q + 10, ${\ $l->set_run(6)}, score = 51";
        },
        when => \&partitioned,
        refused => \&leaves_its_partition
    ],
    [   'root and leaf' => sub {
            my ($l) = @_;
            my ($root, $leaf) = ($l->addressing('results'), $l->addressing('results_a'));
            return (
                $leaf->insert([ $leaf->row(1, 7) ], [ $leaf->row(6, 8) ]),
                $root->insert([ $root->row(1, 7) ], [ $root->row(6, 8) ], [ $root->row(4, 1) ])
                  . ' ON CONFLICT DO NOTHING',
                'UPDATE results_b SET score = 90, void = false',
                'DELETE FROM results_a WHERE q = 1');
        },
        when => \&partitioned
    ],
    # -- the parents ---------------------------------------------------------------------------------------------------
    [   'parent stored with counters' => sub {
            my ($l) = @_;
            my $stored = $l->new_run(7, 2) =~ s/ \(/ (evaluated_count, score_total, is_completed, /r;
            return ($stored =~ s/VALUES \(/VALUES (9, 9, true, /r, $l->insert([ $l->row(7, 1) ]));
        }
    ],
    [   'parent and all its results' => sub {
            my ($l) = @_;
            return ($l->new_run(7, 2), $l->insert([ $l->row(7, 1) ], [ $l->row(7, 2) ]));
        }
    ],
    [   'stale save of the parents' => sub {
            return 'UPDATE runs SET evaluated_count = 0, score_total = NULL, is_completed = NOT is_completed, '
              . 'completed_at = NULL';
        },
        same => 1
    ],
    [   'stale save of a parent amid its results' => sub {
            my ($l) = @_;
            return (
                $l->insert([ $l->row(1, 4) ]),
                "UPDATE runs SET note = 'stale', evaluated_count = 1, is_completed = false WHERE "
                  . $l->is_run(1), $l->insert([ $l->row(1, 5) ]));
        }
    ],
    [   'change of total' => sub {
            my ($l) = @_;
            return map { "UPDATE runs SET total = $_->[1] WHERE " . $l->is_run($_->[0]) } [ 1, 3 ], [ 2, 5 ], [ 3, 1 ],
              [ 5, 'NULL' ],
              [ 6, 0 ];
        },
        when => \&plain_total
    ],
    [   'change of total, then results' => sub {
            my ($l) = @_;
            return ('UPDATE runs SET total = 1 + coalesce(total, 0)', $l->insert([ $l->row(4, 1) ], [ $l->row(1, 4) ]));
        },
        when => \&plain_total
    ],
    [   'results, then change of total' => sub {
            my ($l) = @_;
            return ($l->insert([ $l->row(4, 1) ], [ $l->row(1, 4) ]), 'UPDATE runs SET total = 1 + coalesce(total, 0)');
        },
        when => \&plain_total
    ],
    [   'UPDATE of the key of a parent' => sub {
            my ($l) = @_;
            my ($column) = reverse $l->key_columns;
            my ($key) = reverse $l->{parent_key}->(44);
            return "UPDATE runs SET $column = $key WHERE " . $l->is_run(4);
        },
        refused => sub { return '23R01' }
    ],
    [   'DELETE of a parent' => sub { my ($l) = @_; return 'DELETE FROM runs WHERE ' . $l->is_run(5) },
        when => \&cascades
    ],
    [   'DELETE of all parents' => sub { my ($l) = @_; return "DELETE FROM runs WHERE NOT (${\ $l->is_run(6)})" },
        when => \&cascades_for_many
    ],
    [   'results, then DELETE of their parent' => sub {
            my ($l) = @_;
            return ($l->insert([ $l->row(5, 3) ], [ $l->row(1, 4) ]), 'DELETE FROM runs WHERE ' . $l->is_run(5));
        },
        when => \&cascades
    ],
    [   'parent deleted and stored again' => sub {
            my ($l) = @_;
            return ('DELETE FROM runs WHERE ' . $l->is_run(5), $l->new_run(5, 1), $l->insert([ $l->row(5, 1) ]));
        },
        when => \&cascades
    ],
    [   'results, parent deleted and stored again' => sub {
            my ($l) = @_;
            return ($l->insert([ $l->row(5, 3) ]), 'DELETE FROM runs WHERE ' . $l->is_run(5), $l->new_run(5, 1));
        },
        when => \&cascades
    ],
    # -- what single layouts have --------------------------------------------------------------------------------------
    [   'results before their parent' =>
          sub { my ($l) = @_; return ($l->insert([ $l->row(7, 1) ]), $l->new_run(7, 1)) },
        when => sub { return $_[0]{deferrable} },
        refused => sub { my ($state) = @_; return $state->{block} && !$state->{immediate} ? undef : '23503' }
    ],
    [   'parent replaced under its results' =>
          sub { my ($l) = @_; return ('DELETE FROM runs WHERE ' . $l->is_run(5), $l->new_run(5, 2)) },
        when => sub { return $_[0]{deferrable} },
        refused => sub { my ($state) = @_; return $state->{block} && !$state->{immediate} ? undef : '23503' }
    ],
    [   'UPDATE of the other foreign key' => sub { return 'UPDATE results SET grader_id = 4 - grader_id' },
        when => sub { return $_[0]{graders} }
    ],
    [   'UPDATE of both foreign keys' => sub {
            my ($l) = @_;
            return
                'UPDATE results SET grader_id = nullif(1 + grader_id % 3, 2), score = 10, '
              . $l->set_run(4)
              . ' WHERE '
              . $l->is_of(2);
        },
        when => sub { return $_[0]{graders} }
    ],
    [   'both child tables' => sub {
            my ($l) = @_;
            return (
                $l->insert([ $l->row(1, 4) ]), q{INSERT INTO annotations VALUES (1, 'third'), (4, 'fourth')},
                'DELETE FROM results WHERE q = 1',
                'UPDATE annotations SET run_id = 5, body = body || body WHERE run_id = 1');
        },
        when => sub { return $_[0]{annotations} }
    ],
    [   'the other child table' =>
          sub { return (q{UPDATE annotations SET body = 'x'}, 'DELETE FROM annotations WHERE run_id = 2') },
        when => sub { return $_[0]{annotations} }
    ],
    [   'TRUNCATE of the other child table' => sub { return 'TRUNCATE annotations' },
        when => sub { return $_[0]{annotations} },
        locks => 1
    ],
    [   'total and results' => sub {
            my ($l) = @_;
            return ('INSERT INTO questions VALUES (6, 2), (4, 1)',
                $l->insert([ $l->row(6, 1) ], [ $l->row(6, 2) ], [ $l->row(4, 1) ]));
        },
        when => sub { return $_[0]{questions} }
    ],
    [   'results, then their total' => sub {
            my ($l) = @_;
            return (
                $l->insert([ $l->row(1, 4) ]), 'DELETE FROM questions WHERE run_id = 5 AND q = 3',
                'UPDATE questions SET run_id = 1 WHERE run_id = 2');
        },
        when => sub { return $_[0]{questions} }
    ],
    [   'TRUNCATE of the total' => sub { return 'TRUNCATE questions' },
        when => sub { return $_[0]{questions} },
        locks => 1
    ],
    [   'move of a run' => sub {
            return ('UPDATE runs SET evaluation_id = 3 WHERE id = 2',
                'UPDATE runs SET evaluation_id = NULL WHERE id = 1');
        },
        when => sub { return $_[0]{evaluations} }
    ],
    [   'move of a run amid its results' => sub {
            my ($l) = @_;
            return ($l->insert([ $l->row(1, 4) ]), 'UPDATE runs SET evaluation_id = 3 WHERE id = 1',
                $l->insert([ $l->row(6, 1) ]));
        },
        when => sub { return $_[0]{evaluations} }
    ],
    [   'DELETE of the grandparent' =>
          sub { my ($l) = @_; return ($l->insert([ $l->row(1, 4) ]), 'DELETE FROM evaluations WHERE id = 1') },
        when => sub { return $_[0]{evaluations} }
    ],
    [   'TRUNCATE ... CASCADE of the grandparent' => sub {
            my ($l) = @_;
            return ('TRUNCATE evaluations CASCADE', 'INSERT INTO evaluations VALUES (2, 1)', $l->new_run(6, 2));
        },
        when => sub { return $_[0]{evaluations} },
        locks => 1,
        refused => $truncates
    ],
    [   'move in the tree' => sub {
            my ($l) = @_;
            return (
                $l->insert([ $l->row(2, 3) ]),
                'UPDATE runs SET super_id = 6 WHERE id = 2',
                'UPDATE runs SET super_id = id WHERE id = 3');
        },
        when => sub { return $_[0]{tree} }
    ],
    [   'DELETE in the tree' =>
          sub { my ($l) = @_; return ($l->insert([ $l->row(5, 3) ]), 'DELETE FROM runs WHERE id = 2') },
        when => sub { return $_[0]{tree} }
    ],
    [   'submit with a record' => sub {
            my ($l) = @_;
            my $record = join ' || ', map {"jsonb_build_object('$_->[0]', $_->[1])"} [ q => 4 ], [ part => "'a'" ],
              [ is_correct => 'true' ],
              [ score => 55 ], [ void => 'false' ];
            return map {
                "SELECT outcome FROM ratchet.submit('runs', 1, actor => '$_', child => 'results', record => $record)"
              } 'ann',
              'eve';
        },
        when => sub { return $_[0]{guarded} }
    ],
    [   'stale save of a submitted parent' => sub {
            my ($l) = @_;
            return (
                "SELECT outcome FROM ratchet.submit('runs', 2, actor => 'ann')",
                'UPDATE runs SET note = NULL, submitted_at = NULL, submitted_by = NULL, evaluated_count = 0',
                'DELETE FROM results WHERE q = 2');
        },
        when => sub { return $_[0]{guarded} }
    ],
);

# Two new records, one stored already, one twice.
sub batch
{
    my ($l, $flush) = @_;
    my @rows = map { [ $l->row(@$_) ] } [ 6, 1 ], [ 1, 4 ], [ 1, 1 ], [ 6, 1 ], [ undef, 9 ];
    return
        "SELECT outcome FROM ratchet.submit_batch('$l->{table}', (SELECT jsonb_agg(to_jsonb(v)) FROM (VALUES "
      . CounterLayout::values_of(@rows) . ') v ('
      . join(', ', $l->columns)
      . ")), $flush)";
}

sub leaves_its_partition { my ($state) = @_; return $state->{layout}{leaf} ? '23514' : undef }

# The paths of a layout: names and statements, with what is known of them.
sub of
{
    my ($layout) = @_;
    my @paths;
    for my $path (@PATHS)
    {
        my ($name, $statements, %known) = @$path;
        next if $known{when} && !$known{when}->($layout);
        push @paths, { name => $name, statements => [ $statements->($layout) ], %known };
    }
    return @paths;
}

1;
