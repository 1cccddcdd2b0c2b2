// The whole scorecard contract on one table, beside TypeORM's repository.save(): test_policies_typeorm.py runs this.
//
// save() of an entity that was read long ago compares it with the row as it is now and writes every column that differs,
// which is a stale save of the whole row. 500 interleavings of reads, saves, submissions and updates by three connections are
// drawn at random; after every step the stored row must be what a model of the rules predicts. Without a contract the
// same steps must show the damage. A @VersionColumn, which TypeORM counts up by itself, is counted once.
'use strict';

require('reflect-metadata');
const { DataSource, EntitySchema } = require('typeorm');

const INTERLEAVINGS = 500;
const CLIENTS = ['first', 'second', 'third'];
const OWNED = ['submitted_at', 'submitted_by', 'submission_source'];
const FORWARD = ['manually_scored', 'score_count'];
const seed = Number(process.env.RATCHET_SEED || Math.floor(Math.random() * 1e6));

const COLUMNS = {
  comment: { type: 'text', default: '' }, // free
  creator_id: { type: 'int', nullable: true }, // once
  final_comment: { type: 'text', nullable: true }, // frozen
  manually_scored: { type: 'boolean', default: false }, // forward
  score_count: { type: 'int', default: 0 }, // forward
  submitted_at: { type: 'timestamptz', nullable: true, precision: 3 }, // the gate
  submitted_by: { type: 'text', nullable: true }, // owned
  submission_source: { type: 'text', nullable: true }, // owned
};
const id = { type: 'int', primary: true, generated: true };
const entity = (name, tableName) => new EntitySchema({ name, tableName, columns: { id, ...COLUMNS } });
const Plain = entity('Plain', 'plain_scorecards');
const Guarded = entity('Guarded', 'scorecards');
const Note = new EntitySchema({
  name: 'Note',
  tableName: 'notes',
  columns: { id, title: { type: 'text' }, body: { type: 'text', default: '' }, version: { type: 'int', version: true } },
});

// A small generator, so that a seed repeats a run.
function chance(start) {
  let state = start >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return { below: (n) => Math.floor(next() * n), likely: (p) => next() < p, of: (list) => list[Math.floor(next() * list.length)] };
}

const same = (a, b) => (a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : a === b);
const columns = (row) => Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, row[name]]));

// The row after a write that sets these columns.
function written(state, values) {
  const closed = state.submitted_at !== null;
  const closes = !closed && values.submitted_at !== undefined && values.submitted_at !== null;
  const after = { ...state };
  for (const [name, value] of Object.entries(values)) {
    if (OWNED.includes(name) && !closes) continue;
    if (name === 'creator_id' && state[name] !== null) continue;
    if (name === 'final_comment' && closed) continue;
    if (FORWARD.includes(name) && Number(value) < Number(state[name])) continue;
    after[name] = value;
  }
  return after;
}

const failures = [];
function expect(found, expected, what) {
  const differing = Object.keys(expected).filter((name) => !same(found[name], expected[name]));
  for (const name of differing) failures.push(`${what}: ${name} is ${found[name]}, expected ${expected[name]}`);
}

async function step(random, source, client, target, pk, held, state) {
  const repository = source.getRepository(target);
  if (!held[client] || random.likely(0.4)) {
    held[client] = await repository.findOneByOrFail({ id: pk });
    return state;
  }
  const kind = random.of(['save', 'save', 'save', 'close', 'submit', 'update']);
  if (kind === 'save' || kind === 'close') {
    const row = held[client];
    const number = random.below(1000);
    row.comment = `${client} ${number}`;
    if (random.likely(0.5)) row.creator_id = number;
    if (random.likely(0.5)) row.final_comment = `final ${number}`;
    if (random.likely(0.5)) {
      row.manually_scored = random.likely(0.7);
      row.score_count = random.below(20);
    }
    if (kind === 'close') Object.assign(row, { submitted_at: new Date(), submitted_by: client, submission_source: 'save' });
    const values = columns(row);
    await repository.save(row);
    held[client] = null;
    return written(state, values);
  }
  const patch = kind === 'submit' ? { submission_source: 'api', score_count: random.below(20) }
    : { comment: `${client} updated`, score_count: random.below(20), creator_id: random.below(9) };
  if (target === Plain) {
    const when = kind === 'submit' ? { ...patch, submitted_at: new Date(), submitted_by: client } : patch;
    await repository.update({ id: pk }, when);
    return state;
  }
  if (kind === 'update') {
    await source.query("SELECT * FROM ratchet.update('scorecards', $1, $2::jsonb)", [pk, JSON.stringify(patch)]);
    return written(state, patch);
  }
  const [answer] = await source.query("SELECT outcome, submitted_at, submitted_by FROM ratchet.submit('scorecards', $1, $2, $3::jsonb)",
    [pk, client, JSON.stringify(patch)]);
  if (state.submitted_at !== null) {
    expect(answer, { outcome: 'already_submitted', submitted_by: state.submitted_by }, 'the loser');
    return state;
  }
  expect(answer, { outcome: 'submitted', submitted_by: client }, 'the winner');
  return written(state, { submitted_at: answer.submitted_at, submitted_by: client, ...patch });
}

