'use strict';

// Takes an application in and starts its workflow. An application whose workflow cannot be started
// is not kept.

const { SFNClient, StartExecutionCommand } = require('@aws-sdk/client-sfn');
const store = require('./ApplicationStore');

const stepFunctions = new SFNClient({});

module.exports.handler = async ({ name, address }) => {
  const application = await store.create({ name, address });
  try {
    await stepFunctions.send(new StartExecutionCommand({
      stateMachineArn: process.env.STATE_MACHINE_ARN,
      name: `ApplicationID-${application.id}`,
      input: JSON.stringify({ application }),
    }));
  } catch (error) {
    await store.remove(application.id);
    throw error;
  }
  return application;
};
