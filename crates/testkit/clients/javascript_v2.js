// Makes calls with aws-sdk v2: a line of JSON in, {"operation", "input"}, a line of JSON out, {"ok"} or {"error"}.
'use strict';

process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1';
const AWS = require('aws-sdk');

const client = new AWS.StepFunctions({
  endpoint: process.env.AWS_ENDPOINT_URL,
  hostPrefixEnabled: false,
  maxRetries: 0,
  paramValidation: false,
});

async function answer({ operation, input }) {
  const name = operation[0].toLowerCase() + operation.slice(1);
  return client[name](input).promise();
}

require('./lines')(answer, (error) => ({ code: error.code, message: error.message }));
