// Makes calls with aws-sdk v3: a line of JSON in, {"operation", "input"}, a line of JSON out, {"ok"} or {"error"}.
'use strict';

const sfn = require('@aws-sdk/client-sfn');

const client = new sfn.SFNClient({ disableHostPrefix: true, maxAttempts: 1 });

async function answer({ operation, input }) {
  const { $metadata, ...output } = await client.send(new sfn[`${operation}Command`](input));
  return output;
}

// The SDK shows an error's name as its code and keeps the service's message.
require('./lines')(answer, (error) => ({ code: error.name, message: error.message }));
