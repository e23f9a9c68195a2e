// A line of JSON in, a line of JSON out. Moments are seconds since the epoch.
'use strict';

const readline = require('node:readline');

function seconds(key, value) {
  return this[key] instanceof Date ? this[key].getTime() / 1000 : value;
}

module.exports = async function lines(answer, told) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answered;
    try {
      answered = { ok: await answer(JSON.parse(line)) };
    } catch (error) {
      if (!error.$metadata && !error.statusCode) {
        throw error;
      }
      answered = { error: told(error) };
    }
    console.log(JSON.stringify(answered, seconds));
  }
};
