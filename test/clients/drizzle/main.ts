import {randomUUID} from 'node:crypto';
import {eq, sql} from 'drizzle-orm';
import {drizzle} from 'drizzle-orm/node-postgres';
import {migrate} from 'drizzle-orm/node-postgres/migrator';
import {bigint, integer, pgTable, text, timestamp, uuid} from 'drizzle-orm/pg-core';
import pg from 'pg';

const scorecards = pgTable('scorecards', {
  id: bigint('id', {mode: 'number'}).primaryKey(), comment: text('comment'),
  submittedAt: timestamp('submitted_at', {withTimezone: true}), submitterId: bigint('submitter_id', {mode: 'number'}),
  requestId: uuid('request_id'),
});
const jobs = pgTable('jobs', {id: bigint('id', {mode: 'number'}).primaryKey(), status: text('status'), progress: integer('progress')});

const pool = new pg.Pool();
const db = drizzle(pool);
await pool.query('INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);');
await migrate(db, {migrationsFolder: 'migrations'});
const [stale] = await db.select().from(scorecards).where(eq(scorecards.id, 1));
const request = randomUUID();
// snippet: calls
// snippet: errors
// snippet: save
// snippet: tests
await pool.end();
