// Loaded by NODE_OPTIONS into every Node process: asks Vitest, Jest, Mocha, AVA and tape for a report.
'use strict';
const fs = require('fs');
const path = require('path');

const folder = path.join(__dirname, '..', 'reports');
const runner = /(?:^|\/)(vitest|jest|_?mocha|ava|tape)(?:\.[cm]?js)?$|\/(ava)\/entrypoints\/cli\.mjs$/.exec(process.argv[1] || '');
const options = process.argv.slice(2);
// These list or explain, and run no test.
const runsNoTest = /^(?:-v|-h|--?(?:version|help|init|listTests|showConfig|clearCache|list-files|list-reporters|list-interfaces)|list|bench|init|reset-cache|debug)$/;

function report(name) {
  return path.join(folder, `${name}-${process.pid}`);
}

function relative(file) {
  return file ? path.relative(process.cwd(), String(file).replace(/^file:\/\//, '')) : '';
}

// TAP goes to standard output: a copy of it is the report.
function copyOutput(file) {
  const write = process.stdout.write;
  process.stdout.write = function (data, ...rest) {
    fs.appendFileSync(file, data);
    return write.call(this, data, ...rest);
  };
}

function ask(name) {
  if (name === 'vitest') {
    const chosen = options.some((option) => option.startsWith('--reporter'));
    process.argv.push(...(chosen ? [] : ['--reporter=default']), '--reporter=junit', `--outputFile.junit=${report('vitest')}.xml`);
  } else if (name === 'jest') {
    if (!options.includes('--json')) process.argv.push('--json', `--outputFile=${report('jest')}.json`);
  } else if (name === 'ava') {
    if (!options.includes('--tap')) process.argv.push('--tap');
    copyOutput(`${report('ava')}.tap`);
  } else if (name === 'tape') {
    copyOutput(`${report('tape')}.tap`);
  } else {
    askMocha();
  }
}

// Mocha has one reporter: this one listens, and hands on to the one that was asked for.
function askMocha() {
  const at = options.findIndex((option) => option === '--reporter' || option === '-R');
  const wanted = at < 0 ? 'spec' : options[at + 1];
  const { reporters } = require(path.join(path.dirname(fs.realpathSync(process.argv[1])), '..'));
  if (!reporters[wanted]) return;
  if (at < 0) process.argv.push('--reporter', __filename);
  else process.argv[at + 3] = __filename;
  module.exports = function (events, settings) {
    const tests = [];
    const add = (test, state, error) => {
      const names = [relative(test.file), ...test.titlePath()];
      tests.push({ name: names.filter(Boolean).join(' > '), state, detail: error ? String(error.stack || error.message || error) : '' });
    };
    events.on('pass', (test) => add(test, 'passed'));
    events.on('fail', (test, error) => add(test, 'failed', error));
    events.on('pending', (test) => add(test, 'skipped'));
    events.once('end', () => fs.writeFileSync(`${report('mocha')}.json`, JSON.stringify({ dayhand: tests })));
    return new reporters[wanted](events, settings);
  };
}

if (runner && fs.existsSync(folder) && !options.some((option) => runsNoTest.test(option))) ask(runner[1] || runner[2]);
