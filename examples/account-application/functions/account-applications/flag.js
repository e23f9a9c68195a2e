'use strict';

// Marks an application for a person: to be reviewed, with the token that the workflow waits for, or
// because a check could not be made at all.

const store = require('./ApplicationStore');

// A function's error arrives as text: the JSON that Lambda answered.
const reasonOf = (errorInfo) => JSON.parse(errorInfo.Cause).errorMessage;

module.exports.handler = async ({ id, flagType, reason, taskToken, errorInfo }) => {
  switch (flagType) {
    case 'REVIEW':
      return store.update(id, { state: 'FLAGGED_FOR_REVIEW', reason, taskToken });
    case 'UNPROCESSABLE_DATA':
      return store.update(id, { state: 'FLAGGED_WITH_UNPROCESSABLE_DATA', reason: reasonOf(errorInfo) });
    default:
      throw new Error('flagType must be REVIEW or UNPROCESSABLE_DATA');
  }
};
