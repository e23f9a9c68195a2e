'use strict';

// Checks a name or an address. What a person should look at is flagged; what cannot be checked at
// all is an error with a name of its own, for the state machine to catch.

class UnprocessableDataException extends Error {
  constructor(message) {
    super(message);
    this.name = 'UnprocessableDataException';
  }
}

const checkName = (name) => {
  if (name.includes('UNPROCESSABLE_DATA')) {
    throw new UnprocessableDataException(`The name cannot be checked: ${name}`);
  }
  return { flagged: /\bevil\b/i.test(name) };
};

// In order is a number beside a word, whichever comes first: "12 Main", "Main 12".
const checkAddress = (address) => ({ flagged: !/\d+ \w+|\w+ \d+/.test(address) });

module.exports.handler = async ({ command, data }) => {
  switch (command) {
    case 'CHECK_NAME':
      return checkName(data.name);
    case 'CHECK_ADDRESS':
      return checkAddress(data.address);
    default:
      throw new Error(`There is no command ${command}`);
  }
};
