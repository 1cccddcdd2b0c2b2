package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jinzhu/gorm"
	"github.com/lib/pq"
)

type Scorecard struct {
	ID          int64
	Comment     string
	SubmittedAt *time.Time
	SubmitterID *int64
	RequestID   *string
}

type Job struct {
	ID       int64
	Status   string
	Progress int
}

type Run struct {
	ID             int64
	Total          int
	EvaluatedCount int
	IsCompleted    bool
}

type Result struct {
	RunID      int64 `gorm:"primary_key"`
	QuestionID int64 `gorm:"primary_key"`
	IsCorrect  bool
}

const request = "0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10"

func contracts(db *gorm.DB) error {
	// snippet: contracts
	return nil
}

func calls(db *gorm.DB) error {
	// snippet: calls
	return nil
}

func refused(db *gorm.DB) {
	// snippet: errors
}

func save(db *gorm.DB, stale Scorecard) error {
	// snippet: save
	return nil
}

func tests(db *gorm.DB) error {
	// snippet: tests
	return err
}

func run() error {
	db, err := gorm.Open("postgres", fmt.Sprintf("host=%s port=%s user=%s dbname=%s",
		os.Getenv("PGHOST"), os.Getenv("PGPORT"), os.Getenv("PGUSER"), os.Getenv("PGDATABASE")))
	if err != nil {
		return err
	}
	defer db.Close()
	db.LogMode(false)
	if err := db.Exec("INSERT INTO scorecards VALUES (1, ''); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);").Error; err != nil {
		return err
	}
	if err := contracts(db); err != nil {
		return err
	}
	var stale Scorecard
	if err := db.First(&stale, 1).Error; err != nil {
		return err
	}
	if err := calls(db); err != nil {
		return err
	}
	refused(db)
	if err := save(db, stale); err != nil {
		return err
	}
	if err := tests(db); err != nil {
		return err
	}
	// What the page says of counters and of AutoMigrate().
	if err := db.Model(&Run{ID: 1}).Update("evaluated_count", gorm.Expr("evaluated_count + 1")).Error; err != nil {
		return err
	}
	var after Run
	if err := db.First(&after, 1).Error; err != nil || after.EvaluatedCount != 1 {
		return fmt.Errorf("a counter was written: %v %v", after, err)
	}
	return db.AutoMigrate(&Scorecard{}, &Job{}, &Run{}, &Result{}).Error
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
