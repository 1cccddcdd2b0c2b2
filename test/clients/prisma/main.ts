import {randomUUID} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {PrismaPg} from '@prisma/adapter-pg';
import pg from 'pg';
import {PrismaClient} from './generated/client.ts';

const {PGHOST, PGPORT, PGUSER, PGDATABASE} = process.env;
const client = new pg.Client();
await client.connect();
await client.query('INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);');
await client.query(readFileSync('migration.sql', 'utf8'));
await client.end();
const prisma = new PrismaClient({adapter: new PrismaPg({host: PGHOST, port: Number(PGPORT), user: PGUSER, database: PGDATABASE})});
const stale = await prisma.scorecard.findUniqueOrThrow({where: {id: 1}});
const request = randomUUID();
// snippet: calls
// snippet: errors
// snippet: save
// snippet: tests
await prisma.run.update({where: {id: 1}, data: {evaluatedCount: {increment: 1}}});
if ((await prisma.run.findUniqueOrThrow({where: {id: 1}})).evaluatedCount !== 2) throw new Error('a counter was written');
await prisma.$disconnect();
