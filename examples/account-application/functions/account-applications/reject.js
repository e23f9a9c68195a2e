'use strict';

// Rejects an application for good.

const store = require('./ApplicationStore');

module.exports.handler = ({ id }) => store.update(id, { state: 'REJECTED' });
