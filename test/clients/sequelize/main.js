import {randomUUID} from 'node:crypto';
import {DataTypes, QueryTypes, Sequelize} from 'sequelize';
import {down, up} from './contracts.js';

const {PGHOST, PGPORT, PGUSER, PGDATABASE} = process.env;
const sequelize = new Sequelize(PGDATABASE, PGUSER, '', {host: PGHOST, port: PGPORT, dialect: 'postgres', logging: false, define: {timestamps: false}});
const id = {type: DataTypes.BIGINT, primaryKey: true};
const Scorecard = sequelize.define('scorecards', {
  id, comment: DataTypes.TEXT, submitted_at: DataTypes.DATE, submitter_id: DataTypes.BIGINT, request_id: DataTypes.UUID,
});
const Job = sequelize.define('jobs', {
  id, status: {type: DataTypes.TEXT, allowNull: false, defaultValue: 'queued'}, progress: {type: DataTypes.INTEGER, allowNull: false, defaultValue: 0},
});
const Run = sequelize.define('runs', {
  id, total: DataTypes.INTEGER, evaluated_count: {type: DataTypes.INTEGER, allowNull: false, defaultValue: 0},
  is_completed: {type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false},
});
await sequelize.query('INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);');
const context = sequelize.getQueryInterface();
await up({context});
await down({context});
await up({context});
const stale = await Scorecard.findByPk(1);
const request = randomUUID();
// snippet: calls
// snippet: errors
// snippet: save
// snippet: tests

// What the page says of increments and of sync().
await Run.increment('evaluated_count', {where: {id: 1}});
if ((await Run.findByPk(1)).evaluated_count !== 2) throw new Error('a counter was written');
await sequelize.sync({alter: true});
await sequelize.close();
