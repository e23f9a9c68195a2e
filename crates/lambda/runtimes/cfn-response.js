// What a function behind a custom resource answers with: `require('cfn-response').send(event, context,
// SUCCESS, data)`. On AWS inline code has a module of this name and this one way to be called.

const http = require('http');
const https = require('https');

exports.SUCCESS = 'SUCCESS';
exports.FAILED = 'FAILED';

exports.send = function (event, context, status, data, physicalResourceId, noEcho) {
  const body = JSON.stringify({
    Status: status,
    Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: data,
  });
  const url = new URL(event.ResponseURL);
  const client = url.protocol === 'https:' ? https : http;
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const end = () => {
      resolve();
      if (typeof context.done === 'function') context.done();
    };
    const request = client.request(url, { method: 'PUT', headers }, (response) => {
      response.resume();
      response.on('end', end);
    });
    request.on('error', (error) => {
      console.log(`the answer could not be sent: ${error.message}`);
      end();
    });
    request.end(body);
  });
};
