// Runs the calls that docs/clients.md shows for node-postgres and postgres.js as they stand there, and compares what the two
// raise with its table of errors. The page is the program's argument, as test_clients_node.py makes it.
const {randomUUID} = require('crypto');
const pg = require('pg');
const postgres = require('postgres');

const SETUP = `
CREATE EXTENSION ratchet;
CREATE TABLE scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz, submitter_user_id bigint);
CREATE TABLE documents (id uuid PRIMARY KEY, submitted_at timestamptz, author uuid);
CREATE TABLE strict (id bigint PRIMARY KEY, submitted_at timestamptz, status text DEFAULT 'queued', progress int DEFAULT 5, v int);
CREATE TABLE plain (id bigint PRIMARY KEY);
CREATE TABLE runs (id bigint PRIMARY KEY, n int);
CREATE TABLE results (id bigserial PRIMARY KEY, run_id bigint REFERENCES runs);
SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitter_user_id'),
    ratchet.guard('documents', gate => 'submitted_at', actor => 'author'),
    ratchet.guard('strict', gate => 'submitted_at', forward => '{progress}', version => 'v', mode => 'reject',
        states => '{"status": {"queued": ["running"], "running": ["done"], "done": []}}'),
    ratchet.tally('results', 'runs', '{"n": "true"}');
INSERT INTO scorecards VALUES (0, NULL, now());
INSERT INTO strict (id, submitted_at, v) VALUES (1, now(), 1);
INSERT INTO runs VALUES (1);`;
const ERRORS = [
  ['23R01', 'UPDATE strict SET submitted_at = NULL WHERE id = 1'],
  ['23R02', "UPDATE strict SET status = 'done' WHERE id = 1"],
  ['23R03', 'UPDATE strict SET progress = 4 WHERE id = 1'],
  ['23R04', 'UPDATE strict SET v = 7 WHERE id = 1'],
  ['42R01', "SELECT * FROM ratchet.submit('plain', '1')"],
];
const KEPT = 'UPDATE scorecards SET submitted_at = NULL WHERE id = 0';

const page = JSON.parse(process.argv[2]);
let checks = 0;
let failed = 0;
let rows = 0;

function check(actual, expected, message) {
  checks++;
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  failed++;
  console.log(`FAILED: ${message}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
}

function block(heading) {
  return page.blocks.find(([, title]) => title.startsWith(heading))[0];
}

// Each line of the block, on new rows: both are submitted then, and two results more are counted.
async function runDocumented(admin, heading, name, client) {
  const id = ++rows;
  const [document, author] = [randomUUID(), randomUUID()];
  await admin.query('INSERT INTO scorecards VALUES ($1)', [id]);
  await admin.query('INSERT INTO documents VALUES ($1)', [document]);
  const before = (await admin.query('SELECT n FROM runs')).rows[0].n;
  const calls = new Function(name, 'id', 'user', 'document', 'author', `return (async () => { ${block(heading)} })()`);
  try {
    await calls(client, id, 42, document, author);
  } catch (error) {
    check(error.message, '', `${heading}: the documented calls`);
  }
  const stored = await admin.query(
    'SELECT s.comment, s.submitter_user_id, d.author, n FROM scorecards s, documents d, runs WHERE s.id = $1 AND d.id = $2' +
    ' AND s.submitted_at IS NOT NULL AND d.submitted_at IS NOT NULL', [id, document]);
  check(stored.rows, [{comment: 'done', submitter_user_id: '42', author, n: before + 2}], `${heading}: the documented calls`);
}

async function checkErrors(client, execute) {
  for (const [code, sql] of ERRORS) {
    let seen = ['no error'];
    try {
      await execute(sql);
    } catch (error) {
      seen = [error.constructor.name, error.code];
    }
    check(seen, [page.errors[client][code === '42R01' ? 1 : 0], code], `${client}: ${sql}`);
  }
}

async function main() {
  const [host, port, user, database] = ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE'].map(name => process.env[name]);
  const client = new pg.Client({host, port: Number(port), user, database});
  await client.connect();
  await client.query(SETUP);
  await runDocumented(client, 'node-postgres', 'client', client);
  await checkErrors('node-postgres', sql => client.query(sql));
  const heard = [];
  client.on('notice', notice => heard.push(notice.code));
  await client.query(KEPT);
  check(heard, ['01R01'], 'node-postgres: the notice');

  heard.length = 0;
  const sql = postgres({path: `${host}/.s.PGSQL.${port}`, user, database, max: 1, onnotice: notice => heard.push(notice.code)});
  await runDocumented(client, 'postgres.js', 'sql', sql);
  await checkErrors('postgres.js', statement => sql.unsafe(statement));
  await sql.unsafe(KEPT);
  check(heard, ['01R01'], 'postgres.js: the notice');

  await sql.end();
  await client.end();
  console.log(failed ? `${failed} of ${checks} claims failed` : `${checks} claims are true`);
  process.exit(failed ? 1 : 0);
}

main().catch(error => {
  console.log(error);
  process.exit(1);
});
