'use strict';

// Account applications in a table: made with an id of their own, changed one attribute at a time.

const uuid = require('uuid/v4');

module.exports = (tableName, dynamo) => {
  const put = async (application) => {
    await dynamo.put({ TableName: tableName, Item: application }).promise();
    return application;
  };

  const get = async (id) => {
    const { Item } = await dynamo.get({ TableName: tableName, Key: { id } }).promise();
    return Item;
  };

  return {
    get,

    create: (attributes) => put({ ...attributes, id: `application_${uuid()}`, state: 'SUBMITTED' }),

    // An application that is not there is an error of its caller: there is nothing to assign to.
    update: async (id, changes) => put(Object.assign(await get(id), changes)),

    delete: (id) => dynamo.delete({ TableName: tableName, Key: { id } }).promise(),

    findByState: async (state) => {
      const found = [];
      let from = null;
      do {
        const page = await dynamo.query({
          TableName: tableName,
          IndexName: 'state',
          KeyConditionExpression: '#state = :state',
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: { ':state': state },
          ExclusiveStartKey: from,
        }).promise();
        found.push(...page.Items);
        from = page.LastEvaluatedKey;
      } while (from);
      return found;
    },
  };
};
