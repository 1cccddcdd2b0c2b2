package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgconn"
	_ "github.com/jackc/pgx/v4/stdlib"
	"github.com/lib/pq"
)

const request = "0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10"

var ctx = context.Background()

func calls(db *sql.DB) error {
	// snippet: calls-sql
	return nil
}

func refused(db *sql.DB) {
	// snippet: errors-pq
}

func again(db *sql.DB) error {
	// snippet: calls-sql
	return nil
}

func run() error {
	db, err := sql.Open("postgres", fmt.Sprintf("host=%s port=%s user=%s dbname=%s",
		os.Getenv("PGHOST"), os.Getenv("PGPORT"), os.Getenv("PGUSER"), os.Getenv("PGDATABASE")))
	if err != nil {
		return err
	}
	defer db.Close()
	contracts, err := os.ReadFile("contracts.sql")
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);"+string(contracts)); err != nil {
		return err
	}
	if err := calls(db); err != nil {
		return err
	}
	refused(db)

	// The same calls by pgx, on rows that are as they were; lib/pq's without casts.
	if _, err := db.ExecContext(ctx, `
		BEGIN;
		CALL ratchet.suspend('scorecards', 'test');
		CALL ratchet.suspend('jobs', 'test');
		UPDATE scorecards SET submitted_at = NULL, submitter_id = NULL, request_id = NULL;
		UPDATE jobs SET status = 'queued';
		COMMIT;
		DELETE FROM results`); err != nil {
		return err
	}
	var outcome string
	row := db.QueryRowContext(ctx, "SELECT outcome FROM ratchet.submit('scorecards', $1, $2)", 7, 42)
	if err := row.Scan(&outcome); err != nil || outcome != "not_found" {
		return fmt.Errorf("lib/pq without casts: %s %v", outcome, err)
	}
	other, err := sql.Open("pgx", "")
	if err != nil {
		return err
	}
	defer other.Close()
	if err := again(other); err != nil {
		return err
	}
	_, err = other.ExecContext(ctx, "UPDATE jobs SET status = 'queued' WHERE id = 1")
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) || refusal.Code != "23R02" {
		return fmt.Errorf("pgx beneath database/sql: %v", err)
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
