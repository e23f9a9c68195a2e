'use strict';

// Records a person's decision and hands it to the workflow that waits for it.

const { SFNClient, SendTaskSuccessCommand } = require('@aws-sdk/client-sfn');
const store = require('./ApplicationStore');

const stepFunctions = new SFNClient({});
const STATES = { APPROVE: 'REVIEW_APPROVED', REJECT: 'REVIEW_REJECTED' };

module.exports.handler = async ({ id, decision }) => {
  if (!Object.hasOwn(STATES, decision)) {
    throw new Error('decision must be APPROVE or REJECT');
  }
  const application = await store.update(id, { state: STATES[decision] });
  await stepFunctions.send(new SendTaskSuccessCommand({
    taskToken: application.taskToken,
    output: JSON.stringify({ decision }),
  }));
  return application;
};
