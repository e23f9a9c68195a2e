'use strict';

// Checks a name or an address, and flags what a person should look at. Answers through the callback:
// this form of handler must work as well as the asynchronous one.

const namesAVillain = (name) => /\bevil\b/i.test(name);

// A number beside a word, in either order, as in "12 Main" or "Main 12".
const hasStreetAndNumber = (address) => /\d+ \w+|\w+ \d+/.test(address);

module.exports.handler = (event, context, callback) => {
  const { command, data } = event;
  switch (command) {
    case 'CHECK_NAME':
      callback(null, { flagged: namesAVillain(data.name) });
      break;
    case 'CHECK_ADDRESS':
      callback(null, { flagged: !hasStreetAndNumber(data.address) });
      break;
    default:
      callback(new Error(`there is no command ${command}`));
  }
};
