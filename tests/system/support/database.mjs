// database.mjs: PostgreSQL as the stack's reader sees it: everything, and nothing to change.

import pg from 'pg';

/** Opens a connection; close it with end(). Whole numbers come as numbers: none here exceeds 2^53. */
export async function openDatabase(stack) {
  pg.types.setTypeParser(pg.types.builtins.INT8, Number);
  const client = new pg.Client({ connectionString: stack.env.DATABASE_URL });
  client.on('error', () => {}); // a test may restart the server; the next query says so
  await client.connect();
  return client;
}

/** The row of a call, or null. */
export async function callRow(database, company, callId) {
  const { rows } = await database.query('SELECT * FROM calls WHERE company_id = $1 AND call_id = $2', [company, callId]);
  return rows[0] ?? null;
}
