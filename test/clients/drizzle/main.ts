import {randomUUID} from 'node:crypto';
import {eq, sql} from 'drizzle-orm';
import {drizzle} from 'drizzle-orm/node-postgres';
import {migrate} from 'drizzle-orm/node-postgres/migrator';
import {bigint, integer, pgTable, text, timestamp, uuid} from 'drizzle-orm/pg-core';
import {drizzle as drizzleOnPostgres} from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';

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

// What the page says of postgres.js.
const client = postgres({path: `${process.env.PGHOST}/.s.PGSQL.${process.env.PGPORT}`, user: process.env.PGUSER, database: process.env.PGDATABASE, max: 1});
const [kept] = await drizzleOnPostgres(client).execute(sql`
  SELECT * FROM ratchet.update('jobs', ${1}, ${JSON.stringify({progress: 20})})`);
if (kept.outcome !== 'updated') throw new Error(`drizzle on postgres.js: ${kept.outcome}`);
await client.end();
