// Evaluates expressions with the reference implementation. Reads JSON from the standard input: a list
// of {"expression", "input"}. Writes a list of what came of each: {"value"}, {"undefined": true},
// {"function": true}, or {"refused" or "threw": [code, message]}.

const fs = require('fs');
const jsonata = require('jsonata');

// A number that JSON does not have is written as AWS writes it.
const finite = (_, value) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

const isFunction = (value) =>
  typeof value === 'function' ||
  (value !== null &&
    typeof value === 'object' &&
    (value._jsonata_function === true || value._jsonata_lambda === true));

async function outcome({ expression, input }) {
  let compiled;
  try {
    compiled = jsonata(expression);
  } catch (error) {
    return { refused: [error.code ?? '', error.message] };
  }
  try {
    const value = await compiled.evaluate(undefined, { states: { input, context: {} } });
    if (value === undefined) return { undefined: true };
    if (isFunction(value)) return { function: true };
    return { value: JSON.parse(JSON.stringify(value, finite)) };
  } catch (error) {
    return { threw: [error.code ?? '', String(error.message)] };
  }
}

async function main() {
  const cases = JSON.parse(fs.readFileSync(0, 'utf8'));
  const outcomes = [];
  for (const one of cases) outcomes.push(await outcome(one));
  fs.writeSync(1, JSON.stringify(outcomes));
}

main();
