'use strict';

// Rejects an application for good.

const AWS = require('aws-sdk');

const dynamo = new AWS.DynamoDB.DocumentClient();
const applications = require('./AccountApplications')(process.env.APPLICATIONS_TABLE_NAME, dynamo);

module.exports.handler = ({ id }) => applications.update(id, { state: 'REJECTED' });
