'use strict';

// Takes an application in and starts its workflow; an application without one is not kept.

const AWS = require('aws-sdk');

const dynamo = new AWS.DynamoDB.DocumentClient();
const stepfunctions = new AWS.StepFunctions();
const applications = require('./AccountApplications')(process.env.APPLICATIONS_TABLE_NAME, dynamo);

module.exports.handler = async ({ name, address }) => {
  const application = await applications.create({ name, address });
  try {
    await stepfunctions.startExecution({
      stateMachineArn: process.env.APPLICATION_PROCESSING_STEP_FUNCTION_ARN,
      name: `ApplicationID-${application.id}`,
      input: JSON.stringify({ application }),
    }).promise();
  } catch (error) {
    await applications.delete(application.id);
    throw error;
  }
  return application;
};
