import {randomUUID} from 'node:crypto';
import {readFileSync} from 'node:fs';
import postgres from 'postgres';

const {PGHOST, PGPORT, PGUSER, PGDATABASE} = process.env;
const codes = [];
const sql = postgres({path: `${PGHOST}/.s.PGSQL.${PGPORT}`, user: PGUSER, database: PGDATABASE, max: 1, onnotice: n => codes.push(n.code)});
await sql.unsafe('INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);');
await sql.unsafe(readFileSync('contracts.sql', 'utf8'));
const request = randomUUID();
// snippet: calls-postgres
// snippet: errors-postgres
// snippet: save-postgres
await sql.end();
if (codes.join() !== '01R01') throw new Error(`the notices: ${codes}`);
