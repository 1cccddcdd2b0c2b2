// Compares what node-postgres and postgres.js raise with the table of errors in docs/clients/README.md, which is the program's
// argument, as test_clients_node.py makes it.
const pg = require('pg');
const postgres = require('postgres');

const SETUP = `
CREATE EXTENSION ratchet;
CREATE TABLE scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz, submitter_user_id bigint);
CREATE TABLE strict (id bigint PRIMARY KEY, submitted_at timestamptz, status text DEFAULT 'queued', progress int DEFAULT 5, v int);
CREATE TABLE plain (id bigint PRIMARY KEY);
SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitter_user_id'),
    ratchet.guard('strict', gate => 'submitted_at', forward => '{progress}', version => 'v', mode => 'reject',
        states => '{"status": {"queued": ["running"], "running": ["done"], "done": []}}');
INSERT INTO scorecards VALUES (0, NULL, now());
INSERT INTO strict (id, submitted_at, v) VALUES (1, now(), 1);`;
const ERRORS = [
  ['23R01', 'UPDATE strict SET submitted_at = NULL WHERE id = 1'],
  ['23R02', "UPDATE strict SET status = 'done' WHERE id = 1"],
  ['23R03', 'UPDATE strict SET progress = 4 WHERE id = 1'],
  ['23R04', 'UPDATE strict SET v = 7 WHERE id = 1'],
  ['42R01', "SELECT * FROM ratchet.submit('plain', '1')"],
];
const KEPT = 'UPDATE scorecards SET submitted_at = NULL WHERE id = 0';

const errors = JSON.parse(process.argv[2]);
let checks = 0;
let failed = 0;

function check(actual, expected, message) {
  checks++;
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  failed++;
  console.log(`FAILED: ${message}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
}

async function checkErrors(client, execute) {
  for (const [code, sql] of ERRORS) {
    let seen = ['no error'];
    try {
      await execute(sql);
    } catch (error) {
      seen = [error.constructor.name, error.code];
    }
    check(seen, [errors[client][code === '42R01' ? 1 : 0], code], `${client}: ${sql}`);
  }
}

async function main() {
  const [host, port, user, database] = ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE'].map(name => process.env[name]);
  const client = new pg.Client({host, port: Number(port), user, database});
  await client.connect();
  await client.query(SETUP);
  await checkErrors('node-postgres', sql => client.query(sql));
  const heard = [];
  client.on('notice', notice => heard.push(notice.code));
  await client.query(KEPT);
  check(heard, ['01R01'], 'node-postgres: the notice');

  heard.length = 0;
  const sql = postgres({path: `${host}/.s.PGSQL.${port}`, user, database, max: 1, onnotice: notice => heard.push(notice.code)});
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
