// send.mjs URL NUMBER: one webhook of a new call, signed by Retell's own SDK with the key in RETELL_API_KEY; prints the call id.
import { newCall, send } from '../system/support/webhooks.mjs';

const [, , url, number] = process.argv;
const call = { ...newCall(number), call_status: 'ongoing' };
const answer = await send({ env: { INGEST_URL: url, RETELL_API_KEY: process.env.RETELL_API_KEY } }, { event: 'call_started', call });
if (answer.status !== 200) {
  console.error(`${answer.status} ${JSON.stringify(answer.body)}`);
  process.exit(1);
}
console.log(call.call_id);
