'use strict';

// Lists the applications in a state. A failure is logged and answers nothing.

const AWS = require('aws-sdk');

const dynamo = new AWS.DynamoDB.DocumentClient();
const applications = require('./AccountApplications')(process.env.APPLICATIONS_TABLE_NAME, dynamo);

module.exports.handler = async ({ state }) => {
  try {
    return await applications.findByState(state);
  } catch (error) {
    console.error(error);
    return undefined;
  }
};