// One interleaving; how many of its steps broke a rule.
async function play(sources, target, number) {
  const random = chance(seed * 1009 + number);
  const repository = sources.first.getRepository(target);
  const { id: pk } = await repository.save(repository.create({}));
  const stored = async () => columns(await repository.findOneByOrFail({ id: pk }));
  const held = {};
  let broken = 0;
  let state = await stored();
  for (let n = 8 + random.below(12); n > 0; --n) {
    const client = random.of(CLIENTS);
    const expected = await step(random, sources[client], client, target, pk, held, state);
    const found = await stored();
    if (target === Guarded) expect(found, expected, `interleaving ${number}`);
    const kept = written(state, found);
    broken += Object.keys(kept).some((name) => !same(kept[name], found[name]));
    state = found;
  }
  return broken;
}

async function checkVersion(sources) {
  const first = sources.first.getRepository(Note);
  const second = sources.second.getRepository(Note);
  const { id: pk } = await first.save(first.create({ title: 'title' }));
  for (let n = 1; n <= 10; ++n) {
    const note = await (n % 2 ? first : second).findOneByOrFail({ id: pk });
    note.body = `edit ${n}`;
    await (n % 2 ? first : second).save(note);
    const found = await first.findOneByOrFail({ id: pk });
    expect(found, { version: n + 1, body: `edit ${n}` }, 'a version that the client counts up too');
    expect(note, { version: n + 1 }, 'the version that the client has then');
  }
  // A save of all columns, as a client makes it that sends its old version back.
  const error = await second.query('UPDATE notes SET title = $1, body = $2, version = $3 WHERE id = $4', ['stale', '', 2, pk]).catch((e) => e);
  expect(error, { code: '23R04' }, 'a save with an old version');
}

async function main() {
  console.log(`RATCHET_SEED=${seed}`);
  const sources = {};
  for (const name of CLIENTS) {
    sources[name] = new DataSource({
      type: 'postgres', host: process.env.PGHOST, port: Number(process.env.PGPORT), username: process.env.PGUSER,
      database: process.env.PGDATABASE, entities: [Plain, Guarded, Note], synchronize: name === 'first', poolSize: 1, logNotifications: false,
    });
    await sources[name].initialize();
  }
  await sources.first.query('CREATE EXTENSION ratchet');
  await sources.first.query(`SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitted_by', owned => '{submission_source}',
    once => '{creator_id}', frozen => '{final_comment}', forward => '{manually_scored,score_count}')`);
  await sources.first.query("SELECT ratchet.guard('notes', version => 'version')");
  for (let number = 0; number < INTERLEAVINGS; ++number) await play(sources, Guarded, number);
  let damaged = 0;
  for (let number = 0; number < INTERLEAVINGS / 5; ++number) damaged += (await play(sources, Plain, number)) > 0;
  await checkVersion(sources);
  if (damaged === 0) failures.push('the control shows no damage');
  console.log(`${INTERLEAVINGS} interleavings as the model says; without a contract ${damaged} of ${INTERLEAVINGS / 5} break a rule`);
  for (const failure of failures.slice(0, 20)) console.log(`FAILED: ${failure}`);
  for (const name of CLIENTS) await sources[name].destroy();
  process.exit(failures.length > 0 ? 1 : 0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
