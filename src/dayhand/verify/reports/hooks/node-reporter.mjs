// A reporter of Node's test runner: each test with its file and its suites. https://nodejs.org/api/test.html#custom-reporters
import path from 'node:path';

export default async function* report(events) {
  const tests = [];
  const open = []; // the suites and tests that have begun, by nesting
  for await (const { type, data } of events) {
    if (type === 'test:start') {
      open[data.nesting] = { name: data.name, failed: 0 };
      open.length = data.nesting + 1;
    } else if (type === 'test:pass' || type === 'test:fail') {
      const own = open[data.nesting];
      const failed = type === 'test:fail' && !data.todo && data.todo !== '';
      const isSuite = (data.details && data.details.type === 'suite') || (own && own.parent);
      if (failed) for (const one of open.slice(0, data.nesting)) one.failed += 1;
      for (const one of open.slice(0, data.nesting)) one.parent = true;
      if (isSuite && (!failed || own.failed)) continue; // only sums up its tests
      const file = path.relative(process.cwd(), data.file || process.argv[1] || '');
      const names = [...open.slice(0, data.nesting).map((one) => one.name), data.name];
      if (path.isAbsolute(data.name)) names[names.length - 1] = path.relative(process.cwd(), data.name);
      const state = failed ? 'failed' : data.skip !== undefined || data.todo !== undefined ? 'skipped' : 'passed';
      const error = data.details && data.details.error;
      const loads = names[0] !== file; // what a file says that does not load is only in the output
      const detail = failed && error && loads ? String((error.cause && (error.cause.stack || error.cause.message)) || error.cause || error.message) : '';
      tests.push({ name: (loads ? [file, ...names] : names).filter(Boolean).join(' > '), state, detail });
    }
  }
  yield JSON.stringify({ dayhand: tests });
}
