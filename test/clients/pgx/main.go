package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/uuid"
	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

var ctx = context.Background()

func calls(conn *pgx.Conn, request string) error {
	// snippet: calls-pgx
	return nil
}

func refused(conn *pgx.Conn) {
	// snippet: errors-pgx
}

func save(conn *pgx.Conn) error {
	// snippet: save
	return err
}

func tests(conn *pgx.Conn) error {
	// snippet: tests
	return err
}

func run() error {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return err
	}
	var codes []string
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { codes = append(codes, notice.Code) }
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	contracts, err := os.ReadFile("contracts.sql")
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);"+string(contracts)); err != nil {
		return err
	}
	var none string
	err = conn.QueryRow(ctx, "SELECT outcome FROM ratchet.submit('scorecards', $1)", 1).Scan(&none)
	if err == nil || err.Error() != "cannot convert 1 to Text" {
		return fmt.Errorf("without a cast: %v", err)
	}
	if err := calls(conn, uuid.Must(uuid.NewV4()).String()); err != nil {
		return err
	}
	refused(conn)
	if err := save(conn); err != nil {
		return err
	}
	if len(codes) != 1 || codes[0] != "01R01" {
		return fmt.Errorf("the notices: %v", codes)
	}
	return tests(conn)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
