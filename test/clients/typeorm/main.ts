import 'reflect-metadata';
import {randomUUID} from 'node:crypto';
import {Column, DataSource, Entity, PrimaryColumn, type MigrationInterface, type QueryRunner} from 'typeorm';

@Entity('scorecards')
class Scorecard {
  @PrimaryColumn('bigint') id: string;
  @Column('text', {nullable: true}) comment: string | null;
  @Column('timestamptz', {nullable: true}) submitted_at: Date | null;
  @Column('bigint', {nullable: true}) submitter_id: string | null;
  @Column('uuid', {nullable: true}) request_id: string | null;
}

@Entity('jobs')
class Job {
  @PrimaryColumn('bigint') id: string;
  @Column('text', {default: 'queued'}) status: string;
  @Column('int', {default: 0}) progress: number;
}

// snippet: contracts

const {PGHOST, PGPORT, PGUSER, PGDATABASE} = process.env;
const source = new DataSource({
  type: 'postgres', host: PGHOST, port: Number(PGPORT), username: PGUSER, database: PGDATABASE, entities: [Scorecard, Job],
  migrations: [Contracts1700000000000],
});
await source.initialize();
await source.query('INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);');
await source.runMigrations();
await source.undoLastMigration();
await source.runMigrations();
const repository = source.getRepository(Scorecard);
const stale = await repository.findOneByOrFail({id: '1'});
const request = randomUUID();
// snippet: calls
// snippet: errors
// snippet: save
// snippet: tests

// What the page says of counters and of synchronize.
const changes = (await source.driver.createSchemaBuilder().log()).upQueries.map(q => q.query);
if (changes.some(q => /trigger/i.test(q))) throw new Error(`synchronize sees a contract: ${changes}`);
await source.synchronize();
await source.destroy();
