'use strict';

// Where applications are kept: one item each, found by id or, through an index, by state.

const { randomUUID } = require('node:crypto');
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
const {
  DeleteCommand,
  DynamoDBDocumentClient,
  PutCommand,
  UpdateCommand,
  paginateQuery,
} = require('@aws-sdk/lib-dynamodb');

const TableName = process.env.APPLICATIONS_TABLE_NAME;
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}), {
  marshallOptions: { removeUndefinedValues: true },
});

// Keeps a new application and returns it with the id that it was given.
const create = async ({ name, address }) => {
  const application = { id: `application_${randomUUID()}`, state: 'SUBMITTED', name, address };
  await client.send(new PutCommand({ TableName, Item: application }));
  return application;
};

// Sets attributes of an application that is there, and returns it whole.
const update = async (id, changes) => {
  const entries = Object.entries(changes).filter(([, value]) => value !== undefined);
  const input = {
    TableName,
    Key: { id },
    UpdateExpression: `SET ${entries.map((_, index) => `#n${index} = :v${index}`).join(', ')}`,
    ConditionExpression: 'attribute_exists(id)',
    ExpressionAttributeNames: Object.fromEntries(entries.map(([name], index) => [`#n${index}`, name])),
    ExpressionAttributeValues: Object.fromEntries(entries.map(([, value], index) => [`:v${index}`, value])),
    ReturnValues: 'ALL_NEW',
  };
  try {
    const { Attributes } = await client.send(new UpdateCommand(input));
    return Attributes;
  } catch (error) {
    if (error.name === 'ConditionalCheckFailedException') {
      throw new Error(`There is no application ${id}`);
    }
    throw error;
  }
};

const remove = (id) => client.send(new DeleteCommand({ TableName, Key: { id } }));

// Returns all applications in a state.
const findByState = async (state) => {
  const pages = paginateQuery({ client }, {
    TableName,
    IndexName: 'state',
    KeyConditionExpression: '#state = :state',
    ExpressionAttributeNames: { '#state': 'state' },
    ExpressionAttributeValues: { ':state': state },
  });
  const found = [];
  for await (const page of pages) {
    found.push(...page.Items);
  }
  return found;
};

module.exports = { create, findByState, remove, update };
