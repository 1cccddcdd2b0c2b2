import {randomUUID} from 'node:crypto';
import {readFileSync} from 'node:fs';
import pg from 'pg';

const client = new pg.Client();
await client.connect();
await client.query('INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);');
await client.query(readFileSync('contracts.sql', 'utf8'));
const request = randomUUID();
// snippet: calls-pg
// snippet: errors-pg
// snippet: save-pg
// snippet: tests
await client.end();
