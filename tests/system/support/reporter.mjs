// reporter.mjs: node:test's results as tests/run reads them: "pass SECONDS NAME", "fail …", "skip …"; why, in lines that
// begin with a bar.

import { inspect, stripVTControlCharacters } from 'node:util';

export default async function* report(source) {
  for await (const { type, data } of source) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details?.type === 'suite') continue;
    const outcome = data.skip !== undefined ? 'skip' : type === 'test:pass' ? 'pass' : 'fail';
    yield `${outcome} ${(data.details.duration_ms / 1000).toFixed(2)} ${data.name}\n`;
    if (outcome === 'skip') yield `| because: ${data.skip}\n`;
    if (outcome === 'fail') {
      const error = data.details.error;
      for (const line of stripVTControlCharacters(inspect(error?.cause ?? error)).split('\n')) yield `| ${line}\n`;
    }
  }
}
